#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "engine/fn/window.h"

/*
 * The samples [lo, hi) of a window that moves forward over one series.
 *
 * Grids are regular and samples nearly so: an edge goes as far as it went the last time, and walks
 * on or back from there. Walking back costs no more than the way there, so all steps together cost
 * O(samples + steps).
 */
struct cursor {
    const int64_t *times_ms;
    size_t count;
    int64_t range_ms;
    size_t lo;
    size_t hi;
    size_t lo_stride;
    size_t hi_stride;
};

/* The first sample later than `bound_ms`, at `from` or behind it; *stride: how far it was before.
 */
HOT_INLINE size_t cursor_seek(const struct cursor *cursor, size_t from, size_t *stride,
                              int64_t bound_ms)
{
    const int64_t *times_ms = cursor->times_ms;
    size_t at = from + *stride;
    if (LIKELY(at - 1 < cursor->count - 1) && times_ms[at - 1] <= bound_ms &&
        times_ms[at] > bound_ms)
        return at;

    at = at < cursor->count ? at : cursor->count;
    while (at > from && times_ms[at - 1] > bound_ms)
        at--;
    while (at < cursor->count && times_ms[at] <= bound_ms)
        at++;
    *stride = at - from;
    return at;
}

HOT_INLINE void cursor_move_hi(struct cursor *cursor, int64_t ref_ms)
{
    cursor->hi = cursor_seek(cursor, cursor->hi, &cursor->hi_stride, ref_ms);
}

HOT_INLINE void cursor_move(struct cursor *cursor, int64_t ref_ms)
{
    cursor_move_hi(cursor, ref_ms);
    cursor->lo =
        cursor_seek(cursor, cursor->lo, &cursor->lo_stride, ms_sub(ref_ms, cursor->range_ms));
}

/* Stands at the window (ref - range, ref]. */
struct cursor cursor_over(const int64_t *times_ms, size_t count, int64_t ref_ms, int64_t range_ms);

/* Stands at the window of step 0. */
struct cursor cursor_begin(const struct window_call *call);

/*
 * Both kinds of samples in a window. At one time, as only the rows of a subquery can have them, the
 * float comes first; and where that is the end of the window, Prometheus has not come to the
 * histogram yet.
 */
struct pair_cursor {
    struct cursor floats;
    struct cursor histograms;
};

struct pair_cursor pair_cursor_begin(const struct window_call *call);

HOT_INLINE void pair_cursor_move(struct pair_cursor *pair, int64_t ref_ms)
{
    struct cursor *floats = &pair->floats, *histograms = &pair->histograms;
    cursor_move(floats, ref_ms);
    cursor_move(histograms, ref_ms);
    if (histograms->hi > histograms->lo && histograms->times_ms[histograms->hi - 1] == ref_ms &&
        floats->hi > floats->lo && floats->times_ms[floats->hi - 1] == ref_ms)
        histograms->hi--;
}

static inline size_t cursor_count(const struct cursor *cursor)
{
    return cursor->hi - cursor->lo;
}
