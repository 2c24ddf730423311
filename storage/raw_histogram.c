#include "storage/raw_histogram.h"

#include <math.h>

/* Far beyond all doubles in any schema that we keep; differences of two do not overflow. */
#define INDEX_MAX (INT32_MAX / 2)

bool raw_spans_check(const struct histogram_span *spans, size_t count, int32_t schema,
                     size_t bound_count)
{
    bool custom = schema == HISTOGRAM_SCHEMA_CUSTOM;
    int64_t end = custom ? (int64_t)bound_count + 1 : INDEX_MAX;
    int64_t index = 0;
    for (size_t i = 0; i < count; i++) {
        if (spans[i].offset < (i > 0 || custom ? 0 : -INDEX_MAX))
            return false;
        index += (int64_t)spans[i].offset + spans[i].length;
        if (index > end)
            return false;
    }
    return true;
}

bool raw_bounds_check(const double *bounds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (isnan(bounds[i]) || (i > 0 && bounds[i] <= bounds[i - 1]))
            return false;
    return count == 0 || bounds[count - 1] < INFINITY;
}

void raw_indices(const struct histogram_span *spans, size_t span_count, int32_t *out)
{
    int64_t index = 0;
    for (size_t i = 0; i < span_count; i++) {
        index += spans[i].offset;
        for (uint32_t j = 0; j < spans[i].length; j++)
            *out++ = (int32_t)index++;
    }
}

size_t raw_spans(const int32_t *indices, size_t count, struct histogram_span *out)
{
    size_t span_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && indices[i] == indices[i - 1] + 1) {
            out[span_count - 1].length++;
            continue;
        }
        int64_t offset = i > 0 ? (int64_t)indices[i] - indices[i - 1] - 1 : indices[i];
        out[span_count++] = (struct histogram_span){.offset = (int32_t)offset, .length = 1};
    }
    return span_count;
}

static uint64_t raw_add(bool is_float, uint64_t a, uint64_t b)
{
    return is_float ? value_bits(value_of_bits(a) + value_of_bits(b)) : a + b;
}

static void raw_side_reduce(struct raw_side *side, unsigned halvings, bool is_float,
                            struct arena *arena)
{
    int32_t *indices = arena_array(arena, int32_t, side->bucket_count);
    uint64_t *buckets = arena_array(arena, uint64_t, side->bucket_count);
    raw_indices(side->spans, side->span_count, indices);
    uint32_t count = 0;
    for (uint32_t i = 0; i < side->bucket_count; i++) {
        int32_t index = ((indices[i] - 1) >> halvings) + 1;
        if (count > 0 && indices[count - 1] == index) {
            buckets[count - 1] = raw_add(is_float, buckets[count - 1], side->buckets[i]);
            continue;
        }
        indices[count] = index;
        buckets[count++] = side->buckets[i];
    }
    struct histogram_span *spans = arena_array(arena, struct histogram_span, count);
    side->span_count = (uint32_t)raw_spans(indices, count, spans);
    side->spans = spans;
    side->buckets = buckets;
    side->bucket_count = count;
}

void raw_histogram_reduce(struct raw_histogram *h, int32_t schema, struct arena *arena)
{
    unsigned halvings = (unsigned)(h->schema - schema);
    for (size_t i = 0; i < 2; i++)
        raw_side_reduce(&h->sides[i], halvings < 31 ? halvings : 31, h->is_float, arena);
    h->schema = schema;
}

/* A count as 64 bits; an integer that was stored may be any, even a negative one. */
static uint64_t raw_count_of(double v, bool is_float)
{
    if (is_float)
        return value_bits(v);
    if (v < 0)
        return v > -0x1p63 ? (uint64_t)(int64_t)v : (uint64_t)INT64_MIN;
    return v < 0x1p64 ? (uint64_t)v : UINT64_MAX;
}

static struct raw_side raw_side_of(const struct histogram_side *side, bool is_float,
                                   struct arena *arena)
{
    uint64_t *buckets = arena_array(arena, uint64_t, side->bucket_count);
    for (uint32_t i = 0; i < side->bucket_count; i++)
        buckets[i] = raw_count_of(side->buckets[i], is_float);
    return (struct raw_side){
        .spans = side->spans,
        .buckets = buckets,
        .span_count = side->span_count,
        .bucket_count = side->bucket_count,
    };
}

struct raw_histogram raw_histogram_of(const struct histogram *h, bool is_float, struct arena *arena)
{
    return (struct raw_histogram){
        .is_float = is_float,
        .hint = h->hint,
        .schema = h->schema,
        .zero_threshold = h->zero_threshold,
        .sum = h->sum,
        .count = raw_count_of(h->count, is_float),
        .zero_count = raw_count_of(h->zero_count, is_float),
        .sides = {raw_side_of(&h->positive, is_float, arena),
                  raw_side_of(&h->negative, is_float, arena)},
        .custom_bounds = h->custom_bounds,
        .custom_bound_count = h->custom_bound_count,
    };
}
