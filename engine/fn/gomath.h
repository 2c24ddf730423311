#pragma once

/*
 * Go's math functions where they answer otherwise than C's: Max and Min (NaN, infinities, signed
 * zeros), and those that Go composes of others, so that our last bits fall as its do. What is not
 * here is the same in both, or differs by a rounding only: docs/decisions/001-libm.md.
 *
 * Thread: any.
 */

/* An infinity wins over a NaN, a NaN over the rest; of two zeros, Max gives +0 and Min -0. */
double gomath_max(double a, double b);
double gomath_min(double a, double b);

double gomath_pow(double base, double exponent);
double gomath_atan2(double y, double x);

double gomath_log2(double v);
double gomath_log10(double v);

double gomath_asin(double v);
double gomath_acos(double v);
double gomath_sinh(double v);
double gomath_cosh(double v);
double gomath_tanh(double v);
double gomath_asinh(double v);
double gomath_acosh(double v);
double gomath_atanh(double v);
