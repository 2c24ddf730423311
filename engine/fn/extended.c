#include "engine/fn/extended.h"

struct extended_cursor extended_cursor_begin(const struct window_call *call,
                                             const int64_t *times_ms, size_t count, bool smoothed)
{
    int64_t ref_ms = call->refs.start_ms;
    int64_t ahead_ms = smoothed ? call->lookback_ms : 0;
    int64_t begin_ms = ms_sub(ref_ms, call->range_ms);
    int64_t wide_ms = call->range_ms + call->lookback_ms + ahead_ms;
    return (struct extended_cursor){
        .wide = cursor_over(times_ms, count, ms_add(ref_ms, ahead_ms), wide_ms),
        .inner = cursor_over(times_ms, count, begin_ms, 0),
        .ended = cursor_over(times_ms, count, ms_sub(ref_ms, 1), 0),
        .range_ms = call->range_ms,
        .ahead_ms = ahead_ms,
    };
}

void extended_cursor_move(struct extended_cursor *cursor, int64_t ref_ms)
{
    cursor_move(&cursor->wide, ms_add(ref_ms, cursor->ahead_ms));
    cursor_move_hi(&cursor->inner, ms_sub(ref_ms, cursor->range_ms));
    cursor_move_hi(&cursor->ended, ms_sub(ref_ms, 1));
}

bool extended_window_at(const struct extended_cursor *cursor, int64_t ref_ms,
                        struct extended_window *ret_window)
{
    size_t lo = cursor->wide.lo, last = cursor->wide.hi - 1;
    struct extended_window window = {
        .begin_ms = ms_sub(ref_ms, cursor->range_ms),
        .end_ms = ref_ms,
        .smoothed = cursor->ahead_ms > 0,
    };
    size_t behind_begin = cursor->inner.hi < last ? cursor->inner.hi : last;
    window.first = behind_begin > lo ? behind_begin - 1 : lo;
    window.last = window.smoothed && cursor->ended.hi < last ? cursor->ended.hi : last;
    if (window.last < lo)
        window.last = lo;

    const int64_t *times_ms = cursor->wide.times_ms;
    if (times_ms[window.last] <= window.begin_ms)
        return false;
    if (window.smoothed && times_ms[window.first] > window.end_ms)
        return false;
    *ret_window = window;
    return true;
}
