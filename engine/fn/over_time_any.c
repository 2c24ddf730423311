/*
 * What follows from where a window begins and ends, for series that have native histograms, or
 * start timestamps: counts, the first and the last sample, and how often something happened between
 * neighbours. The latter are neighbours in time, whatever they are: both columns are taken as one
 * sequence, in which the window's first sample has as many before it as both columns together.
 */
#include <math.h>

#include "engine/fn/cursor.h"
#include "engine/fn/kernels.h"
#include "engine/fn/start_time.h"
#include "model/sample.h"

void count_any_window(const struct window_call *call)
{
    struct pair_cursor pair = pair_cursor_begin(call);
    for (size_t i = 0; i < call->refs.count; i++) {
        pair_cursor_move(&pair, grid_time(&call->refs, i));
        size_t count = cursor_count(&pair.floats) + cursor_count(&pair.histograms);
        call->out[i] = count > 0 ? (double)count : value_stale();
    }
}

void present_any_window(const struct window_call *call)
{
    struct pair_cursor pair = pair_cursor_begin(call);
    for (size_t i = 0; i < call->refs.count; i++) {
        pair_cursor_move(&pair, grid_time(&call->refs, i));
        size_t count = cursor_count(&pair.floats) + cursor_count(&pair.histograms);
        call->out[i] = count > 0 ? 1 : value_stale();
    }
}

/*
 * The first or last sample of a window: its index in the column of its kind. Of both kinds at one
 * time it is the histogram, on either side.
 */
struct edge_sample {
    bool there;
    bool is_histogram;
    size_t index;
    int64_t time_ms;
};

static struct edge_sample edge_sample(const struct window_call *call,
                                      const struct pair_cursor *pair, bool last)
{
    const struct cursor *floats = &pair->floats, *histograms = &pair->histograms;
    struct edge_sample edge = {0};
    if (cursor_count(floats) > 0) {
        edge.there = true;
        edge.index = last ? floats->hi - 1 : floats->lo;
        edge.time_ms = call->times_ms[edge.index];
    }
    if (cursor_count(histograms) > 0) {
        size_t index = last ? histograms->hi - 1 : histograms->lo;
        int64_t time_ms = call->histograms->times_ms[index];
        if (!edge.there || (last ? time_ms >= edge.time_ms : time_ms <= edge.time_ms))
            edge = (struct edge_sample){true, true, index, time_ms};
    }
    return edge;
}

static void edge_run(const struct window_call *call, bool last)
{
    struct pair_cursor pair = pair_cursor_begin(call);
    const struct histogram *copied = NULL, *copy = NULL;
    for (size_t i = 0; i < call->refs.count; i++) {
        pair_cursor_move(&pair, grid_time(&call->refs, i));
        struct edge_sample edge = edge_sample(call, &pair, last);
        call->out[i] = edge.there && !edge.is_histogram ? call->values[edge.index] : value_stale();
        if (!edge.is_histogram)
            continue;
        const struct histogram *h = call->histograms->items[edge.index];
        if (h != copied) {
            copied = h;
            copy = histogram_copy(call->arena, h);
        }
        call->histograms_out[i] = copy;
    }
}

static void edge_time_run(const struct window_call *call, bool last)
{
    struct pair_cursor pair = pair_cursor_begin(call);
    for (size_t i = 0; i < call->refs.count; i++) {
        pair_cursor_move(&pair, grid_time(&call->refs, i));
        struct edge_sample edge = edge_sample(call, &pair, last);
        /* Of the last one Prometheus says 0 if it came before 1970: see over_time_order.c. */
        int64_t time_ms = last && edge.time_ms < 0 ? 0 : edge.time_ms;
        call->out[i] = edge.there ? (double)time_ms / 1000 : value_stale();
    }
}

void first_any_window(const struct window_call *call)
{
    edge_run(call, false);
}

void last_any_window(const struct window_call *call)
{
    edge_run(call, true);
}

void first_time_any_window(const struct window_call *call)
{
    edge_time_run(call, false);
}

void last_time_any_window(const struct window_call *call)
{
    edge_time_run(call, true);
}

/* A sample of either column. */
struct any_sample {
    int64_t time_ms;
    int64_t start_ms;
    double value;
    const struct histogram *histogram; /* NULL: it is a float */
};

