/* Quantiles and deviations of a window's floats. */
#include <math.h>

#include "base/arena.h"
#include "base/kahan.h"
#include "engine/fn/quantile.h"
#include "engine/reference/fn.h"
#include "model/sample.h"

static double *spread_values(const struct ref_call *call)
{
    const struct ref_window *window = call->window;
    double *values = arena_array(call->scratch, double, window->float_count);
    for (size_t i = 0; i < window->float_count; i++)
        values[i] = window->floats[i].value;
    return values;
}

bool fn_quantile_over_time(struct ref_call *call, struct err *err)
{
    const struct ref_window *window = call->window;
    double phi = ref_call_scalar(call, 0);
    if (window->float_count == 0)
        return true;
    if (isnan(phi) || phi < 0 || phi > 1)
        note_quantile(call->notes, ref_call_begin(call, 0), phi);
    fn_note_ignored(call);
    ref_call_value(call, quantile_as_go(phi, spread_values(call), window->float_count));
    return true;
}

/* The median of the distances to the median. */
static double spread_mad(const struct ref_call *call)
{
    size_t count = call->window->float_count;
    double *values = spread_values(call);
    for (size_t i = 0; i < count; i++)
        if (isnan(values[i]))
            return value_nan();
    double median = quantile_as_go(0.5, values, count);
    for (size_t i = 0; i < count; i++)
        values[i] = fabs(values[i] - median);
    return quantile_as_go(0.5, values, count);
}

bool fn_mad_over_time(struct ref_call *call, struct err *err)
{
    fn_note_ignored(call);
    if (call->window->float_count > 0)
        ref_call_value(call, spread_mad(call));
    return true;
}

/* Welford's, with compensated sums. Of at least one float. */
static double spread_variance(const struct ref_window *window)
{
    struct kahan mean = {0}, squares = {0};
    double count = 0;
    for (size_t i = 0; i < window->float_count; i++) {
        double value = window->floats[i].value;
        count++;
        double delta = value - (mean.sum + mean.c);
        kahan_add(&mean, delta / count);
        kahan_add(&squares, delta * (value - (mean.sum + mean.c)));
    }
    return (squares.sum + squares.c) / count;
}

bool fn_stdvar_over_time(struct ref_call *call, struct err *err)
{
    fn_note_ignored(call);
    if (call->window->float_count > 0)
        ref_call_value(call, spread_variance(call->window));
    return true;
}

bool fn_stddev_over_time(struct ref_call *call, struct err *err)
{
    fn_note_ignored(call);
    if (call->window->float_count > 0)
        ref_call_value(call, sqrt(spread_variance(call->window)));
    return true;
}
