#include "engine/op/row_output.h"

#include <assert.h>
#include <string.h>

#include "engine/op/histogram_row.h"

static_assert(sizeof(struct histogram *) == sizeof(double), "columns come from the same pool");

void row_output_give(struct row_output *output, struct op *op)
{
    struct query *query = op->query;
    size_t count = output->row_count * op->grid.count;
    pool_give(query->pool, &query->budget, output->values, count);
    pool_give(query->pool, &query->budget, (double *)(void *)output->histograms, count);
    arena_destroy(output->arena);
    output->values = NULL;
    output->histograms = NULL;
    output->arena = NULL;
}

const struct histogram **row_output_histograms(struct row_output *output, const struct op *op,
                                               struct batch *batch, size_t row, struct err *err)
{
    struct query *query = op->query;
    size_t count = output->row_count * op->grid.count;
    if (!output->histograms) {
        void *column = pool_take(query->pool, &query->budget, count, err);
        if (!column)
            return NULL;
        output->histograms = (const struct histogram **)column;
        output->arena = arena_create(&query->budget);
    }
    if (!batch->histograms) {
        memset(output->histograms, 0, count * sizeof *output->histograms);
        batch->histograms = output->histograms;
    }
    return batch->histograms + row * batch->step_count;
}

bool row_output_copy(struct row_output *output, const struct op *op, struct batch *batch,
                     size_t row, const struct histogram *const *histograms, struct err *err)
{
    if (!row_has_histogram(histograms, op->grid.count))
        return true;
    const struct histogram **to = row_output_histograms(output, op, batch, row, err);
    if (!to)
        return false;
    histogram_row_copy(output->arena, histograms, op->grid.count, to);
    return arena_check(output->arena, err);
}
