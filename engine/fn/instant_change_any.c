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

/* The newest of the samples that end before the indexes, which it steps back over. */
static struct last_sample last_take(const struct window_call *call, const struct pair_cursor *pair,
                                    size_t *floats_end, size_t *histograms_end)
{
    bool has_float = *floats_end > pair->floats.lo;
    bool has_histogram = *histograms_end > pair->histograms.lo;
    bool histogram =
        has_histogram && (!has_float || call->histograms->times_ms[*histograms_end - 1] >
                                            call->times_ms[*floats_end - 1]);
    return histogram ? last_histogram(call, --*histograms_end) : last_float(call, --*floats_end);
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
        size_t floats_end = pair.floats.hi, histograms_end = pair.histograms.hi;
        struct last_sample now = last_take(call, &pair, &floats_end, &histograms_end);
        struct last_sample before = last_take(call, &pair, &floats_end, &histograms_end);
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
