#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * A histogram of classic buckets that is counted up. Thread: any.
 */
#define METRICS_BUCKETS_MAX 13

struct metrics_scale {
    double unit; /* what is counted are parts of it: 1e9 for nanoseconds shown as seconds */
    size_t count;
    double bounds[METRICS_BUCKETS_MAX];
};

struct metrics_histogram {
    _Atomic uint64_t buckets[METRICS_BUCKETS_MAX]; /* each its own, not cumulative */
    _Atomic uint64_t count;
    _Atomic uint64_t sum;
};

void metrics_observe(struct metrics_histogram *histogram, const struct metrics_scale *scale,
                     uint64_t v);

/* Its lines behind the head; `labels` as "a=\"b\"", without braces. */
void put_histogram(struct buf *out, const char *name, const char *labels,
                   const struct metrics_histogram *histogram, const struct metrics_scale *scale);
