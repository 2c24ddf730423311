#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/kahan.h"
#include "model/histogram.h"

/*
 * What operations on histograms are made of: one side's buckets read (a view), and written (a
 * draft). Of model/histogram*.c alone.
 *
 * Each bucket may carry a rest: what Kahan's sum has lost of it so far.
 */
struct side_view {
    const struct histogram_span *spans;
    const double *buckets;
    const double *rests; /* NULL: none */
    uint32_t span_count;
    uint32_t bucket_count;
};

/* Its arrays are in an arena, and are used again as long as they suffice. `{0}` is an empty one. */
struct side_draft {
    struct histogram_span *spans;
    double *buckets;
    double *rests; /* NULL: none */
    uint32_t span_count, span_cap;
    uint32_t bucket_count, bucket_cap;
};

enum { SIDE_POSITIVE, SIDE_NEGATIVE, SIDE_COUNT };

/* An exponential histogram while it is made fit to be added to another. */
struct operand {
    int32_t schema;
    double zero_threshold;
    double zero_count;
    double zero_rest;
    struct side_view sides[SIDE_COUNT];
};

/* Where changed sides of an operand go. */
struct operand_drafts {
    struct side_draft zero[SIDE_COUNT];
    struct side_draft reduced[SIDE_COUNT];
};

struct custom_bounds {
    const double *values;
    uint32_t count;
};

/* A histogram with bounds of its own, to be added to another. */
struct custom_operand {
    struct side_view side;
    struct custom_bounds bounds;
};

/* What reconciling bounds needs, to be used again. `{0}` is an empty one. */
struct custom_work {
    struct custom_bounds bounds; /* those in common, in `room` */
    double *room;
    struct kahan *buckets; /* one more than bounds: the last one is open */
    uint32_t cap;
};

/* Runs of buckets without a gap, in order; any part of one may be taken. */
struct side_cursor {
    const struct histogram_span *next, *end;
    int64_t index;   /* in the schema, of the first bucket left in the run */
    uint32_t left;   /* how many of the run are left */
    uint32_t bucket; /* the first one's place among all of the side */
    bool begun;      /* some of the span has been taken */
};

static inline struct side_cursor side_cursor(const struct histogram_span *spans,
                                             uint32_t span_count)
{
    return (struct side_cursor){.next = spans, .end = spans + span_count};
}

/* False at the end. */
static inline bool side_cursor_load(struct side_cursor *cursor)
{
    while (cursor->left == 0) {
        if (cursor->next == cursor->end)
            return false;
        cursor->index += cursor->next->offset;
        cursor->left = cursor->next->length;
        cursor->begun = false;
        cursor->next++;
    }
    return true;
}

/* At most what is left. */
static inline void side_cursor_take(struct side_cursor *cursor, uint32_t length)
{
    cursor->index += length;
    cursor->left -= length;
    cursor->bucket += length;
    cursor->begun = true;
}

static inline struct side_view side_view_of(const struct histogram_side *side)
{
    return (struct side_view){
        .spans = side->spans,
        .buckets = side->buckets,
        .span_count = side->span_count,
        .bucket_count = side->bucket_count,
    };
}

static inline struct side_view side_draft_view(const struct side_draft *draft)
{
    return (struct side_view){
        .spans = draft->spans,
        .buckets = draft->buckets,
        .rests = draft->rests,
        .span_count = draft->span_count,
        .bucket_count = draft->bucket_count,
    };
}

static inline struct histogram_side side_draft_buckets(const struct side_draft *draft)
{
    return (struct histogram_side){
        .spans = draft->spans,
        .buckets = draft->buckets,
        .span_count = draft->span_count,
        .bucket_count = draft->bucket_count,
    };
}

static inline struct histogram_side side_draft_rests(const struct side_draft *draft)
{
    return (struct histogram_side){
        .spans = draft->spans,
        .buckets = draft->rests,
        .span_count = draft->span_count,
        .bucket_count = draft->bucket_count,
    };
}

static inline bool spans_equal(const struct side_view *a, const struct side_view *b)
{
    return a->span_count == b->span_count &&
           (a->spans == b->spans || a->span_count == 0 ||
            memcmp(a->spans, b->spans, a->span_count * sizeof *a->spans) == 0);
}

/* Makes room; what was there is lost if it did not suffice. */
void side_draft_spans(struct arena *arena, struct side_draft *draft, size_t span_cap);
void side_draft_room(struct arena *arena, struct side_draft *draft, size_t bucket_cap, bool rests);

/* One more bucket at `index`, behind the last, which is at `last_index`. */
void side_draft_place(struct side_draft *draft, int64_t index, int64_t last_index);

/* Without empty buckets, and as if the first `dropped` were empty. */
void side_compact(struct arena *arena, const struct side_view *side, uint32_t dropped,
                  struct side_draft *ret_draft);

/*
 * In a schema that is coarser by `shift`. With rests the merging is Kahan's; `rests` makes them
 * where the side has none.
 */
void side_reduce(struct arena *arena, const struct side_view *side, int shift, bool rests,
                 struct side_draft *ret_draft);

/* How many buckets, from the first on, lie below a zero threshold. */
uint32_t side_count_below(const struct side_view *side, int32_t schema, double threshold);

/* a + b or a - b, where b's first `skipped` buckets are passed over. */
void side_merge(struct arena *arena, const struct side_view *a, const struct side_view *b,
                uint32_t skipped, bool negative, struct side_draft *ret_draft);

/* a + b with Kahan's sum, rests and all; a must have some. */
void side_merge_kahan(struct arena *arena, const struct side_view *a, const struct side_view *b,
                      uint32_t skipped, struct side_draft *ret_draft);

/* Has the draft all of b's buckets, so that b can be added where they stand? */
bool side_draft_fits(const struct side_draft *draft, const struct side_view *b);

/* Adds b, which fits, with Kahan's sum. The draft has rests, b has none. */
void side_draft_grow(struct side_draft *draft, const struct side_view *b);

/* The operand of a histogram alone. */
struct operand operand_of(const struct histogram *h);

/*
 * Gives both one zero bucket and one schema, as few changes as that needs. Of b's zero bucket only
 * the count is right then. `rests`: for Kahan's sum.
 */
void operands_align(struct arena *arena, struct operand *a, struct operand *b, bool rests,
                    struct operand_drafts *drafts);

/*
 * What the zero count is under a larger threshold; one in the middle of a populated bucket is
 * raised to its end: the answer's.
 */
double operand_zero_count(const struct operand *operand, double *threshold, double *rest);

struct custom_operand custom_operand_of(const struct histogram *h);

/* The hint of a + b; false if one says reset, the other not. */
bool hints_combine(enum histogram_hint a, enum histogram_hint b, enum histogram_hint *ret_hint);

bool custom_bounds_equal(const struct custom_bounds *a, const struct custom_bounds *b);

/*
 * a + b or a - b in buckets between common bounds (the work's), with Kahan's sum: the draft always
 * has rests. Buckets that remain empty are left out.
 */
void custom_merge(struct arena *arena, const struct custom_operand *a,
                  const struct custom_operand *b, bool negative, struct custom_work *work,
                  struct side_draft *ret_draft);

const double *doubles_copy(struct arena *arena, const double *values, size_t count);
