#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/budget.h"
#include "base/err.h"
#include "model/histogram.h"
#include "model/sample.h"

/*
 * Where Prometheus would have a row, that is by series that have a point: in front of the series
 * `before` of its operator; and of several such rows the one with the lesser key first.
 */
struct row_place {
    uint32_t before; /* the next series: where it stands anyway */
    uint32_t key;
};

/*
 * A tile of rows x steps, row after row. No times: value [r][s] is at step s of the operator's
 * grid. A missing point is value_stale(), which no arithmetic can produce.
 *
 * A point that is a native histogram is missing among the values, and is in `histograms`, which has
 * the same shape. Who works on floats alone need not know of it: it hands on no histograms. The
 * histograms, as the column, are the operator's until its next pull; who holds one longer copies
 * it. Consumers may write into the column, as into the values, but never into a histogram.
 */
struct batch {
    double *values;
    const struct histogram **histograms; /* NULL: no point of the tile is one */
    const struct row_place *places;      /* by row; NULL: all stand where their series do */
    size_t row_count;
    size_t step_count;
};

static inline double *batch_row(const struct batch *batch, size_t row)
{
    return batch->values + row * batch->step_count;
}

/* The histograms of a row; NULL: it has none. */
static inline const struct histogram **batch_row_histograms(const struct batch *batch, size_t row)
{
    return batch->histograms ? batch->histograms + row * batch->step_count : NULL;
}

/* Of a row's histograms; NULL: it has none. */
static inline bool row_has_histogram(const struct histogram *const *histograms, size_t steps)
{
    for (size_t i = 0; histograms && i < steps; i++)
        if (histograms[i])
            return true;
    return false;
}

/* Of a row's values alone. */
static inline bool row_has_point(const double *row, size_t steps)
{
    for (size_t i = 0; i < steps; i++)
        if (!value_is_stale(row[i]))
            return true;
    return false;
}

/* What a batch aims at, whatever the query. A row longer than this is a batch alone. */
#define BATCH_VALUES 8192

static inline size_t batch_rows_max(size_t step_count)
{
    return step_count >= BATCH_VALUES ? 1 : BATCH_VALUES / step_count;
}

/*
 * Buffers for batches and rows, kept from query to query by the process: sizes are powers of two.
 * What a query holds is charged to its budget.
 *
 * Thread: any.
 */
struct pool;

struct pool *pool_create(size_t keep_bytes_max);
void pool_destroy(struct pool *pool);

/* `count` doubles, not cleared. NULL with ERR_LIMIT if the budget does not allow it. */
double *pool_take(struct pool *pool, struct budget *budget, size_t count, struct err *err)
    MUST_CHECK;

/* Gives back what pool_take gave for the same count. NULL is fine. */
void pool_give(struct pool *pool, struct budget *budget, double *values, size_t count);
