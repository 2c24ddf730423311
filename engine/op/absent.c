#include "engine/op/absent.h"

#include "model/sample.h"

struct absent {
    struct op op;
<<<<<<< HEAD
    const struct labels *labels;
=======
    const struct labels *name; /* of the only series */
>>>>>>> f0d51f3 (engine: absent, count_values, label_replace and label_join)
    double *row;
};

static bool absent_open(struct op *op, struct err *err)
{
    struct absent *self = CONTAINER(struct absent, op, op);
<<<<<<< HEAD
    op->labels = &self->labels;
=======
    op->labels = &self->name;
>>>>>>> f0d51f3 (engine: absent, count_values, label_replace and label_join)
    op->series_count = 1;
    return op_open(op->children[0], err);
}

static bool absent_arrange(struct op *op, struct err *err)
{
    struct absent *self = CONTAINER(struct absent, op, op);
<<<<<<< HEAD
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
=======
    if (op->order_count > 0)
        self->row = op_take_row(op, err);
    return op->order_count == 0 || self->row;
}

/* All rows are read, even when nothing is absent any more: they may end in an error, or warn. */
static bool absent_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct absent *self = CONTAINER(struct absent, op, op);
    for (size_t s = 0; s < op->grid.count; s++)
        self->row[s] = 1;

    struct row_reader rows = {.op = op->children[0]};
    double *row;
    enum pull got;
    while ((got = row_reader_next(&rows, &row, err)) == PULL_BATCH)
        for (size_t s = 0; s < op->grid.count; s++)
            self->row[s] = value_is_stale(row[s]) ? self->row[s] : value_stale();
    *ret = (struct batch){.values = self->row, .row_count = 1, .step_count = op->grid.count};
>>>>>>> f0d51f3 (engine: absent, count_values, label_replace and label_join)
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
<<<<<<< HEAD
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
=======
    self->name = labels;
    return &self->op;
}
>>>>>>> f0d51f3 (engine: absent, count_values, label_replace and label_join)
