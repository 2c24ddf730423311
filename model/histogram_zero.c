/*
 * Histograms with different zero buckets are brought to one: the narrower zero bucket takes in the
 * buckets next to it, until the thresholds are equal and in the middle of no populated bucket.
 */
#include "model/histogram_side.h"

struct operand operand_of(const struct histogram *h)
{
    return (struct operand){
        .schema = h->schema,
        .zero_threshold = h->zero_threshold,
        .zero_count = h->zero_count,
        .sides = {side_view_of(&h->positive), side_view_of(&h->negative)},
    };
}

/* Adds what lies below the threshold; true if that had to be raised. */
static bool side_absorb(const struct side_view *side, int32_t schema, double *threshold,
                        struct kahan *zero)
{
    struct side_cursor cursor = side_cursor(side->spans, side->span_count);
    for (; side_cursor_load(&cursor); side_cursor_take(&cursor, 1)) {
        int32_t index = (int32_t)cursor.index;
        if (histogram_bound(index - 1, schema) >= *threshold)
            return false;
        double count = side->buckets[cursor.bucket];
        kahan_add(zero, count);
        if (side->rests)
            kahan_add(zero, side->rests[cursor.bucket]);
        double end = histogram_bound(index, schema);
        if (!(end > *threshold))
            continue;
        if (count != 0)
            *threshold = end;
        return count != 0;
    }
    return false;
}

/* What was raised by the positive side holds for the negative one; not the other way round. */
double operand_zero_count(const struct operand *operand, double *threshold, double *rest)
{
    struct kahan zero = {operand->zero_count, operand->zero_rest};
    if (*threshold != operand->zero_threshold) {
        bool again;
        do {
            zero.sum = operand->zero_count; /* the rest stays: as Prometheus does */
            side_absorb(&operand->sides[SIDE_POSITIVE], operand->schema, threshold, &zero);
            again = side_absorb(&operand->sides[SIDE_NEGATIVE], operand->schema, threshold, &zero);
        } while (again);
    }
    *rest = zero.c;
    return zero.sum;
}

static uint32_t side_count_within(const struct side_view *side, int32_t schema, double threshold)
{
    uint32_t count = 0;
    struct side_cursor cursor = side_cursor(side->spans, side->span_count);
    while (side_cursor_load(&cursor)) {
        if (histogram_bound((int32_t)cursor.index - 1, schema) >= threshold)
            break;
        side_cursor_take(&cursor, 1);
        count++;
    }
    return count;
}

/* Sides that have been widened before are compacted in place. */
static void operand_widen_zero(struct arena *arena, struct operand *operand, double threshold,
                               struct side_draft *drafts)
{
    operand->zero_count = operand_zero_count(operand, &threshold, &operand->zero_rest);
    operand->zero_threshold = threshold;
    for (int i = 0; i < SIDE_COUNT; i++) {
        struct side_view *side = &operand->sides[i];
        uint32_t dropped = side_count_within(side, operand->schema, threshold);
        side_compact(arena, side, dropped, &drafts[i]);
        *side = side_draft_view(&drafts[i]);
    }
}

static void operands_align_zero(struct arena *arena, struct operand *a, struct operand *b,
                                bool rests, struct operand_drafts *drafts)
{
    double threshold = b->zero_threshold;
    double count = b->zero_count;
    double rest = 0;
    while (threshold > a->zero_threshold || threshold < a->zero_threshold) {
        if (threshold < a->zero_threshold) {
            threshold = a->zero_threshold;
            count = operand_zero_count(b, &threshold, &rest);
        }
        if (threshold > a->zero_threshold) {
            operand_widen_zero(arena, a, threshold, drafts->zero);
            if (!rests)
                a->zero_rest = 0;
        }
    }
    b->zero_threshold = threshold;
    b->zero_count = count;
    b->zero_rest = rest;
}

static void operand_reduce(struct arena *arena, struct operand *operand, int32_t schema, bool rests,
                           struct side_draft *drafts)
{
    for (int i = 0; i < SIDE_COUNT; i++) {
        struct side_view *side = &operand->sides[i];
        side_reduce(arena, side, operand->schema - schema, rests, &drafts[i]);
        *side = side_draft_view(&drafts[i]);
    }
    operand->schema = schema;
}

void operands_align(struct arena *arena, struct operand *a, struct operand *b, bool rests,
                    struct operand_drafts *drafts)
{
    operands_align_zero(arena, a, b, rests, drafts);
    if (a->schema > b->schema)
        operand_reduce(arena, a, b->schema, rests, drafts->reduced);
    else if (b->schema > a->schema)
        operand_reduce(arena, b, a->schema, rests, drafts->reduced);
}
