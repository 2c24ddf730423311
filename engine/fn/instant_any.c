/* Instant selectors on series that have native histograms, or start timestamps. */
#include "engine/fn/cursor.h"
#include "engine/fn/kernels.h"
#include "model/sample.h"

enum newest { NEWEST_NONE, NEWEST_FLOAT, NEWEST_HISTOGRAM };

/* The newest sample of the window at hi - 1 of its kind; a stale marker is none. */
HOT_INLINE enum newest newest_sample(const struct window_call *call, const struct pair_cursor *pair,
                                     int64_t ref_ms)
{
    const struct histogram_samples *histograms = call->histograms;
    int64_t begin_ms = ms_sub(ref_ms, call->range_ms);
    size_t f = pair->floats.hi, h = pair->histograms.hi;
    bool float_seen = f > 0 && call->times_ms[f - 1] > begin_ms;
    bool histogram_seen = h > 0 && histograms->times_ms[h - 1] > begin_ms;
    if (histogram_seen && (!float_seen || histograms->times_ms[h - 1] > call->times_ms[f - 1]))
        return NEWEST_HISTOGRAM;
    return float_seen && !value_is_stale(call->values[f - 1]) ? NEWEST_FLOAT : NEWEST_NONE;
}

HOT_INLINE void pair_move_hi(struct pair_cursor *pair, int64_t ref_ms)
{
    cursor_move_hi(&pair->floats, ref_ms);
    cursor_move_hi(&pair->histograms, ref_ms);
}

/* The samples themselves go when the next series comes; a copy serves all steps that see one. */
void select_any_window(const struct window_call *call)
{
    struct pair_cursor pair = pair_cursor_begin(call);
    const struct histogram *copied = NULL, *copy = NULL;

    for (size_t i = 0; i < call->refs.count; i++) {
        int64_t ref_ms = grid_time(&call->refs, i);
        pair_move_hi(&pair, ref_ms);
        enum newest newest = newest_sample(call, &pair, ref_ms);
        call->out[i] = newest == NEWEST_FLOAT ? call->values[pair.floats.hi - 1] : value_stale();
        if (newest != NEWEST_HISTOGRAM)
            continue;
        const struct histogram *h = call->histograms->items[pair.histograms.hi - 1];
        if (h != copied) {
            copied = h;
            copy = histogram_copy(call->arena, h);
        }
        call->histograms_out[i] = copy;
    }
}

void select_time_any_window(const struct window_call *call)
{
    struct pair_cursor pair = pair_cursor_begin(call);

    for (size_t i = 0; i < call->refs.count; i++) {
        int64_t ref_ms = grid_time(&call->refs, i);
        pair_move_hi(&pair, ref_ms);
        enum newest newest = newest_sample(call, &pair, ref_ms);
        call->out[i] = value_stale();
        if (newest == NEWEST_FLOAT)
            call->out[i] = (double)call->times_ms[pair.floats.hi - 1] / 1000;
        else if (newest == NEWEST_HISTOGRAM)
            call->out[i] = (double)call->histograms->times_ms[pair.histograms.hi - 1] / 1000;
    }
}

void select_start_window(const struct window_call *call)
{
    struct pair_cursor pair = pair_cursor_begin(call);

    for (size_t i = 0; i < call->refs.count; i++) {
        int64_t ref_ms = grid_time(&call->refs, i);
        pair_move_hi(&pair, ref_ms);
        enum newest newest = newest_sample(call, &pair, ref_ms);
        call->out[i] = value_stale();
        if (!call->use_starts)
            continue;
        if (newest == NEWEST_FLOAT)
            call->out[i] = (double)call->starts_ms[pair.floats.hi - 1] / 1000;
        else if (newest == NEWEST_HISTOGRAM)
            call->out[i] = (double)call->histograms->starts_ms[pair.histograms.hi - 1] / 1000;
    }
}
