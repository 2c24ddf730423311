#include "engine/op/sort.h"

#include "engine/fn/go_sort.h"

struct sort {
    struct op op;
    bool descending;
    double *values; /* one step: in the order of the result */
};

/* One step: the child's floats. */
static bool sort_read(struct op *op, struct go_item *items, size_t *ret_count, struct err *err)
{
    struct row_reader rows = {.op = op->children[0]};
    size_t count = 0;
    for (size_t i = 0; i < op->children[0]->series_count; i++) {
        double *value;
        if (row_reader_next(&rows, &value, err) != PULL_BATCH)
            return false;
        if (!value_is_stale(*value))
            items[count++] = (struct go_item){*value, (uint32_t)i};
    }
    *ret_count = count;
    return true;
}

static bool sort_open(struct op *op, struct err *err)
{
    struct sort *self = CONTAINER(struct sort, op, op);
    if (!op_open_as_child(op, err))
        return false;
    if (op->grid.count > 1)
        return true;

    struct arena *arena = op->query->arena;
    size_t count = op->series_count;
    struct go_item *items = arena_array(arena, struct go_item, count);
    const struct labels **labels = arena_array(arena, const struct labels *, count);
    bool *drops_name = op->drops_name ? arena_array(arena, bool, count) : NULL;
    self->values = arena_array(arena, double, count);
    if (!arena_check(arena, err) || !sort_read(op, items, &count, err))
        return false;

    go_sort(items, count, self->descending ? go_less_descending : go_less_ascending);
    for (size_t i = 0; i < count; i++) {
        labels[i] = op->labels[items[i].index];
        self->values[i] = items[i].value;
        if (drops_name)
            drops_name[i] = op->drops_name[items[i].index];
    }
    op->labels = labels;
    op->drops_name = drops_name;
    op->series_count = count;
    return true;
}

static bool sort_arrange(struct op *op, struct err *err)
{
    return op->grid.count == 1 || op_arrange_as_child(op, err);
}

/* One step: op_open takes all rows, once, in the natural order. */
static bool sort_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct sort *self = CONTAINER(struct sort, op, op);
    if (op->grid.count > 1) {
        if (op_pull(op->children[0], ret, err) != PULL_BATCH)
            return false;
        ret->histograms = NULL;
        return true;
    }
    *ret = (struct batch){.values = self->values, .row_count = op->series_count, .step_count = 1};
    return true;
}

static const struct op_class sort_class = {
    .name = "sort",
    .open = sort_open,
    .arrange = sort_arrange,
    .pull = sort_pull,
};

struct op *op_sort_new(struct query *query, struct op *child, bool descending)
{
    struct sort *self = arena_new(query->arena, struct sort);
    op_init(&self->op, &sort_class, query, &child->grid);
    op_add_child(&self->op, child);
    self->descending = descending;
    return &self->op;
}
