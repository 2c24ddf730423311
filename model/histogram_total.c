/*
 * A total mostly has all buckets that come, and grows where it is. Otherwise, or if what it was
 * before must stay, it is written from one set of buffers into another, back and forth.
 */
#include <string.h>

#include "model/histogram_side.h"

struct total_set {
    struct histogram value;
    struct histogram rest;
    struct side_draft sides[SIDE_COUNT];
    double *bounds;
    uint32_t bound_cap;
};

struct histogram_total_store {
    struct total_set sets[2];
    struct operand_drafts *drafts; /* NULL: not needed yet */
    struct custom_work work;
};

static void set_bounds(struct arena *arena, struct total_set *set,
                       const struct custom_bounds *bounds)
{
    if (set->bound_cap < bounds->count) {
        set->bound_cap = bounds->count;
        set->bounds = arena_room(arena, double, bounds->count);
    }
    if (bounds->count > 0)
        memcpy(set->bounds, bounds->values, bounds->count * sizeof *set->bounds);
    set->value.custom_bounds = set->bounds;
    set->value.custom_bound_count = bounds->count;
}

/* Value and rest show what the set's buffers hold. */
static void set_show(struct total_set *set)
{
    struct histogram *value = &set->value;
    struct histogram *rest = &set->rest;
    value->positive = side_draft_buckets(&set->sides[SIDE_POSITIVE]);
    value->negative = side_draft_buckets(&set->sides[SIDE_NEGATIVE]);
    rest->positive = side_draft_rests(&set->sides[SIDE_POSITIVE]);
    rest->negative = side_draft_rests(&set->sides[SIDE_NEGATIVE]);
    rest->schema = value->schema;
    rest->hint = value->hint;
    rest->zero_threshold = value->zero_threshold;
    rest->custom_bounds = value->custom_bounds;
    rest->custom_bound_count = value->custom_bound_count;
}

static void side_load(struct arena *arena, const struct histogram_side *side,
                      const struct histogram_side *rest, struct side_draft *draft)
{
    side_draft_spans(arena, draft, side->span_count);
    side_draft_room(arena, draft, side->bucket_count, true);
    draft->span_count = side->span_count;
    draft->bucket_count = side->bucket_count;
    if (side->span_count > 0)
        memcpy(draft->spans, side->spans, side->span_count * sizeof *draft->spans);
    if (side->bucket_count == 0)
        return;
    size_t size = side->bucket_count * sizeof *draft->buckets;
    memcpy(draft->buckets, side->buckets, size);
    if (rest)
        memcpy(draft->rests, rest->buckets, size);
    else
        memset(draft->rests, 0, size);
}

/* Copies into the set; `rest` may be NULL. */
static void set_load(struct arena *arena, struct total_set *set, const struct histogram *value,
                     const struct histogram *rest)
{
    set->value = *value;
    set->rest = rest ? *rest : (struct histogram){0};
    side_load(arena, &value->positive, rest ? &rest->positive : NULL, &set->sides[SIDE_POSITIVE]);
    struct side_draft *negative = &set->sides[SIDE_NEGATIVE];
    if (histogram_is_custom(value)) {
        set->value.zero_threshold = 0;
        set->value.zero_count = 0;
        negative->span_count = 0;
        negative->bucket_count = 0;
    } else {
        side_load(arena, &value->negative, rest ? &rest->negative : NULL, negative);
    }
    struct custom_bounds bounds = {value->custom_bounds, value->custom_bound_count};
    set_bounds(arena, set, &bounds);
    set_show(set);
}

static void total_add_custom(struct arena *arena, struct histogram_total_store *store,
                             const struct total_set *from, const struct histogram *h,
                             struct total_set *to, unsigned *clashes)
{
    struct custom_operand of_a = custom_operand_of(&from->value);
    struct custom_operand of_b = custom_operand_of(h);
    of_a.side.rests = from->rest.positive.buckets;
    struct side_draft *draft = &to->sides[SIDE_POSITIVE];
    if (custom_bounds_equal(&of_a.bounds, &of_b.bounds)) {
        side_merge_kahan(arena, &of_a.side, &of_b.side, 0, draft);
        set_bounds(arena, to, &of_a.bounds);
    } else {
        custom_merge(arena, &of_a, &of_b, false, &store->work, draft);
        set_bounds(arena, to, &store->work.bounds);
        *clashes |= HISTOGRAM_CLASH_BOUNDS;
    }
}

static void total_add_exponential(struct arena *arena, struct histogram_total_store *store,
                                  const struct total_set *from, const struct histogram *h,
                                  struct total_set *to)
{
    struct operand of_a = operand_of(&from->value);
    struct operand of_b = operand_of(h);
    of_a.zero_rest = from->rest.zero_count;
    of_a.sides[SIDE_POSITIVE].rests = from->rest.positive.buckets;
    of_a.sides[SIDE_NEGATIVE].rests = from->rest.negative.buckets;
    if (of_a.schema != of_b.schema || of_a.zero_threshold != of_b.zero_threshold) {
        if (!store->drafts)
            store->drafts = arena_new(arena, struct operand_drafts);
        operands_align(arena, &of_a, &of_b, true, store->drafts);
    }

