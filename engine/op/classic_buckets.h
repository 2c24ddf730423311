#pragma once

#include "engine/fn/bucket_quantiles.h"
#include "engine/fn/columns.h"
#include "engine/op.h"

/*
 * The buckets of one classic histogram at a time: the rows of series that differ in `le` only, put
 * in the order of their bounds as they come. At a step the buckets that have a point there are then
 * met in order, equal bounds side by side. Only where the bounds do not tell the order, which is
 * rare, rows stay as they come and each step sorts what it has, as Prometheus always does.
 *
 *     classic_buckets_init     room for the largest histogram to come
 *     classic_buckets_begin    a histogram
 *     classic_buckets_put      each of its rows, in their order
 *     classic_buckets_at       what there is at a step
 *     classic_buckets_done     a zeroed one is fine
 *
 * Memory: O(buckets x steps).
 */
struct classic_buckets {
    struct query *query;
    size_t buckets_max;
    size_t step_count;
    struct columns columns; /* counts of the buckets that have a bound */
    double *bounds;         /* at their places */
    uint32_t *places;       /* of members; UINT32_MAX: no bound */
    bool several;           /* quantiles of each histogram are to come; set after init */
    bool ambiguous;         /* places are not sorted; each step is */
    struct bucket *buckets; /* at one step; room for twice as many */
    struct go_item *items;

    /* For sorting: the members that have a bound, the bounds, and their order. */
    uint32_t *bounded;
    double *unsorted;
    uint32_t *sorted;
    void *sort_space;
};

bool classic_buckets_init(struct classic_buckets *buckets, struct query *query, size_t buckets_max,
                          size_t step_count, struct err *err) MUST_CHECK;
void classic_buckets_begin(struct classic_buckets *buckets, const struct op *op,
                           const uint32_t *members, size_t member_count);

/* The row of the member at this place in the list. False: it has no bound. */
bool classic_buckets_put(struct classic_buckets *buckets, size_t member, const double *row);

/* How many buckets are in buckets->buckets then; the caller may change them. */
size_t classic_buckets_at(struct classic_buckets *buckets, size_t step);

/* The next quantile of these, `count` > 0; the rest as bucket_quantile. */
double classic_buckets_quantile(struct classic_buckets *buckets, size_t count, double phi,
                                struct bucket_raises *raises, bool *ret_raised);

void classic_buckets_done(struct classic_buckets *buckets);
