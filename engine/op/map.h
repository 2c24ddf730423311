#pragma once

#include "engine/op.h"
#include "engine/op/map_stage.h"

/*
 * A map_stage over the child's rows, in place: the same series in the same order, without their
 * name if the stage drops it (then equal ones may come out: op_dedup). The stage is copied.
 */
struct op *op_map_new(struct query *query, struct op *child, const struct map_stage *stage);

/* `left op right` of two scalars: a scalar. Comparisons give 1 or 0. */
struct op *op_scalar_arith_new(struct query *query, struct op *left, struct op *right,
                               enum binary_op op);
