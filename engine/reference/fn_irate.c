/* irate and idelta: of the last two samples of a window, whatever they are. */
#include "engine/fn/grid.h"
#include "engine/reference/fn_rate.h"

/*
 * The last two points of the window by time; it has at least two. With a float and a histogram at
 * one time it matters in which order they are put together: the last two floats, and then each of
 * the last two histograms where it belongs.
 */
static void irate_last_two(const struct ref_window *window, struct reference_point ret_points[2])
{
    size_t count = 0;
    for (size_t i = window->float_count > 2 ? window->float_count - 2 : 0; i < window->float_count;
         i++)
        ret_points[count++] = window->floats[i];
    for (size_t i = window->histogram_count > 2 ? window->histogram_count - 2 : 0;
         i < window->histogram_count; i++) {
        const struct reference_point *h = &window->histograms[i];
        if (count == 1 && h->time_ms < ret_points[0].time_ms) {
            ret_points[1] = ret_points[0];
            ret_points[0] = *h;
            count++;
        } else if (count < 2) {
            ret_points[count++] = *h;
        } else if (h->time_ms > ret_points[1].time_ms) {
            ret_points[0] = ret_points[1];
            ret_points[1] = *h;
        } else if (h->time_ms >= ret_points[0].time_ms) {
            ret_points[0] = *h;
        }
    }
}

static void irate_float(const struct rate *rate, const struct reference_point points[2])
{
    double result = points[1].value;
    bool anew = points[1].value < points[0].value || rate_starts_anew(&points[0], &points[1]);
    if (!rate->counter || !anew)
        result = points[1].value - points[0].value;
    if (rate->per_second)
        result /= (double)ms_sub(points[1].time_ms, points[0].time_ms) / 1000;
    ref_call_value(rate->call, result);
}

static void irate_note_hints(const struct rate *rate, const struct histogram *before,
                             const struct histogram *last)
{
    bool any_gauge = before->hint == HISTOGRAM_GAUGE || last->hint == HISTOGRAM_GAUGE;
    bool all_gauges = before->hint == HISTOGRAM_GAUGE && last->hint == HISTOGRAM_GAUGE;
    if (rate->counter && any_gauge)
        note_not_counter(rate->call->notes, rate->begin, rate->metric);
    if (!rate->counter && !all_gauges)
        note_not_gauge(rate->call->notes, rate->begin, rate->metric);
}

static void irate_histogram(const struct rate *rate, const struct reference_point points[2])
{
    struct arena *scratch = rate->call->scratch;
    const struct histogram *before = points[0].histogram;
    const struct histogram *last = points[1].histogram;
    const struct histogram *grown = last;
    irate_note_hints(rate, before, last);
    bool anew = rate_starts_anew(&points[0], &points[1]) || histogram_is_reset(last, before);
    if (!rate->counter || !anew)
        grown = rate_histogram_subtract(rate, scratch, last, before);
    if (!grown)
        return;

    struct histogram *result = histogram_compact(scratch, grown);
    result->hint = HISTOGRAM_GAUGE;
    if (rate->per_second) {
        double seconds = (double)ms_sub(points[1].time_ms, points[0].time_ms) / 1000;
        result = histogram_divide(scratch, result, seconds);
    }
    ref_call_histogram(rate->call, result);
}

static bool irate_call(struct ref_call *call, bool counter, bool per_second)
{
    struct rate rate = {
        .call = call,
        .window = call->window,
        .metric = fn_window_metric(call),
        .begin = ref_call_begin(call, 0),
        .counter = counter,
        .per_second = per_second,
    };
    struct reference_point points[2] = {0};
    if (rate.window->float_count + rate.window->histogram_count < 2)
        return true;
    irate_last_two(rate.window, points);
    if (points[0].time_ms == points[1].time_ms)
        return true;
    if (!points[0].histogram != !points[1].histogram)
        note_mixed(call->notes, rate.begin, rate.metric);
    else if (points[0].histogram)
        irate_histogram(&rate, points);
    else
        irate_float(&rate, points);
    return true;
}

bool fn_irate(struct ref_call *call, struct err *err)
{
    return irate_call(call, true, true);
}

bool fn_idelta(struct ref_call *call, struct err *err)
{
    return irate_call(call, false, false);
}
