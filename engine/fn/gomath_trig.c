/*
 * Trigonometric functions and their inverses: Cephes's (sin.c, tan.c, atan.c) with pi/4 in three
 * parts, and for angles from 2^29 on the reduction of Payne and Hanek, which multiplies with as
 * many bits of 4/pi as matter.
 */
#include <math.h>
#include <stdint.h>

#include "engine/fn/gomath.h"
#include "engine/fn/horner.h"
#include "model/sample.h"

#define PI 3.14159265358979323846264338327950288
#define HALF_PI (PI / 2)
#define QUARTER_PI (PI / 4)
#define PER_QUARTER_PI 1.27323954473516268615107010698140931

/* The sum of the three is pi/4; the first two leave room for a factor below 2^30. */
#define QUARTER_PI_HIGH 0x1.921fb4p-1
#define QUARTER_PI_MIDDLE 0x1.4442dp-25
#define QUARTER_PI_LOW 0x1.8469898cc517p-49

#define ANGLE_BIG 0x1p29

__extension__ typedef unsigned __int128 wide;

/* An angle as `octant` (even, below 8) times pi/4 and a rest between -pi/4 and pi/4. */
struct angle {
    unsigned octant;
    double rest;
};

/* 4/pi, 64 bits each, the point behind the first. */
static const uint64_t per_quarter_pi[] = {
    0x0000000000000001, 0x45f306dc9c882a53, 0xf84eafa3ea69bb81, 0xb6c52b3278872083,
    0xfca2c757bd778ac3, 0x6e48dc74849ba5c0, 0x0c925dd413a32439, 0xfc3bd63962534e7d,
    0xd1046bea5d768909, 0xd338e04d68befc82, 0x7323ac7306a673e9, 0x3908bf177bf25076,
    0x3ff12fffbc0b301f, 0xde5e2316b414da3e, 0xda6cfd9e4f96136e, 0x9e8c7ecd3cbfd45a,
    0xea4f758fd7cbe2f6, 0x7a0e73ef14a525d4, 0xd7f6bf623f1aba10, 0xac06608df8f6d757,
};

/* 64 bits of 4/pi from the bit on. */
static uint64_t per_quarter_pi_bits(unsigned bit)
{
    const uint64_t *word = &per_quarter_pi[bit / 64];
    return (uint64_t)((((wide)word[0] << 64 | word[1]) << (bit % 64)) >> 64);
}

/*
 * The mantissa times the 192 bits of 4/pi that make the last three bits before the point and the
 * fraction behind it; what stands before them is whole turns. The product's upper 128 bits:
 *
 *     octant 3 bits | fraction 125 bits
 */
static struct angle angle_reduce_big(double size)
{
    uint64_t bits = value_bits(size);
    uint64_t mantissa = (bits & 0xfffffffffffff) | UINT64_C(1) << 52;
    unsigned begin = (unsigned)(bits >> 52) - 1023 - 52 + 61;
    wide product = (wide)(per_quarter_pi_bits(begin) * mantissa) << 64;
    product += (wide)per_quarter_pi_bits(begin + 64) * mantissa;
    product += ((wide)per_quarter_pi_bits(begin + 128) * mantissa) >> 64;

    struct angle angle = {.octant = (unsigned)(product >> 125)};
    /*
     * Behind the fraction's first 64 bits stand the product's last 64, three places lower than they
     * should be: Go has them so, and near multiples of pi/4 it shows. No double comes so near one
     * that those first 64 bits are all 0.
     */
    uint64_t first = (uint64_t)(product >> 61);
    wide fraction = (wide)first << 64 | (uint64_t)product;
    unsigned zeros = (unsigned)__builtin_clzll(first | 1);
    uint64_t fraction_bits = (uint64_t)((fraction << (zeros + 1)) >> 76);
    angle.rest = value_of_bits(fraction_bits | (uint64_t)(1022 - zeros) << 52);
    if (angle.octant & 1) {
        angle.octant = (angle.octant + 1) & 7;
        angle.rest -= 1;
    }
    angle.rest *= QUARTER_PI;
    return angle;
}

static struct angle angle_reduce(double size)
{
    if (size >= ANGLE_BIG)
        return angle_reduce_big(size);
    uint32_t quarters = (uint32_t)(size * PER_QUARTER_PI);
    quarters += quarters & 1;
    double whole = quarters;
    double rest = size - whole * QUARTER_PI_HIGH - whole * QUARTER_PI_MIDDLE;
    return (struct angle){.octant = quarters & 7, .rest = rest - whole * QUARTER_PI_LOW};
}

