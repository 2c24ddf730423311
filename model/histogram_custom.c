/*
 * Histograms with bounds of their own. Where two have different ones, both are brought to the
 * bounds that they have in common.
 */
#include "model/histogram_side.h"

bool custom_bounds_equal(const struct custom_bounds *a, const struct custom_bounds *b)
{
    if (a->count != b->count)
        return false;
    if (a->values == b->values)
        return true;
    for (uint32_t i = 0; i < a->count; i++)
        if (a->values[i] != b->values[i])
            return false;
    return true;
}

/* Returns how many. */
static uint32_t custom_bounds_common(const struct custom_bounds *a, const struct custom_bounds *b,
                                     double *ret_bounds)
{
    uint32_t count = 0;
    uint32_t at_a = 0;
    uint32_t at_b = 0;
    while (at_a < a->count && at_b < b->count) {
        double bound_a = a->values[at_a];
        double bound_b = b->values[at_b];
        if (bound_a == bound_b)
            ret_bounds[count++] = bound_a;
        at_a += bound_a <= bound_b;
        at_b += !(bound_a < bound_b);
    }
    return count;
}

static void custom_gather(const struct custom_operand *operand, bool negative,
                          struct custom_work *work)
{
    const struct custom_bounds *bounds = &operand->bounds;
    uint32_t at = 0;
    struct side_cursor cursor = side_cursor(operand->side.spans, operand->side.span_count);
    for (; side_cursor_load(&cursor); side_cursor_take(&cursor, 1)) {
        uint32_t into = work->bounds.count; /* the open one */
        if ((uint64_t)cursor.index < bounds->count) {
            while (at < work->bounds.count &&
                   !(work->bounds.values[at] >= bounds->values[cursor.index]))
                at++;
            into = at;
        }
        double count = operand->side.buckets[cursor.bucket];
        kahan_add(&work->buckets[into], negative ? -count : count);
        if (operand->side.rests)
            kahan_add(&work->buckets[into], operand->side.rests[cursor.bucket]);
    }
}

static void custom_work_begin(struct arena *arena, const struct custom_operand *a,
                              const struct custom_operand *b, struct custom_work *work)
{
    uint32_t cap = a->bounds.count < b->bounds.count ? a->bounds.count : b->bounds.count;
    if (!work->buckets || cap > work->cap) {
        work->cap = cap;
        work->room = arena_array(arena, double, cap);
        work->buckets = arena_array(arena, struct kahan, (size_t)cap + 1);
    }
    work->bounds.values = work->room;
    work->bounds.count = custom_bounds_common(&a->bounds, &b->bounds, work->room);
    for (uint32_t i = 0; i <= work->bounds.count; i++)
        work->buckets[i] = (struct kahan){0};
}

void custom_merge(struct arena *arena, const struct custom_operand *a,
                  const struct custom_operand *b, bool negative, struct custom_work *work,
                  struct side_draft *ret_draft)
{
    custom_work_begin(arena, a, b, work);
    custom_gather(a, false, work);
    custom_gather(b, negative, work);

    struct side_draft *draft = ret_draft;
    side_draft_spans(arena, draft, work->bounds.count + (size_t)1);
    side_draft_room(arena, draft, work->bounds.count + (size_t)1, true);
    draft->span_count = 0;
    draft->bucket_count = 0;
    int64_t last_index = 0;
    for (uint32_t i = 0; i <= work->bounds.count; i++) {
        const struct kahan *bucket = &work->buckets[i];
        if (bucket->sum == 0 && bucket->c == 0)
            continue;
        side_draft_place(draft, i, last_index);
        last_index = i;
        draft->buckets[draft->bucket_count] = bucket->sum;
        draft->rests[draft->bucket_count] = bucket->c;
        draft->bucket_count++;
    }
}
