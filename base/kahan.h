#pragma once

#include <float.h>
#include <math.h>

#include "base/attr.h"

/*
 * Kahan's compensated sum with Neumaier's improvement, every operation in the order of Prometheus's
 * util/kahansum. The sum is `sum + c`.
 */
struct kahan {
    double sum;
    double c;
};

HOT_INLINE void kahan_add(struct kahan *kahan, double inc)
{
    double t = kahan->sum + inc;
    if (t > DBL_MAX || t < -DBL_MAX)
        kahan->c = 0;
    else if (fabs(kahan->sum) >= fabs(inc))
        kahan->c += (kahan->sum - t) + inc;
    else
        kahan->c += (inc - t) + kahan->sum;
    kahan->sum = t;
}
