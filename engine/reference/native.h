#pragma once

#include <stdbool.h>

#include "model/histogram.h"

/*
 * Where observations of a native histogram lie, interpolated within its buckets: linearly in the
 * zero bucket and those with custom bounds, else on a logarithmic scale.
 *
 * Thread: any.
 */

/* What observations of NaN do to a quantile: they count, and are in no bucket. */
enum native_nans {
    NATIVE_NANS_NONE,
    NATIVE_NANS_ARE_RESULT,
    NATIVE_NANS_SKEW_RESULT, /* it is higher than that of the other observations */
};

double native_quantile(double phi, const struct histogram *h, enum native_nans *ret_nans);

/* *ret_nans: some observations are NaN, and so in no fraction. */
double native_fraction(double lower, double upper, const struct histogram *h, bool *ret_nans);