    struct kahan zero = {of_a.zero_count, of_a.zero_rest};
    kahan_add(&zero, of_b.zero_count);
    kahan_add(&zero, of_b.zero_rest);
    to->value.schema = of_a.schema;
    to->value.zero_threshold = of_a.zero_threshold;
    to->value.zero_count = zero.sum;
    to->rest.zero_count = zero.c;
    for (int i = 0; i < SIDE_COUNT; i++) {
        const struct side_view *side = &of_b.sides[i];
        uint32_t skipped = side_count_below(side, of_a.schema, of_a.zero_threshold);
        side_merge_kahan(arena, &of_a.sides[i], side, skipped, &to->sides[i]);
    }
}

static void total_add(struct arena *arena, struct histogram_total_store *store,
                      const struct total_set *from, const struct histogram *h, struct total_set *to,
                      unsigned *clashes)
{
    const struct histogram *value = &from->value;
    to->value = (struct histogram){.schema = value->schema};
    to->rest = (struct histogram){0};
    if (!hints_combine(value->hint, h->hint, &to->value.hint))
        *clashes |= HISTOGRAM_CLASH_RESET;
    struct kahan count = {value->count, from->rest.count};
    struct kahan sum = {value->sum, from->rest.sum};
    kahan_add(&count, h->count);
    kahan_add(&sum, h->sum);
    to->value.count = count.sum;
    to->rest.count = count.c;
    to->value.sum = sum.sum;
    to->rest.sum = sum.c;
    if (histogram_is_custom(value))
        total_add_custom(arena, store, from, h, to, clashes);
    else
        total_add_exponential(arena, store, from, h, to);
    set_show(to);
}

/* Has the total one zero bucket, one schema or the same bounds with h, and all of its buckets? */
static bool total_fits(const struct total_set *set, const struct histogram *h)
{
    const struct histogram *value = &set->value;
    struct side_view positive = side_view_of(&h->positive);
    struct side_view negative = side_view_of(&h->negative);
    if (histogram_is_custom(h)) {
        struct custom_bounds of_value = {value->custom_bounds, value->custom_bound_count};
        struct custom_bounds of_h = {h->custom_bounds, h->custom_bound_count};
        return custom_bounds_equal(&of_value, &of_h) &&
               side_draft_fits(&set->sides[SIDE_POSITIVE], &positive);
    }
    return value->schema == h->schema && value->zero_threshold == h->zero_threshold &&
           side_draft_fits(&set->sides[SIDE_POSITIVE], &positive) &&
           side_draft_fits(&set->sides[SIDE_NEGATIVE], &negative) &&
           side_count_below(&positive, h->schema, h->zero_threshold) == 0 &&
           side_count_below(&negative, h->schema, h->zero_threshold) == 0;
}

static void number_grow(double *sum, double *rest, double inc)
{
    struct kahan kahan = {*sum, *rest};
    kahan_add(&kahan, inc);
    *sum = kahan.sum;
    *rest = kahan.c;
}

/* The same as total_add into another set, of an h that fits. */
static void total_grow(struct total_set *set, const struct histogram *h, unsigned *clashes)
{
    struct histogram *value = &set->value, *rest = &set->rest;
    if (!hints_combine(value->hint, h->hint, &value->hint))
        *clashes |= HISTOGRAM_CLASH_RESET;
    rest->hint = value->hint;
    number_grow(&value->count, &rest->count, h->count);
    number_grow(&value->sum, &rest->sum, h->sum);
    struct side_view positive = side_view_of(&h->positive);
    side_draft_grow(&set->sides[SIDE_POSITIVE], &positive);
    if (histogram_is_custom(h))
        return;
    number_grow(&value->zero_count, &rest->zero_count, h->zero_count);
    number_grow(&value->zero_count, &rest->zero_count, 0); /* its rest */
    struct side_view negative = side_view_of(&h->negative);
    side_draft_grow(&set->sides[SIDE_NEGATIVE], &negative);
}

bool histogram_total_add(struct histogram_total *total, const struct histogram *h,
                         unsigned *clashes)
{
    if (total->value && histogram_is_custom(total->value) != histogram_is_custom(h)) {
        *clashes |= HISTOGRAM_CLASH_INCOMPATIBLE;
        return false;
    }
    if (!total->store)
        total->store = arena_new(total->arena, struct histogram_total_store);
    struct total_set *sets = total->store->sets;
    if (!total->value) {
        set_load(total->arena, &sets[0], h, NULL);
        total->value = &sets[0].value;
        return true;
    }
    struct total_set *from = total->value == &sets[1].value ? &sets[1] : &sets[0];
    if (total->value == &from->value && !total->keeps_before && total_fits(from, h)) {
        total_grow(from, h, clashes);
        total->rest = &from->rest;
        return true;
    }
    struct total_set *to = from == &sets[0] ? &sets[1] : &sets[0];
    if (total->value != &from->value)
        set_load(total->arena, from, total->value, total->rest);
    total_add(total->arena, total->store, from, h, to, clashes);
    total->value = &to->value;
    total->rest = &to->rest;
    return true;
}

struct histogram *histogram_total_sum(const struct histogram_total *total, struct arena *arena)
{
    if (!total->value)
        return NULL;
    if (!total->rest)
        return histogram_copy(arena, total->value);
    unsigned clashes = 0;
    return histogram_add(arena, total->value, total->rest, &clashes);
}
