#pragma once

#include "engine/op.h"
#include "parser/ast.h"

/*
 * Arithmetic or a comparison between two vectors: one-to-one, group_left, group_right. A series for
 * each that finds a partner, in the order of the left side (group_right: of the right side).
 * Where names are dropped or labels left out, equal series may come out: op_dedup.
 *
 * Ends with Prometheus's errors where matching is not unique at a step, whether or not the
 * comparison holds and the result is wanted.
 *
 * Fill values are not taken. Of `binary`, which is read here only, the operands do not matter;
 * `begin` is where it stands in the query's text.
 */
struct op *op_join_new(struct query *query, struct op *left, struct op *right,
                       const struct binary *binary, size_t begin);
