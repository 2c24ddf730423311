#pragma once

#include <stdbool.h>

#include "model/histogram.h"

/*
 * Numbers estimated from a native histogram, each operation in the order of Prometheus's:
 * HistogramQuantile and HistogramFraction of promql/quantile.go, histogramVariance of functions.go.
 *
 * Thread: any.
 */

/*
 * Which share of a bucket with finite bounds lies at most at `v`, which is inside of it: on a
 * logarithmic scale unless `linear`.
 */
double bucket_share_below(const struct histogram_bucket *bucket, double v, bool linear);

/* What NaN among the observations did to an answer. */
enum histogram_nan {
    HISTOGRAM_NAN_NONE,
    HISTOGRAM_NAN_RESULT,   /* the quantile is NaN: it lies among them */
    HISTOGRAM_NAN_SKEWED,   /* the quantile is higher: they count as the largest */
    HISTOGRAM_NAN_EXCLUDED, /* they are in no fraction */
};

double histogram_quantile(const struct histogram *h, double phi, enum histogram_nan *ret_nan);

/* The share of observations from lower to upper. */
double histogram_fraction(const struct histogram *h, double lower, double upper,
                          enum histogram_nan *ret_nan);

double histogram_average(const struct histogram *h);

/* The square of the standard deviation, taking each bucket for its middle. */
double histogram_variance(const struct histogram *h);
double histogram_deviation(const struct histogram *h);
