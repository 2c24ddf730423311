#pragma once

#include "engine/op/group.h"
#include "parser/function.h"

/*
 * topk and bottomk: of each group of the child's series, at each step, the k greatest or least. The
 * param, a scalar operator, has one k a step.
 *
 * With one step the series are those chosen, group after group, the best first. With many steps
 * they are the child's, and a row has the steps at which it was chosen.
 *
 * Memory: O(k x steps) for each group that has been begun, and not wholly handed out.
 */
struct op *op_topk_new(struct query *query, struct op *child, struct op *param,
                       enum aggregate_op op, const struct grouping *grouping, size_t begin);
