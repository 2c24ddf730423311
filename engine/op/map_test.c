#include "engine/op/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "engine/fn/test_random.h"
#include "engine/op/test_matrix.h"
#include "engine/op/test_rows.h"
#include "model/test_histogram.h"

#define SERIES 700
#define STEPS_MAX 3

/* SERIES random rows through `v > bool s` and `s - v`, by every step count and batch size. */
static void check_map(size_t steps, size_t rows_per_batch, bool scalar_left, enum binary_op what)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct grid grid = {0, 1000, steps};
    static double values[SERIES * STEPS_MAX];
    static const struct labels *labels[SERIES];
    uint64_t state = steps + rows_per_batch;
    for (size_t i = 0; i < SERIES; i++)
        labels[i] = TEST_LABELS(query, "a", "1");
    for (size_t i = 0; i < SERIES * steps; i++)
        values[i] = test_random_value(&state, steps == 1 ? 0 : 4);
    const struct labels *none = &labels_empty;
    const double scalar[STEPS_MAX] = {1, 2, 3};

    struct op *child = op_test_rows_new(query, &grid, labels, values, SERIES, rows_per_batch);
    struct op *side = op_test_rows_new(query, &grid, &none, scalar, 1, 1);
    struct map_stage stage = map_stage_arith(what, true, side, scalar_left, 0);
    struct op *op = op_map_new(query, child, &stage);
    ck_assert(op_open(op, &err));
    struct row_reader rows = {.op = op};
    double *row;
    for (size_t i = 0; i < SERIES; i++) {
        ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_BATCH);
        for (size_t step = 0; step < steps; step++) {
            double v = values[i * steps + step];
            double expected = scalar_left ? arith_scalar(what, scalar[step], v)
                                          : arith_scalar(what, v, scalar[step]);
            ck_assert(test_same(row[step], expected));
        }
    }
    ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_END);
    op_close(op);
    test_query_done(&test);
}

START_TEST(meets_every_row_with_the_scalar)
{
    const size_t batches[] = {1, 7, 700};
    for (size_t i = 0; i < ARRAY_COUNT(batches); i++)
        for (size_t steps = 1; steps <= STEPS_MAX; steps++) {
            check_map(steps, batches[i], false, BINARY_GTR);
            check_map(steps, batches[i], true, BINARY_SUB);
        }
}
END_TEST

START_TEST(comparison_keeps_the_vectors_value_and_name)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct grid grid = {0, 1000, 2};
    const struct labels *labels[] = {TEST_LABELS(query, "__name__", "m", "a", "1")};
    const struct labels *none = &labels_empty;
    const double values[] = {1, 5}, scalar[] = {3, 3};

    struct op *child = op_test_rows_new(query, &grid, labels, values, 1, 1);
    struct op *side = op_test_rows_new(query, &grid, &none, scalar, 1, 1);
    struct map_stage stage = map_stage_arith(BINARY_LSS, false, side, true, 0);
    ck_assert(!map_stage_drops_name(&stage));
    struct op *op = op_map_new(query, child, &stage);
    ck_assert(op_open(op, &err));
    ck_assert_ptr_eq(op->labels[0], labels[0]);
    struct batch batch;
    ck_assert_int_eq(op_pull(op, &batch, &err), PULL_BATCH);
    ck_assert(value_is_stale(batch.values[0]) && batch.values[1] == 5);
    op_close(op);
    test_query_done(&test);
}
END_TEST

START_TEST(function_drops_the_name_and_reads_its_arguments)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct grid grid = {0, 1000, 2};
    const struct labels *labels[] = {TEST_LABELS(query, "__name__", "m", "a", "1"),
                                     TEST_LABELS(query, "__name__", "m", "a", "2")};
    const struct labels *none = &labels_empty;
    const double values[] = {1, 5, 7, MISSING}, low[] = {2, 2}, high[] = {4, 1};

    struct op *child = op_test_rows_new(query, &grid, labels, values, 2, 2);
    struct op *sides[] = {op_test_rows_new(query, &grid, &none, low, 1, 1),
                          op_test_rows_new(query, &grid, &none, high, 1, 1)};
    struct map_stage stage = map_stage_function(map_function(FN_clamp), sides, 2);
    struct op *op = op_map_new(query, child, &stage);
    ck_assert(op_open(op, &err));
    ck_assert(labels_equal(op->labels[1], TEST_LABELS(query, "a", "2")));
    struct batch batch;
    ck_assert_int_eq(op_pull(op, &batch, &err), PULL_BATCH);
    ck_assert(batch.values[0] == 2 && value_is_stale(batch.values[1]));
    ck_assert(batch.values[2] == 4 && value_is_stale(batch.values[3]));
    op_close(op);
    test_query_done(&test);
}
END_TEST

