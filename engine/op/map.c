#include "engine/op/map.h"

#include "base/attr.h"
#include "engine/op/names.h"

struct map_op {
    struct op op;
    struct map_stage stage;
    struct arena *arena; /* histograms of the last batch */
};

static bool map_op_open(struct op *op, struct err *err)
{
    struct map_op *self = CONTAINER(struct map_op, op, op);
    if (!map_stage_open(&self->stage, op->query, err) || !op_open_as_child(op, err))
        return false;
    return names_drop(op, map_stage_drops_name(&self->stage), err);
}

static bool map_op_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct map_op *self = CONTAINER(struct map_op, op, op);
    if (op_pull(op->children[0], ret, err) != PULL_BATCH)
        return false;
    if (ret->histograms && !self->arena)
        self->arena = arena_create(&op->query->budget);
    if (self->arena)
        arena_reset(self->arena);
    unsigned refused = map_stage_apply(&self->stage, ret, self->arena);
    map_stage_note(&self->stage, op->query, refused);
    return !self->arena || arena_check(self->arena, err);
}

static void map_op_close(struct op *op)
{
    struct map_op *self = CONTAINER(struct map_op, op, op);
    arena_destroy(self->arena);
    self->arena = NULL;
}

static const bool *map_op_holds(struct op *op)
{
    const struct map_stage *stage = &CONTAINER(struct map_op, op, op)->stage;
    return map_stage_gives_histograms(stage) ? op_holds(op->children[0]) : NULL;
}

static const bool *map_op_tells(struct op *op)
{
    switch (map_stage_tells(&CONTAINER(struct map_op, op, op)->stage)) {
    case MAP_TELLS_NOTHING:
        return NULL;
    case MAP_TELLS_OF_HISTOGRAMS:
        return op_holds(op->children[0]);
    case MAP_TELLS_OF_ALL:
        return op_all_series(op);
    }
    __builtin_unreachable();
}

static const struct op_class map_op_class = {
    .name = "map",
    .open = map_op_open,
    .holds = map_op_holds,
    .tells = map_op_tells,
    .arrange = op_arrange_as_child,
    .pull = map_op_pull,
    .close = map_op_close,
};

struct op *op_map_new(struct query *query, struct op *child, const struct map_stage *stage)
{
    struct map_op *self = arena_new(query->arena, struct map_op);
    op_init(&self->op, &map_op_class, query, &child->grid);
    op_add_child(&self->op, child);
    for (size_t i = 0; i < stage->scalar_count; i++)
        op_add_child(&self->op, stage->scalars[i]);
    self->stage = *stage;
    return &self->op;
}

struct scalar_arith {
    struct op op;
    struct arith arith;
    const struct labels *labels;
};

static bool scalar_arith_open(struct op *op, struct err *err)
{
    struct scalar_arith *self = CONTAINER(struct scalar_arith, op, op);
    if (!op_open(op->children[0], err) || !op_open(op->children[1], err))
        return false;
    self->labels = &labels_empty;
    op->labels = &self->labels;
    op->series_count = 1;
    return true;
}

/* A scalar is one row: each side has it in its first batch, and so has the answer. */
static bool scalar_arith_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct scalar_arith *self = CONTAINER(struct scalar_arith, op, op);
    struct batch right;
    if (op_pull(op->children[0], ret, err) != PULL_BATCH ||
        op_pull(op->children[1], &right, err) != PULL_BATCH)
        return false;
    arith_rows(&self->arith, ret->values, right.values, ret->step_count);
    return true;
}

static bool scalar_arith_arrange(struct op *op, struct err *err)
{
    return op_arrange(op->children[0], op->order, op->order_count, err) &&
           op_arrange(op->children[1], op->order, op->order_count, err);
}

static const struct op_class scalar_arith_class = {
    .name = "scalar_arith",
    .open = scalar_arith_open,
    .arrange = scalar_arith_arrange,
    .pull = scalar_arith_pull,
};

struct op *op_scalar_arith_new(struct query *query, struct op *left, struct op *right,
                               enum binary_op op)
{
    struct scalar_arith *self = arena_new(query->arena, struct scalar_arith);
    op_init(&self->op, &scalar_arith_class, query, &left->grid);
    op_add_child(&self->op, left);
    op_add_child(&self->op, right);
    self->arith = (struct arith){.op = op, .return_bool = true};
    return &self->op;
}
