#include "engine/op/sort_labels.h"

#include "engine/fn/go_sort.h"
#include "engine/fn/natural_order.h"
#include "engine/op/names.h"

struct sort_labels {
    struct op op;
    const struct str *names;
    size_t name_count;
    bool descending;

    uint32_t *symbols; /* of the names */
    uint32_t *source;  /* the child's series; NULL: they are the same */
};

static struct str sort_labels_value(const struct op *op, const struct labels *labels, uint32_t name)
{
    return symbols_get(op->query->symbols, labels_get(labels, name));
}

static bool sort_labels_less(const struct go_item *a, const struct go_item *b, const void *context)
{
    const struct sort_labels *self = context;
    const struct op *op = &self->op;
    const struct labels *x = op->children[0]->labels[a->index];
    const struct labels *y = op->children[0]->labels[b->index];
    for (size_t i = 0; i < self->name_count; i++) {
        struct str x_value = sort_labels_value(op, x, self->symbols[i]);
        struct str y_value = sort_labels_value(op, y, self->symbols[i]);
        if (!str_eq(x_value, y_value))
            return natural_less(x_value, y_value) != self->descending;
    }
    int order = labels_cmp(op->query->symbols, x, y);
    return self->descending ? order > 0 : order < 0;
}

static bool sort_labels_open(struct op *op, struct err *err)
{
    struct sort_labels *self = CONTAINER(struct sort_labels, op, op);
    struct query *query = op->query;
    if (!op_open_as_child(op, err))
        return false;
    if (op->grid.count > 1)
        return true;

    self->symbols = arena_array(query->arena, uint32_t, self->name_count);
    for (size_t i = 0; i < self->name_count; i++)
        self->symbols[i] = symbols_add(query->symbols, self->names[i]);
    struct go_item *items = arena_array(query->arena, struct go_item, op->series_count);
    self->source = arena_array(query->arena, uint32_t, op->series_count);
    const struct labels **labels =
        arena_array(query->arena, const struct labels *, op->series_count);
    if (!arena_check(query->arena, err))
        return false;

    for (size_t i = 0; i < op->series_count; i++)
        items[i].index = (uint32_t)i;
    go_sort_with(items, op->series_count, sort_labels_less, self);
    for (size_t i = 0; i < op->series_count; i++) {
        self->source[i] = items[i].index;
        labels[i] = op->labels[items[i].index];
    }
    op->labels = labels;
    return names_follow(op, op->children[0], self->source, err);
}

static bool sort_labels_arrange(struct op *op, struct err *err)
{
    const struct sort_labels *self = CONTAINER(struct sort_labels, op, op);
    if (!self->source)
        return op_arrange_as_child(op, err);
    uint32_t *order = arena_array(op->query->arena, uint32_t, op->order_count);
    for (size_t i = 0; i < op->order_count; i++)
        order[i] = self->source[op->order[i]];
    return arena_check(op->query->arena, err) &&
           op_arrange(op->children[0], order, op->order_count, err);
}

static bool sort_labels_pull(struct op *op, struct batch *ret, struct err *err)
{
    return op_pull(op->children[0], ret, err) == PULL_BATCH;
}

static const struct op_class sort_labels_class = {
    .name = "sort_labels",
    .open = sort_labels_open,
    .holds = op_holds_as_child,
    .arrange = sort_labels_arrange,
    .pull = sort_labels_pull,
};

struct op *op_sort_labels_new(struct query *query, struct op *child, const struct str *names,
                              size_t name_count, bool descending)
{
    struct sort_labels *self = arena_new(query->arena, struct sort_labels);
    op_init(&self->op, &sort_labels_class, query, &child->grid);
    op_add_child(&self->op, child);
    self->names = names;
    self->name_count = name_count;
    self->descending = descending;
    return &self->op;
}
