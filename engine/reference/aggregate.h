#pragma once

#include "engine/reference/steps.h"

/*
 * What the aggregations over groups share (aggregate.c); sum and its like (aggregate_group.c) and
 * those that choose series (aggregate_k.c) evaluate one step after another with it.
 */
struct ref_param {
    const struct reference_point *values; /* by step; NULL: there is no parameter */
    double min, max;
    bool has_nan;
};

struct ref_aggregation {
    struct ref *ref;
    const struct ref_times *times;
    const struct ref_expr *expr;
    enum aggregate_op op;
    struct ref_matrix input;
    struct ref_param param;
    uint32_t *groups;             /* by input series */
    const struct labels **labels; /* by group */
    size_t group_count;
};

static inline double ref_param_at(const struct ref_param *param, size_t step)
{
    return param->values ? param->values[step].value : 0;
}

/* Where notes about what is aggregated point to. */
static inline size_t ref_aggregation_begin(const struct ref_aggregation *aggregation)
{
    return aggregation->expr->children[0]->node->span.begin;
}

bool ref_aggregate_groups(struct ref_aggregation *aggregation, struct ref_matrix *ret_matrix,
                          struct err *err) MUST_CHECK;
bool ref_aggregate_k(struct ref_aggregation *aggregation, struct ref_matrix *ret_matrix,
                     struct err *err) MUST_CHECK;

/* count_values.c */
bool ref_count_values(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                      struct ref_matrix *ret_matrix, struct err *err) MUST_CHECK;
