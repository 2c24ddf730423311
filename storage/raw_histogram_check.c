#include <math.h>

#include "storage/raw_histogram.h"

/* A part takes at most ten bytes in a record of the log, which then has room for all. */
#define PARTS_MAX ((size_t)8 << 20)

static bool raw_size_check(const struct raw_histogram *h, struct err *err)
{
    size_t count = h->custom_bound_count;
    for (size_t s = 0; s < 2; s++)
        count += (size_t)h->sides[s].bucket_count + h->sides[s].span_count;
    return count <= PARTS_MAX ||
           err_set(err, ERR_BAD_DATA, "histogram has more than %zu buckets, spans and bounds",
                   PARTS_MAX);
}

static double raw_value(uint64_t count, bool is_float)
{
    return is_float ? value_of_bits(count) : (double)(int64_t)count;
}

static struct histogram_side side_of(const struct raw_side *raw, bool is_float, struct arena *arena)
{
    double *buckets = arena_array(arena, double, raw->bucket_count);
    for (uint32_t i = 0; i < raw->bucket_count; i++)
        buckets[i] = raw_value(raw->buckets[i], is_float);
    return (struct histogram_side){
        .spans = raw->spans,
        .buckets = buckets,
        .span_count = raw->span_count,
        .bucket_count = raw->bucket_count,
    };
}

/* Integers: the count is that of the buckets, but for observations that are NaN. */
static bool raw_count_check(const struct raw_histogram *h, struct err *err)
{
    uint64_t sum = h->zero_count;
    for (size_t s = 0; s < 2; s++)
        for (uint32_t i = 0; i < h->sides[s].bucket_count; i++)
            sum += h->sides[s].buckets[i];
    if (isnan(h->sum) ? sum <= h->count : sum == h->count)
        return true;
    return err_set(err, ERR_BAD_DATA,
                   "%llu observations found in buckets, but the Count field is %llu: histogram's "
                   "observation count should %s the number of observations found in the buckets%s",
                   (unsigned long long)sum, (unsigned long long)h->count,
                   isnan(h->sum) ? "be at least" : "equal",
                   isnan(h->sum) ? "" : " (in absence of NaN)");
}

/* What Prometheus takes, and we could not read again: buckets beyond all floats. */
static bool raw_reach_check(const struct raw_histogram *h, struct err *err)
{
    for (size_t s = 0; s < 2; s++)
        if (!raw_spans_check(h->sides[s].spans, h->sides[s].span_count, h->schema,
                             h->custom_bound_count))
            return err_set(err, ERR_BAD_DATA, "histogram has buckets out of reach of its schema");
    return true;
}

bool raw_histogram_check(const struct raw_histogram *h, struct arena *arena, struct err *err)
{
    if (!raw_size_check(h, err))
        return false;
    struct histogram shape = {
        .schema = h->schema,
        .hint = h->hint,
        .zero_threshold = h->zero_threshold,
        .sum = h->sum,
        .zero_count = h->is_float ? value_of_bits(h->zero_count) : (double)h->zero_count,
        .count = h->is_float ? value_of_bits(h->count) : (double)h->count,
        .positive = side_of(&h->sides[0], h->is_float, arena),
        .negative = side_of(&h->sides[1], h->is_float, arena),
        .custom_bounds = h->custom_bounds,
        .custom_bound_count = h->custom_bound_count,
    };
    return histogram_check(&shape, err) && (h->is_float || raw_count_check(h, err)) &&
           raw_reach_check(h, err);
}
