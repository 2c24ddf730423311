/*
 * irate and idelta of series with native histograms, or with start timestamps: instantValue of
 * promql/functions.go.
 */
#include "engine/fn/cursor.h"
#include "engine/fn/histogram_rate.h"
#include "engine/fn/kernels.h"
#include "engine/fn/start_time.h"
#include "model/sample.h"

/* One of the last two samples of a window. */
struct last_sample {
    int64_t time_ms;
    int64_t start_ms;
    double value;
    const struct histogram *histogram; /* NULL: it is a float */
};

static struct last_sample last_float(const struct window_call *call, size_t i)
{
    return (struct last_sample){
        .time_ms = call->times_ms[i],
        .start_ms = call->use_starts ? call->starts_ms[i] : 0,
        .value = call->values[i],
    };
}

static struct last_sample last_histogram(const struct window_call *call, size_t i)
{
    return (struct last_sample){
        .time_ms = call->histograms->times_ms[i],
        .start_ms = call->use_starts ? call->histograms->starts_ms[i] : 0,
        .histogram = call->histograms->items[i],
    };
}

/* The last two samples of a window, in their order. */
struct last_two {
    struct last_sample items[2];
    size_t count;
};

/* Where it belongs by time among those that are there; of equal times see promql/functions.go. */
static void last_two_add(struct last_two *two, struct last_sample sample)
{
    struct last_sample *items = two->items;
    if (two->count < 2) {
        bool first = two->count == 1 && sample.time_ms < items[0].time_ms;
        if (first)
            items[1] = items[0];
        items[first ? 0 : two->count] = sample;
        two->count++;
    } else if (sample.time_ms > items[1].time_ms) {
        items[0] = items[1];
        items[1] = sample;
    } else if (sample.time_ms >= items[0].time_ms) {
        items[0] = sample;
    }
}

static size_t last_two_begin(const struct cursor *cursor)
{
    return cursor_count(cursor) > 2 ? cursor->hi - 2 : cursor->lo;
}

static struct last_two last_two_of(const struct window_call *call, const struct pair_cursor *pair)
{
    struct last_two two = {.count = 0};
    for (size_t i = last_two_begin(&pair->floats); i < pair->floats.hi; i++)
        last_two_add(&two, last_float(call, i));
    for (size_t i = last_two_begin(&pair->histograms); i < pair->histograms.hi; i++)
        last_two_add(&two, last_histogram(call, i));
    return two;
}

static double change_of_floats(const struct last_sample *before, const struct last_sample *now,
                               bool per_second)
{
    bool reset = per_second &&
                 (now->value < before->value ||
                  start_is_reset(before->start_ms, before->time_ms, now->start_ms, now->time_ms));
    double change = reset ? now->value : now->value - before->value;
    return per_second ? change / ((double)(now->time_ms - before->time_ms) / 1000) : change;
}

static const struct histogram *change_of_histograms(const struct window_call *call,
                                                    const struct last_sample *before,
                                                    const struct last_sample *now, bool per_second)
{
    bool now_gauge = now->histogram->hint == HISTOGRAM_GAUGE;
    bool before_gauge = before->histogram->hint == HISTOGRAM_GAUGE;
    if (per_second && (now_gauge || before_gauge))
        call->finds->found |= FIND_NOT_COUNTER;
    if (!per_second && (!now_gauge || !before_gauge))
        call->finds->found |= FIND_NOT_GAUGE;

    bool reset = per_second &&
                 (start_is_reset(before->start_ms, before->time_ms, now->start_ms, now->time_ms) ||
                  histogram_is_reset(now->histogram, before->histogram));
    const struct histogram *change = now->histogram;
    if (!reset)
        change = found_subtract(call, now->histogram, before->histogram);
    if (!change)
        return NULL;
    struct histogram *compact = histogram_compact(per_second ? call->spare : call->arena, change);
    compact->hint = HISTOGRAM_GAUGE;
    if (!per_second)
        return compact;
    return histogram_divide(call->arena, compact, (double)(now->time_ms - before->time_ms) / 1000);
}

static void instant_change_any(const struct window_call *call, bool per_second)
{
    struct pair_cursor pair = pair_cursor_begin(call);
    const struct histogram *last_now = NULL, *last_before = NULL, *last_change = NULL;

    for (size_t i = 0; i < call->refs.count; i++) {
        pair_cursor_move(&pair, grid_time(&call->refs, i));
        call->out[i] = value_stale();
        if (cursor_count(&pair.floats) + cursor_count(&pair.histograms) < 2)
            continue;
        struct last_two two = last_two_of(call, &pair);
        struct last_sample before = two.items[0], now = two.items[1];
        if (now.time_ms == before.time_ms)
            continue;
        if (!now.histogram && !before.histogram) {
            call->out[i] = change_of_floats(&before, &now, per_second);
        } else if (!now.histogram || !before.histogram) {
            call->finds->found |= FIND_MIXED;
        } else {
            if (now.histogram != last_now || before.histogram != last_before) {
                last_change = change_of_histograms(call, &before, &now, per_second);
                last_now = now.histogram;
                last_before = before.histogram;
                arena_reset(call->spare);
            }
            call->histograms_out[i] = last_change;
        }
    }
}

void irate_any_window(const struct window_call *call)
{
    instant_change_any(call, true);
}

void idelta_any_window(const struct window_call *call)
{
    instant_change_any(call, false);
}
