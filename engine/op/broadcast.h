#pragma once

#include "engine/op.h"

/* What does not depend on the step: the child has one step, whose value stands at every step. */
struct op *op_broadcast_new(struct query *query, const struct grid *grid, struct op *child);

/* A vector without series. */
struct op *op_empty_new(struct query *query, const struct grid *grid);
