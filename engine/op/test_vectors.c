#include "engine/op/test_vectors.h"

#include <string.h>

#include "base/test.h"
#include "engine/fn/test_random.h"

struct test_matrix test_vector_random(struct query *query, uint64_t *state, size_t step_count,
                                      unsigned names)
{
    static const char *const values[] = {"", "1", "2", "3"};
    unsigned max = names * 64;
    struct test_matrix vector = test_matrix_new(query, max, step_count);
    unsigned one_in = 2 + (unsigned)step_count / 8 + test_random(state) % 20;

    for (unsigned i = 0; i < max; i++) {
        if (test_random(state) % one_in != 0)
            continue;
        vector.labels[vector.series_count] =
            TEST_LABELS(query, "__name__", i >= 64 ? "n" : "m", "a", values[i % 4], "b",
                        values[i / 4 % 4], "c", values[i / 16 % 4]);
        double *row = vector.values + vector.series_count++ * step_count;
        size_t begin = test_random(state) % step_count;
        size_t end = begin + 1 + test_random(state) % step_count;
        bool whole = test_random(state) % 4 == 0;
        unsigned missing_every = test_random(state) % 3;
        for (size_t step = 0; step < step_count; step++)
            row[step] = whole || (step >= begin && step < end)
                            ? test_random_value(state, whole ? 0 : missing_every)
                            : value_stale();
    }
    return vector;
}

const struct labels **test_vector_signatures(const struct test_matrix *vector, struct query *query,
                                             const struct vector_matching *matching)
{
    uint32_t names[8];
    for (size_t i = 0; i < matching->label_count; i++)
        names[i] = symbols_add(query->symbols, matching->labels[i]);
    struct name_set set = name_set_new(query->arena, names, matching->label_count);
    const struct labels **signatures =
        arena_array(query->arena, const struct labels *, vector->series_count);
    for (size_t i = 0; i < vector->series_count; i++)
        signatures[i] = matching->on ? labels_keep(vector->labels[i], set, query->arena)
                                     : labels_without(vector->labels[i], set, query->arena);
    return signatures;
}

void test_expect_init(struct test_expect *expect, struct query *query)
{
    *expect = (struct test_expect){.query = query};
    expect->points = arena_array(query->arena, struct test_point, TEST_POINTS_MAX);
    expect->errors = arena_array(query->arena, const char *, TEST_ERRORS_MAX);
}

void test_expect_point(struct test_expect *expect, const struct labels *labels, size_t step,
                       double value)
{
    ck_assert_uint_lt(expect->point_count, TEST_POINTS_MAX);
    expect->points[expect->point_count++] = (struct test_point){labels, step, value, false};
}

void test_expect_error(struct test_expect *expect, const char *text)
{
    if (expect->error_count < TEST_ERRORS_MAX)
        expect->errors[expect->error_count++] = arena_text(expect->query->arena, str_of(text));
}

/* All rows of a run, in the arena. */
struct outcome {
    struct op *op;
    struct err err;
    bool failed;
    double *values;
};

static bool outcome_rows(struct outcome *run, const uint32_t *order, size_t count)
{
    struct op *op = run->op;
    if (!op_open(op, &run->err))
        return false;
    if (order && !op_arrange(op, order, count, &run->err))
        return false;
    size_t steps = op->grid.count;
    size_t rows_max = order ? count : op->series_count;
    run->values = arena_array(op->query->arena, double, rows_max *steps);
    struct row_reader rows = {.op = op};
    double *row;
    enum pull got;
    size_t done = 0;
    while ((got = row_reader_next(&rows, &row, &run->err)) == PULL_BATCH) {
        test_rows_unmix(row, rows.histograms, steps);
        memcpy(run->values + done++ * steps, row, steps * sizeof *row);
        /* Consumers may write into it. */
        memset(row, 0x55, steps * sizeof *row);
        if (rows.histograms)
            memset(rows.histograms, 0, steps * sizeof(struct histogram *));
    }
    if (got == PULL_END)
        ck_assert_uint_eq(done, rows_max);
    return got == PULL_END && op_finish(op, &run->err);
}

