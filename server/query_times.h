#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How long the parts of the last queries took, for quantiles: those of ten minutes, as Prometheus
 * has it, or of the last 4096 queries where there were more.
 *
 * Thread: any.
 */
#define QUERY_TIMES_MAX 4096
#define QUERY_TIMES_AGE_NS ((int64_t)600 * 1000000000)

enum query_part { QUERY_QUEUE, QUERY_PREPARE, QUERY_EVAL, QUERY_PART_COUNT };

struct query_times {
    pthread_mutex_t lock;
    struct query_time {
        int64_t at_ns; /* of its end */
        int64_t parts_ns[QUERY_PART_COUNT];
    } items[QUERY_TIMES_MAX];
    size_t count; /* of all that were noted */
};

void query_times_init(struct query_times *times);
void query_times_done(struct query_times *times);

/* `now_ns`: clock_monotonic_ns. */
void query_times_note(struct query_times *times, int64_t now_ns,
                      const int64_t parts_ns[QUERY_PART_COUNT]);

/* The quantiles of a part, in seconds; NaN where there was no query. */
void query_times_quantiles(struct query_times *times, int64_t now_ns, enum query_part part,
                           const double *quantiles, size_t count, double *ret_seconds);
