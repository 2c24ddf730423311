#pragma once

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/clock.h"

/*
 * Waits on a condition, as pthread_cond_wait does, until clock_monotonic_ns() is `until_ns` at the
 * latest, whatever happens to the time of day meanwhile. False: that time has come.
 */
static inline bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t until_ns)
{
    const struct timespec until = {
        .tv_sec = until_ns / 1000000000,
        .tv_nsec = until_ns % 1000000000,
    };
    return pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &until) != ETIMEDOUT;
}
