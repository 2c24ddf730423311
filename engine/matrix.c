/*
 * A range vector as the answer: "x[5m]" or "x[5m:1m]" as an instant query. Series come sorted by
 * labels; those without a sample in the window are left out.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/fn/interpolate.h"
#include "engine/op/build.h"
#include "engine/op/lane.h"
#include "engine/op/sample_count.h"
#include "engine/running.h"
#include "model/sample.h"

struct samples_result {
    struct query *query;
    const struct plan_select *select;
    const struct labels *const *labels;
    const uint32_t *order; /* NULL: as they are */
    size_t series_count;
    size_t done;

    /* A selector's samples, one series at a time. */
    struct selection *selection;
    struct cursor *cursor;
    struct samples samples;
    struct histogram_samples histograms;
    size_t charged_bytes;
    uint64_t samples_read;
    uint64_t samples_counted; /* query->count_samples */

    /* The points of the row handed out, floats and histograms in order of time. */
    int64_t *times_ms;
    double *values;
    const struct histogram **items;
    size_t count, cap;
    bool has_histograms;

    /* Or a subquery's rows. */
    struct op *op;
    struct row_reader rows;
};

static bool samples_result_select(struct samples_result *result, struct err *err)
{
    struct query *query = result->query;
    const struct select_request wanted = {
        .matchers = result->select->selector->matchers,
        .matcher_count = result->select->selector->matcher_count,
        .begin_ms = result->select->begin_ms,
        .end_ms = result->select->end_ms,
    };
    if (!query_select(query, &wanted, &result->selection, err))
        return false;
    result->series_count = selection_count(result->selection);
    const struct labels **labels =
        arena_array(query->arena, const struct labels *, result->series_count);
    for (size_t i = 0; i < result->series_count; i++)
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
        result->series_count = result->op->series_count;
    }
    result->order = series_label_order(query, result->labels, result->series_count);
    if (!arena_check(query->arena, err))
        return false;
    return !result->op || !result->order ||
           op_arrange(result->op, result->order, result->series_count, err);
}

static bool samples_result_charge(struct samples_result *result, struct err *err)
{
    size_t held = result->samples.cap * (sizeof(int64_t) + sizeof(double)) +
                  histogram_samples_bytes(&result->histograms) +
                  result->cap * (sizeof(int64_t) + sizeof(double) + sizeof(void *));
    if (held <= result->charged_bytes)
        return true;
    if (!budget_charge(&result->query->budget, held - result->charged_bytes, err))
        return false;
    result->charged_bytes = held;
    return true;
}

static bool samples_result_begin_row(struct samples_result *result, size_t count_max,
                                     struct err *err)
{
    result->count = 0;
    result->has_histograms = false;
    if (count_max > result->cap) {
        result->cap = count_max;
        result->times_ms = mem_resize(result->times_ms, int64_t, result->cap);
        result->values = mem_resize(result->values, double, result->cap);
        result->items = mem_resize(result->items, const struct histogram *, result->cap);
    }
    return samples_result_charge(result, err);
}

static void samples_result_add(struct samples_result *result, int64_t time_ms, double value,
                               const struct histogram *h)
{
    result->times_ms[result->count] = time_ms;
    result->values[result->count] = value;
    result->items[result->count++] = h;
    result->has_histograms = result->has_histograms || h;
}

/* Only what lies in the window, without stale markers. */
static void samples_result_merge(struct samples_result *result)
{
    const struct samples *floats = &result->samples;
    const struct histogram_samples *histograms = &result->histograms;
    const struct plan_select *select = result->select;
    size_t f = 0, h = 0;
    while (f < floats->count || h < histograms->count) {
        bool is_float = h == histograms->count ||
                        (f < floats->count && floats->times_ms[f] < histograms->times_ms[h]);
        int64_t time_ms = is_float ? floats->times_ms[f] : histograms->times_ms[h];
        double value = is_float ? floats->values[f++] : value_stale();
        const struct histogram *item = is_float ? NULL : histograms->items[h++];
        if (time_ms >= select->begin_ms && time_ms <= select->end_ms &&
            (item || !value_is_stale(value)))
            samples_result_add(result, time_ms, value, item);
    }
}

/* The last point at or before the window's begin, if there is one. */
static size_t samples_result_first(const struct samples_result *result, int64_t begin_ms)
{
    size_t first = 0;
    while (first + 1 < result->count && result->times_ms[first] <= begin_ms)
        first++;
    return first > 0 ? first - 1 : 0;
}

/* The first point at or behind the window's end; the last one if none is. */
static size_t samples_result_last(const struct samples_result *result, int64_t end_ms)
{
    size_t last = 0;
    while (last + 1 < result->count && result->times_ms[last] < end_ms)
        last++;
    return last;
}

static double samples_result_between(const struct samples_result *result, size_t before,
                                     int64_t at_ms)
{
    return interpolate(result->values[before], result->times_ms[before], result->values[before + 1],
                       result->times_ms[before + 1], at_ms, false);
}

/*
 * Of the points of an anchored or smoothed selector's window and around it: those inside, and one
 * at each edge. extendFloats of promql/engine.go. There is room for two more.
 */
