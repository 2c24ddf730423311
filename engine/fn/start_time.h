#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * What start timestamps say of a counter: `before_` of one sample, and of the next. 0: none.
 * Prometheus's isStartTimestampReset and checkStartTimeOverlap.
 */

/*
 * Did it start anew between the two? A start at the very time of the sample before means so for
 * deltas, but not where the start before is unknown, which is written as the sample's own time.
 */
static inline bool start_is_reset(int64_t before_start_ms, int64_t before_ms, int64_t start_ms,
                                  int64_t time_ms)
{
    if (start_ms == 0 || start_ms >= time_ms || start_ms < before_ms)
        return false;
    if (start_ms > before_ms)
        return true;
    return before_start_ms != 0 && before_start_ms < before_ms;
}

/* A start before the sample before, but not that sample's own start: the data is doubtful. */
static inline bool start_overlaps(int64_t before_start_ms, int64_t before_ms, int64_t start_ms)
{
    return start_ms != 0 && start_ms < before_ms && start_ms != before_start_ms;
}
