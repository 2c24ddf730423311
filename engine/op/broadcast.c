#include "engine/op/broadcast.h"

struct broadcast {
    struct op op;
    struct row_reader rows;
    double *values;
    size_t rows_max;
};

static bool broadcast_arrange(struct op *op, struct err *err)
{
    struct broadcast *self = CONTAINER(struct broadcast, op, op);
    self->rows.op = op->children[0];
    self->rows_max = batch_rows_max(op->grid.count);
    self->values =
        pool_take(op->query->pool, &op->query->budget, self->rows_max * op->grid.count, err);
    return self->values && op_arrange_as_child(op, err);
}

static bool broadcast_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct broadcast *self = CONTAINER(struct broadcast, op, op);
    size_t steps = op->grid.count;
    size_t count = op->order_count - op->rows_done;
    if (count > self->rows_max)
        count = self->rows_max;
    for (size_t i = 0; i < count; i++) {
        double *value;
        if (row_reader_next(&self->rows, &value, err) != PULL_BATCH)
            return false;
        for (size_t step = 0; step < steps; step++)
            self->values[i * steps + step] = *value;
    }
    *ret = (struct batch){.values = self->values, .row_count = count, .step_count = steps};
    return true;
}

static void broadcast_close(struct op *op)
{
    struct broadcast *self = CONTAINER(struct broadcast, op, op);
    pool_give(op->query->pool, &op->query->budget, self->values, self->rows_max * op->grid.count);
    self->values = NULL;
}

static const struct op_class broadcast_class = {
    .name = "broadcast",
    .open = op_open_as_child,
    .arrange = broadcast_arrange,
    .pull = broadcast_pull,
    .close = broadcast_close,
};

struct op *op_broadcast_new(struct query *query, const struct grid *grid, struct op *child)
{
    struct broadcast *self = arena_new(query->arena, struct broadcast);
    op_init(&self->op, &broadcast_class, query, grid);
    op_add_child(&self->op, child);
    return &self->op;
}

static bool empty_open(struct op *op, struct err *err)
{
    return true;
}

static bool empty_pull(struct op *op, struct batch *ret, struct err *err)
{
    return err_set(err, ERR_EXECUTION, "pulled from a vector without series");
}

static const struct op_class empty_class = {
    .name = "empty",
    .open = empty_open,
    .arrange = empty_open,
    .pull = empty_pull,
};

struct op *op_empty_new(struct query *query, const struct grid *grid)
{
    struct op *op = arena_new(query->arena, struct op);
    op_init(op, &empty_class, query, grid);
    return op;
}
