#pragma once

#include "engine/op.h"

/*
 * One series of those that have equal labels, as they arise where names are dropped or two sides
 * are united. Prometheus joins them where it can, and else says "vector cannot contain metrics with
 * the same labelset". In natural order it stands where the first of them stood; where whole series
 * are united, the first that has a point, and then all rows of the child are held. If no labels are
 * equal, which is known at open, batches pass through untouched.
 */
enum dedup_mode {
    DEDUP_MERGE,       /* an error where two have a point at the same step */
    DEDUP_UNITE,       /* the same, but a float and a histogram are no two points: see dedup.c */
    DEDUP_UNITE_WHOLE, /* ... where the query or a subquery ends */
    DEDUP_UNITE_LONE,  /* ... where both at one step are an error */
    DEDUP_STRICT,      /* range functions: an error as soon as two have any point */
};

/* Stages that are handed down through it to a source are done behind it where labels are equal. */
struct op *op_dedup_new(struct query *query, struct op *child, enum dedup_mode mode);
