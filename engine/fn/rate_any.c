/*
 * rate, increase and delta of series with native histograms, or with start timestamps:
 * extrapolatedRate of promql/functions.go, every operation in its order. What is costly to find
 * out, where a counter starts anew, is found once for all windows.
 *
 * A start timestamp in the window says when the counter was 0: then nothing is extrapolated to the
 * left, and one sample is enough.
 */
#include <assert.h>

#include "engine/fn/cursor.h"
#include "engine/fn/histogram_rate.h"
#include "engine/fn/kernels.h"
#include "model/duration.h"
#include "model/sample.h"

struct rate_any {
    const struct window_call *call;
    bool counter;
    bool per_second;
    double range_seconds;
    struct pair_cursor pair;
    struct pair_facts floats;
    struct pair_facts histograms;
};

/* The samples of a window of either kind: their times, and what extrapolation asks of them. */
struct rate_samples {
    const int64_t *times_ms;
    size_t lo;
    size_t hi;
    int64_t start_ms; /* of the first sample, if it lies in the window: the counter was 0 */
    double first;     /* the first one's value, or count */
    double change;    /* the same of the result so far */
};

static int64_t usable_start(const struct rate_any *rate, const int64_t *starts_ms,
                            const struct cursor *window, int64_t ref_ms)
{
    if (!rate->call->use_starts || !rate->counter)
        return 0;
    int64_t start_ms = starts_ms[window->lo];
    bool inside =
        start_ms > ms_sub(ref_ms, window->range_ms) && start_ms < window->times_ms[window->lo];
    return inside ? start_ms : 0;
}

/* A counter is never extrapolated to before the time it would have been 0. */
static double to_start_limited(const struct rate_any *rate, const struct rate_samples *samples,
                               double sampled, double to_start)
{
    if (!rate->counter || !(samples->change > 0) || !(samples->first >= 0))
        return to_start;
    double to_zero = sampled * (samples->first / samples->change);
    return to_zero < to_start ? to_zero : to_start;
}

static double rate_any_factor(const struct rate_any *rate, const struct rate_samples *samples,
                              int64_t ref_ms)
{
    int64_t first_ms = samples->times_ms[samples->lo];
    int64_t last_ms = samples->times_ms[samples->hi - 1];
    double to_start = (double)(first_ms - ms_sub(ref_ms, rate->call->range_ms)) / 1000;
    double to_end = (double)(ref_ms - last_ms) / 1000;
    double sampled = (double)(last_ms - first_ms) / 1000;
    size_t gaps = samples->hi - samples->lo - 1;
    double average = gaps > 0 ? sampled / (double)gaps : 0;
    double threshold = average * 1.1;

    if (samples->start_ms != 0) {
        to_start = 0;
        sampled = (double)(last_ms - samples->start_ms) / 1000;
    } else {
        if (to_start >= threshold)
            to_start = average / 2;
        to_start = to_start_limited(rate, samples, sampled, to_start);
    }
    if (to_end >= threshold)
        to_end = average / 2;
    double factor = sampled != 0 ? (sampled + to_start + to_end) / sampled : 1;
    return rate->per_second ? factor / rate->range_seconds : factor;
}

static double rate_of_floats(struct rate_any *rate, int64_t ref_ms)
{
    const struct window_call *call = rate->call;
    const struct cursor *window = &rate->pair.floats;
    struct rate_samples samples = {
        .times_ms = window->times_ms,
        .lo = window->lo,
        .hi = window->hi,
        .start_ms = usable_start(rate, call->starts_ms, window, ref_ms),
        .first = call->values[window->lo],
    };
    samples.change = call->values[window->hi - 1] - samples.first;
    if (rate->counter) {
        size_t reset_count;
        const uint32_t *resets =
            pair_facts_resets(&rate->floats, window->lo, window->hi, &reset_count);
        for (size_t i = 0; i < reset_count; i++)
            samples.change += call->values[resets[i] - 1];
        if (pair_facts_overlap(&rate->floats, window->lo, window->hi))
            call->finds->overlaps++;
    }
    if (samples.start_ms != 0)
        samples.change += samples.first;
    else if (cursor_count(window) < 2)
        return value_stale();
    return samples.change * rate_any_factor(rate, &samples, ref_ms);
}

static const struct histogram *rate_of_histograms(struct rate_any *rate, int64_t ref_ms)
{
    const struct window_call *call = rate->call;
    const struct cursor *window = &rate->pair.histograms;
    assert(call->histograms);
    const struct histogram *first = call->histograms->items[window->lo];
    struct rate_samples samples = {
        .times_ms = window->times_ms,
        .lo = window->lo,
        .hi = window->hi,
        .start_ms = usable_start(rate, call->histograms->starts_ms, window, ref_ms),
        .first = first->count,
    };
    if (cursor_count(window) < 2) {
        if (samples.start_ms == 0)
            return NULL;
        samples.change = first->count;
        return histogram_multiply(call->arena, first, rate_any_factor(rate, &samples, ref_ms));
    }
    struct histogram_change change;
    if (!histogram_change_find(call, &rate->histograms, window->lo, window->hi, rate->counter,
                               &change) ||
        (samples.start_ms != 0 && !histogram_change_add(call, &change, first)))
        return NULL;
    samples.change = change.count;
    return histogram_change_times(call, &change, rate_any_factor(rate, &samples, ref_ms));
}

static void rate_any_step(struct rate_any *rate, size_t step)
{
    const struct window_call *call = rate->call;
    int64_t ref_ms = grid_time(&call->refs, step);
    pair_cursor_move(&rate->pair, ref_ms);
    bool floats = cursor_count(&rate->pair.floats) > 0;
    bool histograms = cursor_count(&rate->pair.histograms) > 0;
    call->out[step] = value_stale();
    if (floats && histograms) {
        call->finds->found |= FIND_MIXED;
    } else if (floats) {
        call->out[step] = rate_of_floats(rate, ref_ms);
    } else if (histograms) {
        call->histograms_out[step] = rate_of_histograms(rate, ref_ms);
        arena_reset(call->spare);
    }
}

static void rate_any_run(const struct window_call *call, bool counter, bool per_second)
{
    struct rate_any rate = {
        .call = call,
        .counter = counter,
        .per_second = per_second,
        .range_seconds = duration_seconds(call->range_ms),
        .pair = pair_cursor_begin(call),
    };
    size_t histogram_count = call->histograms ? call->histograms->count : 0;
    size_t float_bytes = pair_facts_bytes(call->sample_count);
    char *memory = scratch_take(call->scratch, float_bytes + pair_facts_bytes(histogram_count));
    if (counter)
        rate.floats = pair_facts_of_floats(call, memory);
    if (histogram_count > 0)
        rate.histograms = pair_facts_of_histograms(call, counter, memory + float_bytes);
    for (size_t step = 0; step < call->refs.count; step++)
        rate_any_step(&rate, step);
}

void rate_any_window(const struct window_call *call)
{
    rate_any_run(call, true, true);
}

void increase_any_window(const struct window_call *call)
{
    rate_any_run(call, true, false);
}

void delta_any_window(const struct window_call *call)
{
    rate_any_run(call, false, false);
}
