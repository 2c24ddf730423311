#pragma once

#include "engine/op.h"

/*
 * One operator for several consumers, where equal sub-expressions are one plan node: its rows are
 * computed once, held (charged to the budget), and read by each consumer in its own order. For
 * operators with few rows, such as aggregations.
 */
struct shared;

/* Takes the operator over. */
struct shared *shared_new(struct query *query, struct op *op);

/* One consumer's view of it. */
struct op *op_shared_new(struct query *query, struct shared *shared);

/* The operator behind the first of its views; NULL for the others and for what is no view. */
struct op *op_shared_below(const struct op *op);
