#include "engine/op/fallback.h"

#include <assert.h>

#include "engine/op/tile.h"
#include "engine/reference/reference.h"
#include "model/sample.h"

struct fallback {
    struct op op;
    const struct plan *plan;
    struct reference_result result;
    bool has_histograms;
    struct tile output;
};

static bool fallback_evaluate(struct fallback *self, struct err *err)
{
    const struct plan_request *query = self->plan->request;
    const struct reference_request request = {
        .query = self->op.query,
        .root = self->plan->ast,
        .grid = self->op.grid,
        .query_start_ms = query->start_ms,
        .query_end_ms = query->end_ms,
        .query_step_ms = query->step_ms,
        .subquery_step_ms = query->subquery_step_ms,
        .in_param = self->plan->in_param,
        .totals_only = self->plan->select.totals_only,
    };
    return reference_evaluate(&request, false, &self->result, err);
}

static bool series_has_histograms(const struct reference_series *series)
{
    for (size_t i = 0; i < series->count; i++)
        if (series->points[i].histogram)
            return true;
    return false;
}

static bool fallback_open(struct op *op, struct err *err)
{
    struct fallback *self = CONTAINER(struct fallback, op, op);
    if (!fallback_evaluate(self, err))
        return false;
    const struct reference_result *result = &self->result;
    op->series_count = result->series_count;
    op->labels = arena_array(op->query->arena, const struct labels *, op->series_count);
    bool *drops_name = arena_array(op->query->arena, bool, op->series_count);
    bool any_drops = false;
    for (size_t i = 0; i < op->series_count; i++) {
        op->labels[i] = result->series[i].labels;
        drops_name[i] = result->series[i].drops_name;
        any_drops = any_drops || drops_name[i];
        self->has_histograms = self->has_histograms || series_has_histograms(&result->series[i]);
    }
    op->drops_name = any_drops ? drops_name : NULL;
    return true;
}

static bool fallback_arrange(struct op *op, struct err *err)
{
    struct fallback *self = CONTAINER(struct fallback, op, op);
    return tile_take_for(&self->output, op, err);
}

/* The points of one series, each at its step. */
static void fallback_fill_row(const struct op *op, const struct reference_series *series,
                              double *row, const struct histogram **histograms)
{
    for (size_t i = 0; i < op->grid.count; i++)
        row[i] = value_stale();
    size_t step = 0;
    for (size_t i = 0; i < series->count; i++) {
        const struct reference_point *point = &series->points[i];
        while (grid_time(&op->grid, step) < point->time_ms)
            step++;
        assert(step < op->grid.count && grid_time(&op->grid, step) == point->time_ms);
        if (point->histogram)
            histograms[step] = point->histogram;
        else
            row[step] = point->value;
    }
}

static bool fallback_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct fallback *self = CONTAINER(struct fallback, op, op);
    struct batch out = tile_next(&self->output, op);
    if (self->has_histograms && !tile_histograms(&self->output, &out, 0, err))
        return false;
    for (size_t i = 0; i < out.row_count; i++) {
        uint32_t series = op->order[op->rows_done + i];
        fallback_fill_row(op, &self->result.series[series], batch_row(&out, i),
                          batch_row_histograms(&out, i));
    }
    *ret = out;
    return true;
}

static void fallback_close(struct op *op)
{
    struct fallback *self = CONTAINER(struct fallback, op, op);
    tile_give(&self->output);
}

static const bool *fallback_holds(struct op *op)
{
    const struct fallback *self = CONTAINER(struct fallback, op, op);
    if (!self->has_histograms)
        return NULL;
    bool *holds = arena_array(op->query->arena, bool, op->series_count);
    for (size_t i = 0; i < op->series_count; i++)
        holds[i] = series_has_histograms(&self->result.series[i]);
    return holds;
}

static const struct op_class fallback_class = {
    .name = "fallback",
    .open = fallback_open,
    .holds = fallback_holds,
    .arrange = fallback_arrange,
    .pull = fallback_pull,
    .close = fallback_close,
};

struct op *op_fallback_new(struct query *query, const struct plan *plan)
{
    struct fallback *self = arena_new(query->arena, struct fallback);
    op_init(&self->op, &fallback_class, query, &plan->grid);
    self->plan = plan;
    return &self->op;
}

bool op_is_fallback(const struct op *op)
{
    return op->class == &fallback_class;
}

uint64_t op_fallback_samples(const struct op *op)
{
    return CONTAINER_CONST(struct fallback, op, op)->result.samples_read;
}

uint64_t op_fallback_series(const struct op *op)
{
    return CONTAINER_CONST(struct fallback, op, op)->result.series_selected;
}
