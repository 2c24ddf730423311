/* rate, increase and delta with the plain selector: extrapolated to the whole range. */
#include "engine/reference/fn_rate.h"

#include "engine/fn/grid.h"
#include "model/duration.h"

bool rate_starts_anew(const struct reference_point *before, const struct reference_point *point)
{
    int64_t start_ms = point->start_ms;
    if (start_ms == 0 || start_ms >= point->time_ms)
        return false;
    if (start_ms != before->time_ms)
        return start_ms > before->time_ms;
    /* A delta, or a cumulative series whose start is not known: its first point starts at itself.
     */
    return before->start_ms != 0 && before->start_ms < before->time_ms;
}

bool rate_starts_overlap(const struct reference_point *before, const struct reference_point *point)
{
    return point->start_ms != 0 && point->start_ms < before->time_ms &&
           point->start_ms != before->start_ms;
}

static double rate_float_increase(const struct rate *rate)
{
    const struct reference_point *points = rate->window->floats;
    size_t count = rate->window->float_count;
    double increase = points[count - 1].value - points[0].value;
    if (!rate->counter)
        return increase;

    bool overlap = false;
    for (size_t i = 1; i < count; i++) {
        const struct reference_point *before = &points[i - 1];
        if (!overlap && rate_starts_overlap(before, &points[i])) {
            note_start_overlap(rate->call->notes, rate->begin, rate->metric, 1);
            overlap = true;
        }
        if (points[i].value < before->value || rate_starts_anew(before, &points[i]))
            increase += before->value;
    }
    return increase;
}

/* Did the counter begin at a known time within the range? Then it was 0 at that time. */
static bool rate_begins_inside(const struct rate *rate, const struct reference_point *first)
{
    return rate->counter && first->start_ms != 0 && first->start_ms > rate->window->begin_ms &&
           first->start_ms < first->time_ms;
}

/* `first`: the value of the first point. The increase is of what the points span. */
static double rate_factor(const struct rate *rate, const struct reference_point *points,
                          size_t count, double first, double increase)
{
    int64_t first_ms = points[0].time_ms;
    int64_t last_ms = points[count - 1].time_ms;
    double to_start = (double)ms_sub(first_ms, rate->window->begin_ms) / 1000;
    double to_end = (double)ms_sub(rate->window->end_ms, last_ms) / 1000;
    double sampled = (double)ms_sub(last_ms, first_ms) / 1000;
    double average = count > 1 ? sampled / (double)(count - 1) : 0;
    double threshold = average * 1.1;

    if (rate_begins_inside(rate, &points[0])) {
        to_start = 0;
        sampled = (double)ms_sub(last_ms, points[0].start_ms) / 1000;
    } else {
        if (to_start >= threshold)
            to_start = average / 2;
        if (rate->counter && increase > 0 && first >= 0) {
            double to_zero = sampled * (first / increase);
            if (to_zero < to_start)
                to_start = to_zero;
        }
    }
    if (to_end >= threshold)
        to_end = average / 2;

    double factor = 1;
    if (sampled != 0)
        factor = (sampled + to_start + to_end) / sampled;
    if (rate->per_second)
        factor /= duration_seconds(rate->window->range_ms);
    return factor;
}

static void rate_float(const struct rate *rate)
{
    const struct reference_point *points = rate->window->floats;
    size_t count = rate->window->float_count;
    double increase = rate_float_increase(rate);
    bool begins_inside = rate_begins_inside(rate, &points[0]);
    if (count == 1 && !begins_inside)
        return;

    double factor = rate_factor(rate, points, count, points[0].value, increase);
    if (begins_inside)
        increase += points[0].value;
    ref_call_value(rate->call, increase * factor);
}

static void rate_histogram(const struct rate *rate)
{
    const struct reference_point *points = rate->window->histograms;
    size_t count = rate->window->histogram_count;
    struct arena *scratch = rate->call->scratch;
    const struct histogram *first = points[0].histogram;
    const struct histogram *increase = NULL;
    if (count > 1) {
        increase = rate_histogram_increase(rate, scratch);
        if (!increase)
            return;
    }
    bool begins_inside = rate_begins_inside(rate, &points[0]);
    if (count == 1 && !begins_inside)
        return;

    double factor = rate_factor(rate, points, count, first->count, increase ? increase->count : 0);
    if (begins_inside)
        increase = increase ? rate_histogram_add(rate, scratch, increase, first) : first;
    if (increase)
        ref_call_histogram(rate->call, histogram_multiply(scratch, increase, factor));
}

static bool rate_call(struct ref_call *call, bool counter, bool per_second)
{
    struct rate rate = {
        .call = call,
        .window = call->window,
        .metric = fn_window_metric(call),
        .begin = ref_call_begin(call, 0),
        .counter = counter,
        .per_second = per_second,
    };
    bool extended = rate.window->anchored || rate.window->smoothed;
    if (fn_is_mixed(call))
        return true;
    if (rate.window->histogram_count > 0)
        (extended ? rate_extended_histogram : rate_histogram)(&rate);
    else if (rate.window->float_count > 0)
        (extended ? rate_extended : rate_float)(&rate);
    return true;
}

bool fn_rate(struct ref_call *call, struct err *err)
{
    return rate_call(call, true, true);
}

bool fn_increase(struct ref_call *call, struct err *err)
{
    return rate_call(call, true, false);
}

bool fn_delta(struct ref_call *call, struct err *err)
{
    return rate_call(call, false, false);
}
