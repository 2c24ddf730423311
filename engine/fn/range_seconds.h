#pragma once

#include <stdint.h>

/* Go's Duration.Seconds: whole seconds and the rest are converted apart. */
static inline double range_seconds(int64_t range_ms)
{
    int64_t whole_s = range_ms / 1000;
    int64_t rest_ns = range_ms % 1000 * 1000000;
    return (double)whole_s + (double)rest_ns / 1e9;
}
