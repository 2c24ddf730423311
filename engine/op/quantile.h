#pragma once

#include "engine/op/group.h"

/*
 * quantile(param, child): a row for each group. The param, a scalar operator, has one phi a step;
 * `param_begin` is where it stands in the query, for the warning about one outside [0, 1].
 *
 * Memory: the rows of one group at a time, charged.
 */
struct op *op_quantile_new(struct query *query, struct op *child, struct op *param,
                           const struct grouping *grouping, size_t param_begin, size_t expr_begin);
