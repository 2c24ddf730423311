#include "server/exposed.h"

enum exposed_type exposed_type(const struct histogram *h)
{
    if (!h)
        return EXPOSED_UNTYPED;
    return h->hint == HISTOGRAM_GAUGE ? EXPOSED_GAUGE_HISTOGRAM : EXPOSED_HISTOGRAM;
}

/* Into the span of the next bucket: spans may be empty. */
static void buckets_settle(struct exposed_buckets *buckets)
{
    const struct histogram_side *side = &buckets->h->positive;
    while (buckets->span < side->span_count &&
           buckets->inside == side->spans[buckets->span].length) {
        buckets->inside = 0;
        if (++buckets->span < side->span_count)
            buckets->index += side->spans[buckets->span].offset;
    }
}

void exposed_buckets_begin(struct exposed_buckets *buckets, const struct histogram *h)
{
    *buckets = (struct exposed_buckets){.h = h};
    if (h->positive.span_count > 0)
        buckets->index = h->positive.spans[0].offset;
    buckets_settle(buckets);
}

bool exposed_buckets_next(struct exposed_buckets *buckets, double *ret_bound, double *ret_count)
{
    const struct histogram *h = buckets->h;
    if (buckets->bound == h->custom_bound_count)
        return false;
    while (buckets->bucket < h->positive.bucket_count && buckets->index <= buckets->bound) {
        buckets->count += h->positive.buckets[buckets->bucket++];
        buckets->index++;
        buckets->inside++;
        buckets_settle(buckets);
    }
    *ret_bound = h->custom_bounds[buckets->bound++];
    *ret_count = buckets->count;
    return true;
}
