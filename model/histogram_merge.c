/*
 * The layout of two sides together, as Prometheus gets it by putting b's buckets into a's spans one
 * by one: one directly behind a span becomes part of that, one before a span becomes part of that,
 * another one is a span of its own. Spans that so come to touch are not joined.
 */
#include "model/histogram_side.h"

/* How many of the next buckets lie in a alone, in b alone, or in both; 0: the end. */
struct merge_run {
    uint32_t length;
    bool in_a, in_b;
    bool begins_a; /* the first of a span of a */
    int64_t index;
};

static struct merge_run merge_next(struct side_cursor *a, struct side_cursor *b)
{
    bool more_a = side_cursor_load(a);
    bool more_b = side_cursor_load(b);
    struct merge_run run = {0};
    if (!more_a && !more_b)
        return run;
    run.in_a = more_a && (!more_b || a->index <= b->index);
    run.in_b = more_b && (!more_a || b->index <= a->index);
    run.index = run.in_a ? a->index : b->index;
    run.begins_a = run.in_a && !a->begun;
    int64_t length = INT64_MAX;
    if (more_a)
        length = run.in_a ? a->left : a->index - b->index;
    int64_t length_b = INT64_MAX;
    if (more_b)
        length_b = run.in_b ? b->left : b->index - a->index;
    run.length = (uint32_t)(length < length_b ? length : length_b);
    if (run.in_a)
        side_cursor_take(a, run.length);
    if (run.in_b)
        side_cursor_take(b, run.length);
    return run;
}

static void side_cursor_skip(struct side_cursor *cursor, uint32_t count)
{
    while (count > 0 && side_cursor_load(cursor)) {
        uint32_t taken = count < cursor->left ? count : cursor->left;
        side_cursor_take(cursor, taken);
        count -= taken;
    }
}

/* Like side_draft_place, but spans of a are kept apart, unless `joins`. */
static void merge_place(struct side_draft *draft, const struct merge_run *run, int64_t end,
                        bool joins)
{
    bool touches = draft->span_count > 0 && run->index == end;
    if (touches && (!run->begins_a || joins)) {
        draft->spans[draft->span_count - 1].length += run->length;
        return;
    }
    int64_t offset = draft->span_count > 0 ? run->index - end : run->index;
    draft->spans[draft->span_count++] = (struct histogram_span){(int32_t)offset, run->length};
}

static void merge_layout(struct arena *arena, const struct side_view *a, const struct side_view *b,
                         uint32_t skipped, struct side_draft *draft)
{
    side_draft_spans(arena, draft, 2 * (size_t)a->span_count + b->span_count);
    draft->span_count = 0;
    draft->bucket_count = 0;
    int64_t end = 0;
    bool joins = false; /* the last span is a single bucket of b */
    struct side_cursor at_a = side_cursor(a->spans, a->span_count);
    struct side_cursor at_b = side_cursor(b->spans, b->span_count);
    side_cursor_skip(&at_b, skipped);
    for (struct merge_run run; (run = merge_next(&at_a, &at_b)).length > 0;) {
        uint32_t span_count = draft->span_count;
        merge_place(draft, &run, end, joins);
        joins = !run.in_a && draft->span_count > span_count && run.length == 1;
        end = run.index + run.length;
        draft->bucket_count += run.length;
    }
}

static void merge_same_layout(struct arena *arena, const struct side_view *a,
                              struct side_draft *draft)
{
    side_draft_spans(arena, draft, a->span_count);
    if (a->span_count > 0)
        memcpy(draft->spans, a->spans, a->span_count * sizeof *a->spans);
    draft->span_count = a->span_count;
    draft->bucket_count = a->bucket_count;
}

static void counts_add(double *restrict out, const double *restrict a, const double *restrict b,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = a[i] + b[i];
}

static void counts_subtract(double *restrict out, const double *restrict a,
                            const double *restrict b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = a[i] - b[i];
}

static void counts_copy(double *out, const double *in, size_t count, bool negative)
{
    if (!negative)
        memcpy(out, in, count * sizeof *out);
    else
        for (size_t i = 0; i < count; i++)
            out[i] = -in[i];
}

void side_merge(struct arena *arena, const struct side_view *a, const struct side_view *b,
                uint32_t skipped, bool negative, struct side_draft *ret_draft)
{
    struct side_draft *draft = ret_draft;
    bool same = skipped == 0 && spans_equal(a, b);
    if (!same)
        merge_layout(arena, a, b, skipped, draft);
    if (same || draft->bucket_count == a->bucket_count)
        merge_same_layout(arena, a, draft);
    side_draft_room(arena, draft, draft->bucket_count, false);
    if (same) {
        (negative ? counts_subtract : counts_add)(draft->buckets, a->buckets, b->buckets,
                                                  draft->bucket_count);
        return;
    }

    double *out = draft->buckets;
    struct side_cursor at_a = side_cursor(a->spans, a->span_count);
    struct side_cursor at_b = side_cursor(b->spans, b->span_count);
    side_cursor_skip(&at_b, skipped);
    for (;;) {
        const double *in_a = a->buckets + at_a.bucket;
        const double *in_b = b->buckets + at_b.bucket;
        struct merge_run run = merge_next(&at_a, &at_b);
        if (run.length == 0)
            break;
        if (!run.in_b)
            counts_copy(out, in_a, run.length, false);
        else if (!run.in_a)
            counts_copy(out, in_b, run.length, negative);
        else
            (negative ? counts_subtract : counts_add)(out, in_a, in_b, run.length);
        out += run.length;
    }
}
