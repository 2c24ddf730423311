#include "engine/op/test_matrix.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "model/sample.h"

struct test_matrix test_matrix_new(struct query *query, size_t series_count, size_t step_count)
{
    struct test_matrix matrix = {.step_count = step_count};
    matrix.labels = arena_array(query->arena, const struct labels *, series_count + 1);
    matrix.values = arena_array(query->arena, double, series_count *step_count + 1);
    return matrix;
}

size_t test_matrix_series(struct test_matrix *matrix, const struct labels *labels)
{
    for (size_t i = 0; i < matrix->series_count; i++)
        if (labels_equal(matrix->labels[i], labels))
            return i;
    size_t at = matrix->series_count++;
    matrix->labels[at] = labels;
    for (size_t s = 0; s < matrix->step_count; s++)
        test_matrix_row(matrix, at)[s] = MISSING;
    return at;
}

static double test_value(unsigned *seed, bool wild)
{
    static const double wild_ones[] = {INFINITY, -INFINITY, 0.0,    -0.0, 1.7e308,
                                       1.2e308,  -1.5e308,  1e-300, 1e16, -1e16};
    unsigned pick = (unsigned)rand_r(seed) % 100;
    if (pick < 25)
        return MISSING;
    if (wild && pick < 45)
        return pick % 3 ? wild_ones[pick % 10] : value_nan();
    double small = (double)((unsigned)rand_r(seed) % 7);
    return pick % 2 ? small : small + 1.0 / (double)(1 + (unsigned)rand_r(seed) % 1000);
}

struct test_matrix test_matrix_random(struct query *query, unsigned *seed, size_t series_count,
                                      size_t step_count, bool wild)
{
    struct test_matrix matrix = test_matrix_new(query, series_count, step_count);
    for (size_t i = 0; i < series_count; i++) {
        char a[16], b[16], c[16];
        snprintf(a, sizeof a, "%u", (unsigned)rand_r(seed) % 3);
        snprintf(b, sizeof b, "%u", (unsigned)rand_r(seed) % 4);
        snprintf(c, sizeof c, "%zu", i);
        bool has_b = rand_r(seed) % 5 != 0;
        size_t at = test_matrix_series(
            &matrix, TEST_LABELS(query, "__name__", "m", "a", a, "b", has_b ? b : "", "c", c));
        for (size_t s = 0; s < step_count; s++)
            test_matrix_row(&matrix, at)[s] = test_value(seed, wild);
    }
    return matrix;
}

struct op *test_matrix_op(struct query *query, const struct test_matrix *matrix,
                          size_t rows_per_batch)
{
    struct grid grid = {0, 1000, matrix->step_count};
    struct op *op = op_test_rows_new(query, &grid, matrix->labels, matrix->values,
                                     matrix->series_count, rows_per_batch);
    if (matrix->mix)
        op_test_rows_mix(op, matrix->mix);
    return op;
}

static void test_row_check(const struct test_matrix *expected, size_t series, const double *row)
{
    const double *wanted = test_matrix_row(expected, series);
    for (size_t s = 0; s < expected->step_count; s++)
        ck_assert_msg(test_same(row[s], wanted[s]), "series %zu step %zu: %.17g instead of %.17g",
                      series, s, row[s], wanted[s]);
}

/* The series that the operator must name. */
static size_t test_named_series(const struct test_matrix *expected, uint32_t *named)
{
    size_t count = 0;
    for (size_t i = 0; i < expected->series_count; i++)
        if (expected->step_count > 1 || !value_is_stale(expected->values[i]))
            named[count++] = (uint32_t)i;
    return count;
}

/* Some of `count` series, shuffled. */
static size_t test_some_order(uint32_t *order, size_t count, unsigned *seed)
{
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)rand_r(seed) % i;
        uint32_t moved = order[i - 1];
        order[i - 1] = order[other];
        order[other] = moved;
    }
    bool part = rand_r(seed) % 2;
    return part && count ? (size_t)rand_r(seed) % count : count;
}

void test_matrix_check(const struct test_matrix *expected, struct op *op, unsigned seed)
{
    struct err err = {0};
    struct arena *arena = op->query->arena;
    ck_assert_msg(op_open(op, &err), "%s", err.msg);

    uint32_t *named = arena_array(arena, uint32_t, expected->series_count);
    size_t count = test_named_series(expected, named);
    ck_assert_uint_eq(op->series_count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert(labels_equal(op->labels[i], expected->labels[named[i]]));

    uint32_t *order = arena_array(arena, uint32_t, count);
    if (seed) {
        count = test_some_order(order, count, &seed);
        ck_assert_msg(op_arrange(op, order, count, &err), "%s", err.msg);
    } else {
        for (size_t i = 0; i < count; i++)
            order[i] = (uint32_t)i;
    }

    struct row_reader rows = {.op = op};
    double *row;
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(row_reader_next(&rows, &row, &err) == PULL_BATCH, "%s", err.msg);
        test_rows_unmix(row, rows.histograms, expected->step_count);
        test_row_check(expected, named[order[i]], row);
    }
    ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_END);
    op_close(op);
    ck_assert_uint_eq(op->query->budget.used_bytes, 0);
}

void test_annotation_check(const struct query *query, enum annotation_level level, size_t begin,
                           const char *text)
{
    ck_assert_uint_eq(query->annotations.count, 1);
    const struct annotation *item = &query->annotations.items[0];
    ck_assert_int_eq(item->level, level);
    ck_assert_uint_eq(item->begin, begin);
    ck_assert_msg(str_eq(item->text, str_of(text)), "%.*s", STR_ARGS(item->text));
}
