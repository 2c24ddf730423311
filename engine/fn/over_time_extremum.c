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

/* Windows of fewer samples are not worth being cut. */
#define EXTREMUM_QUARTERS_MIN 64

/* `nan`: whether there may be any. */
HOT_INLINE double extremum_pick(double earlier, double later, bool max, bool nan)
{
    bool better = max ? later > earlier : later < earlier;
    if (nan)
        better |= isnan(earlier) != 0;
    return better ? later : earlier;
}

/* tails[j] = the answer for [j, hi), for j from lo on. */
HOT_INLINE void extremum_fill(const double *values, double *tails, size_t lo, size_t hi, bool max,
                              bool nan)
{
    double tail = values[hi - 1];
    tails[hi - 1] = tail;
    for (size_t j = hi - 1; j-- > lo;)
        tails[j] = tail = extremum_pick(values[j], tail, max, nan);
}

/*
 * The same in four quarters at once, as one is a chain in which each step waits for the one before;
 * then the three that others follow take those into account.
 */
HOT_INLINE void extremum_fill_quarters(const double *values, double *tails, size_t lo, size_t hi,
                                       bool max, bool nan)
{
    size_t length = (hi - lo) / 4;
    const double *quarters = values + lo;
    double *ret = tails + lo;
    double tail[4];

    extremum_fill(values, tails, lo + 4 * length - 1, hi, max, nan);
    for (size_t q = 0; q < 4; q++)
        tail[q] = ret[q * length + length - 1] =
            q < 3 ? quarters[q * length + length - 1] : ret[4 * length - 1];
    for (size_t j = length - 1; j-- > 0;) {
        for (size_t q = 0; q < 4; q++)
            ret[q * length + j] = tail[q] =
                extremum_pick(quarters[q * length + j], tail[q], max, nan);
    }
    for (size_t q = 3; q-- > 0;) {
        double next = ret[(q + 1) * length];
        for (size_t j = q * length; j < (q + 1) * length; j++)
            ret[j] = extremum_pick(ret[j], next, max, nan);
    }
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
            if (hi - lo < EXTREMUM_QUARTERS_MIN)
                extremum_fill(values, tails, lo, hi, max, nan);
            else
                extremum_fill_quarters(values, tails, lo, hi, max, nan);
            mid = back_end = hi;
        }
        if (back_end < hi) {
            /* Apart from back first: one operation a step is all that waits for the last step. */
            double added = values[back_end];
            for (size_t j = back_end + 1; j < hi; j++)
                added = extremum_pick(added, values[j], max, nan);
            back = back_end > mid ? extremum_pick(back, added, max, nan) : added;
            back_end = hi;
        }
        call->out[i] = back_end > mid ? extremum_pick(tails[lo], back, max, nan) : tails[lo];
    }
}

KERNEL_CLONES static bool extremum_has_nan(const double *values, size_t count)
{
    int64_t found = 0;
    for (size_t i = 0; i < count; i++)
        found |= isnan(values[i]) ? 1 : 0;
    return found != 0;
}

void max_window(const struct window_call *call)
{
    if (extremum_has_nan(call->values, call->sample_count))
        extremum_run(call, true, true);
    else
        extremum_run(call, true, false);
}

void min_window(const struct window_call *call)
{
    if (extremum_has_nan(call->values, call->sample_count))
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
