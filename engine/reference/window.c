#include "engine/reference/window.h"

static void points_move(const struct reference_point *points, size_t count, int64_t begin_ms,
                        int64_t end_ms, size_t *begin, size_t *end)
{
    while (*begin < count && points[*begin].time_ms <= begin_ms)
        ++*begin;
    if (*end < *begin)
        *end = *begin;
    while (*end < count && points[*end].time_ms <= end_ms)
        ++*end;
}

void ref_windows_move(struct ref_windows *windows, int64_t begin_ms, int64_t end_ms)
{
    points_move(windows->floats, windows->float_count, begin_ms, end_ms, &windows->float_begin,
                &windows->float_end);
    points_move(windows->histograms, windows->histogram_count, begin_ms, end_ms,
                &windows->histogram_begin, &windows->histogram_end);
}

void ref_windows_show(const struct ref_windows *windows, struct ref_window *ret)
{
    ret->floats = windows->floats + windows->float_begin;
    ret->float_count = windows->float_end - windows->float_begin;
    ret->histograms = windows->histograms + windows->histogram_begin;
    ret->histogram_count = windows->histogram_end - windows->histogram_begin;
}
