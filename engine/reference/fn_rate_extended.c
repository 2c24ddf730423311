/*
 * rate, increase and delta over exactly the range, with the modifiers anchored (the last sample at
 * or before its begin stands for it) and smoothed (values at its edges are interpolated).
 */
#include "engine/fn/grid.h"
#include "engine/reference/fn_rate.h"
#include "model/duration.h"

/* The first of points [0, end) that is behind a time (`or_at`: at it or behind), else `end`. */
static size_t points_behind(const struct reference_point *points, size_t end, int64_t time_ms,
                            bool or_at)
{
    size_t i = 0;
    while (i < end && points[i].time_ms < time_ms)
        i++;
    while (i < end && points[i].time_ms == time_ms && !or_at)
        i++;
    return i;
}

bool rate_extended_edges(const struct rate *rate, const struct reference_point *points,
                         size_t count, size_t *ret_first, size_t *ret_last)
{
    const struct ref_window *window = rate->window;
    size_t last = count - 1;
    size_t behind = points_behind(points, last, window->begin_ms, false);
    size_t first = behind > 0 ? behind - 1 : 0;
    if (window->smoothed)
        last = points_behind(points, last, window->end_ms, true);

    *ret_first = first;
    *ret_last = last;
    if (points[last].time_ms <= window->begin_ms)
        return false;
    return !window->smoothed || points[first].time_ms <= window->end_ms;
}

/* A counter that begins anew between the two does so at 0. */
static double rate_interpolate(const struct rate *rate, const struct reference_point *a,
                               const struct reference_point *b, int64_t time_ms)
{
    double from = rate->counter && b->value < a->value ? 0 : a->value;
    return from + (b->value - from) * (double)ms_sub(time_ms, a->time_ms) /
                      (double)ms_sub(b->time_ms, a->time_ms);
}

/* What was counted before each new beginning between the values at the edges. */
static double rate_corrections(double left, double right, const struct reference_point *points,
                               size_t count)
{
    double corrections = 0;
    double before = left;
    for (size_t i = 0; i < count; i++) {
        if (points[i].value < before)
            corrections += before;
        before = points[i].value;
    }
    if (right < before)
        corrections += before;
    return corrections;
}

void rate_extended(const struct rate *rate)
{
    const struct ref_window *window = rate->window;
    const struct reference_point *points = window->floats;
    size_t first, last;
    if (!rate_extended_edges(rate, points, window->float_count, &first, &last))
        return;

    double left = points[first].value;
    if (window->smoothed && points[first].time_ms < window->begin_ms)
        left = rate_interpolate(rate, &points[first], &points[first + 1], window->begin_ms);
    double right = points[last].value;
    if (window->smoothed && last > 0 && points[last].time_ms > window->end_ms)
        right = rate_interpolate(rate, &points[last - 1], &points[last], window->end_ms);

    double result = right - left;
    if (rate->counter) {
        /* Samples at the edges and outside are in the values at the edges. */
        size_t begin = first + (points[first].time_ms <= window->begin_ms);
        size_t end = last + (points[last].time_ms < window->end_ms);
        result += rate_corrections(left, right, points + begin, end - begin);
    }
    if (rate->per_second)
        result /= duration_seconds(rate->window->range_ms);
    ref_call_value(rate->call, result);
}
