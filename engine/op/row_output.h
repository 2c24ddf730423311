#pragma once

#include "engine/op.h"

/*
 * Room for the rows that an operator makes itself: a batch of them, or as many as are wanted if
 * that is less. From the pool, and charged.
 */
struct row_output {
    double *values;
    size_t row_count;
};

/* For arrange; takes nothing if no row is wanted. */
static inline bool row_output_take(struct row_output *output, struct op *op, struct err *err)
{
    if (op->order_count == 0)
        return true;
    size_t rows = batch_rows_max(op->grid.count);
    output->row_count = rows < op->order_count ? rows : op->order_count;
    output->values =
        pool_take(op->query->pool, &op->query->budget, output->row_count * op->grid.count, err);
    return output->values != NULL;
}

/* For close. */
static inline void row_output_give(struct row_output *output, struct op *op)
{
    pool_give(op->query->pool, &op->query->budget, output->values,
              output->row_count * op->grid.count);
    output->values = NULL;
}

/* For pull: the batch of the next rows, to be filled. */
static inline struct batch row_output_next(const struct row_output *output, const struct op *op)
{
    size_t left = op->order_count - op->rows_done;
    return (struct batch){
        .values = output->values,
        .row_count = left < output->row_count ? left : output->row_count,
        .step_count = op->grid.count,
    };
}
