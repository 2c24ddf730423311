#pragma once

#include "engine/op/group.h"

/*
 * count_values(label, v): how many series of each group have each value, under a label with the
 * value's text. Which series there are depends on the values, so that the child is read at open.
 *
 * Memory: the result, charged to the query.
 */
struct op *op_count_values_new(struct query *query, struct op *child, struct str label,
                               const struct grouping *grouping);
