/* Numbers that native histograms have; floats are left out. */
#include "engine/fn/histogram_values.h"
#include "engine/reference/fn.h"

typedef double histogram_value(const struct histogram *h);

/* Prometheus takes only the name away here, not type and unit. */
static const struct labels *histogram_labels(const struct ref_call *call,
                                             const struct labels *labels)
{
    if (call->query->modes.delayed_names)
        return labels;
    return ref_call_keep(call, labels_without(labels, (struct name_set){0}, call->scratch));
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
            .place = in->items[i].place,
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