static struct outcome outcome_of(struct op *op, const uint32_t *order, size_t count)
{
    struct outcome run = {.op = op};
    run.failed = !outcome_rows(&run, order, count);
    op_close(op);
    ck_assert_uint_eq(op->query->budget.used_bytes, 0);
    return run;
}

static void test_expect_outcome_failed(const struct test_expect *expect, const struct outcome *run)
{
    ck_assert_msg(run->failed, "expected: %s", expect->errors[0]);
    ck_assert_int_eq(run->err.kind, ERR_EXECUTION);
    bool found = false;
    for (size_t i = 0; i < expect->error_count; i++)
        found = found || strcmp(run->err.msg, expect->errors[i]) == 0;
    ck_assert_msg(found, "%s\nexpected: %s", run->err.msg, expect->errors[0]);
}

/* Each point of the run is expected, and each that is expected comes once. */
static void test_expect_outcome_points(struct test_expect *expect, const struct outcome *run)
{
    ck_assert_msg(!run->failed, "%s", run->err.msg);
    const struct op *op = run->op;
    for (size_t i = 0; i < expect->point_count; i++)
        expect->points[i].seen = false;
    for (size_t i = 0; i < op->series_count * op->grid.count; i++) {
        if (value_is_stale(run->values[i]))
            continue;
        bool found = false;
        for (size_t k = 0; k < expect->point_count && !found; k++) {
            struct test_point *point = &expect->points[k];
            found = !point->seen && point->step == i % op->grid.count &&
                    labels_equal(point->labels, op->labels[i / op->grid.count]) &&
                    test_same(point->value, run->values[i]);
            point->seen = found || point->seen;
        }
        ck_assert_msg(found, "series %zu, step %zu: %g", i / op->grid.count, i % op->grid.count,
                      run->values[i]);
    }
    for (size_t i = 0; i < expect->point_count; i++)
        ck_assert_msg(expect->points[i].seen, "step %zu: %g is missing", expect->points[i].step,
                      expect->points[i].value);
}

/* A random order of some of the series. */
static size_t test_order(uint32_t *order, size_t series_count, uint64_t *state)
{
    for (size_t i = 0; i < series_count; i++)
        order[i] = (uint32_t)i;
    for (size_t i = series_count; i > 1; i--) {
        size_t other = test_random(state) % i;
        uint32_t was = order[i - 1];
        order[i - 1] = order[other];
        order[other] = was;
    }
    return test_random(state) % 2 ? series_count : test_random(state) % (series_count + 1);
}

void test_expect_check(struct test_expect *expect, test_build_fn *build, void *context,
                       uint64_t *state)
{
    static const size_t batches[] = {1, 3, 200};
    struct query *query = expect->query;
    for (size_t k = 0; k < ARRAY_COUNT(batches); k++) {
        struct outcome natural = outcome_of(build(context, query, batches[k]), NULL, 0);
        size_t series_count = natural.op->series_count;
        size_t row_bytes = natural.op->grid.count * sizeof(double);
        if (expect->error_count > 0)
            test_expect_outcome_failed(expect, &natural);
        else
            test_expect_outcome_points(expect, &natural);

        uint32_t *order = arena_array(query->arena, uint32_t, series_count);
        for (int i = 0; i < 2; i++) {
            size_t count = test_order(order, series_count, state);
            struct outcome run = outcome_of(build(context, query, batches[k]), order, count);
            if (expect->error_count > 0) {
                test_expect_outcome_failed(expect, &run);
                continue;
            }
            ck_assert_msg(!run.failed, "%s", run.err.msg);
            for (size_t row = 0; row < count; row++)
                ck_assert_mem_eq((char *)run.values + row * row_bytes,
                                 (char *)natural.values + order[row] * row_bytes, row_bytes);
        }
    }
}
