#pragma once

#include <stdbool.h>

#include "engine/fn/window.h"

/*
 * Values between two samples, on the line through them. A counter that was reset between them is
 * taken to have been 0 at the first.
 */
static inline double interpolate(double before, int64_t before_ms, double after, int64_t after_ms,
                                 int64_t at_ms, bool counter)
{
    double y1 = counter && after < before ? 0 : before;
    double y2 = after;
    return y1 + (y2 - y1) * (double)ms_sub(at_ms, before_ms) / (double)ms_sub(after_ms, before_ms);
}

/*
 * The same for samples i and i + 1 of call->histograms; the result is in call->spare, or is a
 * sample itself. NULL if they cannot be computed with each other, which is found.
 */
const struct histogram *interpolate_histograms(const struct window_call *call, size_t i,
                                               int64_t at_ms, bool counter);
