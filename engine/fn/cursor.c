#include "engine/fn/cursor.h"

static size_t cursor_search(const int64_t *times_ms, size_t count, int64_t bound_ms)
{
    size_t lo = 0;
    size_t hi = count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (times_ms[mid] <= bound_ms)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct cursor cursor_over(const int64_t *times_ms, size_t count, int64_t ref_ms, int64_t range_ms)
{
    return (struct cursor){
        .times_ms = times_ms,
        .count = count,
        .range_ms = range_ms,
        .lo = cursor_search(times_ms, count, ms_sub(ref_ms, range_ms)),
        .hi = cursor_search(times_ms, count, ref_ms),
    };
}

struct cursor cursor_begin(const struct window_call *call)
{
    return cursor_over(call->times_ms, call->sample_count, call->refs.start_ms, call->range_ms);
}

struct pair_cursor pair_cursor_begin(const struct window_call *call)
{
    const struct histogram_samples *histograms = call->histograms;
    struct pair_cursor pair = {.floats = cursor_begin(call)};
    if (histograms)
        pair.histograms = cursor_over(histograms->times_ms, histograms->count, call->refs.start_ms,
                                      call->range_ms);
    return pair;
}
