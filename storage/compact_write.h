#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/classic_histogram.h"
#include "base/err.h"
#include "storage/block.h"
#include "storage/head.h"

/*
 * Makes a new block of a range of the head, or of blocks. Series of the same labels become one;
 * where samples overlap, those are kept that a query would get; what was deleted is left out, as is
 * what lies outside of the range. Chunks are copied as they are wherever that is possible, else
 * packed anew.
 *
 * Series are streamed from a selection to the disk: what is held grows with the number of series
 * (labels, postings), not with that of samples, and is charged to the budget. The folder gets its
 * name when all of it is on the disk; before that, and behind a failure, there is nothing that
 * anybody would open. A block without samples is not made.
 *
 * None of them touches what the block is made of. Who takes the sources away afterwards does so
 * when the new block can be seen: db_compact.h.
 *
 * Thread: any; queries and appends go on meanwhile. ERR_CANCELED, ERR_LIMIT, ERR_CORRUPT (of a
 * source, which it names), ERR_IO.
 */
/* Of chunks that come into a block for the first time, as Prometheus counts them. Thread: any. */
struct compact_chunk_counts {
    struct classic_histogram size_bytes, samples, range_ms;
};

extern const struct classic_scale compact_chunk_size_scale, compact_chunk_samples_scale,
    compact_chunk_range_scale;

struct compact_options {
    const char *dir; /* the folder that gets the block: of the data, or of a snapshot; is there */
    struct budget *budget;
    const _Atomic bool *cancel;                /* looked at for each series; NULL: never */
    struct compact_chunk_counts *chunk_counts; /* NULL: they are not counted */
};

struct compact_result {
    bool written; /* else there were no samples, and there is no block */
    struct ulid ulid;
    uint64_t sample_count, series_count, chunk_count;
};

/* Samples of [begin_ms, end_ms) of the head, a block of level 1. */
bool compact_head(struct head *head, int64_t begin_ms, int64_t end_ms,
                  const struct compact_options *options, struct compact_result *ret_result,
                  struct err *err) MUST_CHECK;

/* Those that came out of order alone; the block says so. */
bool compact_late(struct head *head, int64_t begin_ms, int64_t end_ms,
                  const struct compact_options *options, struct compact_result *ret_result,
                  struct err *err) MUST_CHECK;

/* One block of all, a level above them, which names them as its parents. */
bool compact_blocks(struct block *const *blocks, size_t count,
                    const struct compact_options *options, struct compact_result *ret_result,
                    struct err *err) MUST_CHECK;

/*
 * The same block without what was deleted from it, which names it as its parent. It is of level 1
 * as Prometheus's, unless that would say more of the head than is known (block_meta.ends_head).
 */
bool compact_block_anew(struct block *block, const struct compact_options *options,
                        struct compact_result *ret_result, struct err *err) MUST_CHECK;
