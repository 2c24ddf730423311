/*
 * The child is asked for equal series one after another, so that one row at a time is merged.
 * Groups of several series that the consumer does not want are pulled all the same, first: they may
 * hold an error.
 */
#include "engine/op/dedup.h"

#include <string.h>

#include "engine/op/group.h"
#include "engine/op/row_output.h"
#include "model/sample.h"

struct dedup {
    struct op op;
    enum dedup_mode mode;
    struct groups sets; /* series with equal labels */
    bool plain;         /* there are none */
    struct row_reader rows;
    struct row_output output;
};

static bool dedup_open(struct op *op, struct err *err)
{
    struct dedup *self = CONTAINER(struct dedup, op, op);
    if (!op_open_as_child(op, err))
        return false;

    struct grouping grouping = grouping_equal();
    if (!groups_init(&self->sets, &grouping, op->children[0], err))
        return false;
    self->plain = self->sets.count == op->series_count;
    op->labels = self->sets.labels;
    op->series_count = self->sets.count;
    return true;
}

/* Adds the points of `from`; false where both have one. */
static bool row_merge(double *into, const double *from, size_t steps)
{
    bool apart = true;
    for (size_t i = 0; i < steps; i++) {
        if (value_is_stale(from[i]))
            continue;
        apart = apart && value_is_stale(into[i]);
        into[i] = from[i];
    }
    return apart;
}

/* The next rows of the child, all of one label set, as one. */
static bool dedup_row(struct dedup *self, size_t member_count, double *ret_row, struct err *err)
{
    size_t steps = self->op.grid.count;
    bool found = false;
    for (size_t i = 0; i < member_count; i++) {
        double *row;
        if (row_reader_next(&self->rows, &row, err) != PULL_BATCH)
            return false;
        if (i == 0) {
            memcpy(ret_row, row, steps * sizeof *row);
            found = self->mode == DEDUP_STRICT && row_has_point(row, steps);
            continue;
        }
        bool apart = row_merge(ret_row, row, steps);
        if (self->mode == DEDUP_STRICT && row_has_point(row, steps)) {
            apart = !found;
            found = true;
        }
        if (!apart)
            return err_set(err, ERR_EXECUTION,
                           "vector cannot contain metrics with the same labelset");
    }
    return true;
}

/* The sets of several series that are not in the order, and behind them those that are. */
static uint32_t *dedup_work(const struct dedup *self, size_t *ret_unwanted_count)
{
    const struct op *op = &self->op;
    uint8_t *wanted = arena_array(op->query->arena, uint8_t, op->series_count);
    for (size_t i = 0; i < op->order_count; i++)
        wanted[op->order[i]] = 1;

    uint32_t *work = arena_array(op->query->arena, uint32_t, op->series_count);
    size_t count = 0;
    for (size_t i = 0; i < op->series_count; i++)
        if (!wanted[i] && groups_size(&self->sets, i) > 1)
            work[count++] = (uint32_t)i;
    if (op->order_count)
        memcpy(work + count, op->order, op->order_count * sizeof *work);
    *ret_unwanted_count = count;
    return work;
}

static bool dedup_check_unwanted(struct dedup *self, const uint32_t *sets, size_t count,
                                 struct err *err)
{
    if (count == 0)
        return true;
    double *scratch = op_take_row(&self->op, err);
    bool fine = scratch != NULL;
    for (size_t i = 0; fine && i < count; i++)
        fine = dedup_row(self, groups_size(&self->sets, sets[i]), scratch, err);
    op_give_row(&self->op, scratch);
    return fine;
}

static bool dedup_arrange(struct op *op, struct err *err)
{
    struct dedup *self = CONTAINER(struct dedup, op, op);
    if (self->plain)
        return op_arrange_as_child(op, err);

    size_t unwanted_count;
    const uint32_t *work = dedup_work(self, &unwanted_count);
    self->rows = (struct row_reader){.op = op->children[0]};
    return arena_check(op->query->arena, err) &&
           groups_arrange(&self->sets, op->children[0], work, unwanted_count + op->order_count,
                          err) &&
           dedup_check_unwanted(self, work, unwanted_count, err) &&
           row_output_take(&self->output, op, err);
}

static bool dedup_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct dedup *self = CONTAINER(struct dedup, op, op);
    if (self->plain)
        return op_pull(op->children[0], ret, err) == PULL_BATCH;

    struct batch out = row_output_next(&self->output, op);
    for (size_t i = 0; i < out.row_count; i++) {
        uint32_t set = op->order[op->rows_done + i];
        if (!dedup_row(self, groups_size(&self->sets, set), batch_row(&out, i), err))
            return false;
    }
    *ret = out;
    return true;
}

static void dedup_close(struct op *op)
{
    struct dedup *self = CONTAINER(struct dedup, op, op);
    row_output_give(&self->output, op);
}

static const struct op_class dedup_class = {
    .name = "dedup",
    .open = dedup_open,
    .arrange = dedup_arrange,
    .pull = dedup_pull,
    .close = dedup_close,
};

struct op *op_dedup_new(struct query *query, struct op *child, enum dedup_mode mode)
{
    struct dedup *self = arena_new(query->arena, struct dedup);
    op_init(&self->op, &dedup_class, query, &child->grid);
    op_add_child(&self->op, child);
    self->mode = mode;
    return &self->op;
}
