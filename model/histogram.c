#include "model/histogram.h"

#include <math.h>
#include <string.h>

#include "model/histogram_side.h"
#include "model/sample.h"

const double *doubles_copy(struct arena *arena, const double *values, size_t count)
{
    if (count == 0)
        return NULL;
    double *copy = arena_room(arena, double, count);
    memcpy(copy, values, count * sizeof *copy);
    return copy;
}

/* ret_buckets: the copy's, for whoever changes them; NULL if there are none. */
static struct histogram_side side_copy(struct arena *arena, const struct histogram_side *side,
                                       double **ret_buckets)
{
    *ret_buckets = NULL;
    struct histogram_side copy = {
        .span_count = side->span_count,
        .bucket_count = side->bucket_count,
    };
    if (side->span_count > 0) {
        struct histogram_span *spans = arena_room(arena, struct histogram_span, side->span_count);
        memcpy(spans, side->spans, side->span_count * sizeof *spans);
        copy.spans = spans;
    }
    if (side->bucket_count > 0) {
        *ret_buckets = arena_room(arena, double, side->bucket_count);
        memcpy(*ret_buckets, side->buckets, side->bucket_count * sizeof **ret_buckets);
        copy.buckets = *ret_buckets;
    }
    return copy;
}

/* The buckets may be written. */
static struct histogram *histogram_copy_open(struct arena *arena, const struct histogram *h,
                                             double *ret_buckets[SIDE_COUNT])
{
    struct histogram *copy = arena_room(arena, struct histogram, 1);
    *copy = (struct histogram){
        .schema = h->schema,
        .hint = h->hint,
        .count = h->count,
        .sum = h->sum,
    };
    copy->positive = side_copy(arena, &h->positive, &ret_buckets[SIDE_POSITIVE]);
    ret_buckets[SIDE_NEGATIVE] = NULL;
    if (histogram_is_custom(h)) {
        copy->custom_bounds = doubles_copy(arena, h->custom_bounds, h->custom_bound_count);
        copy->custom_bound_count = h->custom_bound_count;
    } else {
        copy->zero_threshold = h->zero_threshold;
        copy->zero_count = h->zero_count;
        copy->negative = side_copy(arena, &h->negative, &ret_buckets[SIDE_NEGATIVE]);
    }
    return copy;
}

struct histogram *histogram_copy(struct arena *arena, const struct histogram *h)
{
    double *buckets[SIDE_COUNT];
    return histogram_copy_open(arena, h, buckets);
}

struct histogram *histogram_keep(struct arena *arena, const struct histogram *h)
{
    struct histogram *kept = histogram_copy(arena, h);
    kept->zero_threshold = h->zero_threshold;
    kept->zero_count = h->zero_count;
    return kept;
}

struct histogram *histogram_multiply(struct arena *arena, const struct histogram *h, double factor)
{
    double *buckets[SIDE_COUNT];
    struct histogram *product = histogram_copy_open(arena, h, buckets);
    product->zero_count *= factor;
    product->count *= factor;
    product->sum *= factor;
    const uint32_t counts[] = {product->positive.bucket_count, product->negative.bucket_count};
    for (int side = 0; side < SIDE_COUNT; side++)
        for (uint32_t i = 0; i < counts[side]; i++)
            buckets[side][i] *= factor;
    if (factor < 0)
        product->hint = HISTOGRAM_GAUGE;
    return product;
}

struct histogram *histogram_divide(struct arena *arena, const struct histogram *h, double divisor)
{
    double *buckets[SIDE_COUNT];
    struct histogram *quotient = histogram_copy_open(arena, h, buckets);
    quotient->zero_count /= divisor;
    quotient->count /= divisor;
    quotient->sum /= divisor;
    if (divisor == 0) {
        quotient->positive = (struct histogram_side){0};
        quotient->negative = (struct histogram_side){0};
        return quotient;
    }
    const uint32_t counts[] = {quotient->positive.bucket_count, quotient->negative.bucket_count};
    for (int side = 0; side < SIDE_COUNT; side++)
        for (uint32_t i = 0; i < counts[side]; i++)
            buckets[side][i] /= divisor;
    if (divisor < 0)
        quotient->hint = HISTOGRAM_GAUGE;
    return quotient;
}

static bool any_infinite(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (isinf(values[i]))
            return true;
    return false;
}

bool histogram_has_overflow(const struct histogram *h)
{
    return isinf(h->zero_count) || isinf(h->count) || isinf(h->sum) ||
           any_infinite(h->positive.buckets, h->positive.bucket_count) ||
           any_infinite(h->negative.buckets, h->negative.bucket_count) ||
           any_infinite(h->custom_bounds, h->custom_bound_count);
}

/* The next span that is not empty, with the offsets of those before it; of length 0: the end. */
static struct histogram_span span_next(const struct histogram_side *side, uint32_t *at)
{
    struct histogram_span span = {0};
    while (*at < side->span_count && span.length == 0) {
        span.offset += side->spans[*at].offset;
        span.length = side->spans[*at].length;
        (*at)++;
    }
    return span;
}

static bool sides_equal(const struct histogram_side *a, const struct histogram_side *b)
{
    if (a->bucket_count != b->bucket_count)
        return false;
    uint32_t at_a = 0;
    uint32_t at_b = 0;
    for (;;) {
        struct histogram_span span_a = span_next(a, &at_a);
        struct histogram_span span_b = span_next(b, &at_b);
        if (span_a.length != span_b.length)
            return false;
        if (span_a.length == 0)
            break;
        if (span_a.offset != span_b.offset)
            return false;
    }
    return a->bucket_count == 0 ||
           memcmp(a->buckets, b->buckets, a->bucket_count * sizeof *a->buckets) == 0;
}

bool histogram_equal(const struct histogram *a, const struct histogram *b)
{
    if (a->schema != b->schema || value_bits(a->count) != value_bits(b->count) ||
        value_bits(a->sum) != value_bits(b->sum))
        return false;
    if (histogram_is_custom(a)) {
        struct custom_operand of_a = custom_operand_of(a);
        struct custom_operand of_b = custom_operand_of(b);
        if (!custom_bounds_equal(&of_a.bounds, &of_b.bounds))
            return false;
    }
    return a->zero_threshold == b->zero_threshold &&
           value_bits(a->zero_count) == value_bits(b->zero_count) &&
           sides_equal(&a->negative, &b->negative) && sides_equal(&a->positive, &b->positive);
}
