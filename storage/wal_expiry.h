#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"

/*
 * References of series that went out of memory while segments of the log may still speak of them:
 * their records stay in the log until those segments have become a checkpoint.
 *
 * Thread: one changes, under the head's lock; any number look, under the same.
 */
struct wal_expiry {
    uint64_t ref;
    uint32_t segment; /* the last one that may have it */
};

struct wal_expiries {
    struct wal_expiry *items;
    size_t count, cap;
    struct map by_ref;
};

/* A later segment replaces an earlier one. */
void wal_expiries_add(struct wal_expiries *expiries, uint64_t ref, uint32_t segment);

/* Does a segment behind `last` need the series? */
bool wal_expiries_need(const struct wal_expiries *expiries, uint64_t ref, uint32_t last);

/* Forgets those that no segment behind `last` needs. */
void wal_expiries_trim(struct wal_expiries *expiries, uint32_t last);
void wal_expiries_done(struct wal_expiries *expiries);
