#include "server/query_times.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

void query_times_init(struct query_times *times)
{
    pthread_mutex_init(&times->lock, NULL);
    times->count = 0;
}

void query_times_done(struct query_times *times)
{
    pthread_mutex_destroy(&times->lock);
}

void query_times_note(struct query_times *times, int64_t now_ns,
                      const int64_t parts_ns[QUERY_PART_COUNT])
{
    pthread_mutex_lock(&times->lock);
    struct query_time *item = &times->items[times->count++ % QUERY_TIMES_MAX];
    item->at_ns = now_ns;
    for (size_t i = 0; i < QUERY_PART_COUNT; i++)
        item->parts_ns[i] = parts_ns[i];
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

void query_times_quantiles(struct query_times *times, int64_t now_ns, enum query_part part,
                           const double *quantiles, size_t count, double *ret_seconds)
{
    AUTO(free) void *room = mem_new_array(int64_t, QUERY_TIMES_MAX);
    int64_t *found = room;
    size_t found_count = 0;
    pthread_mutex_lock(&times->lock);
    size_t kept = times->count < QUERY_TIMES_MAX ? times->count : QUERY_TIMES_MAX;
    for (size_t i = 0; i < kept; i++)
        if (now_ns - times->items[i].at_ns <= QUERY_TIMES_AGE_NS)
            found[found_count++] = times->items[i].parts_ns[part];
    pthread_mutex_unlock(&times->lock);
    qsort(found, found_count, sizeof *found, order);
    for (size_t i = 0; i < count; i++)
        ret_seconds[i] =
            found_count > 0 ? (double)found[rank_of(quantiles[i], found_count)] / 1e9 : NAN;
}
