#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A histogram of classic buckets that is counted up. Thread: any.
 */
#define CLASSIC_BUCKETS_MAX 14

struct classic_scale {
    double unit; /* what is counted are parts of it: 1e9 for nanoseconds shown as seconds */
    size_t count;
    double bounds[CLASSIC_BUCKETS_MAX]; /* upper ones, inclusive, rising, in whole units */
};

struct classic_histogram {
    _Atomic uint64_t buckets[CLASSIC_BUCKETS_MAX]; /* each its own, not cumulative */
    _Atomic uint64_t count;                        /* also of those above the last bound */
    _Atomic uint64_t sum;                          /* of parts */
};

/* `v` parts of the scale's unit. Who reads meanwhile may see one of the counters raised already. */
void classic_histogram_observe(struct classic_histogram *histogram,
                               const struct classic_scale *scale, uint64_t v);
