/* Numbers that native histograms have; floats are left out. */
#include <math.h>

#include "base/kahan.h"
#include "engine/reference/fn.h"

typedef double histogram_value(const struct histogram *h);

/* Prometheus takes only the name away here, not type and unit. */
static const struct labels *histogram_labels(const struct ref_call *call,
                                             const struct labels *labels)
{
    if (call->query->modes.delayed_names)
        return labels;
    return labels_without(labels, (struct name_set){0}, call->arena);
}

static bool histogram_call(struct ref_call *call, histogram_value *value)
{
    const struct ref_vector *in = &call->vectors[0];
    for (size_t i = 0; i < in->count; i++) {
        if (!in->items[i].histogram)
            continue;
        struct ref_sample sample = {
            .labels = histogram_labels(call, in->items[i].labels),
            .drops_name = true,
            .value = value(in->items[i].histogram),
        };
        ref_vector_add(call->arena, call->out, &sample);
    }
    return true;
}

static double histogram_count(const struct histogram *h)
{
    return h->count;
}

static double histogram_sum(const struct histogram *h)
{
    return h->sum;
}

static double histogram_average(const struct histogram *h)
{
    return h->sum / h->count;
}

/* What the observations of a bucket are taken for. */
static double bucket_middle(const struct histogram *h, const struct histogram_bucket *bucket)
{
    if (histogram_is_custom(h))
        return (bucket->upper + bucket->lower) / 2;
    if (bucket->lower <= 0 && bucket->upper >= 0)
        return 0;
    double middle = sqrt(bucket->upper * bucket->lower);
    return bucket->upper < 0 ? -middle : middle;
}

static double histogram_variance(const struct histogram *h)
{
    double mean = h->sum / h->count;
    struct kahan variance = {0};
    struct histogram_walk walk = histogram_walk(h);
    struct histogram_bucket bucket;
    while (histogram_walk_next(&walk, &bucket)) {
        if (bucket.count == 0)
            continue;
        double delta = bucket_middle(h, &bucket) - mean;
        kahan_add(&variance, bucket.count * delta * delta);
    }
    return (variance.sum + variance.c) / h->count;
}

static double histogram_deviation(const struct histogram *h)
{
    return sqrt(histogram_variance(h));
}

bool fn_histogram_count(struct ref_call *call, struct err *err)
{
    return histogram_call(call, histogram_count);
}

bool fn_histogram_sum(struct ref_call *call, struct err *err)
{
    return histogram_call(call, histogram_sum);
}

bool fn_histogram_avg(struct ref_call *call, struct err *err)
{
    return histogram_call(call, histogram_average);
}

bool fn_histogram_stdvar(struct ref_call *call, struct err *err)
{
    return histogram_call(call, histogram_variance);
}

bool fn_histogram_stddev(struct ref_call *call, struct err *err)
{
    return histogram_call(call, histogram_deviation);
}
