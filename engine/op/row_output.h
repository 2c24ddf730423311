#pragma once

#include "engine/op.h"

/*
 * Room for the rows that an operator makes itself: a batch of them, or as many as are wanted if
 * that is less. From the pool, and charged; histograms, where there are any, in an arena that
 * begins anew with each batch.
 *
 *     struct batch out = row_output_next(&self->output, op);
 *     for (size_t i = 0; i < out.row_count; i++) {
 *         ... fills batch_row(&out, i); row_output_histograms(...) if it has histograms
 *         row_output_cut(&self->output, &out, i);
 *     }
 */
struct row_output {
    double *values;
    size_t row_count;
    const struct histogram **histograms; /* the same shape; taken when the first one comes */
    struct arena *arena;                 /* what the histograms of the batch live in */
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
void row_output_give(struct row_output *output, struct op *op);

/* For pull: the batch of the next rows, to be filled; without histograms. */
static inline struct batch row_output_next(const struct row_output *output, const struct op *op)
{
    size_t left = op->order_count - op->rows_done;
    if (output->arena)
        arena_reset(output->arena);
    return (struct batch){
        .values = output->values,
        .row_count = left < output->row_count ? left : output->row_count,
        .step_count = op->grid.count,
    };
}

/* The histograms of a row of the batch, all missing at first; they go into output->arena. */
const struct histogram **row_output_histograms(struct row_output *output, const struct op *op,
                                               struct batch *batch, size_t row, struct err *err)
    MUST_CHECK;

/* A copy of the row's histograms, which may be NULL, as those of a row of the batch. */
bool row_output_copy(struct row_output *output, const struct op *op, struct batch *batch,
                     size_t row, const struct histogram *const *histograms, struct err *err)
    MUST_CHECK;

/* Where a batch's histograms take much memory, it ends with this row. */
#define ROW_OUTPUT_ARENA_BYTES ((size_t)1 << 20)

static inline void row_output_cut(const struct row_output *output, struct batch *batch, size_t row)
{
    if (output->arena && arena_used(output->arena) > ROW_OUTPUT_ARENA_BYTES)
        batch->row_count = row + 1;
}
