#include <float.h>
#include <math.h>

#include "model/histogram.h"
#include "model/sample.h"

/* In [0.5, 1), at the finest schema; a coarser one's are every 2nd, 4th and so on. */
static const double bounds[] = {
#include "histogram_bounds.inc"
};

#define MANTISSA_BITS 52
#define EXPONENT_MAX 1024  /* the largest of fraction * 2^e with a fraction in [0.5, 1), */
#define EXPONENT_MIN -1021 /* and that of the smallest number that is normal */

/* fraction * 2^exponent, with a fraction in [0.5, 1). */
static double bound_scale(double fraction, int64_t exponent)
{
    if (exponent > EXPONENT_MAX)
        return INFINITY;
    if (exponent >= EXPONENT_MIN)
        return value_of_bits(value_bits(fraction) + ((uint64_t)exponent << MANTISSA_BITS));
    return ldexp(fraction, exponent < 2 * EXPONENT_MIN ? 2 * EXPONENT_MIN : (int)exponent);
}

/*
 * The last bucket of ordinary numbers would end at 2^1024; but that is infinite, and infinities are
 * counted in the bucket after it. So it ends at the largest ordinary number.
 */
double histogram_bound(int32_t index, int32_t schema)
{
    double fraction = bounds[0];
    int64_t exponent;
    if (schema < 0) {
        exponent = (int64_t)index * (INT64_C(1) << -schema) + 1;
    } else {
        exponent = ((int64_t)index >> schema) + 1;
        int64_t part = index & ((INT64_C(1) << schema) - 1);
        fraction = bounds[part << (HISTOGRAM_SCHEMA_MAX - schema)];
    }
    if (exponent == EXPONENT_MAX + 1 && fraction == bounds[0])
        return DBL_MAX;
    return bound_scale(fraction, exponent);
}
