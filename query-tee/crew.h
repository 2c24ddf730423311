#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/*
 * Threads for work that waits for others: as many as there is such work, up to a number, and those
 * with nothing to do stay a while for the next.
 *
 * Thread: any.
 */
struct crew;

struct crew *crew_create(size_t thread_max);

/* Waits for all work, that which waits for its turn as well. */
void crew_destroy(struct crew *crew);

/*
 * Runs work(context) on a thread of its own, at once; where all are busy, or the machine has none
 * left, as soon as one is free, in the order they came.
 */
void crew_run(struct crew *crew, void (*work)(void *context), void *context);

/* Threads there are. */
size_t crew_thread_count(struct crew *crew);

DEFINE_AUTO(struct crew *, crew_destroy)
