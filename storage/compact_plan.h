#pragma once

#include <stddef.h>
#include <stdint.h>

#include "storage/block.h"

/*
 * Which blocks are made into one next: the choice of Prometheus's LeveledCompactor.
 *
 * Blocks grow by levels, each of them three times as long as the one below: those of one aligned
 * range become one block when the range is full, or is behind the newest block. The newest one is
 * left alone, so that it can be copied elsewhere in peace. Before that go blocks that overlap;
 * behind it one at a time that has many tombstones. Blocks of chosen series are only merged with
 * their like, for a merged block would no longer be known to be a part.
 *
 * Thread: any; nothing is kept.
 */
#define COMPACT_LEVELS_MAX 10

struct compact_ranges {
    int64_t ms[COMPACT_LEVELS_MAX];
    size_t count; /* at least 1 */
};

/* From the range of a block of the head to the longest that is allowed. */
struct compact_ranges compact_ranges(int64_t min_ms, int64_t max_ms);

/*
 * Writes the places of the chosen blocks in `metas`, in the order of their begins, and answers how
 * many there are; 0: nothing is to be done. `ret_chosen` has room for all. `metas` are in any
 * order.
 *
 * Other than in Prometheus, blocks that overlap are left alone as well once one of them has failed:
 * trying that again and again would keep all others from being compacted.
 */
size_t compact_plan(const struct block_meta *const *metas, size_t count,
                    const struct compact_ranges *ranges, size_t *ret_chosen);
