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
            for (size_t step = 0; step < steps; step++)
                if (!value_is_stale(values[step]))
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

static bool named_before(struct matcher *const *matchers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (matchers[i]->kind == MATCH_EQUAL && str_eq(matchers[i]->name, matchers[count]->name))
            return true;
    return false;
}

const struct labels *absent_labels(struct query *query, struct matcher *const *matchers,
                                   size_t count)
{
    AUTO(labels_builder_done) struct labels_builder builder = {0};
    labels_builder_reset(&builder, query->symbols, &labels_empty);
    for (size_t i = 0; i < count; i++) {
        const struct matcher *matcher = matchers[i];
        if (str_eq(matcher->name, STR("__name__")))
            continue;
        bool sets = matcher->kind == MATCH_EQUAL && !named_before(matchers, i);
        labels_builder_set(&builder, symbols_add(query->symbols, matcher->name),
                           sets ? symbols_add(query->symbols, matcher->value) : SYM_EMPTY);
    }
    return labels_builder_labels(&builder, query->arena);
}
