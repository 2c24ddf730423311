#pragma once

/*
 * Go's math functions where C's answer otherwise: the same approximations, the same steps in the
 * same order, so that every bit is that of Go on amd64 with FMA. Special cases come out of the
 * steps, or are C's, which are the same ones (both follow IEEE 754, 9.2.1). What is not here is the
 * same in both: docs/decisions/001-libm.md.
 *
 * Thread: any.
 */

/* An infinity wins over a NaN, a NaN over the rest; of two zeros, Max gives +0 and Min -0. */
double gomath_max(double a, double b);
double gomath_min(double a, double b);

double gomath_pow(double base, double exponent);

double gomath_exp(double v);
double gomath_exp2(double v);
double gomath_log(double v);
double gomath_log2(double v);
double gomath_log10(double v);

double gomath_sin(double v);
double gomath_cos(double v);
double gomath_tan(double v);
double gomath_asin(double v);
double gomath_acos(double v);
double gomath_atan(double v);
double gomath_atan2(double y, double x);

double gomath_sinh(double v);
double gomath_cosh(double v);
double gomath_tanh(double v);
double gomath_asinh(double v);
double gomath_acosh(double v);
double gomath_atanh(double v);
