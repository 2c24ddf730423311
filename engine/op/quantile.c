#include "engine/op/quantile.h"

#include "engine/fn/columns.h"
#include "engine/fn/quantile.h"
#include "engine/op/param.h"
#include "engine/op/tile.h"
#include "model/notes.h"
#include "model/sample.h"

struct quantile_rows {
    struct op op;
    struct grouping grouping;
    struct groups groups;
    struct param param;
    size_t param_begin;
    size_t expr_begin;
    struct tile output;
    struct row_reader in;
    double *held; /* columns of the group at hand, then room for what is there at one step */
    size_t held_size;
    size_t members_max;
};

/* In the order of Prometheus's rangeEvalAgg: three looks at all steps, not a look at each. */
static void quantile_warn(const struct quantile_rows *self)
{
    struct query *query = self->op.query;
    if (self->param.has_nan)
        note_quantile(&query->annotations, self->param_begin, value_nan());
    if (self->param.max > 1)
        note_quantile(&query->annotations, self->param_begin, self->param.max);
    if (self->param.min < 0)
        note_quantile(&query->annotations, self->param_begin, self->param.min);
}

static bool quantile_open(struct op *op, struct err *err)
{
    struct quantile_rows *self = CONTAINER(struct quantile_rows, op, op);
    struct op *child = op->children[0];
    if (!param_read(&self->param, op->children[1], err))
        return false;
    quantile_warn(self);
    if (!op_open(child, err) || !groups_init(&self->groups, &self->grouping, child, err))
        return false;
    op->labels = self->groups.labels;
    op->series_count = self->groups.count;
    return groups_names(&self->groups, op, child, err);
}

static bool quantile_arrange(struct op *op, struct err *err)
{
    struct quantile_rows *self = CONTAINER(struct quantile_rows, op, op);
    if (!tile_take_for(&self->output, op, err))
        return false;
    self->members_max = groups_size_max(&self->groups, op->order, op->order_count);
    self->held_size = columns_size(self->members_max, op->grid.count) + self->members_max;
    self->held = pool_take(op->query->pool, &op->query->budget, self->held_size, err);
    self->in = (struct row_reader){.op = op->children[0]};
    return self->held &&
           groups_arrange(&self->groups, op->children[0], op->order, op->order_count, err);
}

static double quantile_at(const struct quantile_rows *self, const struct columns *columns,
                          size_t step)
{
    double *there = self->held + self->held_size - self->members_max;
    const double *column = columns_at(columns, step);
    size_t width = columns_width(columns->step_count);
    size_t count = 0;
    for (size_t i = 0; i < columns->row_count; i++) {
        double v = column[i * width];
        there[count] = v;
        count += !value_is_stale(v);
    }
    return count ? quantile_of(self->param.steps[step], there, count) : value_stale();
}

static bool quantile_group_row(struct quantile_rows *self, size_t members, double *out,
                               struct err *err)
{
    size_t steps = self->op.grid.count;
    struct columns columns = {self->held, members, steps};
    for (size_t i = 0; i < members; i++) {
        double *row;
        if (row_reader_next(&self->in, &row, err) != PULL_BATCH)
            return false;
        columns_put(&columns, i, row);
        if (row_has_histogram(self->in.histograms, steps))
            note_histogram_ignored(&self->op.query->annotations, self->expr_begin, "quantile");
    }
    for (size_t s = 0; s < steps; s++)
        out[s] = quantile_at(self, &columns, s);
    return query_alive(self->op.query, err);
}

static bool quantile_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct quantile_rows *self = CONTAINER(struct quantile_rows, op, op);
    struct batch out = tile_next(&self->output, op);
    for (size_t i = 0; i < out.row_count; i++) {
        size_t members = groups_size(&self->groups, op->order[op->rows_done + i]);
        if (!quantile_group_row(self, members, batch_row(&out, i), err))
            return false;
    }
    *ret = out;
    return true;
}

static void quantile_close(struct op *op)
{
    struct quantile_rows *self = CONTAINER(struct quantile_rows, op, op);
    tile_give(&self->output);
    pool_give(op->query->pool, &op->query->budget, self->held, self->held_size);
    self->held = NULL;
}

static const bool *quantile_tells(struct op *op)
{
    return groups_hold(&CONTAINER(struct quantile_rows, op, op)->groups, op->children[0]);
}

static const struct op_class quantile_class = {
    .name = "quantile",
    .open = quantile_open,
    .tells = quantile_tells,
    .arrange = quantile_arrange,
    .pull = quantile_pull,
    .close = quantile_close,
};

struct op *op_quantile_new(struct query *query, struct op *child, struct op *param,
                           const struct grouping *grouping, size_t param_begin, size_t expr_begin)
{
    struct quantile_rows *self = arena_new(query->arena, struct quantile_rows);
    op_init(&self->op, &quantile_class, query, &child->grid);
    op_add_child(&self->op, child);
    op_add_child(&self->op, param);
    self->grouping = *grouping;
    self->param_begin = param_begin;
    self->expr_begin = expr_begin;
    return &self->op;
}
