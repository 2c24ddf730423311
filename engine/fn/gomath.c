/*
 * Go writes these functions in Go, of exp, log, log1p, atan and arithmetic. Doing the same steps in
 * the same order leaves only the roundings of those four to differ. Special cases come out of the
 * steps themselves, or are C's, which are the same ones (both follow IEEE 754, 9.2.1).
 */
#include "engine/fn/gomath.h"

#include <math.h>
#include <stdint.h>

#include "model/sample.h"

#define LN2 0.693147180559945309417232121458176568
#define LN10 2.30258509299404568401799145468436421
#define PI 3.14159265358979323846264338327950288
#define HALF_PI (PI / 2)

/* From here on x*x + 1 is x*x; below the second, v is its own asinh and atanh. */
#define SQUARE_ALONE 0x1p28
#define NEAR_ZERO 0x1p-28

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
    double factor = part != 0 ? exp(part * log(base)) : 1;
    return gomath_pow_whole(base, (int64_t)whole, factor, exponent < 0);
}

double gomath_atan2(double y, double x)
{
    if (x == 0 || y == 0 || !isfinite(x) || !isfinite(y))
        return atan2(y, x);
    double angle = atan(y / x);
    if (x > 0)
        return angle;
    return angle <= 0 ? angle + PI : angle - PI;
}

double gomath_log2(double v)
{
    if (!isfinite(v))
        return log(v);
    int exponent;
    double fraction = frexp(v, &exponent);
    /* Powers of two are exact. */
    if (fraction == 0.5)
        return exponent - 1;
    return log(fraction) * (1 / LN2) + exponent;
}

double gomath_log10(double v)
{
    return gomath_log2(v) * (LN2 / LN10);
}

double gomath_asin(double v)
{
    if (v == 0)
        return v;
    double size = fabs(v);
    if (!(size <= 1))
        return value_nan();
    double adjacent = sqrt(1 - size * size);
    double angle = size > 0.7 ? HALF_PI - atan(adjacent / size) : atan(size / adjacent);
    return copysign(angle, v);
}

double gomath_acos(double v)
{
    return HALF_PI - gomath_asin(v);
}

double gomath_sinh(double v)
{
    double size = fabs(v);
    if (!(size > 0.5))
        return sinh(v);
    double e = exp(size);
    return copysign(size > 21 ? e * 0.5 : (e - 1 / e) * 0.5, v);
}

double gomath_cosh(double v)
{
    double size = fabs(v);
    double e = exp(size);
    return size > 21 ? e * 0.5 : (e + 1 / e) * 0.5;
}

double gomath_tanh(double v)
{
    double size = fabs(v);
    if (!(size >= 0.625) || size > 44)
        return tanh(v);
    return copysign(1 - 2 / (exp(2 * size) + 1), v);
}

double gomath_asinh(double v)
{
    double size = fabs(v);
    if (!isfinite(v) || size < NEAR_ZERO)
        return v;
    double area;
    if (size > SQUARE_ALONE)
        area = log(size) + LN2;
    else if (size > 2)
        area = log(2 * size + 1 / (sqrt(size * size + 1) + size));
    else
        area = log1p(size + size * size / (1 + sqrt(1 + size * size)));
    return copysign(area, v);
}

double gomath_acosh(double v)
{
    if (!(v >= 1))
        return value_nan();
    if (v == 1)
        return 0;
    if (v >= SQUARE_ALONE)
        return log(v) + LN2;
    if (v > 2)
        return log(2 * v - 1 / (v + sqrt(v * v - 1)));
    double above = v - 1;
    return log1p(above + sqrt(2 * above + above * above));
}

double gomath_atanh(double v)
{
    double size = fabs(v);
    if (!(size < 1))
        return size == 1 ? copysign(INFINITY, v) : value_nan();
    if (size < NEAR_ZERO)
        return v;
    double twice = size + size;
    double area = size < 0.5 ? 0.5 * log1p(twice + twice * size / (1 - size))
                             : 0.5 * log1p(twice / (1 - size));
    return copysign(area, v);
}
