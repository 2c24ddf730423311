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

/* Does some matcher on this name refuse a missing label? */
static bool label_must_be_there(struct matcher *const *matchers, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(matchers[i]->name, name) && !matcher_matches(matchers[i], STR("")))
            return true;
    return false;
}

/* Prometheus's storage puts these behind the others, in the very list that absent looks at. */
static bool matcher_only_subtracts(struct matcher *const *matchers, size_t count, size_t index)
{
    const struct matcher *matcher = matchers[index];
    bool negative = matcher->kind == MATCH_NOT_EQUAL || matcher->kind == MATCH_NOT_REGEX;
    return !label_must_be_there(matchers, count, matcher->name) ||
           (negative && matcher_matches(matcher, STR("")));
}

struct absent_builder {
    struct query *query;
    struct labels_builder labels;
    struct str *seen; /* names that an `=` matcher has set */
    size_t seen_count;
};

static void absent_add(struct absent_builder *builder, const struct matcher *matcher)
{
    if (str_eq(matcher->name, STR("__name__")))
        return;
    bool sets = matcher->kind == MATCH_EQUAL;
    for (size_t i = 0; i < builder->seen_count && sets; i++)
        sets = !str_eq(builder->seen[i], matcher->name);
    if (sets)
        builder->seen[builder->seen_count++] = matcher->name;
    struct symbols *symbols = builder->query->symbols;
    labels_builder_set(&builder->labels, symbols_add(symbols, matcher->name),
                       sets ? symbols_add(symbols, matcher->value) : SYM_EMPTY);
}

const struct labels *absent_labels(struct query *query, struct matcher *const *matchers,
                                   size_t count)
{
    struct absent_builder builder = {
        .query = query,
        .seen = arena_array(query->arena, struct str, count),
    };
    labels_builder_reset(&builder.labels, query->symbols, &labels_empty);
    for (int subtracting = 0; subtracting < 2; subtracting++)
        for (size_t i = 0; i < count; i++)
            if (matcher_only_subtracts(matchers, count, i) == subtracting)
                absent_add(&builder, matchers[i]);
    const struct labels *labels = labels_builder_labels(&builder.labels, query->arena);
    labels_builder_done(&builder.labels);
    return labels;
}
