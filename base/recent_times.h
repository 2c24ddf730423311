#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How long something took the last times, for quantiles: those of ten minutes, as Prometheus has it
 * in its summaries, or the last 4096 where there were more.
 *
 * Thread: any.
 */
#define RECENT_TIMES_MAX 4096
#define RECENT_TIMES_AGE_NS ((int64_t)600 * 1000000000)

struct recent_times {
    pthread_mutex_t lock;
    struct recent_time {
        int64_t at_ns; /* of its end */
        int64_t took_ns;
    } items[RECENT_TIMES_MAX];
    size_t count; /* of all that were noted */
};

void recent_times_init(struct recent_times *times);
void recent_times_done(struct recent_times *times);

/* `now_ns`: clock_monotonic_ns. */
void recent_times_note(struct recent_times *times, int64_t now_ns, int64_t took_ns);

/*
 * For each of `count` quantiles, 0 to 1, the least time that so large a part did not exceed, in
 * seconds; NaN where there was none.
 */
void recent_times_quantiles(struct recent_times *times, int64_t now_ns, const double *quantiles,
                            size_t count, double *ret_seconds);
