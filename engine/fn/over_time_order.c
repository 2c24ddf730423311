/*
 * What follows from where a window begins and ends: counts, its first and last sample, and how
 * often something happened between neighbours, which is the difference of two running counts.
 */

#include <math.h>
#include <stdbool.h>

#include "engine/fn/cursor.h"
#include "engine/fn/kernels.h"
#include "model/sample.h"

enum order_ask {
    ORDER_COUNT,
    ORDER_PRESENT,
    ORDER_FIRST,
    ORDER_LAST,
    ORDER_FIRST_TIME,
    ORDER_LAST_TIME,
};

/* Of samples before 1970 Prometheus says 0: it takes the later of this time and of that of a
 * histogram, which is 0 where there is none. */
static inline double last_time_seconds(int64_t time_ms)
{
    return (double)(time_ms > 0 ? time_ms : 0) / 1000;
}

/* `ask` is a constant where this is called: each caller gets a loop of its own. */
HOT_INLINE double order_answer(const struct window_call *call, const struct cursor *cursor,
                               enum order_ask ask)
{
    switch (ask) {
    case ORDER_COUNT:
        return (double)(cursor->hi - cursor->lo);
    case ORDER_PRESENT:
        return 1;
    case ORDER_FIRST:
        return call->values[cursor->lo];
    case ORDER_LAST:
        return call->values[cursor->hi - 1];
    case ORDER_FIRST_TIME:
        return (double)call->times_ms[cursor->lo] / 1000;
    case ORDER_LAST_TIME:
        return last_time_seconds(call->times_ms[cursor->hi - 1]);
    }
    return value_stale();
}

HOT_INLINE void order_run(const struct window_call *call, enum order_ask ask)
{
    struct cursor cursor = cursor_begin(call);

    for (size_t i = 0; i < call->refs.count; i++) {
        cursor_move(&cursor, grid_time(&call->refs, i));
        bool empty = cursor.lo == cursor.hi;
        call->out[i] = empty ? value_stale() : order_answer(call, &cursor, ask);
    }
}

void count_window(const struct window_call *call)
{
    order_run(call, ORDER_COUNT);
}

void present_window(const struct window_call *call)
{
    order_run(call, ORDER_PRESENT);
}

void first_window(const struct window_call *call)
{
    order_run(call, ORDER_FIRST);
}

void last_window(const struct window_call *call)
{
    order_run(call, ORDER_LAST);
}

void first_time_window(const struct window_call *call)
{
    order_run(call, ORDER_FIRST_TIME);
}

void last_time_window(const struct window_call *call)
{
    order_run(call, ORDER_LAST_TIME);
}

/* How many of the pairs up to each sample say yes: `resets`, it fell; otherwise, it changed. */
HOT_INLINE const uint32_t *order_count_pairs(const struct window_call *call, bool resets)
{
    const double *values = call->values;
    uint32_t *counts = scratch_take(call->scratch, (call->sample_count + 1) * sizeof *counts);
    uint32_t count = 0;

    counts[0] = 0;
    for (size_t i = 1; i < call->sample_count; i++) {
        double before = values[i - 1];
        double now = values[i];
        if (resets)
            count += now < before;
        else
            count += (now != before) & !(isnan(now) & isnan(before));
        counts[i] = count;
    }
    return counts;
}

HOT_INLINE void order_run_pairs(const struct window_call *call, bool resets)
{
    const uint32_t *counts = order_count_pairs(call, resets);
    struct cursor cursor = cursor_begin(call);

    for (size_t i = 0; i < call->refs.count; i++) {
        cursor_move(&cursor, grid_time(&call->refs, i));
        bool empty = cursor.lo == cursor.hi;
        call->out[i] = empty ? value_stale() : (double)(counts[cursor.hi - 1] - counts[cursor.lo]);
    }
}

void changes_window(const struct window_call *call)
{
    order_run_pairs(call, false);
}

void resets_window(const struct window_call *call)
{
    order_run_pairs(call, true);
}
