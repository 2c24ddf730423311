#include "engine/fn/interpolate.h"

#include "engine/fn/histogram_rate.h"

const struct histogram *interpolate_histograms(const struct window_call *call, size_t i,
                                               int64_t at_ms, bool counter)
{
    const struct histogram_samples *samples = call->histograms;
    const struct histogram *before = samples->items[i], *after = samples->items[i + 1];
    int64_t before_ms = samples->times_ms[i], after_ms = samples->times_ms[i + 1];
    if (at_ms == before_ms)
        return before;
    if (at_ms == after_ms)
        return after;
    double fraction = (double)ms_sub(at_ms, before_ms) / (double)ms_sub(after_ms, before_ms);
    if (counter && histogram_is_reset(after, before))
        return histogram_multiply(call->spare, after, fraction);
    struct histogram *difference = found_subtract(call, after, before);
    if (!difference)
        return NULL;
    return found_add(call, histogram_multiply(call->spare, difference, fraction), before);
}
