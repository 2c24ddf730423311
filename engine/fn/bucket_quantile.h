#pragma once

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/fn/go_sort.h"

/*
 * The quantile of a classic histogram at one step: buckets with an upper bound and the count of all
 * that is not above it. Every operation in the order of Prometheus's BucketQuantile.
 */
struct bucket {
    double bound;
    double count;
};

/*
 * The buckets that have a count here: bucket k's is counts[k * stride], or missing. Bounds are
 * sorted; the counts of equal ones are added up, in their order.
 */
size_t buckets_gather(const double *bounds, size_t bucket_count, const double *counts,
                      size_t stride, struct bucket *ret_buckets);

/*
 * Is the order of sorted bounds more than their values tell, since Go's sort is not stable? So it
 * is with NaN, zeros of both signs, and three equal ones, whose sum depends on it.
 */
bool bounds_ambiguous(const double *bounds, size_t count);

/* As buckets_gather, for bounds in any order: they are sorted as Go does. Room for all in `items`.
 */
size_t buckets_gather_sorting(const double *bounds, size_t bucket_count, const double *counts,
                              size_t stride, struct go_item *items, struct bucket *ret_buckets);

/* Which buckets counted less than a narrower one, over all histograms looked at. */
struct bucket_raises {
    double bound_min;
    double bound_max;
    double raise_max;
};

#define BUCKET_RAISES_NONE ((struct bucket_raises){INFINITY, -INFINITY, 0})

/*
 * The quantile of gathered buckets, count > 0, whose counts it changes. *ret_raised: some count had
 * to be raised by more than rounding explains; then *raises has been widened.
 */
double bucket_quantile(double phi, struct bucket *buckets, size_t count,
                       struct bucket_raises *raises, bool *ret_raised);

/*
 * The share of observations from lower to upper, of gathered buckets, count > 0: Prometheus's
 * BucketFraction.
 */
double bucket_fraction(double lower, double upper, const struct bucket *buckets, size_t count);
