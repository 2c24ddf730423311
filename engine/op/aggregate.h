#pragma once

#include "engine/op/group.h"
#include "parser/function.h"

/*
 * sum, avg, count, min, max, group, stddev, stdvar: a row for each group of the child's series. The
 * child is asked for one group after another, so that one group's state is open at a time; or,
 * where the states of all groups are few MiB, for its series as they stand.
 *
 * Memory: O(steps) beside that, and the numbers of groups and members. `expr_begin`: where the
 * aggregated expression stands in the query's text.
 */
struct op *op_aggregate_new(struct query *query, struct op *child, enum aggregate_op op,
                            const struct grouping *grouping, size_t expr_begin);
