#include "engine/fn/test_naive.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "engine/fn/go_sort.h"
#include "engine/fn/window.h"
#include "model/sample.h"

static void naive_inc(double inc, double *sum, double *c)
{
    double t = *sum + inc;
    if (isinf(t))
        *c = 0;
    else if (fabs(*sum) >= fabs(inc))
        *c += (*sum - t) + inc;
    else
        *c += (inc - t) + *sum;
    *sum = t;
}

static double naive_extrapolated(const struct naive_window *w, bool counter, bool per_second)
{
    if (w->count < 2)
        return value_stale();
    size_t last = w->count - 1;
    double result = w->values[last] - w->values[0];
    for (size_t i = 1; counter && i < w->count; i++) {
        if (w->values[i] < w->values[i - 1])
            result += w->values[i - 1];
    }
    double to_start = (double)(w->times_ms[0] - w->start_ms) / 1000;
    double to_end = (double)(w->end_ms - w->times_ms[last]) / 1000;
    double sampled = (double)(w->times_ms[last] - w->times_ms[0]) / 1000;
    double average = sampled / (double)last;
    double threshold = average * 1.1;

    if (to_start >= threshold)
        to_start = average / 2;
    if (counter) {
        double to_zero = to_start;
        if (result > 0 && w->values[0] >= 0)
            to_zero = sampled * (w->values[0] / result);
        if (to_zero < to_start)
            to_start = to_zero;
    }
    if (to_end >= threshold)
        to_end = average / 2;
    double factor = (sampled + to_start + to_end) / sampled;
    int64_t range_ms = w->end_ms - w->start_ms;
    if (per_second) {
        int64_t whole_s = range_ms / 1000;
        int64_t rest_ns = range_ms % 1000 * 1000000;
        factor /= (double)whole_s + (double)rest_ns / 1e9;
    }
    return result * factor;
}

static double naive_instant(const struct naive_window *w, bool rate)
{
    if (w->count < 2)
        return value_stale();
    double before = w->values[w->count - 2];
    double now = w->values[w->count - 1];
    double result = now;
    if (!rate || !(now < before))
        result = now - before;
    if (rate)
        result /= (double)(w->times_ms[w->count - 1] - w->times_ms[w->count - 2]) / 1000;
    return result;
}

static double naive_sum(const struct naive_window *w)
{
    double sum = 0;
    double c = 0;
    for (size_t i = 0; i < w->count; i++)
        naive_inc(w->values[i], &sum, &c);
    return isinf(sum) ? sum : sum + c;
}

static double naive_avg(const struct naive_window *w)
{
    double sum = w->values[0];
    double c = 0;
    double mean = 0;
    double count = 1;
    bool incremental = false;
    for (size_t i = 1; i < w->count; i++) {
        count = (double)(i + 1);
        if (!incremental) {
            double new_sum = sum;
            double new_c = c;
            naive_inc(w->values[i], &new_sum, &new_c);
            if (!isinf(new_sum)) {
                sum = new_sum;
                c = new_c;
                continue;
            }
            incremental = true;
            mean = sum / (count - 1);
            c /= count - 1;
        }
        double q = (count - 1) / count;
        mean *= q;
        c *= q;
        naive_inc(w->values[i] / count, &mean, &c);
    }
    return incremental ? mean + c : sum / count + c / count;
}

static double naive_stdvar(const struct naive_window *w)
{
    double count = 0;
    double mean = 0;
    double mean_c = 0;
    double aux = 0;
    double aux_c = 0;
    for (size_t i = 0; i < w->count; i++) {
        count++;
        double delta = w->values[i] - (mean + mean_c);
        naive_inc(delta / count, &mean, &mean_c);
        naive_inc(delta * (w->values[i] - (mean + mean_c)), &aux, &aux_c);
    }
    return (aux + aux_c) / count;
}

/* The index of the extremum; `last`: of equal ones the last. */
static size_t naive_extremum(const struct naive_window *w, bool max, bool last)
{
    size_t best = 0;
    for (size_t i = 0; i < w->count; i++) {
        double now = w->values[i];
        double old = w->values[best];
        bool better = max ? now > old : now < old;
        if (better || (last && now == old) || isnan(old))
            best = i;
    }
    return best;
}

static double naive_events(const struct naive_window *w, bool resets)
{
    unsigned count = 0;
    for (size_t i = 1; i < w->count; i++) {
        double before = w->values[i - 1];
        double now = w->values[i];
        if (resets)
            count += now < before;
        else if (now != before && !(isnan(now) && isnan(before)))
            count++;
    }
    return count;
}

