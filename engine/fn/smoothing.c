/* double_exponential_smoothing: every sample of a window has its part in each later one's. */
#include "engine/fn/kernels.h"
#include "engine/fn/span.h"

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
