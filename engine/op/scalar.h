#pragma once

#include "engine/op.h"

/*
 * Scalars: one series without labels, one value at every step, none missing.
 */
struct op *op_number_new(struct query *query, const struct grid *grid, double value);

/* time(): the step's time in seconds. */
struct op *op_time_new(struct query *query, const struct grid *grid);

/* scalar(v): the value where exactly one series has one, else NaN. */
struct op *op_scalar_new(struct query *query, struct op *child);

/* vector(s): the scalar as a vector of one series without labels. */
struct op *op_vector_new(struct query *query, struct op *child);
