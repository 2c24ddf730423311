#include "engine/op/limit.h"

#include <math.h>
#include <stdlib.h>

#include "base/test.h"
#include "engine/op/test_matrix.h"
#include "model/sample.h"

static const struct labels *no_labels[] = {&labels_empty};

struct setup {
    struct test_matrix in;
    struct grouping grouping;
    double params[40];
};

static void fill_setup(struct query *query, struct setup *setup, unsigned seed)
{
    static const size_t step_counts[] = {2, 9, 40};
    struct str names[] = {STR("a"), STR("b")};
    unsigned state = seed;
    setup->in = test_matrix_random(query, &state, (size_t)rand_r(&state) % 30,
                                   step_counts[seed % 3], false);
    setup->in.mix = (unsigned)rand_r(&state) % 4;
    setup->grouping = grouping_by(query, names, (size_t)rand_r(&state) % 3);
    for (size_t s = 0; s < 40; s++)
        setup->params[s] = (double)(rand_r(&state) % 50) / 10 - 1;
}

static bool same_group(struct query *query, const struct setup *setup, size_t a, size_t b)
{
    const struct labels *const *labels = setup->in.labels;
    return labels_equal(grouping_labels(&setup->grouping, labels[a], query->arena),
                        grouping_labels(&setup->grouping, labels[b], query->arena));
}

/* A point stays if fewer than k of its group stand before it. */
static struct test_matrix naive_limitk(struct query *query, const struct setup *setup)
{
    const struct test_matrix *in = &setup->in;
    struct test_matrix out = test_matrix_new(query, in->series_count, in->step_count);
    for (size_t i = 0; i < in->series_count; i++) {
        test_matrix_series(&out, in->labels[i]);
        for (size_t s = 0; s < in->step_count; s++) {
            size_t before = 0;
            for (size_t k = 0; k < i; k++)
                before +=
                    same_group(query, setup, k, i) && !value_is_stale(test_matrix_row(in, k)[s]);
            if ((double)before < floor(setup->params[s]))
                test_matrix_row(&out, i)[s] = test_matrix_row(in, i)[s];
        }
    }
    return out;
}

START_TEST(limitk_equals_the_naive_evaluator)
{
    for (unsigned seed = 1; seed <= 200; seed++) {
        struct test_query test;
        test_query_init(&test);
        struct setup setup;
        fill_setup(&test.query, &setup, seed);
        setup.params[0] = 2;
        struct test_matrix expected = naive_limitk(&test.query, &setup);
        struct op *child = test_matrix_op(&test.query, &setup.in, seed % 3 ? 1 : 7);
        struct op *param =
            op_test_rows_new(&test.query, &child->grid, no_labels, setup.params, 1, 1);
        test_matrix_check(&expected, op_limitk_new(&test.query, child, param, &setup.grouping),
                          seed / 4 % 3);
        test_query_done(&test);
    }
}
END_TEST

START_TEST(ratios_of_both_signs_share_the_series)
{
    for (unsigned seed = 1; seed <= 100; seed++) {
        struct test_query test;
        test_query_init(&test);
        struct query *query = &test.query;
        struct setup setup;
        fill_setup(query, &setup, seed);
        AUTO(buf_done) struct buf scratch = {0};
        struct test_matrix expected =
            test_matrix_new(query, setup.in.series_count, setup.in.step_count);
        for (size_t i = 0; i < setup.in.series_count; i++) {
            const struct labels *labels = setup.in.labels[i];
            double hash = (double)labels_prometheus_hash(query->symbols, labels, &scratch) / 0x1p64;
            test_matrix_series(&expected, labels);
            for (size_t s = 0; s < setup.in.step_count; s++) {
                double r = setup.params[s] / 4;
                bool taken = r > 0 ? hash < r : r < 0 && hash >= 1 + r;
                if (taken)
                    test_matrix_row(&expected, i)[s] = test_matrix_row(&setup.in, i)[s];
            }
        }
        for (size_t s = 0; s < 40; s++)
            setup.params[s] /= 4;
        struct op *child = test_matrix_op(query, &setup.in, seed % 3 ? 1 : 7);
        struct op *param = op_test_rows_new(query, &child->grid, no_labels, setup.params, 1, 1);
        test_matrix_check(&expected, op_limit_ratio_new(query, child, param, &setup.grouping, 0),
                          seed / 4 % 3);
        test_query_done(&test);
    }
}
END_TEST

static struct op *limit_of(struct test_query *test, bool by_ratio, const double *param)
{
    struct query *query = &test->query;
    struct grid grid = {0, 1000, 1};
    static const double one = 1;
    const struct labels **labels = arena_array(query->arena, const struct labels *, 1);
    labels[0] = TEST_LABELS(query, "a", "1");
    struct op *child = op_test_rows_new(query, &grid, labels, &one, 1, 1);
    struct op *params = op_test_rows_new(query, &grid, no_labels, param, 1, 1);
    struct grouping grouping = grouping_by(query, NULL, 0);
    return by_ratio ? op_limit_ratio_new(query, child, params, &grouping, 14)
                    : op_limitk_new(query, child, params, &grouping);
}

static void check_refused(bool by_ratio, double param, const char *message)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct op *op = limit_of(&test, by_ratio, &param);
    ck_assert(!op_open(op, &err));
    ck_assert_str_eq(err.msg, message);
    op_close(op);
    test_query_done(&test);
}

START_TEST(refuses_what_is_no_parameter)
{
    check_refused(true, NAN, "Ratio value is NaN");
    check_refused(false, 1e300, "Scalar value 1e+300 overflows int64");
}
END_TEST

START_TEST(cuts_ratios_and_says_so)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    const double ratio = -1.5;
    struct op *op = limit_of(&test, true, &ratio);
    ck_assert_msg(op_open(op, &err), "%s", err.msg);
    ck_assert_uint_eq(op->series_count, 1);
    op_close(op);
    test_annotation_check(&test.query, ANNOTATION_WARNING, 14,
                          "ratio value should be between -1 and 1, got -1.5, capping to -1");
    test_query_done(&test);
}
END_TEST

TEST_MAIN("limit", limitk_equals_the_naive_evaluator, ratios_of_both_signs_share_the_series,
          refuses_what_is_no_parameter, cuts_ratios_and_says_so)
