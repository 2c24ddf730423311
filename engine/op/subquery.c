#include "engine/op/subquery.h"

#include "engine/op/names.h"
#include "engine/op/sample_count.h"
#include "engine/op/tile.h"
#include "model/sample.h"

struct subquery {
    struct op op;
    struct subquery_spec spec;
    struct window_notes notes;
    const double *params[WINDOW_PARAMS_MAX];
    struct row_reader rows;
    double *times; /* int64_t, in a buffer of the pool: when the child's row has floats */
    struct histogram_samples histograms; /* of the child's row */
    struct tile tile;
    struct scratch scratch;
    struct arena *spare; /* the kernel's, for histograms; NULL: none was ever needed */
    size_t charged_bytes;
    uint64_t *step_samples; /* sample_count.h; NULL: not asked for */
};

static bool subquery_open(struct op *op, struct err *err)
{
    struct subquery *self = CONTAINER(struct subquery, op, op);
    if (!op_open_as_child(op, err))
        return false;
    for (size_t i = 0; i < WINDOW_PARAMS_MAX; i++)
        if (self->spec.params[i] && !op_read_scalar(self->spec.params[i], &self->params[i], err))
            return false;
    window_notes_open(&self->notes, self->params[0], op->grid.count);
    return names_drop(op, self->spec.drops_name ? METADATA_DROPPED : NAME_KEPT, err);
}

/* Moves the row's floats together, and their times beside them; returns how many there are. */
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

/*
 * The row's histograms as samples. What their hints say of resets is about samples that the
 * subquery may have left out, or give twice: it is forgotten.
 */
static void subquery_take_histograms(struct subquery *self)
{
    const struct grid *grid = &self->op.children[0]->grid;
    const struct histogram *const *row = self->rows.histograms;
    histogram_samples_clear(&self->histograms);
    if (!row_has_histogram(row, grid->count))
        return;
    struct arena *arena = histogram_samples_region(&self->histograms);
    for (size_t step = 0; step < grid->count; step++) {
        if (!row[step])
            continue;
        struct histogram *h = arena_new(arena, struct histogram);
        *h = *row[step];
        if (h->hint != HISTOGRAM_GAUGE)
            h->hint = HISTOGRAM_UNKNOWN;
        histogram_samples_add(&self->histograms, grid_time(grid, step), 0, h);
    }
}

static bool subquery_charge(struct subquery *self, struct err *err)
{
    size_t held = self->scratch.size_bytes + histogram_samples_bytes(&self->histograms);
    if (held <= self->charged_bytes)
        return true;
    if (!budget_charge(&self->op.query->budget, held - self->charged_bytes, err))
        return false;
    self->charged_bytes = held;
    return true;
}

/* Runs the kernel over the child's row, for a row of the tile. */
static bool subquery_run(struct subquery *self, double *row, size_t at, struct err *err)
{
    struct op *op = &self->op;
    struct tile *tile = &self->tile;
    size_t first = at * tile->step_count;
    bool histograms = self->histograms.count > 0;
    if (histograms && self->spec.kernel->gives_histograms && !tile_want_histograms(tile, err))
        return false;
    if (histograms && !self->spare)
        self->spare = arena_create(&op->query->budget);

    struct window_finds finds = {0};
    const struct window_call call = {
        .sample_count = subquery_compact(self, row),
        .times_ms = (const int64_t *)(void *)self->times,
        .values = row,
        .refs = self->spec.refs,
        .range_ms = self->spec.range_ms,
        .eval_start_ms = op->grid.start_ms,
        .eval_step_ms = op->grid.step_ms,
        .params = {self->params[0], self->params[1]},
        .scratch = &self->scratch,
        .out = tile->values + first,
        .histograms = histograms ? &self->histograms : NULL,
        .histograms_out = tile->has_histograms ? tile->histograms + first : NULL,
        .arena = tile->arena,
        .spare = self->spare,
        .finds = &finds,
    };
    if (!window_run(self->spec.kernel, &call, err))
        return false;
    if (self->step_samples)
        sample_count_windows(self->spec.kernel, &call, WINDOW_PLAIN, self->step_samples);
    if (self->notes.kind == NOTES_COUNTER && row_has_point(call.out, call.refs.count))
        finds.found |= FIND_VALUE;
    return window_finds_none(&finds) || tile_find(tile, at, &finds, err);
}

