/*
 * deriv and predict_linear: the line of least squares through a window, from four Kahan sums, as
 * linearRegression in promql/functions.go. Times count from the window's first sample (deriv) or
 * from the query time (predict_linear).
 */

#include <math.h>
#include <stdbool.h>

#include "engine/fn/kahan.h"
#include "engine/fn/kernels.h"
#include "engine/fn/span.h"
#include "model/sample.h"

struct line {
    double slope;
    double intercept;
};

/* The sums of a window with at least two different values. */
struct line_sums {
    double count;
    double x;
    double y;
    double xy;
    double xx;
};

static struct line line_solve(const struct line_sums *sums)
{
    double n = sums->count;
    double cov_xy = sums->xy - sums->x * sums->y / n;
    double var_x = sums->xx - sums->x * sums->x / n;
    double slope = cov_xy / var_x;
    return (struct line){slope, sums->y / n - slope * sums->x / n};
}

static bool line_is_flat(const double *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (values[i] != values[0])
            return false;
    }
    return true;
}

static struct line line_flat(double value)
{
    if (isinf(value))
        return (struct line){value_nan(), value_nan()};
    return (struct line){0, value};
}

static struct line line_through(const struct window_call *call, const struct span *span,
                                int64_t zero_ms)
{
    const double *values = call->values + span->lo;
    const int64_t *times_ms = call->times_ms + span->lo;
    size_t count = span->hi - span->lo;
    if (line_is_flat(values, count))
        return line_flat(values[0]);

    struct kahan sum_x = {0};
    struct kahan sum_y = {0};
    struct kahan sum_xy = {0};
    struct kahan sum_xx = {0};
    for (size_t i = 0; i < count; i++) {
        double x = (double)(times_ms[i] - zero_ms) / 1e3;
        kahan_add(&sum_x, x);
        kahan_add(&sum_y, values[i]);
        kahan_add(&sum_xy, x * values[i]);
        kahan_add(&sum_xx, x * x);
    }
    struct line_sums sums = {
        .count = (double)count,
        .x = sum_x.sum + sum_x.c,
        .y = sum_y.sum + sum_y.c,
        .xy = sum_xy.sum + sum_xy.c,
        .xx = sum_xx.sum + sum_xx.c,
    };
    return line_solve(&sums);
}

static double deriv_one(const struct window_call *call, const struct span *span)
{
    return line_through(call, span, call->times_ms[span->lo]).slope;
}

static int64_t predict_time(const struct window_call *call, const struct span *span)
{
    return call->eval_start_ms + span->step * call->eval_step_ms;
}

static double predict_linear_one(const struct window_call *call, const struct span *span)
{
    struct line line = line_through(call, span, predict_time(call, span));
    return line.slope * call->params[span->step] + line.intercept;
}

void deriv_window(const struct window_call *call)
{
    static const struct span_kernel kernel = {
        .sample_count_min = 2,
        .one_by_one = true,
        .one = deriv_one,
    };
    span_run(call, &kernel);
}

void predict_linear_window(const struct window_call *call)
{
    static const struct span_kernel kernel = {
        .sample_count_min = 2,
        .step_by_step = true,
        .one_by_one = true,
        .one = predict_linear_one,
    };
    span_run(call, &kernel);
}
