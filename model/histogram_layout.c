/*
 * Which buckets a histogram has, and in which spans: drafts, and what leaves out or joins buckets.
 */
#include <assert.h>
#include <string.h>

#include "model/histogram_side.h"

/* Buffers that grow do so by half at least: a sum's grow rarely. */
static uint32_t cap_grown(uint32_t cap, size_t needed)
{
    size_t grown = cap + cap / 2;
    return (uint32_t)(grown > needed ? grown : needed);
}

void side_draft_spans(struct arena *arena, struct side_draft *draft, size_t span_cap)
{
    if (draft->span_cap >= span_cap)
        return;
    draft->span_cap = cap_grown(draft->span_cap, span_cap);
    draft->spans = arena_room(arena, struct histogram_span, draft->span_cap);
}

void side_draft_room(struct arena *arena, struct side_draft *draft, size_t bucket_cap, bool rests)
{
    if (draft->bucket_cap < bucket_cap) {
        draft->bucket_cap = cap_grown(draft->bucket_cap, bucket_cap);
        draft->buckets = arena_room(arena, double, draft->bucket_cap);
        draft->rests = NULL;
    }
    if (rests && !draft->rests)
        draft->rests = arena_room(arena, double, draft->bucket_cap);
    assert(draft->buckets || bucket_cap == 0);
}

void side_draft_place(struct side_draft *draft, int64_t index, int64_t last_index)
{
    if (draft->span_count > 0 && index == last_index + 1) {
        draft->spans[draft->span_count - 1].length++;
        return;
    }
    assert(draft->spans && draft->span_count < draft->span_cap);
    int64_t offset = draft->span_count > 0 ? index - last_index - 1 : index;
    draft->spans[draft->span_count++] = (struct histogram_span){(int32_t)offset, 1};
}

static bool bucket_is_kept(const struct side_view *side, uint32_t bucket, uint32_t dropped)
{
    return bucket >= dropped &&
           (side->buckets[bucket] != 0 || (side->rests && side->rests[bucket] != 0));
}

static void side_copy_to(struct arena *arena, const struct side_view *side,
                         struct side_draft *draft)
{
    side_draft_spans(arena, draft, side->span_count);
    side_draft_room(arena, draft, side->bucket_count, false);
    draft->span_count = side->span_count;
    draft->bucket_count = side->bucket_count;
    if (side->span_count > 0)
        memmove(draft->spans, side->spans, side->span_count * sizeof *draft->spans);
    if (side->bucket_count > 0)
        memmove(draft->buckets, side->buckets, side->bucket_count * sizeof *draft->buckets);
}

/* The frequent case: no bucket is empty, and no span touches the one before. */
static bool side_is_compact(const struct side_view *side)
{
    bool empty = false;
    for (uint32_t i = 0; i < side->bucket_count; i++)
        empty |= side->buckets[i] == 0;
    for (uint32_t i = 0; i < side->span_count; i++)
        empty |= side->spans[i].length == 0 || (i > 0 && side->spans[i].offset == 0);
    return !empty;
}

/* How many spans and buckets are left. */
static void side_compact_measure(const struct side_view *side, uint32_t dropped,
                                 uint32_t *ret_spans, uint32_t *ret_buckets)
{
    uint32_t span_count = 0;
    uint32_t bucket_count = 0;
    int64_t end = 0;
    struct side_cursor cursor = side_cursor(side->spans, side->span_count);
    while (side_cursor_load(&cursor)) {
        for (uint32_t i = 0; i < cursor.left; i++) {
            if (!bucket_is_kept(side, cursor.bucket + i, dropped))
                continue;
            if (bucket_count == 0 || cursor.index + i != end)
                span_count++;
            bucket_count++;
            end = cursor.index + i + 1;
        }
        side_cursor_take(&cursor, cursor.left);
    }
    *ret_spans = span_count;
    *ret_buckets = bucket_count;
}

void side_compact(struct arena *arena, const struct side_view *side, uint32_t dropped,
                  struct side_draft *ret_draft)
{
    struct side_draft *draft = ret_draft;
    if (dropped == 0 && !side->rests && side_is_compact(side)) {
        side_copy_to(arena, side, draft);
        return;
    }
    uint32_t span_count;
    uint32_t bucket_count;
    side_compact_measure(side, dropped, &span_count, &bucket_count);
    side_draft_spans(arena, draft, span_count);
    side_draft_room(arena, draft, bucket_count, side->rests != NULL);
    draft->span_count = 0;
    draft->bucket_count = 0;
    if (bucket_count == 0)
        return;

