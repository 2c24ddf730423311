/* What looks at the newest samples of a window: instant selectors, irate, idelta. Floats only. */
#include <stdbool.h>

#include "engine/fn/cursor.h"
#include "engine/fn/kernels.h"
#include "model/sample.h"

void select_window(const struct window_call *call)
{
    struct cursor cursor = cursor_begin(call);

    for (size_t i = 0; i < call->refs.count; i++) {
        int64_t ref_ms = grid_time(&call->refs, i);
        cursor_move_hi(&cursor, ref_ms);

        size_t hi = cursor.hi;
        bool seen = hi > 0 && call->times_ms[hi - 1] > ms_sub(ref_ms, call->range_ms);
        /* A stale marker says "nothing here" in the row as it does in the series. */
        call->out[i] = seen ? call->values[hi - 1] : value_stale();
    }
}

void select_time_window(const struct window_call *call)
{
    struct cursor cursor = cursor_begin(call);

    for (size_t i = 0; i < call->refs.count; i++) {
        int64_t ref_ms = grid_time(&call->refs, i);
        cursor_move_hi(&cursor, ref_ms);

        size_t hi = cursor.hi;
        bool seen = hi > 0 && call->times_ms[hi - 1] > ms_sub(ref_ms, call->range_ms) &&
                    !value_is_stale(call->values[hi - 1]);
        call->out[i] = seen ? (double)call->times_ms[hi - 1] / 1000 : value_stale();
    }
}

/* The last two samples of each window. A counter that fell has started again from 0. */
HOT_INLINE void instant_change(const struct window_call *call, bool per_second)
{
    struct cursor cursor = cursor_begin(call);

    for (size_t i = 0; i < call->refs.count; i++) {
        cursor_move(&cursor, grid_time(&call->refs, i));

        if (cursor.hi - cursor.lo < 2) {
            call->out[i] = value_stale();
            continue;
        }
        double before = call->values[cursor.hi - 2];
        double now = call->values[cursor.hi - 1];
        double change = per_second && now < before ? now : now - before;
        if (per_second) {
            int64_t apart_ms = call->times_ms[cursor.hi - 1] - call->times_ms[cursor.hi - 2];
            change /= (double)apart_ms / 1000;
        }
        call->out[i] = change;
    }
}

void irate_window(const struct window_call *call)
{
    instant_change(call, true);
}

void idelta_window(const struct window_call *call)
{
    instant_change(call, false);
}
