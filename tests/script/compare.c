#include "tests/script/compare.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/float_text.h"
#include "model/sample.h"

#define EPSILON 1e-6

static bool value_is_almost(double a, double b)
{
    if (value_is_stale(a) || value_is_stale(b))
        return value_is_stale(a) && value_is_stale(b);
    if ((isnan(a) && isnan(b)) || a == b)
        return true;
    double sum = fabs(a) + fabs(b);
    double difference = fabs(a - b);
    if (a == 0 || b == 0 || sum < DBL_MIN)
        return difference < EPSILON * DBL_MIN;
    return difference / fmin(sum, DBL_MAX) < EPSILON;
}

static bool side_is_almost(const struct histogram_side *a, const struct histogram_side *b)
{
    if (a->span_count != b->span_count || a->bucket_count != b->bucket_count)
        return false;
    for (uint32_t i = 0; i < a->span_count; i++)
        if (a->spans[i].offset != b->spans[i].offset || a->spans[i].length != b->spans[i].length)
            return false;
    for (uint32_t i = 0; i < a->bucket_count; i++)
        if (!value_is_almost(a->buckets[i], b->buckets[i]))
            return false;
    return true;
}

static bool bounds_are_same(const struct histogram *a, const struct histogram *b)
{
    if (a->custom_bound_count != b->custom_bound_count)
        return false;
    for (uint32_t i = 0; i < a->custom_bound_count; i++)
        if (a->custom_bounds[i] != b->custom_bounds[i])
            return false;
    return true;
}

static bool histogram_is_almost(const struct described_value *expected, const struct histogram *got)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    const struct histogram *want = histogram_compact(arena, expected->histogram);
    got = histogram_compact(arena, got);
    return want->schema == got->schema && value_is_almost(want->count, got->count) &&
           value_is_almost(want->sum, got->sum) &&
           (!histogram_is_custom(want) || bounds_are_same(want, got)) &&
           want->zero_threshold == got->zero_threshold &&
           value_is_almost(want->zero_count, got->zero_count) &&
           side_is_almost(&want->negative, &got->negative) &&
           side_is_almost(&want->positive, &got->positive) &&
           (!expected->hint_set || want->hint == got->hint);
}

static void value_print(double value, const struct histogram *h, struct buf *out)
{
    if (h)
        histogram_print_literal(h, out);
    else if (value_is_stale(value))
        buf_text(out, "stale");
    else
        out->len += float_text_g(buf_reserve(out, FLOAT_TEXT_SIZE), value);
}

/* 1 @[60000] 2 @[120000] */
static void series_print(const struct answer_series *series, struct buf *out)
{
    for (size_t i = 0; i < series->count; i++) {
        buf_text(out, i ? " " : "");
        value_print(series->points[i].value, series->points[i].histogram, out);
        buf_printf(out, " @[%lld]", (long long)series->points[i].time_ms);
    }
}

static bool differs(struct err *err, const char *labels, const struct described_value *expected,
                    const struct answer_series *got)
{
    AUTO(buf_done) struct buf text = {0};
    value_print(expected->value, expected->histogram, &text);
    buf_text(&text, ", got ");
    series_print(got, &text);
    return err_set(err, ERR_EXECUTION, "%s: expected %s", labels, buf_terminated(&text));
}

static bool point_is_expected(const struct described_value *expected,
                              const struct answer_point *point)
{
    if (expected->histogram || point->histogram)
        return expected->histogram && point->histogram &&
               histogram_is_almost(expected, point->histogram);
    return value_is_almost(expected->value, point->value);
}

/* The next point of `series` from *at on that is a float, or a histogram; NULL if none is left. */
static const struct answer_point *point_next(const struct answer_series *series, bool histogram,
                                             size_t *at)
{
    while (*at < series->count) {
        const struct answer_point *point = &series->points[(*at)++];
        if ((point->histogram != NULL) == histogram)
            return point;
    }
    return NULL;
}

/* Floats and histograms apart, as Prometheus gives them. */
static bool compare_points(const struct evaluation *evaluation,
                           const struct series_description *expected,
                           const struct answer_series *got, struct err *err)
{
    size_t at[2] = {0, 0};
    for (size_t i = 0; i < expected->count; i++) {
        const struct described_value *value = &expected->values[i];
        int64_t time_ms = evaluation->start_ms + (int64_t)i * evaluation->step_ms;
        if (time_ms > evaluation->end_ms)
            return err_set(err, ERR_EXECUTION, "%s: more points are expected than steps",
                           got->labels);
        if (value->omitted)
            continue;
        const struct answer_point *point =
            point_next(got, value->histogram != NULL, &at[value->histogram != NULL]);
        if (!point || point->time_ms != time_ms || !point_is_expected(value, point)) {
            differs(err, got->labels, value, got);
            return err_wrap(err, "at %lld", (long long)time_ms);
        }
    }
    if (!point_next(got, false, &at[0]) && !point_next(got, true, &at[1]))
        return true;
    AUTO(buf_done) struct buf text = {0};
    series_print(got, &text);
    return err_set(err, ERR_EXECUTION, "%s: unexpected points, got %s", got->labels,
                   buf_terminated(&text));
}

