#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

/*
 * Native histograms, as Prometheus computes with them: all counts as floating-point numbers,
 * buckets of an exponential schema or with bounds of their own (schema -53).
 *
 * A histogram is never changed once built. Every operation makes a new one in the arena it is
 * given, which points to nothing of its operands, so that these may go. Arenas that hold histograms
 * for a while only are emptied with arena_reset.
 *
 * Results are equal to Prometheus's FloatHistogram to the last bit, spans and hints included.
 *
 * Thread: any; an arena belongs to one at a time.
 */
struct histogram_span {
    int32_t offset; /* gap to the span before; of the first one: index of its first bucket */
    uint32_t length;
};

/* The buckets on one side of zero, absolute counts, the ones nearest to zero first. */
struct histogram_side {
    const struct histogram_span *spans;
    const double *buckets;
    uint32_t span_count;
    uint32_t bucket_count; /* the sum of the spans' lengths */
};

enum histogram_hint {
    HISTOGRAM_UNKNOWN,
    HISTOGRAM_RESET,
    HISTOGRAM_NOT_RESET,
    HISTOGRAM_GAUGE,
};

#define HISTOGRAM_SCHEMA_MIN (-4)
#define HISTOGRAM_SCHEMA_MAX 8
#define HISTOGRAM_SCHEMA_CUSTOM (-53)

struct histogram {
    int32_t schema;
    enum histogram_hint hint;
    double zero_threshold;
    double zero_count;
    double count;
    double sum;
    struct histogram_side positive;
    struct histogram_side negative;
    const double *custom_bounds; /* schema -53: upper bounds, rising, without +Inf */
    uint32_t custom_bound_count;
};

static inline bool histogram_is_custom(const struct histogram *h)
{
    return h->schema == HISTOGRAM_SCHEMA_CUSTOM;
}

struct histogram *histogram_copy(struct arena *arena, const struct histogram *h);

/* Without empty buckets at the edges of spans, and with as few spans as that needs: Compact(0). */
struct histogram *histogram_compact(struct arena *arena, const struct histogram *h);

struct histogram *histogram_multiply(struct arena *arena, const struct histogram *h, double factor);
struct histogram *histogram_divide(struct arena *arena, const struct histogram *h, double divisor);

/* In a coarser schema (exponential ones only); a copy if it is that already. */
struct histogram *histogram_reduce(struct arena *arena, const struct histogram *h, int32_t schema);

/* What adding or subtracting met; flags, which callers gather. */
enum histogram_clash {
    HISTOGRAM_CLASH_NONE = 0,
    HISTOGRAM_CLASH_RESET = 1,        /* one operand's hint says reset, the other's not */
    HISTOGRAM_CLASH_BOUNDS = 2,       /* custom bounds differed, and were reconciled */
    HISTOGRAM_CLASH_INCOMPATIBLE = 4, /* exponential with custom: there is no result */
};

/* NULL with HISTOGRAM_CLASH_INCOMPATIBLE. Flags are added to *clashes. Not compacted. */
struct histogram *histogram_add(struct arena *arena, const struct histogram *a,
                                const struct histogram *b, unsigned *clashes);
struct histogram *histogram_subtract(struct arena *arena, const struct histogram *a,
                                     const struct histogram *b, unsigned *clashes);

/*
 * A sum with Kahan's compensation for each bucket, count and sum, in the order of the calls.
 *
 *     struct histogram_total total = {.arena = arena};
 *     histogram_total_add(&total, h, &clashes) ...     false: incompatible, and nothing was added
 *     struct histogram *sum = histogram_total_sum(&total, arena);
 *
 * `arena` holds all that it needs; it grows with the number of calls by no more than a few copies,
 * since buffers are used again. `value` and `rest` (the compensation, of the same layout; NULL:
 * none yet) may be read and replaced by whoever computes a mean.
 */
struct histogram_total {
    struct arena *arena;
    struct histogram *value;
    struct histogram *rest;
    struct histogram *spare_value, *spare_rest; /* what the next call writes into */
};

bool histogram_total_add(struct histogram_total *total, const struct histogram *h,
                         unsigned *clashes);
/* value + rest, uncompacted; NULL if nothing was added. */
struct histogram *histogram_total_sum(const struct histogram_total *total, struct arena *arena);

/* Any of count, sum, zero count, buckets (and custom bounds) infinite: HasOverflow. */
bool histogram_has_overflow(const struct histogram *h);

/* Did the counter start anew between the two? By hints first, then by all fields: DetectReset. */
bool histogram_is_reset(const struct histogram *h, const struct histogram *before);

/* Equals: schema, count, sum, zero bucket, custom bounds and buckets by bits; not the hint. */
bool histogram_equal(const struct histogram *a, const struct histogram *b);

/* Observations at most (upper) or at least `bound`: TrimBuckets, the operators </ and >/. */
struct histogram *histogram_trim(struct arena *arena, const struct histogram *h, double bound,
                                 bool upper);

/* {count:3, sum:4.5, [-2,-1):1, [-0.1,0.1]:1, (1,2]:1}: String(), also what count_values shows. */
void histogram_print(const struct histogram *h, struct buf *out);

/* {{schema:1 count:3 sum:4.5 ...}}: as the test language writes it, TestExpression(). */
void histogram_print_literal(const struct histogram *h, struct buf *out);

/* Bytes that a copy takes: for the budget. */
size_t histogram_size(const struct histogram *h);

/*
 * A histogram whose parts may come from outside: bucket counts fit the spans, spans do not run
 * backwards or out of range, custom bounds rise and are finite. NULL if it is sound, else what is
 * wrong in Prometheus's words.
 */
const char *histogram_check(const struct histogram *h);

/*
 * All populated or not, buckets in order of value: negative ones (the lowest first), the zero
 * bucket where its count is not 0, positive ones. Reverse: the other way round.
 *
 *     struct histogram_walk walk = histogram_walk(h);
 *     while (histogram_walk_next(&walk, &bucket)) ...
 */
struct histogram_bucket {
    double lower, upper;
    double count;
    bool lower_inclusive, upper_inclusive;
    int32_t index;
};

struct histogram_walk {
    const struct histogram *h;
    bool reverse;
    uint8_t part;     /* which of negative, zero, positive it is in */
    uint32_t span;    /* the span of the bucket to come, */
    uint32_t in_span; /* and its place in it */
    uint32_t bucket;  /* its place among all of its side */
    int32_t index;    /* its number in the schema */
    bool begun;
};

struct histogram_walk histogram_walk(const struct histogram *h);
struct histogram_walk histogram_walk_reverse(const struct histogram *h);
bool histogram_walk_next(struct histogram_walk *walk, struct histogram_bucket *ret_bucket);

/* The upper bound of bucket `index` in an exponential schema: getBoundExponential. */
double histogram_bound(int32_t index, int32_t schema);