/* The next sample in time: of the floats from *f on, and the histograms from *h on. */
static struct any_sample any_sample_next(const struct window_call *call, size_t *f, size_t *h)
{
    const struct histogram_samples *histograms = call->histograms;
    size_t histogram_count = histograms ? histograms->count : 0;
    bool is_float = *h == histogram_count ||
                    (*f < call->sample_count && call->times_ms[*f] <= histograms->times_ms[*h]);
    struct any_sample sample = {0};
    if (is_float) {
        sample.time_ms = call->times_ms[*f];
        sample.start_ms = call->use_starts ? call->starts_ms[*f] : 0;
        sample.value = call->values[(*f)++];
    } else {
        sample.time_ms = histograms->times_ms[*h];
        sample.start_ms = call->use_starts ? histograms->starts_ms[*h] : 0;
        sample.histogram = histograms->items[(*h)++];
    }
    return sample;
}

typedef bool any_event(const struct any_sample *before, const struct any_sample *now);

static bool any_has_changed(const struct any_sample *before, const struct any_sample *now)
{
    if (!before->histogram != !now->histogram)
        return true;
    if (now->histogram)
        return !histogram_equal(now->histogram, before->histogram);
    return now->value != before->value && !(isnan(now->value) && isnan(before->value));
}

static bool any_was_reset(const struct any_sample *before, const struct any_sample *now)
{
    if (!before->histogram != !now->histogram)
        return true;
    if (start_is_reset(before->start_ms, before->time_ms, now->start_ms, now->time_ms))
        return true;
    return now->histogram ? histogram_is_reset(now->histogram, before->histogram)
                          : now->value < before->value;
}

/* counts[i]: how often it happened among the first i + 1 samples of both columns. */
static const uint32_t *any_count_events(const struct window_call *call, any_event *event)
{
    size_t total = call->sample_count + (call->histograms ? call->histograms->count : 0);
    uint32_t *counts = scratch_take(call->scratch, (total + 1) * sizeof *counts);
    struct any_sample before = {0};
    uint32_t count = 0;
    size_t f = 0, h = 0;
    for (size_t i = 0; i < total; i++) {
        struct any_sample now = any_sample_next(call, &f, &h);
        count += i > 0 && event(&before, &now);
        counts[i] = count;
        before = now;
    }
    return counts;
}

static void any_run_events(const struct window_call *call, any_event *event)
{
    const uint32_t *counts = any_count_events(call, event);
    struct pair_cursor pair = pair_cursor_begin(call);
    for (size_t i = 0; i < call->refs.count; i++) {
        pair_cursor_move(&pair, grid_time(&call->refs, i));
        size_t lo = pair.floats.lo + pair.histograms.lo;
        size_t hi = pair.floats.hi + pair.histograms.hi;
        call->out[i] = lo == hi ? value_stale() : (double)(counts[hi - 1] - counts[lo]);
    }
}

void changes_any_window(const struct window_call *call)
{
    any_run_events(call, any_has_changed);
}

void resets_any_window(const struct window_call *call)
{
    any_run_events(call, any_was_reset);
}

/*
 * Anchored: what happened since the window began, so that its last sample before that is one of the
 * neighbours, if it is not older than the lookback.
 */
static void anchored_run_events(const struct window_call *call, any_event *event)
{
    const uint32_t *counts = any_count_events(call, event);
    struct pair_cursor inner = pair_cursor_begin(call);
    struct window_call wide_call = *call;
    wide_call.range_ms += call->lookback_ms;
    struct pair_cursor wide = pair_cursor_begin(&wide_call);
    for (size_t i = 0; i < call->refs.count; i++) {
        int64_t ref_ms = grid_time(&call->refs, i);
        pair_cursor_move(&inner, ref_ms);
        pair_cursor_move(&wide, ref_ms);
        size_t wide_lo = wide.floats.lo + wide.histograms.lo;
        size_t lo = inner.floats.lo + inner.histograms.lo;
        size_t hi = inner.floats.hi + inner.histograms.hi;
        size_t from = lo > wide_lo ? lo - 1 : lo;
        call->out[i] = lo == hi ? value_stale() : (double)(counts[hi - 1] - counts[from]);
    }
}

void changes_anchored_window(const struct window_call *call)
{
    anchored_run_events(call, any_has_changed);
}

void resets_anchored_window(const struct window_call *call)
{
    anchored_run_events(call, any_was_reset);
}
