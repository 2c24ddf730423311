#pragma once

#include <stdint.h>
#include <time.h>

/* Unix time in milliseconds. */
static inline int64_t clock_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A clock that only goes forward, for deadlines and durations. */
static inline int64_t clock_monotonic_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* When that clock will have gone `wait_ms` further than `begin_ns`, or the end of its time. */
static inline int64_t clock_deadline_ns(int64_t begin_ns, int64_t wait_ms)
{
    int64_t wait_ns, end_ns;
    if (__builtin_mul_overflow(wait_ms, 1000000, &wait_ns) ||
        __builtin_add_overflow(begin_ns, wait_ns, &end_ns))
        return INT64_MAX;
    return end_ns;
}
