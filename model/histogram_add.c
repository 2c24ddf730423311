#include "model/histogram_side.h"

bool hints_combine(enum histogram_hint a, enum histogram_hint b, enum histogram_hint *ret_hint)
{
    if (a == b) {
        *ret_hint = a;
        return true;
    }
    if (a == HISTOGRAM_GAUGE || b == HISTOGRAM_GAUGE) {
        *ret_hint = HISTOGRAM_GAUGE;
        return true;
    }
    *ret_hint = HISTOGRAM_UNKNOWN;
    return a == HISTOGRAM_UNKNOWN || b == HISTOGRAM_UNKNOWN;
}

struct custom_operand custom_operand_of(const struct histogram *h)
{
    return (struct custom_operand){
        .side = side_view_of(&h->positive),
        .bounds = {h->custom_bounds, h->custom_bound_count},
    };
}

static void combine_custom(struct arena *arena, const struct histogram *a,
                           const struct histogram *b, bool negative, struct histogram *result,
                           unsigned *clashes)
{
    struct custom_operand of_a = custom_operand_of(a);
    struct custom_operand of_b = custom_operand_of(b);
    struct side_draft draft = {0};
    if (custom_bounds_equal(&of_a.bounds, &of_b.bounds)) {
        side_merge(arena, &of_a.side, &of_b.side, 0, negative, &draft);
        result->custom_bounds = doubles_copy(arena, a->custom_bounds, a->custom_bound_count);
        result->custom_bound_count = a->custom_bound_count;
    } else {
        struct custom_work work = {0};
        custom_merge(arena, &of_a, &of_b, negative, &work, &draft);
        result->custom_bounds = work.bounds.values;
        result->custom_bound_count = work.bounds.count;
        *clashes |= HISTOGRAM_CLASH_BOUNDS;
    }
    result->positive = side_draft_buckets(&draft);
}

static void combine_exponential(struct arena *arena, const struct histogram *a,
                                const struct histogram *b, bool negative, struct histogram *result)
{
    struct operand of_a = operand_of(a);
    struct operand of_b = operand_of(b);
    struct operand_drafts drafts = {0};
    operands_align(arena, &of_a, &of_b, false, &drafts);
    result->schema = of_a.schema;
    result->zero_threshold = of_a.zero_threshold;
    result->zero_count =
        negative ? of_a.zero_count - of_b.zero_count : of_a.zero_count + of_b.zero_count;

    struct histogram_side *sides[] = {&result->positive, &result->negative};
    for (int i = 0; i < SIDE_COUNT; i++) {
        const struct side_view *side = &of_b.sides[i];
        uint32_t skipped = side_count_below(side, of_a.schema, of_a.zero_threshold);
        struct side_draft draft = {0};
        side_merge(arena, &of_a.sides[i], side, skipped, negative, &draft);
        *sides[i] = side_draft_buckets(&draft);
    }
}

static struct histogram *histogram_combine(struct arena *arena, const struct histogram *a,
                                           const struct histogram *b, bool negative,
                                           unsigned *clashes)
{
    if (histogram_is_custom(a) != histogram_is_custom(b)) {
        *clashes |= HISTOGRAM_CLASH_INCOMPATIBLE;
        return NULL;
    }
    struct histogram *result = arena_new(arena, struct histogram);
    result->schema = a->schema;
    result->count = negative ? a->count - b->count : a->count + b->count;
    result->sum = negative ? a->sum - b->sum : a->sum + b->sum;
    if (!hints_combine(a->hint, b->hint, &result->hint))
        *clashes |= HISTOGRAM_CLASH_RESET;
    if (histogram_is_custom(a))
        combine_custom(arena, a, b, negative, result, clashes);
    else
        combine_exponential(arena, a, b, negative, result);
    return result;
}

struct histogram *histogram_add(struct arena *arena, const struct histogram *a,
                                const struct histogram *b, unsigned *clashes)
{
    return histogram_combine(arena, a, b, false, clashes);
}

struct histogram *histogram_subtract(struct arena *arena, const struct histogram *a,
                                     const struct histogram *b, unsigned *clashes)
{
    return histogram_combine(arena, a, b, true, clashes);
}
