/*
 * The layout of two sides together, as Prometheus gets it by putting b's buckets into a's spans one
 * by one: one directly behind a span becomes part of that, one before a span becomes part of that,
 * another one is a span of its own. Spans that so come to touch are not joined.
 */
#include <float.h>
#include <math.h>

#include "model/histogram_side.h"

/* How many of the next buckets lie in a alone, in b alone, or in both; 0: the end. */
struct merge_run {
    uint32_t length;
    bool in_a, in_b;
    bool begins_a; /* the first of a span of a */
    int64_t index;
    uint32_t a, b; /* the first one's place in either */
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
    run.a = a->bucket;
    run.b = b->bucket;
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

/* The layout of both, and room for it. True: it is that of either, bucket by bucket. */
static bool merge_begin(struct arena *arena, const struct side_view *a, const struct side_view *b,
                        uint32_t skipped, bool rests, struct side_draft *draft)
{
    bool same = skipped == 0 && spans_equal(a, b);
    if (!same)
        merge_layout(arena, a, b, skipped, draft);
    if (same || draft->bucket_count == a->bucket_count)
        merge_same_layout(arena, a, draft);
    side_draft_room(arena, draft, draft->bucket_count, rests);
    return same;
}

void side_merge(struct arena *arena, const struct side_view *a, const struct side_view *b,
                uint32_t skipped, bool negative, struct side_draft *ret_draft)
{
    struct side_draft *draft = ret_draft;
    if (merge_begin(arena, a, b, skipped, false, draft)) {
        (negative ? counts_subtract : counts_add)(draft->buckets, a->buckets, b->buckets,
                                                  draft->bucket_count);
        return;
    }

    double *out = draft->buckets;
    struct side_cursor at_a = side_cursor(a->spans, a->span_count);
    struct side_cursor at_b = side_cursor(b->spans, b->span_count);
    side_cursor_skip(&at_b, skipped);
    for (struct merge_run run; (run = merge_next(&at_a, &at_b)).length > 0; out += run.length) {
        const double *in_a = a->buckets + run.a;
        const double *in_b = b->buckets + run.b;
        if (!run.in_b)
            counts_copy(out, in_a, run.length, false);
        else if (!run.in_a)
            counts_copy(out, in_b, run.length, negative);
        else
            (negative ? counts_subtract : counts_add)(out, in_a, in_b, run.length);
    }
}

/* kahan_add without a branch: b to a sum and its rest. */
HOT_INLINE double count_add_kahan(double sum, double rest, double b, double *ret_rest)
{
    double total = sum + b;
    bool sum_larger = fabs(sum) >= fabs(b);
    double larger = sum_larger ? sum : b;
    double smaller = sum_larger ? b : sum;
    double grown = rest + ((larger - total) + smaller);
    *ret_rest = fabs(total) > DBL_MAX ? 0 : grown;
    return total;
}

KERNEL_CLONES
static void counts_add_kahan(double *restrict sums, double *restrict rests,
                             const double *restrict a, const double *restrict a_rests,
                             const double *restrict b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sums[i] = count_add_kahan(a[i], a_rests[i], b[i], &rests[i]);
}

/* The same, where the sums stand. */
KERNEL_CLONES
static void counts_grow_kahan(double *restrict sums, double *restrict rests,
                              const double *restrict b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sums[i] = count_add_kahan(sums[i], rests[i], b[i], &rests[i]);
}

/* What merging b's own buckets has left over. */
static void counts_add_rests(double *sums, double *rests, const double *b_rests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (b_rests[i] == 0)
            continue;
        struct kahan kahan = {sums[i], rests[i]};
        kahan_add(&kahan, b_rests[i]);
        sums[i] = kahan.sum;
        rests[i] = kahan.c;
    }
}

static void merge_kahan_run(const struct merge_run *run, const struct side_view *a,
                            const struct side_view *b, struct side_draft *draft, size_t at)
{
    double *sums = draft->buckets + at;
    double *rests = draft->rests + at;
    size_t size = run->length * sizeof *sums;
    if (!run->in_b) {
        memcpy(sums, a->buckets + run->a, size);
        memcpy(rests, a->rests + run->a, size);
        return;
    }
    if (run->in_a) {
        counts_add_kahan(sums, rests, a->buckets + run->a, a->rests + run->a, b->buckets + run->b,
                         run->length);
        if (b->rests)
            counts_add_rests(sums, rests, b->rests + run->b, run->length);
        return;
    }
    memcpy(sums, b->buckets + run->b, size);
    if (b->rests)
        memcpy(rests, b->rests + run->b, size);
    else
        memset(rests, 0, size);
}

