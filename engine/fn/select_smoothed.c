/*
 * Smoothed instant selectors: the sample at the time asked for, or what lies between its neighbours
 * within the lookback. Without a later one, the one before goes on. smoothSeries of
 * promql/engine.go.
 */
#include "engine/fn/cursor.h"
#include "engine/fn/interpolate.h"
#include "engine/fn/kernels.h"
#include "model/sample.h"

/* The samples of a window [lo, hi), of which `at` is the first that is not before the time. */
struct smoothed_at {
    size_t lo;
    size_t at;
    size_t hi;
};

static double smoothed_float(const struct window_call *call, const struct smoothed_at *w,
                             int64_t ref_ms)
{
    const int64_t *times_ms = call->times_ms;
    const double *values = call->values;
    if (w->at < w->hi && times_ms[w->at] == ref_ms)
        return values[w->at];
    if (w->at == w->lo)
        return value_stale();
    if (w->at == w->hi)
        return values[w->at - 1];
    return interpolate(values[w->at - 1], times_ms[w->at - 1], values[w->at], times_ms[w->at],
                       ref_ms, false);
}

static const struct histogram *smoothed_between(const struct window_call *call, size_t after,
                                                int64_t ref_ms)
{
    const struct histogram *first = call->histograms->items[after - 1];
    const struct histogram *second = call->histograms->items[after];
    if (histogram_is_custom(first) != histogram_is_custom(second)) {
        call->finds->found |= FIND_SCHEMAS;
        return NULL;
    }
    bool counter = first->hint != HISTOGRAM_GAUGE || second->hint != HISTOGRAM_GAUGE;
    const struct histogram *h = interpolate_histograms(call, after - 1, ref_ms, counter);
    const struct histogram *copy = h ? histogram_copy(call->arena, h) : NULL;
    arena_reset(call->spare);
    return copy;
}

static const struct histogram *smoothed_histogram(const struct window_call *call,
                                                  const struct smoothed_at *w, int64_t ref_ms)
{
    const struct histogram_samples *samples = call->histograms;
    if (w->at < w->hi && samples->times_ms[w->at] == ref_ms)
        return histogram_copy(call->arena, samples->items[w->at]);
    if (w->at == w->lo)
        return NULL;
    if (w->at < w->hi)
        return smoothed_between(call, w->at, ref_ms);
    /* The hint speaks of a sample and the one before: not of a value that goes on. */
    struct histogram *copy = histogram_copy(call->arena, samples->items[w->at - 1]);
    copy->hint = HISTOGRAM_UNKNOWN;
    return copy;
}

/* Of the column whose window `wide` holds, and whose samples before the time are below `before`. */
static struct smoothed_at smoothed_at(const struct cursor *wide, const struct cursor *before)
{
    size_t at = before->hi < wide->hi ? before->hi : wide->hi;
    return (struct smoothed_at){wide->lo, at > wide->lo ? at : wide->lo, wide->hi};
}

void select_smoothed_window(const struct window_call *call)
{
    int64_t ahead_ms = call->lookback_ms;
    struct window_call wide_call = *call;
    wide_call.refs.start_ms = ms_add(call->refs.start_ms, ahead_ms);
    wide_call.range_ms = call->range_ms + ahead_ms;
    struct window_call before_call = *call;
    before_call.refs.start_ms = ms_sub(call->refs.start_ms, 1);
    struct pair_cursor wide = pair_cursor_begin(&wide_call);
    struct pair_cursor before = pair_cursor_begin(&before_call);

    for (size_t i = 0; i < call->refs.count; i++) {
        int64_t ref_ms = grid_time(&call->refs, i);
        pair_cursor_move(&wide, ms_add(ref_ms, ahead_ms));
        pair_cursor_move(&before, ms_sub(ref_ms, 1));
        bool floats = cursor_count(&wide.floats) > 0;
        bool histograms = cursor_count(&wide.histograms) > 0;
        call->out[i] = value_stale();
        if (floats && histograms) {
            call->finds->found |= FIND_MIXED;
        } else if (floats) {
            struct smoothed_at at = smoothed_at(&wide.floats, &before.floats);
            call->out[i] = smoothed_float(call, &at, ref_ms);
        } else if (histograms) {
            struct smoothed_at at = smoothed_at(&wide.histograms, &before.histograms);
            call->histograms_out[i] = smoothed_histogram(call, &at, ref_ms);
        }
    }
}
