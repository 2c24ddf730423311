#include "engine/op/shared.h"

#include <string.h>

#include "engine/op/row_store.h"
#include "engine/op/tile.h"

struct shared {
    struct op *op;
    size_t reader_count;
    bool drained;
    struct row_store store;
    struct held_row *rows; /* one a series, in the arena */
};

struct shared_reader {
    struct op op;
    struct shared *shared;
    bool first; /* the one that EXPLAIN and the counts go through */
    struct tile output;
};

struct shared *shared_new(struct query *query, struct op *op)
{
    struct shared *shared = arena_new(query->arena, struct shared);
    shared->op = op;
    return shared;
}

static bool shared_reader_open(struct op *op, struct err *err)
{
    struct shared *shared = CONTAINER(struct shared_reader, op, op)->shared;
    if (shared->op->state == OP_NEW && !op_open(shared->op, err))
        return false;
    op->labels = shared->op->labels;
    op->series_count = shared->op->series_count;
    op->drops_name = shared->op->drops_name;
    return true;
}

static bool shared_drain(struct shared *shared, struct err *err)
{
    struct op *op = shared->op;
    struct row_reader reader = {.op = op};
    row_store_init(&shared->store, op->query, op->grid.count);
    shared->rows = arena_array(op->query->arena, struct held_row, op->series_count);
    if (!arena_check(op->query->arena, err))
        return false;
    double *row;
    for (size_t i = 0; i < op->series_count; i++)
        if (row_reader_next(&reader, &row, err) != PULL_BATCH ||
            !row_store_hold(&shared->store, row, reader.histograms, &shared->rows[i], err))
            return false;
    shared->drained = true;
    return true;
}

static bool shared_reader_arrange(struct op *op, struct err *err)
{
    return tile_take_for(&CONTAINER(struct shared_reader, op, op)->output, op, err);
}

/* Histograms stay where they are held: only the column is a copy, which consumers may change. */
static bool shared_reader_give(struct shared_reader *self, const struct held_row *held,
                               struct batch *out, size_t row, struct err *err)
{
    size_t steps = self->op.grid.count;
    memcpy(batch_row(out, row), held->values, steps * sizeof(double));
    if (!held->histograms)
        return true;
    const struct histogram **to = tile_histograms(&self->output, out, row, err);
    if (to)
        memcpy(to, held->histograms, steps * sizeof *to);
    return to != NULL;
}

static bool shared_reader_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct shared_reader *self = CONTAINER(struct shared_reader, op, op);
    if (!self->shared->drained && !shared_drain(self->shared, err))
        return false;
    struct batch out = tile_next(&self->output, op);
    for (size_t i = 0; i < out.row_count; i++) {
        uint32_t series = op->order[op->rows_done + i];
        if (!shared_reader_give(self, &self->shared->rows[series], &out, i, err))
            return false;
    }
    *ret = out;
    return true;
}

static void shared_reader_close(struct op *op)
{
    struct shared_reader *self = CONTAINER(struct shared_reader, op, op);
    struct shared *shared = self->shared;
    tile_give(&self->output);
    if (--shared->reader_count > 0)
        return;
    for (size_t i = 0; shared->rows && i < shared->op->series_count; i++)
        row_store_drop(&shared->store, &shared->rows[i]);
    row_store_done(&shared->store);
    op_close(shared->op);
}

static const bool *shared_reader_holds(struct op *op)
{
    return op_holds(CONTAINER(struct shared_reader, op, op)->shared->op);
}

/* Each reader counts: Prometheus evaluates the expression for each of them. */
static void shared_reader_count(const struct op *op, uint64_t *steps)
{
    op_count_samples(CONTAINER_CONST(struct shared_reader, op, op)->shared->op, steps);
}

static const struct op_class shared_class = {
    .name = "shared",
    .count = shared_reader_count,
    .open = shared_reader_open,
    .holds = shared_reader_holds,
    .arrange = shared_reader_arrange,
    .pull = shared_reader_pull,
    .close = shared_reader_close,
};

struct op *op_shared_new(struct query *query, struct shared *shared)
{
    struct shared_reader *self = arena_new(query->arena, struct shared_reader);
    op_init(&self->op, &shared_class, query, &shared->op->grid);
    self->shared = shared;
    self->first = shared->reader_count == 0;
    shared->reader_count++;
    return &self->op;
}

struct op *op_shared_below(const struct op *op)
{
    if (op->class != &shared_class)
        return NULL;
    const struct shared_reader *self = CONTAINER_CONST(struct shared_reader, op, op);
    return self->first ? self->shared->op : NULL;
}
