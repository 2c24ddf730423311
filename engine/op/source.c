/*
 * Tasks are numbered; task n makes the rows [n * task_rows, ...) of the order into slot n modulo
 * slot_count, whose buffer is the task's until the consumer has pulled the batch after it. So many
 * slots, so many tasks ahead.
 */
#include "engine/op/source.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/workers.h"
#include "engine/op/lane.h"
#include "engine/op/map_stage.h"

#define SOURCE_STAGES_MAX 8

/* How many tasks there should at least be for each lane, so that lanes end together. */
#define SOURCE_TASKS_PER_LANE 4

struct source_slot {
    struct tile tile;
    struct batch batch;                  /* of the tile, as the stages left it */
    unsigned refused[SOURCE_STAGES_MAX]; /* by each stage */
    bool failed;
    struct err err;
};

struct source {
    struct op op;
    struct source_spec spec;
    struct row_spec row_spec;
    struct map_stage stages[SOURCE_STAGES_MAX];
    size_t stage_count;

    struct selection *selection;
    struct work_queue queue;
    bool queue_there;
    struct lane *lanes;
    size_t lane_count;
    struct source_slot *slots;
    size_t slot_count;
    size_t task_rows;
    size_t task_count;
    size_t tasks_added;
    size_t tasks_pulled;
    _Atomic bool stopped; /* the operator is being closed: tasks may end */
    struct window_notes notes;
};

static bool source_is_selector(const struct source *self)
{
    const struct window_kernel *kernel = self->spec.kernel;
    return kernel == &window_select || kernel == &window_select_time ||
           kernel == &window_select_start;
}

/* At one time, which nothing is selected behind. */
static bool source_wants_newest(const struct source *self)
{
    const struct plan_select *select = self->spec.select;
    return source_is_selector(self) && select->refs.count == 1 &&
           select->end_ms <= select->refs.start_ms;
}

static bool source_select(struct source *self, struct err *err)
{
    const struct plan_select *select = self->spec.select;
    const struct select_request wanted = {
        .matchers = select->selector->matchers,
        .matcher_count = select->selector->matcher_count,
        .begin_ms = select->begin_ms,
        .end_ms = select->end_ms,
        .newest_only = source_wants_newest(self),
    };
    return query_select(self->op.query, &wanted, &self->selection, err);
}

static enum name_drop source_drops_name(const struct source *self)
{
    enum name_drop drop = self->spec.drops_name ? METADATA_DROPPED : NAME_KEPT;
    for (size_t i = 0; i < self->stage_count; i++)
        if (map_stage_drops_name(&self->stages[i]) > drop)
            drop = map_stage_drops_name(&self->stages[i]);
    return drop;
}

static bool source_label(struct source *self, struct err *err)
{
    struct op *op = &self->op;
    struct query *query = op->query;
    enum name_drop drop = source_drops_name(self);
    bool at_once = !query->modes.delayed_names;
    op->series_count = selection_count(self->selection);
    op->labels = arena_array(query->arena, const struct labels *, op->series_count);
    for (size_t i = 0; i < op->series_count; i++) {
        const struct labels *labels = selection_labels(self->selection, i);
        op->labels[i] = at_once ? names_without(labels, drop, query->arena) : labels;
    }
    return at_once || names_drop(op, drop, err);
}

static bool source_open(struct op *op, struct err *err)
{
    struct source *self = CONTAINER(struct source, op, op);
    struct query *query = op->query;
    self->row_spec = (struct row_spec){
        .query = query,
        .select = self->spec.select,
        .kernel = self->spec.kernel,
        .finds_values = self->notes.kind == NOTES_COUNTER,
        .grid = op->grid,
    };
    for (size_t i = 0; i < WINDOW_PARAMS_MAX; i++)
        if (self->spec.params[i] &&
            !op_read_scalar(self->spec.params[i], &self->row_spec.params[i], err))
            return false;
    window_notes_open(&self->notes, self->row_spec.params[0], op->grid.count);
    for (size_t i = 0; i < self->stage_count; i++)
        if (!map_stage_open(&self->stages[i], query, err))
            return false;
    if (!source_select(self, err))
        return false;

    self->row_spec.selection = self->selection;
    return source_label(self, err);
}

static bool source_make_rows(struct source *self, size_t task, struct lane *lane,
                             struct source_slot *slot, struct err *err)
{
    struct op *op = &self->op;
    struct tile *tile = &slot->tile;
    size_t first = task * self->task_rows;
    size_t count = op->order_count - first;
    if (count > self->task_rows)
        count = self->task_rows;

    tile_begin(tile);
    for (size_t i = 0; i < count; i++) {
        if (atomic_load_explicit(&self->stopped, memory_order_relaxed))
            return err_set(err, ERR_CANCELED, "query was canceled in expression evaluation");
        if (!query_alive(op->query, err) ||
            !lane_fill_row(lane, &self->row_spec, op->order[first + i], tile, i, err))
            return false;
    }
    slot->batch = tile_batch(tile, count);
    for (size_t i = 0; i < self->stage_count; i++)
        slot->refused[i] = map_stage_apply(&self->stages[i], &slot->batch, tile->arena);
    return tile_check(tile, err);
}

