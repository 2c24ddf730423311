#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

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
    bool is_whole; /* it was stored with integer counts: storage's own, operations do not keep it */
};

static inline bool histogram_is_custom(const struct histogram *h)
{
    return h->schema == HISTOGRAM_SCHEMA_CUSTOM;
}

/* What Prometheus copies: of one with custom bounds not the zero bucket, which may be NaN there. */
struct histogram *histogram_copy(struct arena *arena, const struct histogram *h);

/* All of it, to be kept for as long as the arena. */
struct histogram *histogram_keep(struct arena *arena, const struct histogram *h);

/* Without empty buckets at the edges of spans, and with as few spans as that needs: Compact(0). */
struct histogram *histogram_compact(struct arena *arena, const struct histogram *h);

struct histogram *histogram_multiply(struct arena *arena, const struct histogram *h, double factor);
struct histogram *histogram_divide(struct arena *arena, const struct histogram *h, double divisor);

/*
 * In a coarser schema (exponential ones only), and then without hint; a copy if it is that already:
 * CopyToSchema.
 */
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
 * `arena` holds all that it needs; buffers are used again, and grow with the buckets, not with the
 * number of calls. `value` and `rest` (the compensation, of the same layout; NULL: none yet) may be
 * read between calls.
 */
struct histogram_total {
    struct arena *arena;
    const struct histogram *value;
    const struct histogram *rest;
    struct histogram_total_store *store; /* its buffers */
    bool keeps_before; /* what value and rest were before a call stays until the call after it */
};

bool histogram_total_add(struct histogram_total *total, const struct histogram *h,
                         unsigned *clashes);
/* value + rest, uncompacted; NULL if nothing was added. */
struct histogram *histogram_total_sum(const struct histogram_total *total, struct arena *arena);

/*
 * The mean of all that was added, as avg and avg_over_time compute it: the total divided, or, from
 * where that would become infinite, a mean that each one corrects; which then takes a few copies of
 * memory for each. Otherwise as a total.
 */
struct histogram_mean {
    struct histogram_total total; /* or the mean, once `correcting` */
    double count;
    bool correcting;
};

bool histogram_mean_add(struct histogram_mean *mean, const struct histogram *h, unsigned *clashes);
/* Uncompacted; NULL if nothing was added. */
struct histogram *histogram_mean_result(const struct histogram_mean *mean, struct arena *arena);

/* Any of count, sum, zero count, buckets (and custom bounds) infinite: HasOverflow. */
bool histogram_has_overflow(const struct histogram *h);

/* Did the counter start anew between the two? By hints first, then by all fields: DetectReset. */
bool histogram_is_reset(const struct histogram *h, const struct histogram *before);

/* Equals: schema, count, sum, zero bucket, custom bounds and buckets by bits; not the hint. */
bool histogram_equal(const struct histogram *a, const struct histogram *b);

/* {count:3, sum:4.5, [-2,-1):1, [-0.1,0.1]:1, (1,2]:1}: String(), also what count_values shows. */
void histogram_print(const struct histogram *h, struct buf *out);

/*
 * Refuses what Prometheus has no such text for: custom bounds with a zero bucket, which is what
 * factors beyond all numbers make of the empty one.
 */
bool histogram_check_text(const struct histogram *h, struct err *err) MUST_CHECK;

/* {{schema:1 count:3 sum:4.5 ...}}: as the test language writes it, TestExpression(). */
void histogram_print_literal(const struct histogram *h, struct buf *out);

/*
 * A histogram whose parts may come from outside: schema known, bucket counts fit the spans, spans
 * do not run backwards or out of range, no count is negative, custom bounds rise and are finite.
 * ERR_BAD_DATA in Prometheus's words: Validate.
 */
bool histogram_check(const struct histogram *h, struct err *err) MUST_CHECK;

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
    bool whole;       /* set by the caller: bounds are not cut off at the zero threshold */
    bool begun;       /* it is on the first side, */
    bool outward;     /* or past the zero bucket: on the other */
    uint32_t span;    /* of the side, where it is, */
    uint32_t in_span; /* its place there, */
    uint32_t bucket;  /* and among all buckets of the side */
    int32_t index;    /* its number in the schema */
    bool edge_known;  /* the bound last worked out: the next bucket's too, mostly */
    int32_t edge_index;
    double edge;
};

struct histogram_walk histogram_walk(const struct histogram *h);
struct histogram_walk histogram_walk_reverse(const struct histogram *h);
/* One side alone, from zero outwards, as `whole`: in the order of its array. */
struct histogram_walk histogram_walk_side(const struct histogram *h, bool positive);
bool histogram_walk_next(struct histogram_walk *walk, struct histogram_bucket *ret_bucket);

/* The upper bound of bucket `index` in an exponential schema: getBoundExponential. */
double histogram_bound(int32_t index, int32_t schema);
