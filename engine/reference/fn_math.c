/* Functions of each float of an instant vector; histograms are left out. */
#include <math.h>

#include "engine/fn/gomath.h"
#include "engine/reference/fn.h"

#define PI 3.14159265358979323846264338327950288

static double math_sgn(double v)
{
    if (v < 0)
        return -1;
    return v > 0 ? 1 : v;
}

static double math_deg(double v)
{
    return v * 180 / PI;
}

static double math_rad(double v)
{
    return v * PI / 180;
}

static double (*const math_functions[FN_COUNT])(double) = {
    [FN_abs] = fabs,           [FN_acos] = gomath_acos,   [FN_acosh] = gomath_acosh,
    [FN_asin] = gomath_asin,   [FN_asinh] = gomath_asinh, [FN_atan] = gomath_atan,
    [FN_atanh] = gomath_atanh, [FN_ceil] = ceil,          [FN_cos] = gomath_cos,
    [FN_cosh] = gomath_cosh,   [FN_deg] = math_deg,       [FN_exp] = gomath_exp,
    [FN_floor] = floor,        [FN_ln] = gomath_log,      [FN_log10] = gomath_log10,
    [FN_log2] = gomath_log2,   [FN_rad] = math_rad,       [FN_sgn] = math_sgn,
    [FN_sin] = gomath_sin,     [FN_sinh] = gomath_sinh,   [FN_sqrt] = sqrt,
    [FN_tan] = gomath_tan,     [FN_tanh] = gomath_tanh,
};

bool fn_math(struct ref_call *call, struct err *err)
{
    double (*function)(double) = math_functions[call->node->call.function->id];
    const struct ref_vector *in = &call->vectors[0];
    for (size_t i = 0; i < in->count; i++)
        if (!in->items[i].histogram)
            ref_call_unnamed(call, &in->items[i], function(in->items[i].value));
    return true;
}

bool fn_round(struct ref_call *call, struct err *err)
{
    double to_nearest = call->node->call.arg_count > 1 ? ref_call_scalar(call, 1) : 1;
    double inverse = 1.0 / to_nearest;
    const struct ref_vector *in = &call->vectors[0];
    for (size_t i = 0; i < in->count; i++)
        if (!in->items[i].histogram)
            ref_call_unnamed(call, &in->items[i],
                             floor(in->items[i].value * inverse + 0.5) / inverse);
    return true;
}

static void math_clamp(struct ref_call *call, double low, double high)
{
    if (high < low)
        return;
    const struct ref_vector *in = &call->vectors[0];
    for (size_t i = 0; i < in->count; i++)
        if (!in->items[i].histogram)
            ref_call_unnamed(call, &in->items[i],
                             gomath_max(low, gomath_min(high, in->items[i].value)));
}

bool fn_clamp(struct ref_call *call, struct err *err)
{
    math_clamp(call, ref_call_scalar(call, 1), ref_call_scalar(call, 2));
    return true;
}

bool fn_clamp_min(struct ref_call *call, struct err *err)
{
    math_clamp(call, ref_call_scalar(call, 1), INFINITY);
    return true;
}

bool fn_clamp_max(struct ref_call *call, struct err *err)
{
    math_clamp(call, -INFINITY, ref_call_scalar(call, 1));
    return true;
}
