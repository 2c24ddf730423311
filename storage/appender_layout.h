#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "storage/chunk_histogram_write.h"
#include "storage/raw_histogram.h"

/*
 * What the samples of a chunk of histograms share, what the next one is told against, and how
 * another histogram goes with it. For histogram_appender only, which owns the arenas.
 */
#define NO_WINDOW 0xff

struct xor_window {
    uint64_t v;
    uint8_t leading;
    uint8_t trailing;
};

struct layout_side {
    struct histogram_span *spans;
    int32_t *indices; /* of the buckets */
    uint32_t span_count;
    uint32_t bucket_count;
};

/* With the last sample of the chunk. */
struct appender_layout {
    int32_t schema;
    double zero_threshold;
    struct layout_side sides[2];
    double *bounds;
    uint32_t bound_count;

    uint64_t t_delta;
    int64_t start_ms;
    uint64_t start_diff;
    uint64_t count_delta, zero_count_delta;   /* integers */
    struct xor_window count, zero_count, sum; /* integers: only their values, but for sum */
    uint64_t *buckets[2];                     /* absolute counts */
    uint64_t *deltas[2];                      /* integers: of differences to the bucket before */
    struct xor_window *windows[2];            /* floats */
};

/* How the buckets of one side go together. */
struct side_match {
    bool reset;       /* one that was in use is less, or gone */
    bool has_more;    /* the histogram has buckets that the chunk has not */
    bool has_fewer;   /* and the other way round */
    int32_t *indices; /* of both, rising */
    size_t count;
};

/* All of the layout is new, and has no sample yet. */
struct appender_layout *appender_layout_new(const struct raw_histogram *h, struct arena *arena);

/* Spans are copied. */
struct layout_side layout_side_new(const struct raw_side *from, struct arena *arena);

/* Indices that are new live in `spare`. */
struct side_match appender_layout_match(const struct appender_layout *layout, size_t side,
                                        const struct raw_histogram *h, struct arena *spare);

/* Of the chunk that has the layout, a gauge's or not; see histogram_appender_fit. Empties `spare`.
 */
struct histogram_fit appender_layout_fit(const struct appender_layout *layout, bool is_gauge,
                                         const struct raw_histogram *h, struct arena *spare);

/* Is the last sample this one, of the same kind? Buckets that are empty do not count. */
bool appender_layout_holds(const struct appender_layout *layout, const struct raw_histogram *h);
