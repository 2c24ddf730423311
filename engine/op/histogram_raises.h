#pragma once

#include "engine/fn/bucket_quantile.h"
#include "engine/op.h"

/*
 * Where quantiles of classic histograms had to raise counts, gathered over all steps for the one
 * info that a metric gets.
 */
struct histogram_raise {
    uint32_t name; /* of the metric, if it is told */
    struct bucket_raises raises;
    uint64_t *counts; /* histograms, at each step */
};

struct histogram_raises {
    struct query *query;
    size_t step_count;
    struct histogram_raise *items; /* in the arena; the last one is the usual one */
    size_t count, cap;
};

/* That of a metric, until the next call. */
struct histogram_raise *histogram_raises_of(struct histogram_raises *raises, uint32_t name);

/* After the last histogram: tells the user. `op` has the steps' times. */
void histogram_raises_tell(const struct histogram_raises *raises, const struct op *op,
                           size_t begin);
