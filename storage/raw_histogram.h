#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "model/histogram.h"
#include "model/sample.h"

/*
 * A native histogram as it was sent: with integer counts or with floats. Counts are 64 bits either
 * way, an integer or the bits of a float; buckets are absolute counts. It borrows its arrays.
 */
struct raw_side {
    const struct histogram_span *spans;
    const uint64_t *buckets;
    uint32_t span_count;
    uint32_t bucket_count;
};

struct raw_histogram {
    bool is_float;
    enum histogram_hint hint;
    int32_t schema;
    double zero_threshold;
    double sum;
    uint64_t count;
    uint64_t zero_count;
    struct raw_side sides[2]; /* positive, negative */
    const double *custom_bounds;
    uint32_t custom_bound_count;
};

static inline bool raw_histogram_is_stale(const struct raw_histogram *h)
{
    return value_is_stale(h->sum);
}

/*
 * Shapes that others wrote, in a chunk or a record: spans that run forward, buckets within reach of
 * the schema or of the custom bounds, bounds that rise and are finite. That there are as many
 * buckets as the spans say is for the caller to see.
 */
bool raw_spans_check(const struct histogram_span *spans, size_t count, int32_t schema,
                     size_t bound_count);
bool raw_bounds_check(const double *bounds, size_t count);

/* The buckets' numbers in the schema, as many as the spans' lengths say, in their order. */
void raw_indices(const struct histogram_span *spans, size_t span_count, int32_t *out);

/* The fewest spans that hold `count` buckets of rising numbers; `out` has room for as many. */
size_t raw_spans(const int32_t *indices, size_t count, struct histogram_span *out);

/*
 * A whole histogram from outside, checked as Prometheus checks one before it takes it, in its
 * words: ERR_BAD_DATA; also for one that no record of the log could hold. The arena is used.
 */
bool raw_histogram_check(const struct raw_histogram *h, struct arena *arena, struct err *err)
    MUST_CHECK;

/* The same histogram, with counts as floats or, cut off after the point, as integers. */
struct raw_histogram raw_histogram_of(const struct histogram *h, bool is_float,
                                      struct arena *arena);

/* In a coarser schema (exponential ones only); what is new lives in the arena. */
void raw_histogram_reduce(struct raw_histogram *h, int32_t schema, struct arena *arena);
