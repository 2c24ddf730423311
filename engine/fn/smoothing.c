/* double_exponential_smoothing: every sample of a window has its part in each later one's. */
#include <math.h>

#include "engine/fn/cursor.h"
#include "engine/fn/kernels.h"
#include "engine/fn/span.h"

/* NaN passes, as in Prometheus. */
static bool factor_is_wrong(double factor)
{
    return factor <= 0 || factor >= 1;
}

static bool factor_refuse(const char *what, const char *letter, double factor, struct err *err)
{
    if (isinf(factor))
        return err_set(err, ERR_EXECUTION, "invalid %s factor. Expected: 0 < %s < 1, got: %s", what,
                       letter, factor > 0 ? "+Inf" : "-Inf");
    return err_set(err, ERR_EXECUTION, "invalid %s factor. Expected: 0 < %s < 1, got: %f", what,
                   letter, factor);
}

bool smoothing_may_fail(const double *const *params, size_t steps)
{
    for (size_t i = 0; i < steps; i++)
        if (factor_is_wrong(params[0][i]) || factor_is_wrong(params[1][i]))
            return true;
    return false;
}

bool smoothing_check(const struct window_call *call, struct err *err)
{
    const double *smoothing = call->params[0], *trend = call->params[1];
    struct pair_cursor pair = pair_cursor_begin(call);
    for (size_t i = 0; i < call->refs.count; i++) {
        if (!factor_is_wrong(smoothing[i]) && !factor_is_wrong(trend[i]))
            continue;
        pair_cursor_move(&pair, grid_time(&call->refs, i));
        if (cursor_count(&pair.floats) + cursor_count(&pair.histograms) == 0)
            continue;
        if (factor_is_wrong(smoothing[i]))
            return factor_refuse("smoothing", "sf", smoothing[i], err);
        return factor_refuse("trend", "tf", trend[i], err);
    }
    return true;
}

static double smoothed(const double *values, size_t count, double smoothing, double trend)
{
    double before = 0;
    double now = values[0];
    double slope = values[1] - values[0];
    for (size_t i = 1; i < count; i++) {
        double x = smoothing * values[i];
        if (i > 1)
            slope = trend * (now - before) + (1 - trend) * slope;
        double y = (1 - smoothing) * (now + slope);
        before = now;
        now = x + y;
    }
    return now;
}

static double smoothing_one(const struct window_call *call, const struct span *span)
{
    return smoothed(call->values + span->lo, span->hi - span->lo, call->params[0][span->step],
                    call->params[1][span->step]);
}

void smoothing_window(const struct window_call *call)
{
    static const struct span_kernel kernel = {
        .sample_count_min = 2,
        .step_by_step = true,
        .one_by_one = true,
        .one = smoothing_one,
    };
    span_run(call, &kernel);
}
