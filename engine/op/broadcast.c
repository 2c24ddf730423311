#include "engine/op/broadcast.h"

#include "engine/op/tile.h"

struct broadcast {
    struct op op;
    struct row_reader rows;
    struct tile output;
};

static bool broadcast_arrange(struct op *op, struct err *err)
{
    struct broadcast *self = CONTAINER(struct broadcast, op, op);
    self->rows.op = op->children[0];
    return tile_take_for(&self->output, op, err) && op_arrange_as_child(op, err);
}

static bool broadcast_histogram(struct broadcast *self, struct batch *out, size_t row,
                                const struct histogram *histogram, struct err *err)
{
    const struct histogram **to = tile_histograms(&self->output, out, row, err);
    if (!to)
        return false;
    const struct histogram *copy = histogram_keep(self->output.arena, histogram);
    for (size_t step = 0; step < out->step_count; step++)
        to[step] = copy;
    return arena_check(self->output.arena, err);
}

static bool broadcast_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct broadcast *self = CONTAINER(struct broadcast, op, op);
    struct batch out = tile_next(&self->output, op);
    for (size_t i = 0; i < out.row_count; i++) {
        double *value;
        if (row_reader_next(&self->rows, &value, err) != PULL_BATCH)
            return false;
        double *row = batch_row(&out, i);
        for (size_t step = 0; step < out.step_count; step++)
            row[step] = *value;
        const struct histogram **histograms = self->rows.histograms;
        if (histograms && *histograms && !broadcast_histogram(self, &out, i, *histograms, err))
            return false;
        tile_cut(&self->output, &out, i);
    }
    *ret = out;
    return true;
}

static void broadcast_close(struct op *op)
{
    tile_give(&CONTAINER(struct broadcast, op, op)->output);
}

/* As if it had been evaluated at each step. */
static void broadcast_count(const struct op *op, uint64_t *steps)
{
    uint64_t once = 0;
    op_count_samples(op->children[0], &once);
    for (size_t step = 0; step < op->grid.count; step++)
        steps[step] += once;
}

static const struct op_class broadcast_class = {
    .name = "broadcast",
    .count = broadcast_count,
    .open = op_open_as_child,
    .holds = op_holds_as_child,
    .arrange = broadcast_arrange,
    .pull = broadcast_pull,
    .close = broadcast_close,
};

struct op *op_broadcast_new(struct query *query, const struct grid *grid, struct op *child)
{
    struct broadcast *self = arena_new(query->arena, struct broadcast);
    op_init(&self->op, &broadcast_class, query, grid);
    op_add_child(&self->op, child);
    return &self->op;
}

static bool empty_open(struct op *op, struct err *err)
{
    return true;
}

static bool empty_pull(struct op *op, struct batch *ret, struct err *err)
{
    return err_set(err, ERR_EXECUTION, "pulled from a vector without series");
}

static const struct op_class empty_class = {
    .name = "empty",
    .open = empty_open,
    .arrange = empty_open,
    .pull = empty_pull,
};

struct op *op_empty_new(struct query *query, const struct grid *grid)
{
    struct op *op = arena_new(query->arena, struct op);
    op_init(op, &empty_class, query, grid);
    return op;
}
