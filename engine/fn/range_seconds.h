#pragma once

#include <stdint.h>

/* Go's Duration.Seconds: whole seconds and the rest are converted apart. */
static inline double range_seconds(int64_t range_ms)
{
    return (double)(range_ms / 1000) + (double)(range_ms % 1000 * 1000000) / 1e9;
}
