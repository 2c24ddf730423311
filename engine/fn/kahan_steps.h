#pragma once

#include <math.h>

#include "base/attr.h"

/*
 * kahan_add without a branch, for many steps side by side. Adding -0.0 changes neither sum nor
 * compensation, and a sum that begins as -0.0 takes its first value as it is: so a missing value
 * stands as -0.0, and a loop over steps needs no case for it.
 *
 * Prometheus clears the compensation when the sum becomes infinite; here kahan_steps_total passes
 * over it instead, which gives the same: an infinite sum stays so, or becomes NaN.
 */
HOT_INLINE double kahan_steps_add(double sum, double *compensation, double value)
{
    double total = sum + value;
    double large = fabs(sum) >= fabs(value) ? sum : value;
    double small = fabs(sum) >= fabs(value) ? value : sum;
    *compensation += (large - total) + small;
    return total;
}

HOT_INLINE double kahan_steps_total(double sum, double compensation)
{
    return isinf(sum) ? sum : sum + compensation;
}