/* Reads the next row, which is that of `series`, and tells what is to be told of it. */
static bool subquery_note_row(struct subquery *self, uint32_t series, size_t at, struct err *err)
{
    struct op *op = &self->op;
    struct tile *tile = &self->tile;
    double *row;
    if (!query_alive(op->query, err) || row_reader_next(&self->rows, &row, err) != PULL_BATCH)
        return false;
    subquery_take_histograms(self);
    if (!subquery_run(self, row, at, err) || !subquery_charge(self, err) ||
        !tile_check(tile, err) || (self->spare && !arena_check(self->spare, err)))
        return false;
    if (tile->has_finds)
        window_notes_finds(&self->notes, op->query, op->children[0]->labels[series],
                           &tile->finds[at]);
    window_notes_row(&self->notes, op->query, self->params[0], tile->values + at * tile->step_count,
                     op->grid.count);
    return true;
}

static const bool *subquery_holds(struct op *op)
{
    const struct subquery *self = CONTAINER(struct subquery, op, op);
    return self->spec.kernel->gives_histograms ? op_holds(op->children[0]) : NULL;
}

static const bool *subquery_tells(struct op *op)
{
    const struct subquery *self = CONTAINER(struct subquery, op, op);
    if (op->query->count_samples)
        return op_all_series(op);
    if (window_may_fail(self->spec.kernel, self->params, op->grid.count))
        return op_all_series(op);
    const bool *holds = op_holds(op->children[0]);
    if (self->notes.kind == NOTES_NONE)
        return holds;
    bool *tells = arena_array(op->query->arena, bool, op->series_count);
    for (size_t i = 0; i < op->series_count; i++)
        tells[i] = (holds && holds[i]) ||
                   window_notes_may_tell(&self->notes, op->query, op->children[0]->labels[i]);
    return tells;
}

static bool subquery_arrange(struct op *op, struct err *err)
{
    struct subquery *self = CONTAINER(struct subquery, op, op);
    struct query *query = op->query;
    self->rows.op = op->children[0];
    if (query->count_samples)
        self->step_samples = arena_array(query->arena, uint64_t, op->grid.count);
    self->times = pool_take(query->pool, &query->budget, op->children[0]->grid.count, err);
    if (!self->times ||
        !tile_take(&self->tile, query, batch_rows_max(op->grid.count), op->grid.count, err))
        return false;
    return op_arrange(op->children[0], op->order, op->order_count, err);
}

static bool subquery_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct subquery *self = CONTAINER(struct subquery, op, op);
    size_t count = op->order_count - op->rows_done;
    if (count > self->tile.row_max)
        count = self->tile.row_max;
    tile_begin(&self->tile);
    for (size_t i = 0; i < count; i++)
        if (!subquery_note_row(self, op->order[op->rows_done + i], i, err))
            return false;
    *ret = tile_batch(&self->tile, count);
    return true;
}

static void subquery_close(struct op *op)
{
    struct subquery *self = CONTAINER(struct subquery, op, op);
    struct query *query = op->query;
    pool_give(query->pool, &query->budget, self->times, op->children[0]->grid.count);
    self->times = NULL;
    tile_give(&self->tile);
    histogram_samples_done(&self->histograms);
    scratch_done(&self->scratch);
    arena_destroy(self->spare);
    budget_release(&query->budget, self->charged_bytes);
}

/* What its function looks at are the points that the subquery has given, not what it has read. */
static void subquery_count(const struct op *op, uint64_t *steps)
{
    const struct subquery *self = CONTAINER_CONST(struct subquery, op, op);
    for (size_t step = 0; self->step_samples && step < op->grid.count; step++)
        steps[step] += self->step_samples[step];
    for (size_t i = 1; i < op->child_count; i++)
        op_count_samples(op->children[i], steps);
}

static const struct op_class subquery_class = {
    .name = "subquery",
    .count = subquery_count,
    .open = subquery_open,
    .holds = subquery_holds,
    .tells = subquery_tells,
    .arrange = subquery_arrange,
    .pull = subquery_pull,
    .close = subquery_close,
};

struct op *op_subquery_new(struct query *query, const struct grid *grid, struct op *child,
                           const struct subquery_spec *spec)
{
    struct subquery *self = arena_new(query->arena, struct subquery);
    op_init(&self->op, &subquery_class, query, grid);
    op_add_child(&self->op, child);
    for (size_t i = 0; i < WINDOW_PARAMS_MAX; i++)
        if (spec->params[i])
            op_add_child(&self->op, spec->params[i]);
    self->spec = *spec;
    self->notes = (struct window_notes){.kind = spec->notes, .begin = spec->notes_begin};
    return &self->op;
}
