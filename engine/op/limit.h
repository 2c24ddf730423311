#pragma once

#include "engine/op/group.h"

/*
 * limitk: of each group of the child's series, at each step, the first k that have a point. The
 * param, a scalar operator, has one k a step.
 *
 * Memory: rows of the groups that have been begun and that are wanted later, if they have a point.
 */
struct op *op_limitk_new(struct query *query, struct op *child, struct op *param,
                         const struct grouping *grouping);

/*
 * limit_ratio: the series whose labels' hash lies in the first r of all hashes, or, r below 0, in
 * the last -r. `param_begin` is where r stands in the query's text.
 */
struct op *op_limit_ratio_new(struct query *query, struct op *child, struct op *param,
                              const struct grouping *grouping, size_t param_begin);
