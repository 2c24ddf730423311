#include "engine/fn/cursor.h"

static size_t cursor_search(const struct window_call *call, int64_t bound_ms)
{
    size_t lo = 0;
    size_t hi = call->sample_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (call->times_ms[mid] <= bound_ms)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct cursor cursor_begin(const struct window_call *call)
{
    return (struct cursor){
        .times_ms = call->times_ms,
        .count = call->sample_count,
        .range_ms = call->range_ms,
        .lo = cursor_search(call, ms_sub(call->refs.start_ms, call->range_ms)),
        .hi = cursor_search(call, call->refs.start_ms),
    };
}