    int64_t last_index = 0;
    struct side_cursor cursor = side_cursor(side->spans, side->span_count);
    while (side_cursor_load(&cursor)) {
        for (uint32_t i = 0; i < cursor.left; i++) {
            uint32_t bucket = cursor.bucket + i;
            if (!bucket_is_kept(side, bucket, dropped))
                continue;
            side_draft_place(draft, cursor.index + i, last_index);
            last_index = cursor.index + i;
            draft->buckets[draft->bucket_count] = side->buckets[bucket];
            if (side->rests)
                draft->rests[draft->bucket_count] = side->rests[bucket];
            draft->bucket_count++;
        }
        side_cursor_take(&cursor, cursor.left);
    }
}

static void side_reduce_bucket(const struct side_view *side, uint32_t bucket, bool merged,
                               struct side_draft *draft)
{
    double count = side->buckets[bucket];
    double rest = side->rests ? side->rests[bucket] : 0;
    if (!merged) {
        draft->buckets[draft->bucket_count] = count;
        if (draft->rests)
            draft->rests[draft->bucket_count] = rest;
        draft->bucket_count++;
        return;
    }
    uint32_t last = draft->bucket_count - 1;
    if (!draft->rests) {
        draft->buckets[last] += count;
        return;
    }
    struct kahan kahan = {draft->buckets[last], draft->rests[last]};
    kahan_add(&kahan, count);
    kahan_add(&kahan, rest);
    draft->buckets[last] = kahan.sum;
    draft->rests[last] = kahan.c;
}

void side_reduce(struct arena *arena, const struct side_view *side, int shift, bool rests,
                 struct side_draft *ret_draft)
{
    struct side_draft *draft = ret_draft;
    side_draft_spans(arena, draft, side->span_count);
    side_draft_room(arena, draft, side->bucket_count, rests);
    draft->span_count = 0;
    draft->bucket_count = 0;
    if (side->bucket_count == 0)
        return;

    int64_t last_index = 0;
    struct side_cursor cursor = side_cursor(side->spans, side->span_count);
    while (side_cursor_load(&cursor)) {
        for (uint32_t i = 0; i < cursor.left; i++) {
            int64_t index = ((cursor.index + i - 1) >> shift) + 1;
            bool merged = draft->bucket_count > 0 && index == last_index;
            if (!merged)
                side_draft_place(draft, index, last_index);
            side_reduce_bucket(side, cursor.bucket + i, merged, draft);
            last_index = index;
        }
        side_cursor_take(&cursor, cursor.left);
    }
}

uint32_t side_count_below(const struct side_view *side, int32_t schema, double threshold)
{
    uint32_t count = 0;
    struct side_cursor cursor = side_cursor(side->spans, side->span_count);
    while (side_cursor_load(&cursor)) {
        if (!(histogram_bound((int32_t)cursor.index, schema) <= threshold))
            break;
        side_cursor_take(&cursor, 1);
        count++;
    }
    return count;
}

struct histogram *histogram_compact(struct arena *arena, const struct histogram *h)
{
    struct histogram *compact = arena_room(arena, struct histogram, 1);
    *compact = *h;
    compact->custom_bounds = doubles_copy(arena, h->custom_bounds, h->custom_bound_count);
    const struct histogram_side *sides[] = {&h->positive, &h->negative};
    struct histogram_side *ret_sides[] = {&compact->positive, &compact->negative};
    for (int i = 0; i < SIDE_COUNT; i++) {
        struct side_view side = side_view_of(sides[i]);
        struct side_draft draft = {0};
        side_compact(arena, &side, 0, &draft);
        *ret_sides[i] = side_draft_buckets(&draft);
    }
    return compact;
}

struct histogram *histogram_reduce(struct arena *arena, const struct histogram *h, int32_t schema)
{
    if (schema >= h->schema)
        return histogram_copy(arena, h);
    assert(!histogram_is_custom(h) && schema != HISTOGRAM_SCHEMA_CUSTOM);

    struct histogram *reduced = arena_room(arena, struct histogram, 1);
    *reduced = *h;
    reduced->schema = schema;
    reduced->hint = HISTOGRAM_UNKNOWN;
    const struct histogram_side *sides[] = {&h->positive, &h->negative};
    struct histogram_side *ret_sides[] = {&reduced->positive, &reduced->negative};
    for (int i = 0; i < SIDE_COUNT; i++) {
        struct side_view side = side_view_of(sides[i]);
        struct side_draft draft = {0};
        side_reduce(arena, &side, h->schema - schema, false, &draft);
        *ret_sides[i] = side_draft_buckets(&draft);
    }
    return reduced;
}
