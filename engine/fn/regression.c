/*
 * deriv and predict_linear: the line of least squares through a window, from four Kahan sums, as
 * linearRegression in promql/functions.go. Times count from the window's first sample (deriv) or
 * from the query time (predict_linear), so that no sum serves two windows; they are computed side
 * by side.
 */

#include <math.h>
#include <stdbool.h>

#include "base/kahan.h"
#include "engine/fn/kernels.h"
#include "engine/fn/lanes.h"
#include "model/sample.h"

/* Up to here all differences of times are exact as doubles, and no sum can overflow. */
#define LINE_TIME_MAX (INT64_C(1) << 52)
#define LINE_MAGNITUDE_MAX 1e150

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

struct line_state {
    double zero_ms[LANES];
    double first[LANES];
    double unlike_first[LANES]; /* 0 while all samples are equal */
    struct lanes_kahan x;
    struct lanes_kahan y;
    struct lanes_kahan xy;
    struct lanes_kahan xx;
};

HOT_INLINE void line_step(void *state, const struct window_call *call, size_t j,
                          const double *active)
{
    struct line_state *s = state;
    double time_ms = (double)call->times_ms[j];
    double y = call->values[j];

    KEEP_LOOP for (size_t l = 0; l < LANES; l++)
    {
        double x = (time_ms - s->zero_ms[l]) / 1e3;
        s->unlike_first[l] += active[l] * fabs(y - s->first[l]);
        lanes_kahan_add(&s->x, l, active[l] * x);
        lanes_kahan_add(&s->y, l, active[l] * y);
        lanes_kahan_add(&s->xy, l, active[l] * (x * y));
        lanes_kahan_add(&s->xx, l, active[l] * (x * x));
    }
}

KERNEL_CLONES static void line_through_lanes(const struct window_call *call,
                                             const struct span *spans, const int64_t *zeros_ms,
                                             struct line *ret)
{
    struct line_state s = {0};
    for (size_t l = 0; l < LANES; l++) {
        s.zero_ms[l] = (double)zeros_ms[l];
        s.first[l] = call->values[spans[l].lo];
    }
    lanes_walk(call, spans, line_step, &s);

    for (size_t l = 0; l < LANES; l++) {
        struct line_sums sums = {
            .count = spans[l].hi - spans[l].lo,
            .x = s.x.sum[l] + s.x.c[l],
            .y = s.y.sum[l] + s.y.c[l],
            .xy = s.xy.sum[l] + s.xy.c[l],
            .xx = s.xx.sum[l] + s.xx.c[l],
        };
        ret[l] = s.unlike_first[l] == 0 ? line_flat(s.first[l]) : line_solve(&sums);
    }
}

static int64_t deriv_zero_ms(const struct window_call *call, const struct span *span)
{
    return call->times_ms[span->lo];
}

static double deriv_one(const struct window_call *call, const struct span *span)
{
    return line_through(call, span, deriv_zero_ms(call, span)).slope;
}

static void deriv_lanes(const struct window_call *call, const struct span *spans, double *ret)
{
    int64_t zeros_ms[LANES];
    struct line lines[LANES];
    for (size_t l = 0; l < LANES; l++)
        zeros_ms[l] = deriv_zero_ms(call, &spans[l]);
    line_through_lanes(call, spans, zeros_ms, lines);
    for (size_t l = 0; l < LANES; l++)
        ret[l] = lines[l].slope;
}

static int64_t predict_zero_ms(const struct window_call *call, const struct span *span)
{
    return call->eval_start_ms + span->step * call->eval_step_ms;
}

static double predict_at(const struct window_call *call, const struct span *span,
                         const struct line *line)
{
    return line->slope * call->params[0][span->step] + line->intercept;
}

static double predict_linear_one(const struct window_call *call, const struct span *span)
{
    struct line line = line_through(call, span, predict_zero_ms(call, span));
    return predict_at(call, span, &line);
}

static void predict_linear_lanes(const struct window_call *call, const struct span *spans,
                                 double *ret)
{
    int64_t zeros_ms[LANES];
    struct line lines[LANES];
    for (size_t l = 0; l < LANES; l++)
        zeros_ms[l] = predict_zero_ms(call, &spans[l]);
    line_through_lanes(call, spans, zeros_ms, lines);
    for (size_t l = 0; l < LANES; l++)
        ret[l] = predict_at(call, &spans[l], &lines[l]);
}

static bool line_time_fits(int64_t time_ms)
{
    return time_ms > -LINE_TIME_MAX && time_ms < LINE_TIME_MAX;
}

static void line_run(const struct window_call *call, const struct span_kernel *finite)
{
    struct span_kernel kernel = *finite;
    int64_t eval_end_ms =
        call->eval_start_ms + (int64_t)(call->refs.count - 1) * call->eval_step_ms;
    bool times_fit = call->sample_count > 0 && line_time_fits(call->times_ms[0]) &&
                     line_time_fits(call->times_ms[call->sample_count - 1]) &&
                     line_time_fits(call->eval_start_ms) && line_time_fits(eval_end_ms);
    kernel.one_by_one = !times_fit || !(span_magnitude(call) <= LINE_MAGNITUDE_MAX);
    span_run(call, &kernel);
}

void deriv_window(const struct window_call *call)
{
    static const struct span_kernel kernel = {
        .sample_count_min = 2,
        .one = deriv_one,
        .lanes = deriv_lanes,
    };
    line_run(call, &kernel);
}

void predict_linear_window(const struct window_call *call)
{
    static const struct span_kernel kernel = {
        .sample_count_min = 2,
        .step_by_step = true,
        .one = predict_linear_one,
        .lanes = predict_linear_lanes,
    };
    line_run(call, &kernel);
}
