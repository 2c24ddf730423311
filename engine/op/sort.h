#pragma once

#include "engine/op.h"

/*
 * sort and sort_desc. With one step the series come in the order of their values, NaN last, equal
 * values as Go's sort leaves them. With many steps, where Prometheus orders the result by labels,
 * the child's rows pass as they are.
 */
struct op *op_sort_new(struct query *query, struct op *child, bool descending);
