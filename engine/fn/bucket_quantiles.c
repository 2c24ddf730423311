#include "engine/fn/bucket_quantiles.h"

#include "engine/fn/quantile.h"
#include "model/sample.h"

size_t buckets_gather_apart(const double *bounds, size_t bucket_count, const double *counts,
                            size_t stride, struct bucket *ret_buckets)
{
    size_t there = 0;
    for (size_t k = 0; k < bucket_count; k++)
        if (!value_is_stale(counts[k * stride]))
            ret_buckets[there++] = (struct bucket){bounds[k], counts[k * stride]};
    return there;
}

static void buckets_sort(struct bucket *buckets, size_t count, struct go_item *items)
{
    struct bucket *unsorted = buckets + count;
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct go_item){buckets[i].bound, (uint32_t)i};
        unsorted[i] = buckets[i];
    }
    go_sort(items, count, go_less_plain);
    for (size_t i = 0; i < count; i++)
        buckets[i] = unsorted[items[i].index];
}

size_t buckets_merge(struct bucket *buckets, size_t count, struct go_item *items)
{
    buckets_sort(buckets, count, items);
    struct bucket last = buckets[0];
    size_t merged = 0;
    for (size_t i = 1; i < count; i++) {
        if (buckets[i].bound == last.bound) {
            last.count += buckets[i].count;
        } else {
            buckets[merged++] = last;
            last = buckets[i];
        }
    }
    buckets[merged++] = last;
    return merged;
}

double bucket_quantile_next(double phi, struct bucket *buckets, size_t count, struct go_item *items,
                            struct bucket_raises *raises, bool *ret_raised)
{
    double result;
    *ret_raised = false;
    if (!quantile_phi_valid(phi, &result))
        return result;
    size_t merged = buckets_merge(buckets, count, items);
    return bucket_quantile(phi, buckets, merged, raises, ret_raised);
}
