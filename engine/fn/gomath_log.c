/*
 * Logarithms, and the inverse hyperbolic functions made of them.
 *
 * The approximation is fdlibm's (e_log.c, s_log1p.c): v = 2^k * (1 + f) with 1 + f between
 * sqrt(1/2) and sqrt(2), s = f / (2 + f), and log(1 + f) = f - f^2/2 + s * (f^2/2 + R(s^2)). Go's
 * assembly for amd64 sums the odd and the even terms of R apart; its log1p, in Go, does not.
 */
#include <math.h>
#include <stdint.h>

#include "engine/fn/gomath.h"
#include "engine/fn/horner.h"
#include "model/sample.h"

#define LN2 0.693147180559945309417232121458176568
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define PER_LN2 1.44269504088896340735992468100189214
#define PER_LN10 0.434294481903251827651128918916605082

#define MANTISSA_BITS 52
#define MANTISSA_MASK ((UINT64_C(1) << MANTISSA_BITS) - 1)
#define ONE_BITS UINT64_C(0x3ff0000000000000)
#define HALF_BITS UINT64_C(0x3fe0000000000000)
#define SQRT2_MANTISSA UINT64_C(0x6a09e667f3bcd)

/* From here on x*x + 1 is x*x; below the second, v is its own asinh and atanh. */
#define SQUARE_ALONE 0x1p28
#define NEAR_ZERO 0x1p-28

/* R, the term of s^14 first. */
static const double log_terms[] = {
    0x1.2f112df3e5244p-3, 0x1.39a09d078c69fp-3, 0x1.7466496cb03dep-3, 0x1.c71c51d8e78afp-3,
    0x1.2492494229359p-2, 0x1.999999997fa04p-2, 0x1.5555555555593p-1,
};
static const double log_odd_terms[] = {
    0x1.2f112df3e5244p-3,
    0x1.7466496cb03dep-3,
    0x1.2492494229359p-2,
    0x1.5555555555593p-1,
};
static const double log_even_terms[] = {
    0x1.39a09d078c69fp-3,
    0x1.c71c51d8e78afp-3,
    0x1.999999997fa04p-2,
};

double gomath_log(double v)
{
    if (v == 0)
        return -INFINITY;
    if (!(v > 0))
        return value_nan();
    if (isinf(v))
        return v;

    /* Go takes a denormal's bits for those of a number of the smallest normal exponent. */
    uint64_t bits = value_bits(v);
    double k = (double)((int)(bits >> MANTISSA_BITS) - 1022);
    double fraction = value_of_bits((bits & MANTISSA_MASK) | HALF_BITS);
    if (fraction <= M_SQRT1_2) {
        k -= 1;
        fraction *= 2;
    }

    double f = fraction - 1;
    double s = f / (2 + f);
    double s2 = s * s;
    double s4 = s2 * s2;
    double rest = s2 * HORNER(s4, log_odd_terms) + s4 * HORNER(s4, log_even_terms);
    double half_square = 0.5 * f * f;
    return k * LN2_HIGH - ((half_square - (s * (half_square + rest) + k * LN2_LOW)) - f);
}

double gomath_log2(double v)
{
    if (!isfinite(v))
        return gomath_log(v);
    int exponent;
    double fraction = frexp(v, &exponent);
    /* Powers of two are exact. */
    if (fraction == 0.5)
        return exponent - 1;
    return gomath_log(fraction) * PER_LN2 + exponent;
}

double gomath_log10(double v)
{
    return gomath_log(v) * PER_LN10;
}

/*
 * 1 + v as 2^k * (1 + f), and what its rounding lost, to be added to the logarithm. `mantissa` is 0
 * where f has hardly any bits.
 */
struct one_plus {
    int k;
    double f;
    double lost;
    uint64_t mantissa;
};

static struct one_plus one_plus_split(double v)
{
    if (v < M_SQRT2 - 1)
        return (struct one_plus){.f = v, .mantissa = 1};

    struct one_plus split = {0};
    double sum = v < 0x1p53 ? 1 + v : v;
    uint64_t bits = value_bits(sum);
    split.k = (int)(bits >> MANTISSA_BITS) - 1023;
    if (v < 0x1p53)
        split.lost = (split.k > 0 ? 1 - (sum - v) : v - (sum - 1)) / sum;

    split.mantissa = bits & MANTISSA_MASK;
    if (split.mantissa < SQRT2_MANTISSA) {
        split.f = value_of_bits(split.mantissa | ONE_BITS) - 1;
    } else {
        split.k++;
        split.f = value_of_bits(split.mantissa | HALF_BITS) - 1;
        split.mantissa = (MANTISSA_MASK + 1 - split.mantissa) >> 2;
    }
    return split;
}

/* log(1 + v) for v >= 2^-29, which is all that is asked for here. */
static double log_one_plus(double v)
{
    if (isinf(v))
        return v;
    struct one_plus split = one_plus_split(v);
    double k = split.k;
    double f = split.f;
    double half_square = 0.5 * f * f;

    if (split.mantissa == 0) {
        if (f == 0)
            return k * LN2_HIGH + (split.lost + k * LN2_LOW);
        double rest = half_square * (1 - 0.66666666666666666 * f);
        return k * LN2_HIGH - ((rest - (k * LN2_LOW + split.lost)) - f);
    }

    double s = f / (2 + f);
    double s2 = s * s;
    double odd = s * (half_square + s2 * HORNER(s2, log_terms));
    if (split.k == 0)
        return f - (half_square - odd);
    return k * LN2_HIGH - ((half_square - (odd + (k * LN2_LOW + split.lost))) - f);
}

double gomath_asinh(double v)
{
    double size = fabs(v);
    if (!isfinite(v) || size < NEAR_ZERO)
        return v;
    double area;
    if (size > SQUARE_ALONE)
        area = gomath_log(size) + LN2;
    else if (size > 2)
        area = gomath_log(2 * size + 1 / (sqrt(size * size + 1) + size));
    else
        area = log_one_plus(size + size * size / (1 + sqrt(1 + size * size)));
    return copysign(area, v);
}

double gomath_acosh(double v)
{
    if (!(v >= 1))
        return value_nan();
    if (v == 1)
        return 0;
    if (v >= SQUARE_ALONE)
        return gomath_log(v) + LN2;
    if (v > 2)
        return gomath_log(2 * v - 1 / (v + sqrt(v * v - 1)));
    double above = v - 1;
    return log_one_plus(above + sqrt(2 * above + above * above));
}

double gomath_atanh(double v)
{
    double size = fabs(v);
    if (!(size < 1))
        return size == 1 ? copysign(INFINITY, v) : value_nan();
    if (size < NEAR_ZERO)
        return v;
    double twice = size + size;
    double area = size < 0.5 ? 0.5 * log_one_plus(twice + twice * size / (1 - size))
                             : 0.5 * log_one_plus(twice / (1 - size));
    return copysign(area, v);
}
