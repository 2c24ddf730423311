#include "base/classic_histogram.h"

static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void classic_histogram_observe(struct classic_histogram *histogram,
                               const struct classic_scale *scale, uint64_t v)
{
    for (size_t i = 0; i < scale->count; i++)
        if ((double)v / scale->unit <= scale->bounds[i]) {
            add(&histogram->buckets[i], 1);
            break;
        }
    add(&histogram->count, 1);
    add(&histogram->sum, v);
}
