#include "engine/op/absent.h"

#include "model/sample.h"

struct absent {
    struct op op;
    const struct labels *labels;
    double *row;
};

static bool absent_open(struct op *op, struct err *err)
{
    struct absent *self = CONTAINER(struct absent, op, op);
    op->labels = &self->labels;
    op->series_count = 1;
    return op_open(op->children[0], err);
}

static bool absent_arrange(struct op *op, struct err *err)
{
    struct absent *self = CONTAINER(struct absent, op, op);
    if (op->order_count == 0)
        return true;
    self->row = op_take_row(op, err);
    return self->row != NULL;
}

static bool absent_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct absent *self = CONTAINER(struct absent, op, op);
    size_t steps = op->grid.count;
    for (size_t step = 0; step < steps; step++)
        self->row[step] = 1;

    struct batch batch;
    enum pull got;
    while ((got = op_pull(op->children[0], &batch, err)) == PULL_BATCH) {
        for (size_t row = 0; row < batch.row_count; row++) {
            const double *values = batch_row(&batch, row);
            const struct histogram *const *histograms = batch_row_histograms(&batch, row);
            for (size_t step = 0; step < steps; step++)
                if (!value_is_stale(values[step]) || (histograms && histograms[step]))
                    self->row[step] = value_stale();
        }
    }
    *ret = (struct batch){.values = self->row, .row_count = 1, .step_count = steps};
    return got == PULL_END;
}

static void absent_close(struct op *op)
{
    struct absent *self = CONTAINER(struct absent, op, op);
    op_give_row(op, self->row);
    self->row = NULL;
}

static const struct op_class absent_class = {
    .name = "absent",
    .open = absent_open,
    .arrange = absent_arrange,
    .pull = absent_pull,
    .close = absent_close,
};

struct op *op_absent_new(struct query *query, struct op *child, const struct labels *labels)
{
    struct absent *self = arena_new(query->arena, struct absent);
    op_init(&self->op, &absent_class, query, &child->grid);
    op_add_child(&self->op, child);
    self->labels = labels;
    return &self->op;
}
