#include "engine/fn/histogram_map.h"

#include <assert.h>

#include "engine/fn/histogram_values.h"

static double histogram_map_count(const struct histogram *h)
{
    return h->count;
}

static double histogram_map_sum(const struct histogram *h)
{
    return h->sum;
}

histogram_fn *histogram_function(enum function_id id)
{
    static histogram_fn *const functions[FN_COUNT] = {
        [FN_histogram_count] = histogram_map_count, [FN_histogram_sum] = histogram_map_sum,
        [FN_histogram_avg] = histogram_average,     [FN_histogram_stddev] = histogram_deviation,
        [FN_histogram_stdvar] = histogram_variance,
    };
    assert(id < FN_COUNT);
    return functions[id];
}
