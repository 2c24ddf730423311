/*
 * max and min of a moving window with two stacks in one array ("two-stack flip"):
 *
 *     samples    ... [lo ...... mid) [mid ...... hi) ...
 *                     tails[lo]       back
 *
 * tails[j] is the answer for [j, mid), back that for [mid, hi). When lo has passed mid, all that is
 * in the window goes to the tails, from its end to its start. Each sample goes there once and into
 * back once: O(samples + steps).
 *
 * Prometheus's rule, read as an operation on two answers, is associative: the first of the best
 * that are not NaN (ts_of_*: the last of them), and if all are NaN the last NaN.
 */

#include <math.h>
#include <stdbool.h>

#include "engine/fn/cursor.h"
#include "engine/fn/kernels.h"
#include "model/sample.h"

/* `nan`: whether there may be any. */
HOT_INLINE double extremum_pick(double earlier, double later, bool max, bool nan)
{
    bool better = max ? later > earlier : later < earlier;
    if (nan)
        better |= isnan(earlier) != 0;
    return better ? later : earlier;
}

HOT_INLINE void extremum_run(const struct window_call *call, bool max, bool nan)
{
    const double *values = call->values;
    double *tails = scratch_take(call->scratch, call->sample_count * sizeof *tails);
    struct cursor cursor = cursor_begin(call);
    size_t mid = 0;
    size_t back_end = 0;
    double back = 0;

    for (size_t i = 0; i < call->refs.count; i++) {
        cursor_move(&cursor, grid_time(&call->refs, i));
        size_t lo = cursor.lo;
        size_t hi = cursor.hi;
        if (lo == hi) {
            call->out[i] = value_stale();
            continue;
        }

        if (lo >= mid) {
            double tail = values[hi - 1];
            tails[hi - 1] = tail;
            for (size_t j = hi - 1; j-- > lo;)
                tails[j] = tail = extremum_pick(values[j], tail, max, nan);
            mid = back_end = hi;
        }
        if (back_end == mid && hi > mid)
            back = values[back_end++];
        while (back_end < hi)
            back = extremum_pick(back, values[back_end++], max, nan);
        call->out[i] = back_end > mid ? extremum_pick(tails[lo], back, max, nan) : tails[lo];
    }
}

static bool extremum_has_nan(const struct window_call *call)
{
    bool found = false;
    for (size_t i = 0; i < call->sample_count; i++)
        found |= isnan(call->values[i]) != 0;
    return found;
}

void max_window(const struct window_call *call)
{
    if (extremum_has_nan(call))
        extremum_run(call, true, true);
    else
        extremum_run(call, true, false);
}

void min_window(const struct window_call *call)
{
    if (extremum_has_nan(call))
        extremum_run(call, false, true);
    else
        extremum_run(call, false, false);
}

HOT_INLINE uint32_t extremum_pick_index(const double *values, uint32_t earlier, uint32_t later,
                                        bool max)
{
    double a = values[earlier];
    double b = values[later];
    bool better = max ? b >= a : b <= a;
    return better || isnan(a) ? later : earlier;
}

/* As extremum_run, with indexes in place of values. */
HOT_INLINE void extremum_run_time(const struct window_call *call, bool max)
{
    const double *values = call->values;
    uint32_t *tails = scratch_take(call->scratch, call->sample_count * sizeof *tails);
    struct cursor cursor = cursor_begin(call);
    size_t mid = 0;
    size_t back_end = 0;
    uint32_t back = 0;

    for (size_t i = 0; i < call->refs.count; i++) {
        cursor_move(&cursor, grid_time(&call->refs, i));
        size_t lo = cursor.lo;
        size_t hi = cursor.hi;
        if (lo == hi) {
            call->out[i] = value_stale();
            continue;
        }

        if (lo >= mid) {
            uint32_t tail = (uint32_t)(hi - 1);
            tails[hi - 1] = tail;
            for (size_t j = hi - 1; j-- > lo;)
                tails[j] = tail = extremum_pick_index(values, (uint32_t)j, tail, max);
            mid = back_end = hi;
        }
        if (back_end == mid && hi > mid)
            back = (uint32_t)back_end++;
        for (; back_end < hi; back_end++)
            back = extremum_pick_index(values, back, (uint32_t)back_end, max);
        uint32_t best = tails[lo];
        if (back_end > mid)
            best = extremum_pick_index(values, best, back, max);
        call->out[i] = (double)call->times_ms[best] / 1000;
    }
}

void max_time_window(const struct window_call *call)
{
    extremum_run_time(call, true);
}

void min_time_window(const struct window_call *call)
{
    extremum_run_time(call, false);
}
