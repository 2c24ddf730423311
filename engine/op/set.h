#pragma once

#include "engine/op.h"
#include "parser/ast.h"

/*
 * and, or, unless. Series in the order of the left side; of `or`, behind them those of the right.
 * `or` may name a label set twice, for points at different steps: op_dedup. Of `binary`, which is
 * read here only, the operands do not matter.
 */
struct op *op_set_new(struct query *query, struct op *left, struct op *right,
                      const struct binary *binary);