static void samples_result_cut(struct samples_result *result)
{
    const struct plan_select *select = result->select;
    bool smoothed = select->edges == WINDOW_SMOOTHED;
    int64_t end_ms = select->refs.start_ms, begin_ms = ms_sub(end_ms, select->range_ms);
    int64_t *times_ms = result->times_ms;
    double *values = result->values;
    size_t first = samples_result_first(result, begin_ms);
    size_t last = smoothed ? samples_result_last(result, end_ms) : result->count - 1;
    if (times_ms[last] <= begin_ms) {
        result->count = 0;
        return;
    }
    double left = values[first], right = values[last];
    if (smoothed && times_ms[first] < begin_ms)
        left = samples_result_between(result, first, begin_ms);
    if (smoothed && last > 0 && times_ms[last] > end_ms)
        right = samples_result_between(result, last - 1, end_ms);

    first += times_ms[first] <= begin_ms;
    size_t inner = last + (times_ms[last] < end_ms) - first;
    memmove(times_ms + 1, times_ms + first, inner * sizeof *times_ms);
    memmove(values + 1, values + first, inner * sizeof *values);
    times_ms[0] = begin_ms;
    values[0] = left;
    times_ms[inner + 1] = end_ms;
    values[inner + 1] = right;
    result->count = inner + 2;
}

static bool samples_result_extend(struct samples_result *result, struct err *err)
{
    if (result->select->edges == WINDOW_PLAIN)
        return true;
    if (result->has_histograms)
        return err_set(err, ERR_EXECUTION, "%s modifier is not supported with histograms",
                       result->select->edges == WINDOW_ANCHORED ? "anchored" : "smoothed");
    if (result->count == 0) /* as Prometheus says it, which does not mean to */
        return err_set(err, ERR_EXECUTION,
                       "unexpected error: runtime error: index out of range [-1]");
    samples_result_cut(result);
    return true;
}

static bool samples_result_read_series(struct samples_result *result, size_t series,
                                       struct err *err)
{
    struct samples *samples = &result->samples;
    cursor_open(result->cursor, series);
    samples->count = 0;
    samples->histograms = &result->histograms;
    histogram_samples_clear(&result->histograms);
    bool more = true;
    while (more)
        if (!cursor_next(result->cursor, samples, &more, err) ||
            !samples_result_charge(result, err))
            return false;
    size_t count = samples->count + result->histograms.count;
    result->samples_read += count;
    if (!samples_result_begin_row(result, count + 2, err))
        return false;
    samples_result_merge(result);
    return samples_result_extend(result, err);
}

/* The row's points that lie in the window, with the times of the subquery's grid. */
static bool samples_result_take_row(struct samples_result *result, const double *row,
                                    const struct histogram *const *histograms, struct err *err)
{
    const struct grid *grid = &result->op->grid;
    if (!samples_result_begin_row(result, grid->count, err))
        return false;
    for (size_t step = 0; step < grid->count; step++) {
        const struct histogram *h = histograms ? histograms[step] : NULL;
        if (h || !value_is_stale(row[step]))
            samples_result_add(result, grid_time(grid, step), row[step], h);
    }
    return true;
}

static bool samples_result_make_row(struct samples_result *result, size_t series, struct err *err)
{
    if (!result->op)
        return samples_result_read_series(result, series, err);
    double *row;
    return row_reader_next(&result->rows, &row, err) == PULL_BATCH &&
           samples_result_take_row(result, row, result->rows.histograms, err);
}

static void samples_result_count_row(struct samples_result *result)
{
    for (size_t i = 0; i < result->count; i++)
        result->samples_counted += result->items[i] ? sample_weight(result->items[i]) : 1;
}

enum pull samples_result_next(struct samples_result *result, struct result_row *ret_row,
                              struct err *err)
{
    while (result->done < result->series_count) {
        size_t series = result->order ? result->order[result->done] : result->done;
        result->done++;
        if (!query_alive(result->query, err))
            return PULL_ERR;
        if (!samples_result_make_row(result, series, err))
            return PULL_ERR;
        if (result->count == 0)
            continue;
        if (!result->op && result->query->count_samples)
            samples_result_count_row(result);
        *ret_row = (struct result_row){
            .labels = result->labels[series],
            .values = result->values,
            .histograms = result->has_histograms ? result->items : NULL,
            .times_ms = result->times_ms,
            .count = result->count,
        };
        return PULL_BATCH;
    }
    return op_finish(result->op, err) ? PULL_END : PULL_ERR;
}

size_t samples_result_count(const struct samples_result *result)
{
    return result->series_count;
}

uint64_t samples_result_read(const struct samples_result *result)
{
    return result->op ? op_samples_read(result->op) : result->samples_read;
}

uint64_t samples_result_counted(const struct samples_result *result)
{
    if (!result->op)
        return result->samples_counted;
    uint64_t sum = 0;
    const size_t step_count = result->op->grid.count;
    uint64_t *steps = arena_array(result->query->arena, uint64_t, step_count);
    op_count_samples(result->op, steps);
    for (size_t i = 0; i < step_count; i++)
        sum += steps[i];
    return sum;
}

void samples_result_close(struct samples_result *result)
{
    if (!result)
        return;
    cursor_destroy(result->cursor);
    selection_close(result->selection);
    samples_done(&result->samples);
    histogram_samples_done(&result->histograms);
    free(result->times_ms);
    free(result->values);
    free(result->items);
    budget_release(&result->query->budget, result->charged_bytes);
    op_close(result->op);
}
