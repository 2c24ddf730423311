#include "engine/fn/histogram_alike.h"

#include <string.h>

#include "model/sample.h"

/* 2 to this is more than the threshold. */
static int64_t threshold_exponent(double threshold)
{
    int64_t exponent = (int64_t)(value_bits(threshold) >> 52 & 0x7FF) - 1022;
    return exponent > -1000 ? exponent : -1000;
}

/* No bucket lies within the zero bucket, by a rough measure: that bucket would be left out. */
static bool side_is_apart(const struct histogram_side *side, int32_t schema, double threshold)
{
    if (side->span_count == 0)
        return true;
    int64_t exponent = threshold_exponent(threshold);
    int64_t first = side->spans[0].offset;
    return schema >= 0 ? first >= exponent * (INT64_C(1) << schema)
                       : first * (INT64_C(1) << -schema) >= exponent;
}

static bool sides_alike(const struct histogram_side *a, const struct histogram_side *b)
{
    if (a->span_count != b->span_count || a->bucket_count != b->bucket_count)
        return false;
    return a->spans == b->spans || a->span_count == 0 ||
           memcmp(a->spans, b->spans, a->span_count * sizeof *a->spans) == 0;
}

static bool bounds_alike(const struct histogram *a, const struct histogram *b)
{
    if (a->custom_bound_count != b->custom_bound_count)
        return false;
    return a->custom_bounds == b->custom_bounds || a->custom_bound_count == 0 ||
           memcmp(a->custom_bounds, b->custom_bounds,
                  a->custom_bound_count * sizeof *a->custom_bounds) == 0;
}

bool histograms_alike(const struct histogram *a, const struct histogram *b)
{
    if (a->schema != b->schema || !sides_alike(&a->positive, &b->positive) ||
        !sides_alike(&a->negative, &b->negative))
        return false;
    if (histogram_is_custom(a))
        return a->negative.span_count == 0 && bounds_alike(a, b);
    return a->zero_threshold == b->zero_threshold &&
           side_is_apart(&a->positive, a->schema, a->zero_threshold) &&
           side_is_apart(&a->negative, a->schema, a->zero_threshold);
}

/* How many buckets differ, and in how many spans they lie, at most: gaps between spans break both.
 */
static void difference_measure(const struct histogram_side *a, const struct histogram_side *b,
                               uint32_t *ret_spans, uint32_t *ret_buckets)
{
    uint32_t runs = 0, count = 0;
    bool in_run = false;
    for (uint32_t i = 0; i < a->bucket_count; i++) {
        bool differs = a->buckets[i] - b->buckets[i] != 0;
        runs += differs && !in_run;
        count += differs;
        in_run = differs;
    }
    *ret_spans = runs + a->span_count;
    *ret_buckets = count;
}

static struct histogram_side side_difference(struct arena *arena, const struct histogram_side *a,
                                             const struct histogram_side *b, double factor)
{
    uint32_t span_max, bucket_count;
    difference_measure(a, b, &span_max, &bucket_count);
    if (bucket_count == 0)
        return (struct histogram_side){0};
    struct histogram_span *spans = arena_room(arena, struct histogram_span, span_max);
    double *buckets = arena_room(arena, double, bucket_count);
    uint32_t span_count = 0, to = 0, from = 0;
    int32_t index = 0, end = 0; /* of the bucket at hand; behind the last that was kept */
    for (uint32_t s = 0; s < a->span_count; s++) {
        index += a->spans[s].offset;
        for (uint32_t i = 0; i < a->spans[s].length; i++, index++, from++) {
            double difference = a->buckets[from] - b->buckets[from];
            if (difference == 0)
                continue;
            if (span_count == 0 || index != end)
                spans[span_count++] = (struct histogram_span){index - end, 0};
            spans[span_count - 1].length++;
            end = index + 1;
            buckets[to++] = difference * factor;
        }
    }
    return (struct histogram_side){spans, buckets, span_count, bucket_count};
}

struct histogram *histograms_difference(struct arena *arena, const struct histogram *a,
                                        const struct histogram *b, double factor)
{
    struct histogram *difference = arena_new(arena, struct histogram);
    difference->schema = a->schema;
    difference->hint = HISTOGRAM_GAUGE;
    difference->count = (a->count - b->count) * factor;
    difference->sum = (a->sum - b->sum) * factor;
    difference->positive = side_difference(arena, &a->positive, &b->positive, factor);
    if (histogram_is_custom(a)) {
        double *bounds = arena_room(arena, double, a->custom_bound_count);
        if (a->custom_bound_count > 0)
            memcpy(bounds, a->custom_bounds, a->custom_bound_count * sizeof *bounds);
        difference->custom_bounds = bounds;
        difference->custom_bound_count = a->custom_bound_count;
        return difference;
    }
    difference->zero_threshold = a->zero_threshold;
    difference->zero_count = (a->zero_count - b->zero_count) * factor;
    difference->negative = side_difference(arena, &a->negative, &b->negative, factor);
    return difference;
}
