#include "engine/op/quantile.h"

#include <math.h>
#include <stdlib.h>

#include "base/test.h"
#include "engine/fn/go_sort.h"
#include "engine/op/test_matrix.h"
#include "model/sample.h"

static double naive_quantile(double phi, double *values, size_t count)
{
    if (count == 0)
        return MISSING;
    if (isnan(phi))
        return NAN;
    if (phi < 0 || phi > 1)
        return phi < 0 ? -INFINITY : INFINITY;
    struct go_item items[64];
    for (size_t i = 0; i < count; i++)
        items[i] = (struct go_item){values[i], (uint32_t)i};
    go_sort(items, count, go_less_nan_first);
    for (size_t i = 0; i < count; i++)
        values[i] = items[i].value;
    double n = (double)count;
    double rank = phi * (n - 1);
    double lower = fmax(0, floor(rank));
    double upper = fmin(n - 1, lower + 1);
    double weight = rank - floor(rank);
    return values[(size_t)lower] * (1 - weight) + values[(size_t)upper] * weight;
}

static struct test_matrix naive_rows(struct query *query, const struct test_matrix *in,
                                     const double *phis, const struct grouping *grouping)
{
    struct test_matrix out = test_matrix_new(query, in->series_count, in->step_count);
    for (size_t i = 0; i < in->series_count; i++)
        if (in->step_count > 1 || !value_is_stale(in->values[i]))
            test_matrix_series(&out, grouping_labels(grouping, in->labels[i], query->arena));
    double *values = arena_array(query->arena, double, in->series_count);
    for (size_t g = 0; g < out.series_count; g++) {
        for (size_t s = 0; s < in->step_count; s++) {
            size_t count = 0;
            for (size_t i = 0; i < in->series_count; i++) {
                const struct labels *of = grouping_labels(grouping, in->labels[i], query->arena);
                double v = test_matrix_row(in, i)[s];
                if (labels_equal(of, out.labels[g]) && !value_is_stale(v))
                    values[count++] = v;
            }
            test_matrix_row(&out, g)[s] = naive_quantile(phis[s], values, count);
        }
    }
    return out;
}

static const struct labels *no_labels[] = {&labels_empty};

static void check_random(unsigned seed)
{
    static const size_t step_counts[] = {1, 2, 7, 8, 9, 50};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    unsigned state = seed;
    struct test_matrix in = test_matrix_random(query, &state, (size_t)rand_r(&state) % 50,
                                               step_counts[seed % 6], seed % 2);
    double phis[50];
    for (size_t s = 0; s < 50; s++)
        phis[s] = (double)(rand_r(&state) % 14 - 2) / 10;
    struct str names[] = {STR("a"), STR("b")};
    struct grouping grouping = grouping_by(query, names, (size_t)rand_r(&state) % 3);

    struct test_matrix expected = naive_rows(query, &in, phis, &grouping);
    struct op *child = test_matrix_op(query, &in, seed % 3 ? 1 : 5);
    struct op *param = op_test_rows_new(query, &child->grid, no_labels, phis, 1, 1);
    test_matrix_check(&expected, op_quantile_new(query, child, param, &grouping, 0, 0), seed % 4);
    test_query_done(&test);
}

START_TEST(equals_the_naive_evaluator)
{
    for (unsigned seed = 1; seed <= 500; seed++)
        check_random(seed);
}
END_TEST

static void open_with(struct test_query *test, const double *phis)
{
    struct err err = {0};
    test_query_init(test);
    struct grid grid = {0, 1000, 3};
    struct op *child = op_test_rows_new(&test->query, &grid, NULL, NULL, 0, 1);
    struct op *param = op_test_rows_new(&test->query, &grid, no_labels, phis, 1, 1);
    struct grouping grouping = grouping_by(&test->query, NULL, 0);
    struct op *op = op_quantile_new(&test->query, child, param, &grouping, 9, 0);
    ck_assert(op_open(op, &err));
    op_close(op);
}

START_TEST(warns_of_a_phi_that_is_no_quantile)
{
    struct test_query test;
    open_with(&test, (const double[]){1.5, 0.5, 2});
    test_annotation_check(&test.query, ANNOTATION_WARNING, 9,
                          "quantile value should be between 0 and 1, got 2");
    test_query_done(&test);

    open_with(&test, (const double[]){-1, NAN, 0.5});
    test_annotation_check(&test.query, ANNOTATION_WARNING, 9,
                          "quantile value should be between 0 and 1, got NaN");
    test_query_done(&test);

    open_with(&test, (const double[]){0, 0.5, -0.25});
    test_annotation_check(&test.query, ANNOTATION_WARNING, 9,
                          "quantile value should be between 0 and 1, got -0.25");
    test_query_done(&test);

    open_with(&test, (const double[]){NAN, -INFINITY, INFINITY});
    ck_assert_uint_eq(test.query.annotations.count, 3);
    test_query_done(&test);
}
END_TEST

TEST_MAIN("quantile_rows", equals_the_naive_evaluator, warns_of_a_phi_that_is_no_quantile)
