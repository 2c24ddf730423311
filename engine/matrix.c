/*
 * A range vector as the answer: "x[5m]" or "x[5m:1m]" as an instant query. Series come sorted by
 * labels; those without a sample in the window are left out.
 */
#include "engine/op/build.h"
#include "engine/op/lane.h"
#include "engine/running.h"
#include "model/sample.h"

struct samples_result {
    struct query *query;
    const struct plan_select *select;
    const struct labels *const *labels;
    const uint32_t *order; /* NULL: as they are */
    size_t count;
    size_t done;

    /* A selector's samples, one series at a time. */
    struct selection *selection;
    struct cursor *cursor;
    struct samples samples;
    size_t charged_bytes;
    uint64_t samples_read;

    /* Or a subquery's rows. */
    struct op *op;
    struct row_reader rows;
};

static bool samples_result_select(struct samples_result *result, struct err *err)
{
    struct query *query = result->query;
    const struct select_request request = {
        .matchers = result->select->selector->matchers,
        .matcher_count = result->select->selector->matcher_count,
        .begin_ms = result->select->begin_ms,
        .end_ms = result->select->end_ms,
        .whole_begin_ms = query->whole_begin_ms,
        .whole_end_ms = query->whole_end_ms,
        .arena = query->arena,
        .symbols = query->symbols,
        .budget = &query->budget,
        .cancel = query->cancel,
    };
    if (!storage_select(query->storage, &request, &result->selection, err))
        return false;
    result->count = selection_count(result->selection);
    const struct labels **labels = arena_array(query->arena, const struct labels *, result->count);
    for (size_t i = 0; i < result->count; i++)
        labels[i] = selection_labels(result->selection, i);
    result->labels = labels;
    result->cursor = cursor_create(result->selection);
    return true;
}

bool samples_result_open(struct running *running, struct samples_result **ret_result,
                         struct err *err)
{
    struct query *query = &running->query;
    const struct plan *plan = running->plan;
    struct samples_result *result = arena_new(query->arena, struct samples_result);
    *ret_result = result; /* at once: what is half open is closed with the query */
    result->query = query;
    result->select = &plan->select;
    if (plan->kind == PLAN_SAMPLES) {
        if (!samples_result_select(result, err))
            return false;
    } else {
        result->op = op_build(query, plan->children[0], err);
        if (!result->op || !op_open(result->op, err))
            return false;
        result->rows.op = result->op;
        result->labels = result->op->labels;
        result->count = result->op->series_count;
    }
    result->order = series_label_order(query, result->labels, result->count);
    if (!arena_check(query->arena, err))
        return false;
    return !result->op || !result->order ||
           op_arrange(result->op, result->order, result->count, err);
}

/* Only what lies in the window, without stale markers. */
static void samples_clip(struct samples *samples, int64_t begin_ms, int64_t end_ms)
{
    size_t to = 0;
    for (size_t i = 0; i < samples->count; i++) {
        samples->times_ms[to] = samples->times_ms[i];
        samples->values[to] = samples->values[i];
        to += samples->times_ms[i] >= begin_ms && samples->times_ms[i] <= end_ms &&
              !value_is_stale(samples->values[i]);
    }
    samples->count = to;
}

static bool samples_result_read_series(struct samples_result *result, size_t series,
                                       struct err *err)
{
    struct samples *samples = &result->samples;
    cursor_open(result->cursor, series);
    samples->count = 0;
    bool more = true;
    while (more) {
        if (!cursor_next(result->cursor, samples, &more, err))
            return false;
        size_t held = samples->cap * (sizeof(int64_t) + sizeof(double));
        if (held > result->charged_bytes) {
            if (!budget_charge(&result->query->budget, held - result->charged_bytes, err))
                return false;
            result->charged_bytes = held;
        }
    }
    result->samples_read += samples->count;
    samples_clip(samples, result->select->begin_ms, result->select->end_ms);
    return true;
}

/* The row's points that lie in the window, with the times of the subquery's grid. */
static void samples_result_take_row(struct samples_result *result, const double *row)
{
    const struct grid *grid = &result->op->grid;
    struct samples *samples = &result->samples;
    samples->count = 0;
    samples_reserve(samples, grid->count);
    for (size_t step = 0; step < grid->count; step++) {
        samples->times_ms[samples->count] = grid_time(grid, step);
        samples->values[samples->count] = row[step];
        samples->count += !value_is_stale(row[step]);
    }
}

enum pull samples_result_next(struct samples_result *result, struct result_row *ret_row,
                              struct err *err)
{
    while (result->done < result->count) {
        size_t series = result->order ? result->order[result->done] : result->done;
        result->done++;
        if (!query_alive(result->query, err))
            return PULL_ERR;
        if (result->op) {
            double *row;
            if (row_reader_next(&result->rows, &row, err) != PULL_BATCH)
                return PULL_ERR;
            samples_result_take_row(result, row);
        } else if (!samples_result_read_series(result, series, err)) {
            return PULL_ERR;
        }
        if (result->samples.count == 0)
            continue;
        *ret_row = (struct result_row){
            .labels = result->labels[series],
            .values = result->samples.values,
            .times_ms = result->samples.times_ms,
            .count = result->samples.count,
        };
        return PULL_BATCH;
    }
    return PULL_END;
}

size_t samples_result_count(const struct samples_result *result)
{
    return result->count;
}

uint64_t samples_result_read(const struct samples_result *result)
{
    return result->op ? op_samples_read(result->op) : result->samples_read;
}

void samples_result_close(struct samples_result *result)
{
    if (!result)
        return;
    cursor_destroy(result->cursor);
    selection_close(result->selection);
    samples_done(&result->samples);
    budget_release(&result->query->budget, result->charged_bytes);
    op_close(result->op);
}
