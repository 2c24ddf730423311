/*
 * max and min of a moving window. Prometheus's rule, read as an operation on two answers, is
 * associative: the first of the best that are not NaN (ts_of_*: the last of them), and if all are
 * NaN the last NaN. A part that counts twice changes nothing, so with parts[i] the answer for a
 * power of two of samples from i on, about half a window to a whole one, a window is two of them:
 *
 *     [lo ............................ hi)
 *      parts[lo]  |<-
 *             ->|  parts[hi - length]
 *
 * No window waits for another. Parts are made from parts half or a quarter as long, in loops that
 * are all vectors: that is O(samples x log(window)), but one operation for many samples and twelve
 * doublings for a day of samples each 15 s.
 *
 * Where samples come so unevenly that windows are much longer or shorter than parts, so that the
 * walk over them has cost too much, the rest is done by a two-stack flip: O(samples + steps).
 *
 *     samples    ... [lo ...... mid) [mid ...... hi) ...
 *                     tails[lo]       back
 *
 * tails[j] is the answer for [j, mid), back that for [mid, hi). When lo has passed mid, all that is
 * in the window goes to the tails, from its end to its start.
 */

#include <math.h>
#include <stdbool.h>

#include "engine/fn/cursor.h"
#include "engine/fn/kernels.h"
#include "model/sample.h"

/* Fewer steps are not worth making parts for. */
#define EXTREMUM_PARTS_STEPS_MIN 8

/* `nan`: whether there may be any. */
HOT_INLINE double extremum_pick(double earlier, double later, bool max, bool nan)
{
    bool better = max ? later > earlier : later < earlier;
    if (nan)
        better |= isnan(earlier) != 0;
    return better ? later : earlier;
}

/* Steps from `step` on, by flips. */
HOT_INLINE void extremum_flip(const struct window_call *call, size_t step, bool max, bool nan)
{
    const double *values = call->values;
    double *tails = scratch_take(call->scratch, call->sample_count * sizeof *tails);
    struct cursor cursor = cursor_begin(call);
    size_t mid = 0;
    size_t back_end = 0;
    double back = 0;

    for (; step < call->refs.count; step++) {
        cursor_move(&cursor, grid_time(&call->refs, step));
        size_t lo = cursor.lo;
        size_t hi = cursor.hi;
        if (lo == hi) {
            call->out[step] = value_stale();
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
        call->out[step] = back_end > mid ? extremum_pick(tails[lo], back, max, nan) : tails[lo];
    }
}

/* One pass over the parts: `from` holds those of `length`, `to` gets twice or four times as long.
 */
HOT_INLINE void extremum_lengthen(const double *restrict from, double *restrict to, size_t count,
                                  size_t length, bool max, bool nan)
{
    for (size_t i = 0; i < count; i++)
        to[i] = extremum_pick(from[i], from[i + length], max, nan);
}

HOT_INLINE void extremum_lengthen_twice(const double *restrict from, double *restrict to,
                                        size_t count, size_t length, bool max, bool nan)
{
    for (size_t i = 0; i < count; i++) {
        double first = extremum_pick(from[i], from[i + length], max, nan);
        double second = extremum_pick(from[i + 2 * length], from[i + 3 * length], max, nan);
        to[i] = extremum_pick(first, second, max, nan);
    }
}

HOT_INLINE const double *extremum_fill_parts(const struct window_call *call, unsigned bits,
                                             double *space, bool max, bool nan)
{
    const double *parts = call->values;
    double *free_space[2] = {space, space + call->sample_count};
    size_t length = 1;
    unsigned turn = 0;

    for (; bits >= 2; bits -= 2, length *= 4, turn ^= 1) {
        size_t count = call->sample_count - 4 * length + 1;
        extremum_lengthen_twice(parts, free_space[turn], count, length, max, nan);
        parts = free_space[turn];
    }
    if (bits == 1) {
        size_t count = call->sample_count - 2 * length + 1;
        extremum_lengthen(parts, free_space[turn], count, length, max, nan);
        parts = free_space[turn];
    }
    return parts;
}

/* The parts of 2^bits samples, of which there are as many or more, in `space` for twice as many. */
KERNEL_CLONES static const double *extremum_make_parts(const struct window_call *call,
                                                       unsigned bits, double *space, bool max,
                                                       bool nan)
{
    if (max && nan)
        return extremum_fill_parts(call, bits, space, true, true);
    if (max)
        return extremum_fill_parts(call, bits, space, true, false);
    if (nan)
        return extremum_fill_parts(call, bits, space, false, true);
    return extremum_fill_parts(call, bits, space, false, false);
}

/* For windows that are shorter than a part, or longer than two. */
HOT_INLINE double extremum_walk(const double *values, size_t lo, size_t hi, size_t stride, bool max,
                                bool nan)
{
    double best = values[lo];
    for (size_t j = lo + stride; j + stride <= hi; j += stride)
        best = extremum_pick(best, values[j], max, nan);
    return extremum_pick(best, values[hi - stride], max, nan);
}

/* Steps by parts, and the first one that is not done. */
HOT_INLINE size_t extremum_by_parts(const struct window_call *call, const double *parts,
                                    size_t length, bool max, bool nan)
{
    size_t walk_max = call->sample_count + 4 * call->refs.count;
    struct cursor cursor = cursor_begin(call);

    for (size_t i = 0; i < call->refs.count; i++) {
        cursor_move(&cursor, grid_time(&call->refs, i));
        size_t lo = cursor.lo;
        size_t hi = cursor.hi;
        size_t count = hi - lo;
        if (LIKELY(count - length <= length)) {
            call->out[i] = extremum_pick(parts[lo], parts[hi - length], max, nan);
            continue;
        }
        if (count == 0) {
            call->out[i] = value_stale();
            continue;
        }
        size_t walk = count < length ? count : count / length;
        if (walk > walk_max)
            return i;
        walk_max -= walk;
        if (count < length)
            call->out[i] = extremum_walk(call->values, lo, hi, 1, max, nan);
        else
            call->out[i] = extremum_walk(parts, lo, hi, length, max, nan);
    }
    return call->refs.count;
}

/* Parts are at most as long as windows are on average. */
static unsigned extremum_part_bits(const struct window_call *call)
{
    int64_t length_ms = call->times_ms[call->sample_count - 1] - call->times_ms[0] + 1;
    double share = (double)call->range_ms / (double)length_ms;
    double window = (share < 1 ? share : 1) * (double)call->sample_count;
    unsigned bits = 0;
    while (window >= (double)((size_t)2 << bits))
        bits++;
    return bits;
}

HOT_INLINE void extremum_run(const struct window_call *call, bool max, bool nan)
{
    size_t done = 0;
    if (call->refs.count >= EXTREMUM_PARTS_STEPS_MIN && call->sample_count > 0) {
        double *space = scratch_take(call->scratch, 2 * call->sample_count * sizeof *space);
        unsigned bits = extremum_part_bits(call);
        const double *parts = extremum_make_parts(call, bits, space, max, nan);
        done = extremum_by_parts(call, parts, (size_t)1 << bits, max, nan);
    }
    if (done < call->refs.count)
        extremum_flip(call, done, max, nan);
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

/* As extremum_flip, with indexes in place of values. */
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
