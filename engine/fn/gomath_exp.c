/*
 * The exponential function, and the hyperbolic functions made of it.
 *
 * exp follows Go's assembly for amd64 with FMA, after N. Shibata, "Efficient evaluation methods of
 * elementary functions suitable for SIMD computation" (2010): v = k ln 2 + r, a Taylor series for
 * exp(r / 16) - 1, and four times (1 + t)^2 - 1 = t * (t + 2).
 */
#include <math.h>
#include <stdint.h>

#include "base/attr.h"
#include "engine/fn/gomath.h"
#include "engine/fn/horner.h"
#include "model/sample.h"

#define PER_LN2 1.44269504088896340735992468100189214
#define LN2_HIGH 0.69314718055966295651160180568695068359375
#define LN2_LOW 0.28235290563031577122588448175013436025525412068e-12

/* As the exponent of the result: from the first on it is infinite, below the second it is 0. */
#define EXPONENT_TOO_BIG 1024
#define EXPONENT_MIN -1075

/* (exp(t) - 1) / t: 1/8!, 1/7! and so on. */
static const double exp_terms[] = {
    2.4801587301587301587e-5,
    1.9841269841269841270e-4,
    1.3888888888888888889e-3,
    8.3333333333333333333e-3,
    4.1666666666666666667e-2,
    1.6666666666666666667e-1,
    0.5,
    1.0,
};

FMA_CLONES double gomath_exp(double v)
{
    double k = nearbyint(v * PER_LN2);
    if (isnan(k) || k >= EXPONENT_TOO_BIG)
        return v + INFINITY;
    if (k < EXPONENT_MIN)
        return 0;

    double t = fma(-k, LN2_LOW, fma(-k, LN2_HIGH, v)) * 0.0625;
    double sum = exp_terms[0];
    for (size_t i = 1; i < ARRAY_COUNT(exp_terms); i++)
        sum = fma(sum, t, exp_terms[i]);
    t *= sum;
    for (int i = 0; i < 3; i++)
        t *= t + 2;
    return ldexp(fma(t + 2, t, 1), (int)k);
}

/* fdlibm's: r - r * (exp(r) + 1) / (exp(r) - 1) + 2 in powers of r * r. */
static const double exp2_terms[] = {
    4.13813679705723846039e-08,  -1.65339022054652515390e-06, 6.61375632143793436117e-05,
    -2.77777777770155933842e-03, 1.66666666666666657415e-01,
};

/* No assembly for this one: v = k + t, and r = t ln 2 in two parts. */
double gomath_exp2(double v)
{
    if (!(v >= -1074 && v <= 0x1.fffffffffffffp+9))
        return v < 0 ? 0 : v + INFINITY;

    int k = (int)(v > 0 ? v + 0.5 : v - 0.5);
    double t = v - k;
    double high = t * 6.93147180369123816490e-01;
    double low = -t * 1.90821492927058770002e-10;
    double r = high - low;
    double square = r * r;
    double c = r - square * HORNER(square, exp2_terms);
    return ldexp(1 - ((low - (r * c) / (2 - c)) - high), k);
}

/* Hart and others, "Computer Approximations", no. 2029. */
static const double sinh_above[] = {
    -0.2630563213397497062819489e+2,
    -0.2894211355989563807284660366e+4,
    -0.8991272022039509355398013511e+5,
    -0.6307673640497716991184787251e+6,
};
static const double sinh_below[] = {
    1,
    -0.173678953558233699533450911e+3,
    0.1521517378790019070696485176e+5,
    -0.6307673640497716991212077277e+6,
};

double gomath_sinh(double v)
{
    double size = fabs(v);
    if (!(size > 0.5)) {
        double square = v * v;
        return HORNER(square, sinh_above) * v / HORNER(square, sinh_below);
    }
    double e = gomath_exp(size);
    return copysign(size > 21 ? e * 0.5 : (e - 1 / e) * 0.5, v);
}

double gomath_cosh(double v)
{
    double size = fabs(v);
    double e = gomath_exp(size);
    return size > 21 ? e * 0.5 : (e + 1 / e) * 0.5;
}

/* Cephes, tanh.c. */
static const double tanh_above[] = {
    -9.64399179425052238628e-1,
    -9.92877231001918586564e1,
    -1.61468768441708447952e3,
};
static const double tanh_below[] = {
    1,
    1.12811678491632931402e2,
    2.23548839060100448583e3,
    4.84406305325125486048e3,
};

double gomath_tanh(double v)
{
    double size = fabs(v);
    /* ln(2^127) / 2 */
    if (size > 0.5 * 8.8029691931113054295988e+01)
        return copysign(1, v);
    if (size >= 0.625)
        return copysign(1 - 2 / (gomath_exp(2 * size) + 1), v);
    if (v == 0)
        return v;
    double square = v * v;
    return v + v * square * HORNER(square, tanh_above) / HORNER(square, tanh_below);
}
