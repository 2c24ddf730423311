/*
 * A whole query answered by the reference engine: because it was asked for, or because the root is
 * a range vector that the streaming engine cannot make. Evaluated when the query is opened, handed
 * out row after row from memory.
 */
#include <assert.h>
#include <string.h>

#include "engine/reference/reference.h"
#include "engine/running.h"
#include "model/sample.h"
#include "parser/print.h"

struct reference_answer {
    struct reference_result result;
    struct grid grid;
    const uint32_t *order; /* NULL: as they are */
    size_t done;

    /* Of the row handed out; in the arena. */
    double *values;
    const struct histogram **histograms;
    int64_t *times_ms;
};

static size_t result_points_max(const struct reference_result *result, const struct grid *grid)
{
    size_t most = result->type == TYPE_MATRIX ? 0 : grid->count;
    for (size_t i = 0; i < result->series_count; i++)
        if (result->series[i].count > most)
            most = result->series[i].count;
    return most;
}

static bool reference_answer_evaluate(struct running *running, struct reference_answer *answer,
                                      struct err *err)
{
    const struct plan_request *plan = &running->request;
    const struct reference_request request = {
        .query = &running->query,
        .root = running->ast,
        .grid = answer->grid,
        .instant = running->instant,
        .query_start_ms = plan->start_ms,
        .query_end_ms = plan->end_ms,
        .query_step_ms = plan->step_ms,
        .subquery_step_ms = plan->subquery_step_ms,
    };
    return reference_evaluate(&request, true, &answer->result, err);
}

bool reference_answer_open(struct running *running, struct reference_answer **ret_answer,
                           struct err *err)
{
    struct arena *arena = running->query.arena;
    struct reference_answer *answer = arena_new(arena, struct reference_answer);
    answer->grid = plan_root_grid(&running->request);
    if (!reference_answer_evaluate(running, answer, err))
        return false;
    const struct reference_result *result = &answer->result;
    if (!running->instant || result->type == TYPE_MATRIX) {
        const struct labels **labels =
            arena_array(arena, const struct labels *, result->series_count);
        for (size_t i = 0; i < result->series_count; i++)
            labels[i] = result->series[i].labels;
        answer->order = series_label_order(&running->query, labels, result->series_count);
    }
    size_t most = result_points_max(result, &answer->grid);
    answer->values = arena_array(arena, double, most);
    answer->histograms = arena_array(arena, const struct histogram *, most);
    answer->times_ms = arena_array(arena, int64_t, most);
    *ret_answer = answer;
    return arena_check(arena, err);
}

/* Points as they are, with their times. */
static void row_of_points(struct reference_answer *answer, const struct reference_series *series,
                          struct result_row *row)
{
    for (size_t i = 0; i < series->count; i++) {
        answer->values[i] = series->points[i].histogram ? value_stale() : series->points[i].value;
        answer->histograms[i] = series->points[i].histogram;
        answer->times_ms[i] = series->points[i].time_ms;
    }
    row->times_ms = answer->times_ms;
    row->count = series->count;
}

/* Points each at its step. */
static void row_of_steps(struct reference_answer *answer, const struct reference_series *series,
                         struct result_row *row)
{
    const struct grid *grid = &answer->grid;
    for (size_t i = 0; i < grid->count; i++)
        answer->values[i] = value_stale();
    memset(answer->histograms, 0, grid->count * sizeof *answer->histograms);
    size_t step = 0;
    for (size_t i = 0; i < series->count; i++) {
        const struct reference_point *point = &series->points[i];
        while (grid_time(grid, step) < point->time_ms)
            step++;
        assert(step < grid->count && grid_time(grid, step) == point->time_ms);
        if (point->histogram)
            answer->histograms[step] = point->histogram;
        else
            answer->values[step] = point->value;
    }
    row->count = grid->count;
}

enum pull reference_answer_next(struct reference_answer *answer, struct result_row *ret_row)
{
    const struct reference_result *result = &answer->result;
    while (answer->done < result->series_count) {
        size_t at = answer->done++;
        const struct reference_series *series =
            &result->series[answer->order ? answer->order[at] : at];
        if (series->count == 0)
            continue;
        *ret_row = (struct result_row){
            .labels = series->labels,
            .values = answer->values,
            .histograms = answer->histograms,
        };
        if (result->type == TYPE_MATRIX)
            row_of_points(answer, series, ret_row);
        else
            row_of_steps(answer, series, ret_row);
        bool has_histograms = false;
        for (size_t i = 0; i < ret_row->count && !has_histograms; i++)
            has_histograms = answer->histograms[i] != NULL;
        if (!has_histograms)
            ret_row->histograms = NULL;
        return PULL_BATCH;
    }
    return PULL_END;
}

const struct reference_result *reference_answer_result(const struct reference_answer *answer)
{
    return &answer->result;
}

void reference_answer_explain(const struct running *running, struct buf *out)
{
    buf_text(out, "reference ");
    print_query(running->ast, out);
    if (running->reference) {
        const struct reference_result *result = &running->reference->result;
        buf_printf(out, "  [series %zu, steps %zu, samples %llu]", result->series_count,
                   running->reference->grid.count, (unsigned long long)result->samples_read);
    }
    buf_byte(out, '\n');
}
