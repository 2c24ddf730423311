/*
 * rate, increase and delta of anchored and smoothed selectors: the value at the window's end less
 * that at its begin, and for counters what resets in between took away. Nothing is extrapolated.
 * extendedRate of promql/functions.go.
 */
#include "engine/fn/extended.h"
#include "engine/fn/extended_histogram.h"
#include "engine/fn/interpolate.h"
#include "engine/fn/kernels.h"
#include "engine/fn/pair_facts.h"
#include "model/duration.h"
#include "model/sample.h"

struct extended_rate {
    const struct window_call *call;
    bool counter;
    bool per_second;
    double range_seconds;
    struct extended_cursor floats;
    struct extended_cursor histograms;
    struct pair_facts float_facts;
    struct pair_facts histogram_facts;
};

static double value_between(const struct window_call *call, size_t before, int64_t at_ms,
                            bool counter)
{
    return interpolate(call->values[before], call->times_ms[before], call->values[before + 1],
                       call->times_ms[before + 1], at_ms, counter);
}

/* What resets between the window's begin, its inner samples [first, end) and its end took away. */
static double resets_taken(struct extended_rate *rate, double left, double right, size_t first,
                           size_t end)
{
    const double *values = rate->call->values;
    double taken = 0;
    double before = left;
    if (first < end) {
        if (values[first] < left)
            taken += left;
        size_t reset_count;
        const uint32_t *resets = pair_facts_resets(&rate->float_facts, first, end, &reset_count);
        for (size_t i = 0; i < reset_count; i++)
            taken += values[resets[i] - 1];
        before = values[end - 1];
    }
    if (right < before)
        taken += before;
    return taken;
}

static double extended_of_floats(struct extended_rate *rate, const struct extended_window *window)
{
    const struct window_call *call = rate->call;
    size_t first = window->first, last = window->last;
    bool counter = rate->counter;
    double left = call->values[first], right = call->values[last];
    if (window->smoothed && call->times_ms[first] < window->begin_ms)
        left = value_between(call, first, window->begin_ms, counter);
    if (window->smoothed && last > rate->floats.wide.lo && call->times_ms[last] > window->end_ms)
        right = value_between(call, last - 1, window->end_ms, counter);

    double change = right - left;
    if (counter) {
        if (call->times_ms[first] <= window->begin_ms)
            first++;
        size_t end = call->times_ms[last] >= window->end_ms ? last : last + 1;
        change += resets_taken(rate, left, right, first, end);
    }
    return rate->per_second ? change / rate->range_seconds : change;
}

static void extended_rate_step(struct extended_rate *rate, size_t step)
{
    const struct window_call *call = rate->call;
    int64_t ref_ms = grid_time(&call->refs, step);
    extended_cursor_move(&rate->floats, ref_ms);
    extended_cursor_move(&rate->histograms, ref_ms);
    bool floats = cursor_count(&rate->floats.wide) > 0;
    bool histograms = cursor_count(&rate->histograms.wide) > 0;
    struct extended_window window;
    call->out[step] = value_stale();
    if (floats && histograms) {
        call->finds->found |= FIND_MIXED;
    } else if (floats) {
        if (extended_window_at(&rate->floats, ref_ms, &window))
            call->out[step] = extended_of_floats(rate, &window);
    } else if (histograms && extended_window_at(&rate->histograms, ref_ms, &window)) {
        const struct extended_histograms of = {
            .call = call,
            .facts = &rate->histogram_facts,
            .window = window,
            .counter = rate->counter,
            .lo = rate->histograms.wide.lo,
        };
        call->histograms_out[step] =
            extended_of_histograms(&of, rate->per_second ? rate->range_seconds : 1);
        arena_reset(call->spare);
    }
}

static void extended_rate_run(const struct window_call *call, bool smoothed, bool counter,
                              bool per_second)
{
    const struct histogram_samples *histograms = call->histograms;
    size_t histogram_count = histograms ? histograms->count : 0;
    struct extended_rate rate = {
        .call = call,
        .counter = counter,
        .per_second = per_second,
        .range_seconds = duration_seconds(call->range_ms),
        .floats = extended_cursor_begin(call, call->times_ms, call->sample_count, smoothed),
        .histograms = extended_cursor_begin(call, histograms ? histograms->times_ms : NULL,
                                            histogram_count, smoothed),
    };
    size_t float_bytes = pair_facts_bytes(call->sample_count);
    char *memory = scratch_take(call->scratch, float_bytes + pair_facts_bytes(histogram_count));
    rate.float_facts = pair_facts_of_floats(call, memory);
    if (histogram_count > 0)
        rate.histogram_facts = pair_facts_of_histograms(call, counter, memory + float_bytes);
    for (size_t step = 0; step < call->refs.count; step++)
        extended_rate_step(&rate, step);
}

void rate_anchored_window(const struct window_call *call)
{
    extended_rate_run(call, false, true, true);
}

void increase_anchored_window(const struct window_call *call)
{
    extended_rate_run(call, false, true, false);
}

void delta_anchored_window(const struct window_call *call)
{
    extended_rate_run(call, false, false, false);
}

void rate_smoothed_window(const struct window_call *call)
{
    extended_rate_run(call, true, true, true);
}

void increase_smoothed_window(const struct window_call *call)
{
    extended_rate_run(call, true, true, false);
}

void delta_smoothed_window(const struct window_call *call)
{
    extended_rate_run(call, true, false, false);
}
