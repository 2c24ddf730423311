/*
 * Has a counter begun anew? It has if anything in it has become less, as far as can be told: zero
 * buckets only become wider, schemas only coarser, and buckets do not vanish.
 */
#include <math.h>

#include "model/histogram_side.h"

/* Buckets in order, several merged where the schema asked for is coarser. */
struct merged_cursor {
    struct side_cursor cursor;
    const double *buckets;
    int shift;
    int64_t index;
    double count;
};

static struct merged_cursor merged_cursor(const struct side_view *side, int shift)
{
    return (struct merged_cursor){
        .cursor = side_cursor(side->spans, side->span_count),
        .buckets = side->buckets,
        .shift = shift,
    };
}

static bool merged_cursor_next(struct merged_cursor *merged)
{
    struct side_cursor *cursor = &merged->cursor;
    if (!side_cursor_load(cursor))
        return false;
    merged->index = ((cursor->index - 1) >> merged->shift) + 1;
    merged->count = merged->buckets[cursor->bucket];
    side_cursor_take(cursor, 1);
    if (merged->shift == 0)
        return true;
    for (; side_cursor_load(cursor); side_cursor_take(cursor, 1)) {
        if (((cursor->index - 1) >> merged->shift) + 1 != merged->index)
            break;
        merged->count += merged->buckets[cursor->bucket];
    }
    return true;
}

/* To the first bucket that is not inside of the zero bucket. */
static bool merged_cursor_first(struct merged_cursor *merged, int32_t schema, double threshold)
{
    do {
        if (!merged_cursor_next(merged))
            return false;
    } while (threshold != 0 && schema != HISTOGRAM_SCHEMA_CUSTOM &&
             histogram_bound((int32_t)merged->index, schema) <= threshold);
    return true;
}

static bool counts_fell(const double *now, const double *before, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (now[i] < before[i])
            return true;
    return false;
}

/* Is a bucket less, or a populated one gone? `shift`: by how much it was finer before. */
static bool side_is_reset(const struct side_view *now, const struct side_view *before, int shift,
                          int32_t schema, double threshold)
{
    if (shift == 0 && spans_equal(now, before)) {
        bool skips = threshold != 0 && schema != HISTOGRAM_SCHEMA_CUSTOM;
        uint32_t skipped = skips ? side_count_below(now, schema, threshold) : 0;
        return counts_fell(now->buckets + skipped, before->buckets + skipped,
                           now->bucket_count - skipped);
    }

    struct merged_cursor at_now = merged_cursor(now, 0);
    struct merged_cursor at_before = merged_cursor(before, shift);
    bool more_now = merged_cursor_first(&at_now, schema, threshold);
    bool more_before = merged_cursor_first(&at_before, schema, threshold);
    for (; more_before; more_before = merged_cursor_next(&at_before)) {
        while (more_now && at_now.index < at_before.index)
            more_now = merged_cursor_next(&at_now);
        bool there = more_now && at_now.index == at_before.index;
        if (there ? at_now.count < at_before.count : at_before.count != 0)
            return true;
    }
    return false;
}

/* Adds up buckets that end at `bound` or before. */
static double custom_sum_up_to(struct side_cursor *cursor, const struct histogram *h, double bound)
{
    double sum = 0;
    for (; side_cursor_load(cursor); side_cursor_take(cursor, 1)) {
        bool open = (uint64_t)cursor->index >= h->custom_bound_count;
        double upper = open ? INFINITY : h->custom_bounds[cursor->index];
        if (!(upper <= bound))
            break;
        sum += h->positive.buckets[cursor->bucket];
    }
    return sum;
}

/* Of histograms with different bounds, between the ones that both have. */
static bool custom_is_reset(const struct histogram *h, const struct histogram *before)
{
    struct side_cursor at_now = side_cursor(h->positive.spans, h->positive.span_count);
    struct side_cursor at_before = side_cursor(before->positive.spans, before->positive.span_count);
    uint32_t i = 0;
    uint32_t j = 0;
    while (i <= h->custom_bound_count && j <= before->custom_bound_count) {
        double bound = i < h->custom_bound_count ? h->custom_bounds[i] : INFINITY;
        double bound_before = j < before->custom_bound_count ? before->custom_bounds[j] : INFINITY;
        if (bound == bound_before) {
            double sum = custom_sum_up_to(&at_now, h, bound);
            if (sum < custom_sum_up_to(&at_before, before, bound))
                return true;
        }
        i += bound <= bound_before;
        j += !(bound < bound_before);
    }
    return false;
}

static bool exponential_is_reset(const struct histogram *h, const struct histogram *before)
{
    if (h->schema > before->schema || h->zero_threshold < before->zero_threshold)
        return true;
    struct operand was = operand_of(before);
    double threshold = h->zero_threshold;
    double rest;
    double zero_count = operand_zero_count(&was, &threshold, &rest);
    if (threshold != h->zero_threshold || h->zero_count < zero_count)
        return true;

    struct operand now = operand_of(h);
    for (int i = 0; i < SIDE_COUNT; i++)
        if (side_is_reset(&now.sides[i], &was.sides[i], before->schema - h->schema, h->schema,
                          threshold))
            return true;
    return false;
}

bool histogram_is_reset(const struct histogram *h, const struct histogram *before)
{
    if (h->hint == HISTOGRAM_RESET || h->hint == HISTOGRAM_NOT_RESET)
        return h->hint == HISTOGRAM_RESET;
    if (h->count < before->count)
        return true;
    if (histogram_is_custom(h)) {
        if (!histogram_is_custom(before))
            return true;
        struct custom_operand now = custom_operand_of(h);
        struct custom_operand was = custom_operand_of(before);
        if (!custom_bounds_equal(&now.bounds, &was.bounds))
            return custom_is_reset(h, before);
    }
    return exponential_is_reset(h, before);
}
