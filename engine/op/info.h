#pragma once

#include "engine/op.h"
#include "engine/plan/plan.h"
#include "parser/ast.h"

/*
 * info(base, {selector}): labels of info metrics added to the base's series, which have the same
 * instance and job. What is added may change from step to step: a series for each set of labels
 * that comes of it. Those with equal labels never have a point at the same step (see op/dedup.h).
 *
 * `selector` (NULL: there is none) and `select` live as long as the operator; of `select` the
 * windows count, of info series.
 *
 * Memory: a number for each step of each set of info series that stand for each other, and of each
 * instance and job; rows of base series that become several.
 */
struct op *op_info_new(struct query *query, struct op *base, const struct vector_selector *selector,
                       const struct plan_select *select);
