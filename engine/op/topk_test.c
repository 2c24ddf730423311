#include "engine/op/topk.h"

#include <math.h>
#include <stdlib.h>

#include "base/test.h"
#include "engine/op/test_matrix.h"
#include "model/sample.h"

static const struct labels *no_labels[] = {&labels_empty};

/* Series numbers by value, the best first; all values differ, at most one is NaN. */
struct ranked {
    double value;
    size_t series;
};

static int best_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (isnan(x->value) || isnan(y->value))
        return isnan(x->value) - isnan(y->value);
    return (x->value < y->value) - (x->value > y->value);
}

static int least_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (isnan(x->value) || isnan(y->value))
        return isnan(x->value) - isnan(y->value);
    return (x->value > y->value) - (x->value < y->value);
}

struct setup {
    struct test_matrix in;
    struct grouping grouping;
    bool least;
    double k[40];
};

/* The k best of one group at one step, in order. */
static size_t naive_best(struct query *query, const struct setup *setup, const struct labels *group,
                         size_t step, struct ranked *ranked)
{
    const struct test_matrix *in = &setup->in;
    size_t count = 0;
    for (size_t i = 0; i < in->series_count; i++) {
        const struct labels *of = grouping_labels(&setup->grouping, in->labels[i], query->arena);
        double v = test_matrix_row(in, i)[step];
        if (labels_equal(of, group) && !value_is_stale(v))
            ranked[count++] = (struct ranked){v, i};
    }
    qsort(ranked, count, sizeof *ranked, setup->least ? least_first : best_first);
    size_t k = setup->k[step] < 1 ? 0 : (size_t)setup->k[step];
    return count < k ? count : k;
}

static struct test_matrix naive_topk(struct query *query, const struct setup *setup)
{
    const struct test_matrix *in = &setup->in;
    struct test_matrix groups = test_matrix_new(query, in->series_count, 1);
    struct test_matrix out = test_matrix_new(query, in->series_count, in->step_count);
    struct ranked *ranked = arena_array(query->arena, struct ranked, in->series_count);
    for (size_t i = 0; i < in->series_count; i++) {
        if (in->step_count > 1)
            test_matrix_series(&out, in->labels[i]);
        else if (value_is_stale(in->values[i]))
            continue;
        test_matrix_series(&groups, grouping_labels(&setup->grouping, in->labels[i], query->arena));
    }
    for (size_t s = 0; s < in->step_count; s++) {
        for (size_t g = 0; g < groups.series_count; g++) {
            size_t count = naive_best(query, setup, groups.labels[g], s, ranked);
            for (size_t i = 0; i < count; i++) {
                size_t at = test_matrix_series(&out, in->labels[ranked[i].series]);
                test_matrix_row(&out, at)[s] = ranked[i].value;
            }
        }
    }
    return out;
}

static void fill_setup(struct query *query, struct setup *setup, unsigned seed)
{
    static const size_t step_counts[] = {1, 2, 9, 40};
    struct str names[] = {STR("a"), STR("b")};
    unsigned state = seed;
    setup->in = test_matrix_random(query, &state, (size_t)rand_r(&state) % 30,
                                   step_counts[seed % 4], false);
    for (size_t i = 0; i < setup->in.series_count; i++) {
        double *row = test_matrix_row(&setup->in, i);
        for (size_t s = 0; s < setup->in.step_count; s++)
            if (!value_is_stale(row[s]))
                row[s] = i == 3 ? NAN : row[s] + (double)i * 1e-7;
    }
    setup->grouping = grouping_by(query, names, (size_t)rand_r(&state) % 3);
    setup->least = rand_r(&state) % 2;
    for (size_t s = 0; s < 40; s++)
        setup->k[s] = (double)((unsigned)rand_r(&state) % 90) / 10 - 1;
    setup->k[0] = 3.7;
}

START_TEST(equals_the_naive_evaluator)
{
    for (unsigned seed = 1; seed <= 400; seed++) {
        struct test_query test;
        test_query_init(&test);
        struct query *query = &test.query;
        struct setup setup;
        fill_setup(query, &setup, seed);

        struct test_matrix expected = naive_topk(query, &setup);
        struct op *child = test_matrix_op(query, &setup.in, seed % 3 ? 1 : 7);
        struct op *param = op_test_rows_new(query, &child->grid, no_labels, setup.k, 1, 1);
        enum aggregate_op op = setup.least ? AGGREGATE_bottomk : AGGREGATE_topk;
        test_matrix_check(&expected, op_topk_new(query, child, param, op, &setup.grouping, 0),
                          seed / 4 % 3);
        test_query_done(&test);
    }
}
END_TEST

/* Two series at two steps, with these k. */
static struct op *small_topk(struct query *query, const double *k)
{
    static const double values[] = {1, 2, 3, 4};
    static const struct labels *labels[2];
    labels[0] = TEST_LABELS(query, "i", "0");
    labels[1] = TEST_LABELS(query, "i", "1");
    struct grid grid = {0, 1000, 2};
    struct grouping grouping = grouping_by(query, NULL, 0);
    struct op *child = op_test_rows_new(query, &grid, labels, values, 2, 1);
    struct op *param = op_test_rows_new(query, &grid, no_labels, k, 1, 1);
    return op_topk_new(query, child, param, AGGREGATE_topk, &grouping, 0);
}

static void check_refused(const double *k, const char *text)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct op *op = small_topk(&test.query, k);
    ck_assert(!op_open(op, &err));
    ck_assert_int_eq(err.kind, ERR_EXECUTION);
    ck_assert_str_eq(err.msg, text);
    op_close(op);
    test_query_done(&test);
}

START_TEST(refuses_a_k_that_is_no_int64)
{
    check_refused((const double[]){1, NAN}, "Parameter value is NaN");
    check_refused((const double[]){-1e30, 1}, "Scalar value -1e+30 underflows int64");
    check_refused((const double[]){1, INFINITY}, "Scalar value +Inf overflows int64");
    check_refused((const double[]){0x1.fffffffffffffp62, 1},
                  "Scalar value 9.223372036854775e+18 overflows int64");
}
END_TEST

START_TEST(has_no_result_where_no_k_is_one)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct op *op = small_topk(&test.query, (const double[]){0.9, -1e30});
    ck_assert(op_open(op, &err));
    ck_assert_uint_eq(op->series_count, 0);
    struct batch batch;
    ck_assert_int_eq(op_pull(op, &batch, &err), PULL_END);
    op_close(op);
    test_query_done(&test);
}
END_TEST

START_TEST(takes_all_where_k_is_large)
{
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct op *op = small_topk(query, (const double[]){9e18, 1});
    struct test_matrix expected = test_matrix_new(query, 2, 2);
    test_matrix_row(&expected, test_matrix_series(&expected, TEST_LABELS(query, "i", "0")))[0] = 1;
    test_matrix_row(&expected, test_matrix_series(&expected, TEST_LABELS(query, "i", "1")))[0] = 3;
    expected.values[3] = 4;
    test_matrix_check(&expected, op, 0);
    test_query_done(&test);
}
END_TEST

TEST_MAIN("topk", equals_the_naive_evaluator, refuses_a_k_that_is_no_int64,
          has_no_result_where_no_k_is_one, takes_all_where_k_is_large)