static void source_run(struct work_queue *queue, size_t task, size_t lane)
{
    struct source *self = CONTAINER(struct source, queue, queue);
    struct source_slot *slot = &self->slots[task % self->slot_count];
    slot->failed = !source_make_rows(self, task, &self->lanes[lane], slot, &slot->err);
}

/* Tells what is to be told of a row of the tile, which is that of `series`. */
static void source_note_row(struct source *self, const struct tile *tile, size_t row, size_t series)
{
    struct op *op = &self->op;
    if (tile->has_finds)
        window_notes_finds(&self->notes, op->query, selection_labels(self->selection, series),
                           &tile->finds[row]);
    window_notes_row(&self->notes, op->query, self->row_spec.params[0],
                     tile->values + row * tile->step_count, op->grid.count);
}

static bool *source_histograms(const struct source *self)
{
    const struct op *op = &self->op;
    bool any = false;
    bool *may_hold = arena_array(op->query->arena, bool, op->series_count);
    for (size_t i = 0; i < op->series_count; i++) {
        may_hold[i] = selection_may_hold_histograms(self->selection, i);
        any |= may_hold[i];
    }
    return any ? may_hold : NULL;
}

static const bool *source_holds(struct op *op)
{
    const struct source *self = CONTAINER(struct source, op, op);
    bool gives = self->spec.kernel->gives_histograms;
    for (size_t i = 0; i < self->stage_count; i++)
        gives = gives && map_stage_gives_histograms(&self->stages[i]);
    return gives ? source_histograms(self) : NULL;
}

/* Whether kernel and stages tell only of rows with histograms, if of any. */
static enum map_tells source_tells_of(const struct source *self)
{
    const struct window_kernel *kernel = self->spec.kernel;
    if (window_may_fail(kernel, self->row_spec.params, self->op.grid.count) ||
        (kernel->wants_starts && self->op.query->modes.start_timestamps))
        return MAP_TELLS_OF_ALL;
    enum map_tells tells = source_is_selector(self) ? MAP_TELLS_NOTHING : MAP_TELLS_OF_HISTOGRAMS;
    for (size_t i = 0; i < self->stage_count; i++)
        if (map_stage_tells(&self->stages[i]) > tells)
            tells = map_stage_tells(&self->stages[i]);
    return tells;
}

static const bool *source_tells(struct op *op)
{
    const struct source *self = CONTAINER(struct source, op, op);
    if (op->query->count_samples)
        return op_all_series(op);
    enum map_tells of = source_tells_of(self);
    if (of == MAP_TELLS_OF_ALL)
        return op_all_series(op);
    bool *tells = of == MAP_TELLS_OF_HISTOGRAMS ? source_histograms(self) : NULL;
    if (self->notes.kind == NOTES_NONE)
        return tells;
    if (!tells)
        tells = arena_array(op->query->arena, bool, op->series_count);
    for (size_t i = 0; i < op->series_count; i++)
        tells[i] |=
            window_notes_may_tell(&self->notes, op->query, selection_labels(self->selection, i));
    return tells;
}

/* Results that are histograms take so many times the memory of floats, roughly. */
#define SOURCE_HISTOGRAM_WEIGHT 16

/* How many rows a batch should have. One series is asked for all: they are mostly alike. */
static size_t source_batch_rows(const struct source *self)
{
    const struct op *op = &self->op;
    size_t rows = batch_rows_max(op->grid.count);
    if (self->spec.kernel->gives_histograms && op->order_count > 0 &&
        selection_may_hold_histograms(self->selection, op->order[0]))
        return rows / SOURCE_HISTOGRAM_WEIGHT + 1;
    return rows;
}

static bool source_arrange(struct op *op, struct err *err)
{
    struct source *self = CONTAINER(struct source, op, op);
    struct query *query = op->query;
    size_t lanes = query->workers ? query->thread_count : 1;
    if (lanes > WORK_LANES_MAX / 2)
        lanes = WORK_LANES_MAX / 2;

    size_t rows = source_batch_rows(self);
    size_t fair = op->order_count / (lanes * SOURCE_TASKS_PER_LANE) + 1;
    if (lanes > 1 && fair < rows)
        rows = fair;
    assert(rows > 0);
    self->task_rows = rows;
    self->task_count = (op->order_count + rows - 1) / rows;
    if (lanes > self->task_count)
        lanes = self->task_count ? self->task_count : 1;
    self->lane_count = lanes;
    self->lanes = arena_array(query->arena, struct lane, lanes);
    for (size_t i = 0; i < lanes && query->count_samples; i++)
        self->lanes[i].step_samples = arena_array(query->arena, uint64_t, op->grid.count);
    self->slot_count = lanes == 1 ? 1 : lanes * 2 + 1;
    self->slots = arena_array(query->arena, struct source_slot, self->slot_count);
    if (!arena_check(query->arena, err))
        return false;
    if (op->order_count < rows)
        rows = op->order_count;
    for (size_t i = 0; i < self->slot_count && rows > 0; i++) {
        if (!tile_take(&self->slots[i].tile, query, rows, op->grid.count, err))
            return false;
    }
    work_queue_init(&self->queue, lanes > 1 ? query->workers : NULL, lanes, source_run);
    self->queue_there = true;
    return true;
}

