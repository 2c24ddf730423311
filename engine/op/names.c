#include "engine/op/names.h"

const struct labels *names_without(const struct labels *labels, enum name_drop drop,
                                   struct arena *arena)
{
    switch (drop) {
    case NAME_KEPT:
        return labels;
    case NAME_DROPPED:
        return labels_without(labels, (struct name_set){0}, arena);
    case METADATA_DROPPED:
        return labels_drop_name(labels, arena);
    }
    __builtin_unreachable();
}

bool names_drop(struct op *op, enum name_drop drop, struct err *err)
{
    struct arena *arena = op->query->arena;
    if (drop == NAME_KEPT)
        return true;
    if (op->query->modes.delayed_names) {
        bool *drops = arena_array(arena, bool, op->series_count);
        for (size_t i = 0; i < op->series_count; i++)
            drops[i] = true;
        op->drops_name = drops;
        return arena_check(arena, err);
    }
    const struct labels **labels = arena_array(arena, const struct labels *, op->series_count);
    if (!arena_check(arena, err))
        return false;
    for (size_t i = 0; i < op->series_count; i++)
        labels[i] = names_without(op->labels[i], drop, arena);
    op->labels = labels;
    return arena_check(arena, err);
}

bool names_follow(struct op *op, const struct op *child, const uint32_t *from, struct err *err)
{
    op->drops_name = NULL;
    if (!child->drops_name)
        return true;
    bool *drops = arena_array(op->query->arena, bool, op->series_count);
    for (size_t i = 0; i < op->series_count; i++)
        drops[i] = child->drops_name[from[i]];
    op->drops_name = drops;
    return arena_check(op->query->arena, err);
}

static bool drop_names_open(struct op *op, struct err *err)
{
    struct arena *arena = op->query->arena;
    if (!op_open_as_child(op, err))
        return false;
    const bool *drops = op->drops_name;
    op->drops_name = NULL;
    if (!drops)
        return true;
    const struct labels **labels = arena_array(arena, const struct labels *, op->series_count);
    if (!arena_check(arena, err))
        return false;
    for (size_t i = 0; i < op->series_count; i++)
        labels[i] = drops[i] ? labels_drop_name(op->labels[i], arena) : op->labels[i];
    op->labels = labels;
    return arena_check(arena, err);
}

static bool drop_names_pull(struct op *op, struct batch *ret, struct err *err)
{
    return op_pull(op->children[0], ret, err) == PULL_BATCH;
}

static const struct op_class drop_names_class = {
    .name = "drop_names",
    .open = drop_names_open,
    .holds = op_holds_as_child,
    .arrange = op_arrange_as_child,
    .pull = drop_names_pull,
};

struct op *op_drop_names_new(struct query *query, struct op *child)
{
    struct op *op = arena_new(query->arena, struct op);
    op_init(op, &drop_names_class, query, &child->grid);
    op_add_child(op, child);
    return op;
}
