#include "engine/fn/histogram_alike.h"

#include <string.h>

#include "base/attr.h"
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

KERNEL_CLONES static uint32_t counts_differing(const double *a, const double *b, uint32_t count)
{
    uint64_t differing = 0;
    for (uint32_t i = 0; i < count; i++)
        differing += a[i] - b[i] != 0;
    return (uint32_t)differing;
}

KERNEL_CLONES static void counts_difference(double *restrict out, const double *restrict a,
                                            const double *restrict b, uint32_t count, double factor)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = (a[i] - b[i]) * factor;
}

/* No span is empty or touches the one before. */
static bool spans_are_apart(const struct histogram_side *side)
{
    for (uint32_t i = 0; i < side->span_count; i++)
        if (side->spans[i].length == 0 || (i > 0 && side->spans[i].offset == 0))
            return false;
    return true;
}

static struct histogram_side side_difference_whole(struct arena *arena,
                                                   const struct histogram_side *a,
                                                   const struct histogram_side *b, double factor)
{
    struct histogram_span *spans = arena_room(arena, struct histogram_span, a->span_count);
    double *buckets = arena_room(arena, double, a->bucket_count);
    memcpy(spans, a->spans, a->span_count * sizeof *spans);
    counts_difference(buckets, a->buckets, b->buckets, a->bucket_count, factor);
    return (struct histogram_side){spans, buckets, a->span_count, a->bucket_count};
}

/* `bucket_count` of them differ; the others are left out. */
static struct histogram_side side_difference_part(struct arena *arena,
                                                  const struct histogram_side *a,
                                                  const struct histogram_side *b,
                                                  uint32_t bucket_count, double factor)
{
    uint32_t others = a->bucket_count - bucket_count;
    uint32_t span_max = bucket_count < others ? bucket_count : others;
    struct histogram_span *spans =
        arena_room(arena, struct histogram_span, (size_t)span_max + a->span_count);
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

static struct histogram_side side_difference(struct arena *arena, const struct histogram_side *a,
                                             const struct histogram_side *b, double factor)
{
    uint32_t bucket_count = counts_differing(a->buckets, b->buckets, a->bucket_count);
    if (bucket_count == 0)
        return (struct histogram_side){0};
    if (bucket_count == a->bucket_count && spans_are_apart(a))
        return side_difference_whole(arena, a, b, factor);
    return side_difference_part(arena, a, b, bucket_count, factor);
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