START_TEST(scalars_are_computed_step_by_step)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct grid grid = {0, 1000, 2};
    const struct labels *none = &labels_empty;
    const double left[] = {1, 5}, right[] = {3, 4};

    struct op *op =
        op_scalar_arith_new(query, op_test_rows_new(query, &grid, &none, left, 1, 1),
                            op_test_rows_new(query, &grid, &none, right, 1, 1), BINARY_GTE);
    const double *steps;
    ck_assert(op_read_scalar(op, &steps, &err));
    ck_assert(steps[0] == 0 && steps[1] == 1);
    op_close(op);
    test_query_done(&test);
}
END_TEST

static const struct histogram two_buckets = {
    .count = 6,
    .sum = 9,
    .positive = {TEST_SPANS({0, 2}), TEST_COUNTS(2, 4)},
};

/* A series of a float, a histogram and nothing, through one stage. */
static void check_histograms(struct test_query *test, const struct map_stage *stage, double value,
                             const char *histogram)
{
    struct err err = {0};
    struct query *query = &test->query;
    struct grid grid = {0, 1000, 3};
    const struct labels *labels[] = {TEST_LABELS(query, "__name__", "m")};
    const double values[] = {8, MISSING, MISSING};
    const struct histogram *histograms[] = {NULL, &two_buckets, NULL};
    struct op *child = op_test_rows_new(query, &grid, labels, values, 1, 1);
    op_test_rows_add(child, histograms);
    struct op *op = op_map_new(query, child, stage);
    ck_assert(op_open(op, &err));
    struct row_reader rows = {.op = op};
    double *row;
    ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_BATCH);
    ck_assert(test_same(row[0], value) && value_is_stale(row[2]));
    const struct histogram *made = rows.histograms ? rows.histograms[1] : NULL;
    if (histogram[0] == '{')
        test_histogram_text(made, histogram);
    else
        ck_assert(!made && test_same(row[1], strtod(histogram, NULL)));
    op_close(op);
}

static struct op *scalar_op(struct test_query *test, double value)
{
    static const struct labels *none[] = {&labels_empty};
    double *values = arena_array(test->query.arena, double, 3);
    for (size_t i = 0; i < 3; i++)
        values[i] = value;
    return op_test_rows_new(&test->query, &(struct grid){0, 1000, 3}, none, values, 1, 1);
}

START_TEST(histograms_are_scaled_trimmed_and_read)
{
    struct test_query test;
    test_query_init(&test);
    struct map_stage stage = map_stage_arith(BINARY_DIV, false, scalar_op(&test, 2), false, 0);
    check_histograms(&test, &stage, 4, "{count:3, sum:4.5, (0.5,1]:1, (1,2]:2}");
    stage = map_stage_negate();
    check_histograms(&test, &stage, -8, "{count:-6, sum:-9, (0.5,1]:-2, (1,2]:-4}");
    stage = map_stage_of_histogram(histogram_function(FN_histogram_avg));
    check_histograms(&test, &stage, MISSING, "1.5");
    stage = map_stage_time(scalar_op(&test, 5));
    check_histograms(&test, &stage, 5, "5");
    ck_assert_uint_eq(test.query.annotations.count, 0);
    stage = map_stage_arith(BINARY_TRIM_UPPER, false, scalar_op(&test, 1), false, 4);
    check_histograms(&test, &stage, MISSING, "{count:2, sum:1.4142135623730951, (0.5,1]:2}");
    test_annotation_check(&test.query, ANNOTATION_INFO, 4,
                          "incompatible sample types encountered for binary operator \"</\": "
                          "float </ float");
    test_query_done(&test);
}
END_TEST

START_TEST(refused_histograms_are_told_of)
{
    struct test_query test;
    test_query_init(&test);
    struct map_stage stage = map_stage_arith(BINARY_SUB, false, scalar_op(&test, 2), true, 3);
    double missing = MISSING;
    struct err err = {0};
    struct query *query = &test.query;
    const struct labels *labels[] = {TEST_LABELS(query, "__name__", "m")};
    const struct histogram *histograms[] = {&two_buckets};
    struct grid grid = {0, 1000, 1};
    struct op *child = op_test_rows_new(query, &grid, labels, &missing, 1, 1);
    op_test_rows_add(child, histograms);
    double two = 2;
    const struct labels *none = &labels_empty;
    stage.scalars[0] = op_test_rows_new(query, &grid, &none, &two, 1, 1);
    struct op *op = op_map_new(query, child, &stage);
    ck_assert(op_open(op, &err));
    ck_assert_uint_eq(op->series_count, 0);
    op_close(op);
    test_annotation_check(query, ANNOTATION_INFO, 3,
                          "incompatible sample types encountered for binary operator \"-\": "
                          "float - histogram");
    test_query_done(&test);
}
END_TEST

TEST_MAIN("map_op", meets_every_row_with_the_scalar, comparison_keeps_the_vectors_value_and_name,
          function_drops_the_name_and_reads_its_arguments, scalars_are_computed_step_by_step,
          histograms_are_scaled_trimmed_and_read, refused_histograms_are_told_of)
