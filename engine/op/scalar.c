#include "engine/op/scalar.h"

#include "model/sample.h"

struct scalar {
    struct op op;
    double number;
    double *row; /* the only one; from the pool */
};

static void scalar_has_one_series(struct op *op)
{
    op->labels = arena_array(op->query->arena, const struct labels *, 1);
    op->labels[0] = &labels_empty;
    op->series_count = 1;
}

static bool scalar_open_leaf(struct op *op, struct err *err)
{
    scalar_has_one_series(op);
    return true;
}

static bool scalar_open(struct op *op, struct err *err)
{
    scalar_has_one_series(op);
    return op_open(op->children[0], err);
}

/* Room for the row; the child, if there is one, comes in its own order. */
static bool scalar_arrange(struct op *op, struct err *err)
{
    struct scalar *self = CONTAINER(struct scalar, op, op);
    if (op->order_count > 0)
        self->row = op_take_row(op, err);
    return op->order_count == 0 || self->row;
}

static void scalar_give(const struct scalar *self, struct batch *ret)
{
    *ret = (struct batch){.values = self->row, .row_count = 1, .step_count = self->op.grid.count};
}

static bool scalar_pull_number(struct op *op, struct batch *ret, struct err *err)
{
    struct scalar *self = CONTAINER(struct scalar, op, op);
    for (size_t s = 0; s < op->grid.count; s++)
        self->row[s] = self->number;
    scalar_give(self, ret);
    return true;
}

static bool scalar_pull_time(struct op *op, struct batch *ret, struct err *err)
{
    struct scalar *self = CONTAINER(struct scalar, op, op);
    for (size_t s = 0; s < op->grid.count; s++)
        self->row[s] = (double)grid_time(&op->grid, s) / 1000;
    scalar_give(self, ret);
    return true;
}

static void scalar_take(double *row, double *counts, const double *values, size_t steps)
{
    for (size_t s = 0; s < steps; s++) {
        if (value_is_stale(values[s]))
            continue;
        counts[s] += 1;
        row[s] = values[s];
    }
}

static bool scalar_pull_single(struct op *op, struct batch *ret, struct err *err)
{
    struct scalar *self = CONTAINER(struct scalar, op, op);
    size_t steps = op->grid.count;
    double *counts = op_take_row(op, err);
    if (!counts)
        return false;
    for (size_t s = 0; s < steps; s++)
        counts[s] = 0;

    struct row_reader rows = {.op = op->children[0]};
    double *values;
    enum pull got;
    while ((got = row_reader_next(&rows, &values, err)) == PULL_BATCH)
        scalar_take(self->row, counts, values, steps);
    for (size_t s = 0; s < steps; s++)
        if (counts[s] != 1)
            self->row[s] = value_nan();
    op_give_row(op, counts);
    scalar_give(self, ret);
    return got == PULL_END;
}

static bool scalar_pull_vector(struct op *op, struct batch *ret, struct err *err)
{
    return op_pull(op->children[0], ret, err) == PULL_BATCH;
}

static void scalar_close(struct op *op)
{
    op_give_row(op, CONTAINER(struct scalar, op, op)->row);
}

static const struct op_class number_class = {
    .name = "number",
    .open = scalar_open_leaf,
    .arrange = scalar_arrange,
    .pull = scalar_pull_number,
    .close = scalar_close,
};

static const struct op_class time_class = {
    .name = "time",
    .open = scalar_open_leaf,
    .arrange = scalar_arrange,
    .pull = scalar_pull_time,
    .close = scalar_close,
};

static const struct op_class scalar_class = {
    .name = "scalar",
    .open = scalar_open,
    .arrange = scalar_arrange,
    .pull = scalar_pull_single,
    .close = scalar_close,
};

static const struct op_class vector_class = {
    .name = "vector",
    .open = op_open_as_child,
    .arrange = op_arrange_as_child,
    .pull = scalar_pull_vector,
};

static struct scalar *scalar_new(struct query *query, const struct op_class *class,
                                 const struct grid *grid)
{
    struct scalar *self = arena_new(query->arena, struct scalar);
    op_init(&self->op, class, query, grid);
    return self;
}

struct op *op_number_new(struct query *query, const struct grid *grid, double value)
{
    struct scalar *self = scalar_new(query, &number_class, grid);
    self->number = value;
    return &self->op;
}

struct op *op_time_new(struct query *query, const struct grid *grid)
{
    return &scalar_new(query, &time_class, grid)->op;
}

struct op *op_scalar_new(struct query *query, struct op *child)
{
    struct scalar *self = scalar_new(query, &scalar_class, &child->grid);
    op_add_child(&self->op, child);
    return &self->op;
}

struct op *op_vector_new(struct query *query, struct op *child)
{
    struct scalar *self = scalar_new(query, &vector_class, &child->grid);
    op_add_child(&self->op, child);
    return &self->op;
}
