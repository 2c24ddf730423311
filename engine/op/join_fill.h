#pragma once

#include "engine/op.h"
#include "parser/ast.h"

/*
 * As op_join_new, where a side that has no partner at a step meets a fill value: fill, fill_left,
 * fill_right. A series for each two that may meet, and for each that may be alone; those with equal
 * labels never have a point at the same step, and op_dedup makes one of them.
 *
 * Memory: all rows of one match group, and of results those that are wanted later.
 */
struct op *op_join_fill_new(struct query *query, struct op *left, struct op *right,
                            const struct binary *binary, size_t begin);