static const double sin_terms[] = {
    0x1.5d8fd1fd19ccdp-33,  -0x1.ae5e5a9291f5dp-26, 0x1.71de3567d48a1p-19,
    -0x1.a01a019bfdf03p-13, 0x1.111111110f7dp-7,    -0x1.5555555555548p-3,
};
static const double cos_terms[] = {
    -0x1.8fa49a0861a9bp-37, 0x1.1ee9d7b4e3f05p-29,  -0x1.27e4f7eac4bc6p-22,
    0x1.a01a019c844f5p-16,  -0x1.6c16c16c14f91p-10, 0x1.555555555554bp-5,
};

/* Of an angle between -pi/4 and pi/4. */
static double sin_series(double v)
{
    double square = v * v;
    return v + v * square * HORNER(square, sin_terms);
}

static double cos_series(double v)
{
    double square = v * v;
    return 1 - 0.5 * square + square * square * HORNER(square, cos_terms);
}

double gomath_sin(double v)
{
    if (!isfinite(v))
        return value_nan();
    struct angle angle = angle_reduce(fabs(v));
    double result = angle.octant & 2 ? cos_series(angle.rest) : sin_series(angle.rest);
    bool negative = (angle.octant & 4) != 0;
    return negative != (signbit(v) != 0) ? -result : result;
}

double gomath_cos(double v)
{
    if (!isfinite(v))
        return value_nan();
    struct angle angle = angle_reduce(fabs(v));
    double result = angle.octant & 2 ? sin_series(angle.rest) : cos_series(angle.rest);
    return angle.octant == 2 || angle.octant == 4 ? -result : result;
}

static const double tan_above[] = {
    -0x1.992d8d24f3f38p+13,
    0x1.199eca5fc9dddp+20,
    -0x1.11fead3299176p+24,
};
static const double tan_below[] = {
    1, 0x1.ab8a5eeb36572p+13, -0x1.427bc582abc96p+20, 0x1.7d98fc2ead8efp+24, -0x1.9afe03cbe5a31p+25,
};

double gomath_tan(double v)
{
    if (!isfinite(v))
        return value_nan();
    struct angle angle = angle_reduce(fabs(v));
    double result = angle.rest;
    double square = result * result;
    if (square > 1e-14)
        result += result * (square * HORNER(square, tan_above) / HORNER(square, tan_below));
    if (angle.octant & 2)
        result = -1 / result;
    return signbit(v) ? -result : result;
}

static const double atan_above[] = {
    -8.750608600031904122785e-01, -1.615753718733365076637e+01, -7.500855792314704667340e+01,
    -1.228866684490136173410e+02, -6.485021904942025371773e+01,
};
static const double atan_below[] = {
    1,
    +2.485846490142306297962e+01,
    +1.650270098316988542046e+02,
    +4.328810604912902668951e+02,
    +4.853903996359136964868e+02,
    +1.945506571482613964425e+02,
};

/* For v between 0 and 0.66. */
static double atan_series(double v)
{
    double square = v * v;
    double factor = square * HORNER(square, atan_above) / HORNER(square, atan_below);
    return v * factor + v;
}

/* What pi/2 is above its double. */
#define HALF_PI_LOW 6.123233995736765886130e-17

static double atan_positive(double v)
{
    if (v <= 0.66)
        return atan_series(v);
    /* tan(3/8 pi) */
    if (v > 2.41421356237309504880)
        return HALF_PI - atan_series(1 / v) + HALF_PI_LOW;
    return QUARTER_PI + atan_series((v - 1) / (v + 1)) + 0.5 * HALF_PI_LOW;
}

double gomath_atan(double v)
{
    return copysign(atan_positive(fabs(v)), v);
}

double gomath_atan2(double y, double x)
{
    if (x == 0 || y == 0 || !isfinite(x) || !isfinite(y))
        return atan2(y, x);
    double angle = gomath_atan(y / x);
    if (x > 0)
        return angle;
    return angle <= 0 ? angle + PI : angle - PI;
}

double gomath_asin(double v)
{
    double size = fabs(v);
    if (!(size <= 1))
        return value_nan();
    double adjacent = sqrt(1 - size * size);
    double angle =
        size > 0.7 ? HALF_PI - atan_positive(adjacent / size) : atan_positive(size / adjacent);
    return copysign(angle, v);
}

double gomath_acos(double v)
{
    return HALF_PI - gomath_asin(v);
}
