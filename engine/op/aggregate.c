#include "engine/op/aggregate.h"

#include <assert.h>

#include "engine/fn/aggregate.h"
#include "engine/op/row_output.h"

struct aggregate_rows {
    struct op op;
    const struct aggregate_kernel *kernel;
    struct grouping grouping;
    struct groups groups;
    struct row_output output;
    double *state;
    struct batch in; /* what the child gave last; `at` rows of it are used up */
    size_t at;
};

static bool aggregate_open(struct op *op, struct err *err)
{
    struct aggregate_rows *self = CONTAINER(struct aggregate_rows, op, op);
    struct op *child = op->children[0];
    if (!op_open(child, err) || !groups_init(&self->groups, &self->grouping, child, err))
        return false;
    op->labels = self->groups.labels;
    op->series_count = self->groups.count;
    return true;
}

static bool aggregate_arrange(struct op *op, struct err *err)
{
    struct aggregate_rows *self = CONTAINER(struct aggregate_rows, op, op);
    if (!row_output_take(&self->output, op, err))
        return false;
    self->state =
        pool_take(op->query->pool, &op->query->budget, self->kernel->arrays * op->grid.count, err);
    return self->state &&
           groups_arrange(&self->groups, op->children[0], op->order, op->order_count, err);
}

/* The child hands out this group's members next. */
static bool aggregate_group_row(struct aggregate_rows *self, size_t members, double *out,
                                struct err *err)
{
    size_t steps = self->op.grid.count;
    self->kernel->begin(self->state, steps);
    while (members > 0) {
        if (self->at == self->in.row_count) {
            if (op_pull(self->op.children[0], &self->in, err) != PULL_BATCH)
                return false;
            self->at = 0;
        }
        size_t there = self->in.row_count - self->at;
        size_t count = members < there ? members : there;
        self->kernel->add(self->state, batch_row(&self->in, self->at), count, steps);
        self->at += count;
        members -= count;
    }
    self->kernel->end(self->state, out, steps);
    return true;
}

static bool aggregate_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct aggregate_rows *self = CONTAINER(struct aggregate_rows, op, op);
    struct batch out = row_output_next(&self->output, op);
    for (size_t i = 0; i < out.row_count; i++) {
        size_t members = groups_size(&self->groups, op->order[op->rows_done + i]);
        if (!aggregate_group_row(self, members, batch_row(&out, i), err))
            return false;
    }
    *ret = out;
    return true;
}

static void aggregate_close(struct op *op)
{
    struct aggregate_rows *self = CONTAINER(struct aggregate_rows, op, op);
    row_output_give(&self->output, op);
    pool_give(op->query->pool, &op->query->budget, self->state,
              self->kernel->arrays * op->grid.count);
    self->state = NULL;
}

static const struct op_class aggregate_class = {
    .name = "aggregate",
    .open = aggregate_open,
    .arrange = aggregate_arrange,
    .pull = aggregate_pull,
    .close = aggregate_close,
};

struct op *op_aggregate_new(struct query *query, struct op *child, enum aggregate_op op,
                            const struct grouping *grouping)
{
    struct aggregate_rows *self = arena_new(query->arena, struct aggregate_rows);
    op_init(&self->op, &aggregate_class, query, &child->grid);
    op_add_child(&self->op, child);
    self->kernel = aggregate_kernel(op);
    assert(self->kernel);
    self->grouping = *grouping;
    return &self->op;
}
