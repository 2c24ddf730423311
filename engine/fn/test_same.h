#pragma once

#include <math.h>
#include <stdbool.h>

#include "model/sample.h"

/* For tests: equal bits, or both NaN and neither missing. */
static inline bool test_same(double a, double b)
{
    if (value_bits(a) == value_bits(b))
        return true;
    return isnan(a) && isnan(b) && !value_is_stale(a) && !value_is_stale(b);
}