static void naive_regression(const struct naive_window *w, int64_t zero_ms, double *ret_slope,
                             double *ret_intercept)
{
    double x_sum = 0, x_c = 0, y_sum = 0, y_c = 0;
    double xy_sum = 0, xy_c = 0, xx_sum = 0, xx_c = 0;
    double n = 0;
    bool flat = true;
    for (size_t i = 0; i < w->count; i++) {
        double y = w->values[i];
        if (flat && i > 0 && y != w->values[0])
            flat = false;
        n++;
        double x = (double)(w->times_ms[i] - zero_ms) / 1e3;
        naive_inc(x, &x_sum, &x_c);
        naive_inc(y, &y_sum, &y_c);
        naive_inc(x * y, &xy_sum, &xy_c);
        naive_inc(x * x, &xx_sum, &xx_c);
    }
    if (flat) {
        bool infinite = isinf(w->values[0]);
        *ret_slope = infinite ? value_nan() : 0;
        *ret_intercept = infinite ? value_nan() : w->values[0];
        return;
    }
    x_sum += x_c;
    y_sum += y_c;
    xy_sum += xy_c;
    xx_sum += xx_c;
    double cov_xy = xy_sum - x_sum * y_sum / n;
    double var_x = xx_sum - x_sum * x_sum / n;
    *ret_slope = cov_xy / var_x;
    *ret_intercept = y_sum / n - *ret_slope * x_sum / n;
}

static double naive_line(const struct naive_window *w, bool predict)
{
    if (w->count < 2)
        return value_stale();
    double slope;
    double intercept;
    naive_regression(w, predict ? w->eval_ms : w->times_ms[0], &slope, &intercept);
    return predict ? slope * w->param + intercept : slope;
}

/* go_sort has tests of its own; which of two equal zeros comes first is its matter. */
static void naive_sort(double *values, size_t count)
{
    AUTO(free) void *memory = mem_new_array(struct go_item, count);
    struct go_item *items = memory;
    for (size_t i = 0; i < count; i++)
        items[i].value = values[i];
    go_sort(items, count, go_less_nan_first);
    for (size_t i = 0; i < count; i++)
        values[i] = items[i].value;
}

static double naive_quantile(double q, double *values, size_t count)
{
    if (isnan(q))
        return value_nan();
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    naive_sort(values, count);
    double n = (double)count;
    double rank = q * (n - 1);
    double lower = fmax(0, floor(rank));
    double upper = fmin(n - 1, lower + 1);
    double weight = rank - floor(rank);
    return values[(size_t)lower] * (1 - weight) + values[(size_t)upper] * weight;
}

static double naive_order_statistic(const struct naive_window *w, bool mad)
{
    AUTO(free) void *copy = mem_new_array(double, w->count);
    double *values = copy;
    for (size_t i = 0; i < w->count; i++) {
        values[i] = w->values[i];
        if (mad && isnan(values[i]))
            return value_nan();
    }
    if (!mad)
        return naive_quantile(w->param, values, w->count);
    double median = naive_quantile(0.5, values, w->count);
    for (size_t i = 0; i < w->count; i++)
        values[i] = fabs(values[i] - median);
    return naive_quantile(0.5, values, w->count);
}

static double naive_smoothing(const struct naive_window *w)
{
    if (w->count < 2)
        return value_stale();
    double s0 = 0, s1 = w->values[0], trend = w->values[1] - w->values[0];
    for (size_t i = 1; i < w->count; i++) {
        if (i > 1)
            trend = w->param2 * (s1 - s0) + (1 - w->param2) * trend;
        s0 = s1;
        s1 = w->param * w->values[i] + (1 - w->param) * (s1 + trend);
    }
    return s1;
}

/* Those that have a result for any window. */
static double naive_over_time(enum function_id id, const struct naive_window *w)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum"
    switch (id) {
    case FN_absent_over_time:
    case FN_present_over_time:
        return 1;
    case FN_avg_over_time:
        return naive_avg(w);
    case FN_changes:
        return naive_events(w, false);
    case FN_count_over_time:
        return (double)w->count;
    case FN_first_over_time:
        return w->values[0];
    case FN_last_over_time:
        return w->values[w->count - 1];
    case FN_mad_over_time:
        return naive_order_statistic(w, true);
    case FN_max_over_time:
        return w->values[naive_extremum(w, true, false)];
    case FN_min_over_time:
        return w->values[naive_extremum(w, false, false)];
    case FN_quantile_over_time:
        return naive_order_statistic(w, false);
    case FN_resets:
        return naive_events(w, true);
    case FN_stddev_over_time:
        return sqrt(naive_stdvar(w));
    case FN_stdvar_over_time:
        return naive_stdvar(w);
    case FN_sum_over_time:
        return naive_sum(w);
    case FN_ts_of_first_over_time:
        return (double)w->times_ms[0] / 1000;
    case FN_ts_of_last_over_time:
        return (double)w->times_ms[w->count - 1] / 1000;
    case FN_ts_of_max_over_time:
        return (double)w->times_ms[naive_extremum(w, true, true)] / 1000;
    case FN_ts_of_min_over_time:
        return (double)w->times_ms[naive_extremum(w, false, true)] / 1000;
    default:
        abort();
    }
#pragma GCC diagnostic pop
}

double naive_answer(enum function_id id, const struct naive_window *w)
{
    if (w->count == 0)
        return value_stale();
    if (id == FN_rate || id == FN_increase || id == FN_delta)
        return naive_extrapolated(w, id != FN_delta, id == FN_rate);
    if (id == FN_irate || id == FN_idelta)
        return naive_instant(w, id == FN_irate);
    if (id == FN_deriv || id == FN_predict_linear)
        return naive_line(w, id == FN_predict_linear);
    if (id == FN_double_exponential_smoothing)
        return naive_smoothing(w);
    return naive_over_time(id, w);
}
