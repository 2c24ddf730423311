/*
 * Functions of numbers over a tile: one flat loop each. The cheap ones are SIMD with the missing
 * points blended in as integers; those that call the math library skip them.
 */
#include "engine/fn/map_math.h"

#include <math.h>
#include <stdint.h>

#include "base/attr.h"
#include "engine/fn/gomath.h"
#include "model/sample.h"

#define PI 3.14159265358979323846264338327950288

static inline double sgn_of(double v)
{
    double above = v > 0 ? 1 : v;
    return v < 0 ? -1 : above;
}

/* A function of v that becomes a few instructions. */
#define MAP_INLINE(name, result) \
    KERNEL_CLONES void name(double *values, size_t rows, size_t steps, \
                            const double *const *params) \
    { \
        size_t count = rows * steps; \
        for (size_t i = 0; i < count; i++) { \
            double v = values[i]; \
            uint64_t bits = value_bits(result); \
            values[i] = value_of_bits(value_bits(v) == STALE_BITS ? STALE_BITS : bits); \
        } \
    }

MAP_INLINE(map_abs, fabs(v))
MAP_INLINE(map_ceil, ceil(v))
MAP_INLINE(map_floor, floor(v))
MAP_INLINE(map_sqrt, sqrt(v))
MAP_INLINE(map_sgn, sgn_of(v))
MAP_INLINE(map_deg, v * 180 / PI)
MAP_INLINE(map_rad, v *PI / 180)
MAP_INLINE(map_negate, -v)

/* A function that is a call for each value. */
#define MAP_CALL(name, call) \
    void name(double *values, size_t rows, size_t steps, const double *const *params) \
    { \
        size_t count = rows * steps; \
        for (size_t i = 0; i < count; i++) \
            if (!value_is_stale(values[i])) \
                values[i] = call(values[i]); \
    }

MAP_CALL(map_exp, gomath_exp)
MAP_CALL(map_ln, gomath_log)
MAP_CALL(map_log2, gomath_log2)
MAP_CALL(map_log10, gomath_log10)
MAP_CALL(map_sin, gomath_sin)
MAP_CALL(map_cos, gomath_cos)
MAP_CALL(map_tan, gomath_tan)
MAP_CALL(map_asin, gomath_asin)
MAP_CALL(map_acos, gomath_acos)
MAP_CALL(map_atan, gomath_atan)
MAP_CALL(map_sinh, gomath_sinh)
MAP_CALL(map_cosh, gomath_cosh)
MAP_CALL(map_tanh, gomath_tanh)
MAP_CALL(map_asinh, gomath_asinh)
MAP_CALL(map_acosh, gomath_acosh)
MAP_CALL(map_atanh, gomath_atanh)

/* Prometheus multiplies by the inverse. */
static inline double round_value(double v, double inverse)
{
    uint64_t bits = value_bits(floor(v * inverse + 0.5) / inverse);
    return value_of_bits(value_bits(v) == STALE_BITS ? STALE_BITS : bits);
}

KERNEL_CLONES static void map_round_all(double *values, size_t count, double to_nearest)
{
    double inverse = 1.0 / to_nearest;
    for (size_t i = 0; i < count; i++)
        values[i] = round_value(values[i], inverse);
}

KERNEL_CLONES static void map_round_row(double *restrict row, const double *restrict to_nearest,
                                        size_t steps)
{
    for (size_t step = 0; step < steps; step++)
        row[step] = round_value(row[step], 1.0 / to_nearest[step]);
}

void map_round(double *values, size_t rows, size_t steps, const double *const *params)
{
    const double *to_nearest = params[0];
    if (!to_nearest || steps == 1) {
        map_round_all(values, rows * steps, to_nearest ? to_nearest[0] : 1);
        return;
    }
    for (size_t row = 0; row < rows; row++)
        map_round_row(values + row * steps, to_nearest, steps);
}

/* Bounds at a step; a missing parameter stands for the infinity that bounds nothing. */
static double clamp_value(double v, double low, double high)
{
    if (high < low || value_is_stale(v))
        return value_stale();
    return gomath_max(low, gomath_min(high, v));
}

static void map_clamp_rows(double *values, size_t rows, size_t steps, const double *low,
                           const double *high)
{
    for (size_t row = 0; row < rows; row++) {
        double *at = values + row * steps;
        for (size_t step = 0; step < steps; step++)
            at[step] =
                clamp_value(at[step], low ? low[step] : -INFINITY, high ? high[step] : INFINITY);
    }
}

void map_clamp(double *values, size_t rows, size_t steps, const double *const *params)
{
    map_clamp_rows(values, rows, steps, params[0], params[1]);
}

void map_clamp_min(double *values, size_t rows, size_t steps, const double *const *params)
{
    map_clamp_rows(values, rows, steps, params[0], NULL);
}

void map_clamp_max(double *values, size_t rows, size_t steps, const double *const *params)
{
    map_clamp_rows(values, rows, steps, NULL, params[0]);
}

void map_max_of(double *values, size_t rows, size_t steps, const double *const *params)
{
    for (size_t i = 0; i < rows * steps; i++)
        values[i] =
            value_is_stale(values[i]) ? values[i] : gomath_max(values[i], params[0][i % steps]);
}

void map_min_of(double *values, size_t rows, size_t steps, const double *const *params)
{
    for (size_t i = 0; i < rows * steps; i++)
        values[i] =
            value_is_stale(values[i]) ? values[i] : gomath_min(values[i], params[0][i % steps]);
}
