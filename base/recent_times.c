#include "base/recent_times.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

void recent_times_init(struct recent_times *times)
{
    pthread_mutex_init(&times->lock, NULL);
    times->count = 0;
}

void recent_times_done(struct recent_times *times)
{
    pthread_mutex_destroy(&times->lock);
}

void recent_times_note(struct recent_times *times, int64_t now_ns, int64_t took_ns)
{
    pthread_mutex_lock(&times->lock);
    times->items[times->count++ % RECENT_TIMES_MAX] = (struct recent_time){now_ns, took_ns};
    pthread_mutex_unlock(&times->lock);
}

static int order(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The least value that so large a part of all does not exceed. */
static size_t rank_of(double quantile, size_t count)
{
    double rank = ceil(quantile * (double)count);
    return rank < 1 ? 0 : (size_t)rank - 1;
}

void recent_times_quantiles(struct recent_times *times, int64_t now_ns, const double *quantiles,
                            size_t count, double *ret_seconds)
{
    AUTO(free) void *room = mem_new_array(int64_t, RECENT_TIMES_MAX);
    int64_t *found = room;
    size_t found_count = 0;
    pthread_mutex_lock(&times->lock);
    size_t kept = times->count < RECENT_TIMES_MAX ? times->count : RECENT_TIMES_MAX;
    for (size_t i = 0; i < kept; i++)
        if (now_ns - times->items[i].at_ns <= RECENT_TIMES_AGE_NS)
            found[found_count++] = times->items[i].took_ns;
    pthread_mutex_unlock(&times->lock);
    qsort(found, found_count, sizeof *found, order);
    for (size_t i = 0; i < count; i++)
        ret_seconds[i] =
            found_count > 0 ? (double)found[rank_of(quantiles[i], found_count)] / 1e9 : NAN;
}
