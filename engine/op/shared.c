#include "engine/op/shared.h"

#include <string.h>

struct shared {
    struct op *op;
    size_t reader_count;
    bool drained;
    double **rows; /* one a series, in the arena; the rows are the pool's */
};

struct shared_reader {
    struct op op;
    struct shared *shared;
    bool first; /* the one that EXPLAIN and the counts go through */
    double *values;
    size_t rows_max;
};

struct shared *shared_new(struct query *query, struct op *op)
{
    struct shared *shared = arena_new(query->arena, struct shared);
    shared->op = op;
    return shared;
}

static bool shared_reader_open(struct op *op, struct err *err)
{
    struct shared *shared = CONTAINER(struct shared_reader, op, op)->shared;
    if (shared->op->state == OP_NEW && !op_open(shared->op, err))
        return false;
    op->labels = shared->op->labels;
    op->series_count = shared->op->series_count;
    return true;
}

static bool shared_drain(struct shared *shared, struct err *err)
{
    struct op *op = shared->op;
    struct row_reader reader = {.op = op};
    shared->rows = arena_array(op->query->arena, double *, op->series_count);
    if (!arena_check(op->query->arena, err))
        return false;
    double *row;
    for (size_t i = 0; i < op->series_count; i++) {
        if (row_reader_next(&reader, &row, err) != PULL_BATCH)
            return false;
        shared->rows[i] = op_take_row(op, err);
        if (!shared->rows[i])
            return false;
        memcpy(shared->rows[i], row, op->grid.count * sizeof *row);
    }
    shared->drained = true;
    return true;
}

static bool shared_reader_arrange(struct op *op, struct err *err)
{
    struct shared_reader *self = CONTAINER(struct shared_reader, op, op);
    self->rows_max = batch_rows_max(op->grid.count);
    self->values =
        pool_take(op->query->pool, &op->query->budget, self->rows_max * op->grid.count, err);
    return self->values != NULL;
}

static bool shared_reader_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct shared_reader *self = CONTAINER(struct shared_reader, op, op);
    if (!self->shared->drained && !shared_drain(self->shared, err))
        return false;
    size_t steps = op->grid.count;
    size_t count = op->order_count - op->rows_done;
    if (count > self->rows_max)
        count = self->rows_max;
    for (size_t i = 0; i < count; i++)
        memcpy(self->values + i * steps, self->shared->rows[op->order[op->rows_done + i]],
               steps * sizeof(double));
    *ret = (struct batch){.values = self->values, .row_count = count, .step_count = steps};
    return true;
}

static void shared_reader_close(struct op *op)
{
    struct shared_reader *self = CONTAINER(struct shared_reader, op, op);
    struct shared *shared = self->shared;
    pool_give(op->query->pool, &op->query->budget, self->values, self->rows_max * op->grid.count);
    self->values = NULL;
    if (--shared->reader_count > 0)
        return;
    for (size_t i = 0; shared->rows && i < shared->op->series_count; i++)
        op_give_row(shared->op, shared->rows[i]);
    op_close(shared->op);
}

static const struct op_class shared_class = {
    .name = "shared",
    .open = shared_reader_open,
    .arrange = shared_reader_arrange,
    .pull = shared_reader_pull,
    .close = shared_reader_close,
};

struct op *op_shared_new(struct query *query, struct shared *shared)
{
    struct shared_reader *self = arena_new(query->arena, struct shared_reader);
    op_init(&self->op, &shared_class, query, &shared->op->grid);
    self->shared = shared;
    self->first = shared->reader_count == 0;
    shared->reader_count++;
    return &self->op;
}

struct op *op_shared_below(const struct op *op)
{
    if (op->class != &shared_class)
        return NULL;
    const struct shared_reader *self = CONTAINER_CONST(struct shared_reader, op, op);
    return self->first ? self->shared->op : NULL;
}
