#include "engine/op/subquery.h"

#include "model/sample.h"

struct subquery {
    struct op op;
    struct subquery_spec spec;
    struct window_notes notes;
    const double *params;
    struct row_reader rows;
    double *times; /* int64_t, in a buffer of the pool: when the child's row has points */
    double *values;
    size_t rows_max;
    struct scratch scratch;
    size_t charged_bytes;
};

static bool subquery_open(struct op *op, struct err *err)
{
    struct subquery *self = CONTAINER(struct subquery, op, op);
    struct op *child = op->children[0];
    if (!op_open(child, err))
        return false;
    if (op->child_count > 1 && !op_read_scalar(op->children[1], &self->params, err))
        return false;
    window_notes_open(&self->notes, self->params, op->grid.count);
    op->series_count = child->series_count;
    op->labels = child->labels;
    if (!self->spec.drops_name)
        return true;
    op->labels = arena_array(op->query->arena, const struct labels *, op->series_count);
    for (size_t i = 0; i < op->series_count; i++)
        op->labels[i] = labels_drop_name(child->labels[i], op->query->arena);
    return true;
}

/* Moves the row's points together, and their times beside them; returns how many there are. */
static size_t subquery_compact(struct subquery *self, double *row)
{
    const struct grid *grid = &self->op.children[0]->grid;
    int64_t *times_ms = (int64_t *)(void *)self->times;
    size_t count = 0;
    for (size_t step = 0; step < grid->count; step++) {
        row[count] = row[step];
        times_ms[count] = grid_time(grid, step);
        count += !value_is_stale(row[count]);
    }
    return count;
}

static bool subquery_row(struct subquery *self, double *out, struct err *err)
{
    struct query *query = self->op.query;
    double *row;
    if (row_reader_next(&self->rows, &row, err) != PULL_BATCH)
        return false;
    const struct window_call call = {
        .sample_count = subquery_compact(self, row),
        .times_ms = (const int64_t *)(void *)self->times,
        .values = row,
        .refs = self->spec.refs,
        .range_ms = self->spec.range_ms,
        .eval_start_ms = self->op.grid.start_ms,
        .eval_step_ms = self->op.grid.step_ms,
        .params = {self->params},
        .scratch = &self->scratch,
        .out = out,
    };
    window_run(self->spec.kernel, &call);
    if (self->scratch.size_bytes > self->charged_bytes) {
        if (!budget_charge(&query->budget, self->scratch.size_bytes - self->charged_bytes, err))
            return false;
        self->charged_bytes = self->scratch.size_bytes;
    }
    return true;
}

/* Reads the next row, which is that of `series`, and tells what is to be told of it. */
static bool subquery_note_row(struct subquery *self, uint32_t series, double *out, struct err *err)
{
    struct op *op = &self->op;
    if (!query_alive(op->query, err) || !subquery_row(self, out, err))
        return false;
    window_notes_row(&self->notes, op->query, op->children[0]->labels[series], self->params, out,
                     op->grid.count);
    return true;
}

/* The rows to read from the child: first those that nobody wants, of which there may be a note. */
static const uint32_t *subquery_order(const struct subquery *self, size_t *ret_unwanted_count)
{
    const struct op *op = &self->op;
    *ret_unwanted_count = 0;
    if (self->notes.kind == NOTES_NONE || op->order_count == op->series_count)
        return op->order;
    struct arena *arena = op->query->arena;
    uint32_t *order = arena_array(arena, uint32_t, op->series_count);
    bool *wanted = arena_array(arena, bool, op->series_count);
    size_t count = 0;
    for (size_t i = 0; i < op->order_count; i++)
        wanted[op->order[i]] = true;
    for (size_t i = 0; i < op->series_count; i++)
        if (!wanted[i] &&
            window_notes_may_tell(&self->notes, op->query, op->children[0]->labels[i]))
            order[count++] = (uint32_t)i;
    for (size_t i = 0; i < op->order_count; i++)
        order[count + i] = op->order[i];
    *ret_unwanted_count = count;
    return order;
}

static bool subquery_arrange(struct op *op, struct err *err)
{
    struct subquery *self = CONTAINER(struct subquery, op, op);
    struct query *query = op->query;
    self->rows.op = op->children[0];
    self->rows_max = batch_rows_max(op->grid.count);
    self->times = pool_take(query->pool, &query->budget, op->children[0]->grid.count, err);
    if (!self->times)
        return false;
    self->values = pool_take(query->pool, &query->budget, self->rows_max * op->grid.count, err);
    size_t unwanted_count;
    const uint32_t *order = subquery_order(self, &unwanted_count);
    if (!self->values || !arena_check(query->arena, err) ||
        !op_arrange(op->children[0], order, unwanted_count + op->order_count, err))
        return false;
    for (size_t i = 0; i < unwanted_count; i++)
        if (!subquery_note_row(self, order[i], self->values, err))
            return false;
    return true;
}

static bool subquery_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct subquery *self = CONTAINER(struct subquery, op, op);
    size_t steps = op->grid.count;
    size_t count = op->order_count - op->rows_done;
    if (count > self->rows_max)
        count = self->rows_max;
    for (size_t i = 0; i < count; i++)
        if (!subquery_note_row(self, op->order[op->rows_done + i], self->values + i * steps, err))
            return false;
    *ret = (struct batch){.values = self->values, .row_count = count, .step_count = steps};
    return true;
}

static void subquery_close(struct op *op)
{
    struct subquery *self = CONTAINER(struct subquery, op, op);
    struct query *query = op->query;
    pool_give(query->pool, &query->budget, self->times, op->children[0]->grid.count);
    pool_give(query->pool, &query->budget, self->values, self->rows_max * op->grid.count);
    scratch_done(&self->scratch);
    budget_release(&query->budget, self->charged_bytes);
    self->times = self->values = NULL;
}

static const struct op_class subquery_class = {
    .name = "subquery",
    .open = subquery_open,
    .arrange = subquery_arrange,
    .pull = subquery_pull,
    .close = subquery_close,
};

struct op *op_subquery_new(struct query *query, const struct grid *grid, struct op *child,
                           struct op *param, const struct subquery_spec *spec)
{
    struct subquery *self = arena_new(query->arena, struct subquery);
    op_init(&self->op, &subquery_class, query, grid);
    op_add_child(&self->op, child);
    if (param)
        op_add_child(&self->op, param);
    self->spec = *spec;
    self->notes = (struct window_notes){.kind = spec->notes, .begin = spec->notes_begin};
    return &self->op;
}
