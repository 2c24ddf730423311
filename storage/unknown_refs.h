#pragma once

#include <stdint.h>

#include "storage/db_counters.h"

/*
 * What the records of a log say of series that no record has told of: counted by kind, and the
 * series themselves, each once.
 *
 * Thread: any.
 */
struct unknown_refs;

/* Further ones are not told apart, and not counted as series. */
#define UNKNOWN_SERIES_MAX 1000000

struct unknown_refs *unknown_refs_create(void);
void unknown_refs_destroy(struct unknown_refs *unknown);

/* `kind`: but for UNKNOWN_SERIES. */
void unknown_refs_note(struct unknown_refs *unknown, enum unknown_kind kind, uint64_t ref);

/* Adds what was noted since this was asked last. */
void unknown_refs_take(struct unknown_refs *unknown, uint64_t counts[UNKNOWN_KIND_COUNT]);