static bool source_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct source *self = CONTAINER(struct source, op, op);
    size_t task = self->tasks_pulled;
    size_t ahead = task + self->slot_count;
    if (self->slot_count > 1)
        ahead--; /* the batch that the consumer holds */
    if (ahead > self->task_count)
        ahead = self->task_count;
    if (ahead > self->tasks_added) {
        work_queue_add(&self->queue, ahead - self->tasks_added);
        self->tasks_added = ahead;
    }
    work_queue_wait(&self->queue, task);

    struct source_slot *slot = &self->slots[task % self->slot_count];
    if (slot->failed) {
        *err = slot->err;
        return false;
    }
    bool tells = slot->tile.has_finds || self->notes.kind != NOTES_NONE;
    for (size_t i = 0; tells && i < slot->batch.row_count; i++)
        source_note_row(self, &slot->tile, i, op->order[op->rows_done + i]);
    for (size_t i = 0; i < self->stage_count; i++)
        map_stage_note(&self->stages[i], op->query, slot->refused[i]);
    self->tasks_pulled++;
    *ret = slot->batch;
    return true;
}

static void source_close(struct op *op)
{
    struct source *self = CONTAINER(struct source, op, op);
    atomic_store_explicit(&self->stopped, true, memory_order_relaxed);
    if (self->queue_there)
        work_queue_done(&self->queue);
    for (size_t i = 0; i < self->lane_count; i++)
        lane_done(&self->lanes[i], op->query);
    for (size_t i = 0; i < self->slot_count; i++)
        tile_give(&self->slots[i].tile);
    selection_close(self->selection);
    self->selection = NULL;
}

static void source_count(const struct op *op, uint64_t *steps)
{
    const struct source *self = CONTAINER_CONST(struct source, op, op);
    for (size_t i = 0; i < self->lane_count; i++)
        for (size_t step = 0; step < op->grid.count; step++)
            steps[step] += self->lanes[i].step_samples[step];
    for (size_t i = 0; i < op->child_count; i++)
        op_count_samples(op->children[i], steps);
}

static const struct op_class source_class = {
    .name = "source",
    .count = source_count,
    .open = source_open,
    .holds = source_holds,
    .tells = source_tells,
    .arrange = source_arrange,
    .pull = source_pull,
    .close = source_close,
};

struct op *op_source_new(struct query *query, const struct grid *grid,
                         const struct source_spec *spec)
{
    struct source *self = arena_new(query->arena, struct source);
    op_init(&self->op, &source_class, query, grid);
    self->spec = *spec;
    for (size_t i = 0; i < WINDOW_PARAMS_MAX; i++)
        if (spec->params[i])
            op_add_child(&self->op, spec->params[i]);
    self->notes = (struct window_notes){.kind = spec->notes, .begin = spec->notes_begin};
    return &self->op;
}

bool op_source_add_stage(struct op *op, const struct map_stage *stage)
{
    if (!op_is_source(op))
        return false;
    struct source *self = CONTAINER(struct source, op, op);
    assert(op->state == OP_NEW);
    /* Notes of quantiles look at the rows as the kernel leaves them. */
    if (self->notes.kind == NOTES_QUANTILE || self->stage_count == SOURCE_STAGES_MAX ||
        op->child_count + stage->scalar_count > OP_CHILDREN_MAX)
        return false;
    for (size_t i = 0; i < stage->scalar_count; i++)
        op_add_child(op, stage->scalars[i]);
    self->stages[self->stage_count++] = *stage;
    return true;
}

size_t op_source_stage_count(const struct op *op)
{
    return CONTAINER_CONST(struct source, op, op)->stage_count;
}

const struct map_stage *op_source_take_stages(struct op *op, size_t from, size_t *ret_count)
{
    struct source *self = CONTAINER(struct source, op, op);
    assert(op->state == OP_OPEN && !op->settled && from <= self->stage_count);
    *ret_count = self->stage_count - from;
    self->stage_count = from;
    return self->stages + from;
}

bool op_is_source(const struct op *op)
{
    return op->class == &source_class;
}

uint64_t op_source_series(const struct op *op)
{
    const struct source *self = CONTAINER_CONST(struct source, op, op);
    return self->selection ? selection_count(self->selection) : 0;
}

uint64_t op_source_samples(const struct op *op)
{
    const struct source *self = CONTAINER_CONST(struct source, op, op);
    uint64_t samples = 0;
    for (size_t i = 0; i < self->lane_count; i++)
        samples += atomic_load_explicit(&self->lanes[i].samples_read, memory_order_relaxed);
    return samples;
}