/* The expected labels as text, in the order of the evaluation. */
static const char **expected_labels(const struct evaluation *evaluation,
                                    const struct symbols *symbols, struct arena *arena)
{
    const char **texts = arena_array(arena, const char *, evaluation->count);
    for (size_t i = 0; i < evaluation->count; i++) {
        AUTO(buf_done) struct buf text = {0};
        labels_print(symbols, evaluation->series[i].labels, &text);
        texts[i] = arena_text(arena, buf_view(&text));
    }
    return texts;
}

static bool compare_one(const struct evaluation *evaluation, size_t expected, size_t position,
                        const struct answer *answer, struct err *err)
{
    const struct answer_series *got = &answer->series[position];
    const struct series_description *series = &evaluation->series[expected];
    if (answer->kind == RESULT_MATRIX)
        return compare_points(evaluation, series, got, err);
    if (expectations_has(&evaluation->expectations, EXPECT_ORDERED) &&
        evaluation->positions[expected] != position + 1)
        return err_set(err, ERR_EXECUTION, "%s: expected at place %zu, got at %zu", got->labels,
                       evaluation->positions[expected], position + 1);
    return point_is_expected(&series->values[0], &got->points[0]) ||
           differs(err, got->labels, &series->values[0], got);
}

static bool compare_series(const struct evaluation *evaluation, const struct symbols *symbols,
                           const struct answer *answer, struct err *err)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    const char **labels = expected_labels(evaluation, symbols, arena);
    bool *seen = arena_array(arena, bool, evaluation->count);
    for (size_t i = 0; i < answer->count; i++) {
        const struct answer_series *got = &answer->series[i];
        size_t at = 0;
        while (at < evaluation->count && strcmp(labels[at], got->labels) != 0)
            at++;
        if (at == evaluation->count) {
            AUTO(buf_done) struct buf text = {0};
            series_print(got, &text);
            return err_set(err, ERR_EXECUTION, "unexpected series %s, got %s", got->labels,
                           buf_terminated(&text));
        }
        seen[at] = true;
        if (!compare_one(evaluation, at, i, answer, err))
            return false;
    }
    for (size_t i = 0; i < evaluation->count; i++)
        if (!seen[i])
            return err_set(err, ERR_EXECUTION, "%s: expected, got none", labels[i]);
    return true;
}

static bool compare_scalar(const struct evaluation *evaluation, const struct answer *answer,
                           struct err *err)
{
    if (!evaluation->expects_scalar)
        return err_set(err, ERR_EXECUTION, "expected series, got a scalar");
    if (answer->count == 1 && answer->series[0].count == 1 &&
        value_is_almost(evaluation->scalar, answer->series[0].points[0].value))
        return true;
    AUTO(buf_done) struct buf text = {0};
    value_print(evaluation->scalar, NULL, &text);
    buf_text(&text, ", got ");
    if (answer->count)
        series_print(&answer->series[0], &text);
    return err_set(err, ERR_EXECUTION, "expected scalar %s", buf_terminated(&text));
}

bool compare_result(const struct evaluation *evaluation, const struct symbols *symbols,
                    const struct answer *answer, struct err *err)
{
    switch (answer->kind) {
    case RESULT_SCALAR:
        return compare_scalar(evaluation, answer, err);
    case RESULT_STRING:
        return str_eq(evaluation->string, answer->string) ||
               err_set(err, ERR_EXECUTION, "expected string \"%.*s\", got \"%.*s\"",
                       STR_ARGS(evaluation->string), STR_ARGS(answer->string));
    case RESULT_MATRIX:
        if (expectations_has(&evaluation->expectations, EXPECT_ORDERED))
            return err_set(err, ERR_EXECUTION, "expected an order, got a matrix");
        if (answer->unsorted)
            return err_set(err, ERR_EXECUTION, "the matrix is not sorted by labels");
        break;
    case RESULT_VECTOR:
        break;
    }
    if (evaluation->expects_scalar)
        return err_set(err, ERR_EXECUTION, "expected a scalar, got series");
    return compare_series(evaluation, symbols, answer, err);
}
