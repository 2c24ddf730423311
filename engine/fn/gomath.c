/*
 * Max, Min and Pow as Go has them. The other subjects: gomath_exp.c, gomath_log.c, gomath_trig.c.
 */
#include "engine/fn/gomath.h"

#include <math.h>
#include <stdint.h>

#include "model/sample.h"

double gomath_max(double a, double b)
{
    if (a == INFINITY || b == INFINITY)
        return INFINITY;
    if (isnan(a) || isnan(b))
        return value_nan();
    if (a == b)
        return value_of_bits(value_bits(a) & value_bits(b));
    return a > b ? a : b;
}

double gomath_min(double a, double b)
{
    if (a == -INFINITY || b == -INFINITY)
        return -INFINITY;
    if (isnan(a) || isnan(b))
        return value_nan();
    if (a == b)
        return value_of_bits(value_bits(a) | value_bits(b));
    return a < b ? a : b;
}

/* base^exponent for a whole exponent >= 0, times `factor`; inverted at the end if asked for. */
static double gomath_pow_whole(double base, int64_t exponent, double factor, bool inverse)
{
    int base_exp;
    double power = frexp(base, &base_exp);
    int64_t power_exp = base_exp;
    int64_t result_exp = 0;

    for (uint64_t bits = (uint64_t)exponent; bits; bits >>= 1) {
        /* Far outside of what a double can hold, and each further square only takes it farther. */
        if (power_exp < -4096 || power_exp > 4096) {
            result_exp += power_exp;
            break;
        }
        if (bits & 1) {
            factor *= power;
            result_exp += power_exp;
        }
        power *= power;
        power_exp *= 2;
        if (power < 0.5) {
            power += power;
            power_exp--;
        }
    }
    return inverse ? ldexp(1 / factor, (int)-result_exp) : ldexp(factor, (int)result_exp);
}

double gomath_pow(double base, double exponent)
{
    double size = fabs(exponent);
    if (base == 0 || base == 1 || !isfinite(base) || exponent == 0 || exponent == 1 ||
        !(size < 0x1p63))
        return pow(base, exponent);
    if (exponent == 0.5)
        return sqrt(base);
    if (exponent == -0.5)
        return 1 / sqrt(base);

    double whole;
    double part = modf(size, &whole);
    if (part != 0 && base < 0)
        return value_nan();
    if (part > 0.5) {
        part -= 1;
        whole += 1;
    }
    double factor = part != 0 ? gomath_exp(part * gomath_log(base)) : 1;
    return gomath_pow_whole(base, (int64_t)whole, factor, exponent < 0);
}