/* Buckets [begin, end) of a: a span, or several that touch. */
struct covering_span {
    uint32_t span;  /* the one behind */
    uint32_t first; /* place of the first bucket */
    int64_t begin, end;
};

/* Goes on to the one that ends behind `index`, or at it; false: there is none. */
static bool covering_span_seek(const struct side_view *a, struct covering_span *at, int64_t index)
{
    while (at->span == 0 || at->end < index) {
        if (at->span == a->span_count)
            return false;
        at->first += (uint32_t)(at->end - at->begin);
        at->begin = at->end + a->spans[at->span].offset;
        at->end = at->begin + a->spans[at->span++].length;
        while (at->span < a->span_count && a->spans[at->span].offset == 0)
            at->end += a->spans[at->span++].length;
    }
    return true;
}

/* Has a all buckets of b? */
static bool side_covers(const struct side_view *a, const struct side_view *b)
{
    struct covering_span at = {0};
    int64_t index = 0;
    for (uint32_t i = 0; i < b->span_count; i++) {
        index += b->spans[i].offset;
        int64_t end = index + b->spans[i].length;
        if (!covering_span_seek(a, &at, end) || index < at.begin)
            return false;
        index = end;
    }
    return true;
}

bool side_draft_fits(const struct side_draft *draft, const struct side_view *b)
{
    struct side_view a = side_draft_view(draft);
    return spans_equal(&a, b) || (b->bucket_count < a.bucket_count && side_covers(&a, b));
}

void side_draft_grow(struct side_draft *draft, const struct side_view *b)
{
    struct side_view a = side_draft_view(draft);
    if (spans_equal(&a, b)) {
        counts_grow_kahan(draft->buckets, draft->rests, b->buckets, b->bucket_count);
        return;
    }
    struct covering_span at = {0};
    int64_t index = 0;
    const double *counts = b->buckets;
    for (uint32_t i = 0; i < b->span_count; i++) {
        index += b->spans[i].offset;
        int64_t end = index + b->spans[i].length;
        covering_span_seek(&a, &at, end);
        size_t place = at.first + (size_t)(index - at.begin);
        for (; index < end; index++, place++) {
            struct kahan kahan = {draft->buckets[place], draft->rests[place]};
            kahan_add(&kahan, *counts++);
            draft->buckets[place] = kahan.sum;
            draft->rests[place] = kahan.c;
        }
    }
}

/* A sum soon has all buckets that come: what is added to it then is but a few of them. */
static void merge_kahan_covered(struct arena *arena, const struct side_view *a,
                                const struct side_view *b, struct side_draft *draft)
{
    merge_same_layout(arena, a, draft);
    side_draft_room(arena, draft, a->bucket_count, true);
    if (a->bucket_count == 0)
        return;
    memcpy(draft->buckets, a->buckets, a->bucket_count * sizeof *a->buckets);
    memcpy(draft->rests, a->rests, a->bucket_count * sizeof *a->rests);
    side_draft_grow(draft, b);
}

void side_merge_kahan(struct arena *arena, const struct side_view *a, const struct side_view *b,
                      uint32_t skipped, struct side_draft *ret_draft)
{
    struct side_draft *draft = ret_draft;
    if (skipped == 0 && !b->rests && a->rests && b->bucket_count < a->bucket_count &&
        side_covers(a, b)) {
        merge_kahan_covered(arena, a, b, draft);
        return;
    }
    if (merge_begin(arena, a, b, skipped, true, draft)) {
        struct merge_run all = {.length = draft->bucket_count, .in_a = true, .in_b = true};
        if (all.length > 0)
            merge_kahan_run(&all, a, b, draft, 0);
        return;
    }
    size_t at = 0;
    struct side_cursor at_a = side_cursor(a->spans, a->span_count);
    struct side_cursor at_b = side_cursor(b->spans, b->span_count);
    side_cursor_skip(&at_b, skipped);
    for (struct merge_run run; (run = merge_next(&at_a, &at_b)).length > 0; at += run.length)
        merge_kahan_run(&run, a, b, draft, at);
}
