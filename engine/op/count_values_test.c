#include "engine/op/count_values.h"

#include <math.h>
#include <string.h>

#include "base/float_text.h"
#include "base/test.h"
#include "engine/op/test_matrix.h"
#include "model/sample.h"

/* As Prometheus: the label is set on each series' labels, then they are grouped. */
static const struct labels *naive_labels(struct query *query, const struct labels *labels,
                                         const char *label, double value,
                                         const struct grouping *grouping)
{
    char text[FLOAT_TEXT_SIZE];
    struct str shown = {text, float_text_f(text, value)};
    AUTO(labels_builder_done) struct labels_builder builder = {0};
    labels_builder_reset(&builder, query->symbols, labels);
    labels_builder_set(&builder, symbols_add(query->symbols, str_of(label)),
                       symbols_add(query->symbols, shown));
    return grouping_labels(grouping, labels_builder_labels(&builder, query->arena), query->arena);
}

/* In the order of their labels. */
static struct test_matrix in_label_order(struct query *query, const struct test_matrix *matrix)
{
    size_t count = matrix->series_count, steps = matrix->step_count;
    struct test_matrix out = test_matrix_new(query, count, steps);
    for (size_t place = 0; place < count; place++) {
        for (size_t i = 0; i < count; i++) {
            size_t before = 0;
            for (size_t k = 0; k < count; k++)
                before += labels_cmp(query->symbols, matrix->labels[k], matrix->labels[i]) < 0;
            if (before != place)
                continue;
            size_t at = test_matrix_series(&out, matrix->labels[i]);
            memcpy(test_matrix_row(&out, at), test_matrix_row(matrix, i), steps * sizeof(double));
        }
    }
    return out;
}

static struct test_matrix naive_counts(struct query *query, const struct test_matrix *in,
                                       const char *label, const struct grouping *grouping)
{
    size_t steps = in->step_count;
    struct test_matrix out = test_matrix_new(query, in->series_count * steps, steps);
    for (size_t i = 0; i < in->series_count; i++) {
        for (size_t s = 0; s < steps; s++) {
            double v = test_matrix_row(in, i)[s];
            if (value_is_stale(v))
                continue;
            size_t at =
                test_matrix_series(&out, naive_labels(query, in->labels[i], label, v, grouping));
            double *count = &test_matrix_row(&out, at)[s];
            *count = value_is_stale(*count) ? 1 : *count + 1;
        }
    }
    return in_label_order(query, &out);
}

START_TEST(equals_the_naive_evaluator)
{
    static const char *const labels[] = {"value", "a", "c", "__name__"};
    for (unsigned seed = 1; seed <= 200; seed++) {
        struct test_query test;
        test_query_init(&test);
        struct query *query = &test.query;
        unsigned state = seed;
        struct test_matrix in =
            test_matrix_random(query, &state, seed % 25, seed % 3 ? 6 : 1, seed % 2);
        const char *label = labels[seed % 4];
        /* The parser's list; for `by` Prometheus adds the label to it. */
        struct str names[] = {STR("a"), STR("b"), str_of(label)};
        size_t count = seed / 4 % 3;
        bool without = seed / 12 % 2;
        struct grouping given =
            without ? grouping_without(query, names, count) : grouping_by(query, names, count);
        names[count] = str_of(label);
        struct grouping grouping = without ? given : grouping_by(query, names, count + 1);

        struct test_matrix expected = naive_counts(query, &in, label, &grouping);
        struct op *child = test_matrix_op(query, &in, seed % 2 ? 1 : 4);
        test_matrix_check(&expected, op_count_values_new(query, child, str_of(label), &given),
                          seed % 4);
        test_query_done(&test);
    }
}
END_TEST

START_TEST(without_may_drop_the_values_again)
{
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct test_matrix in = test_matrix_new(query, 3, 2);
    for (size_t i = 0; i < 3; i++) {
        const char text[] = {(char)('0' + i), '\0'};
        size_t at = test_matrix_series(&in, TEST_LABELS(query, "i", text, "job", "a"));
        test_matrix_row(&in, at)[0] = (double)i;
    }
    struct test_matrix expected = test_matrix_new(query, 1, 2);
    expected.values[test_matrix_series(&expected, TEST_LABELS(query, "job", "a"))] = 3;
    struct str names[] = {STR("v"), STR("i")};
    struct grouping grouping = grouping_without(query, names, 2);

    struct op *child = test_matrix_op(query, &in, 2);
    test_matrix_check(&expected, op_count_values_new(query, child, STR("v"), &grouping), 0);
    test_query_done(&test);
}
END_TEST

START_TEST(a_histogram_is_told_by_its_text)
{
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct test_matrix in = test_matrix_new(query, 1, 3);
    test_matrix_series(&in, TEST_LABELS(query, "i", "1"));
    memcpy(in.values, (double[]){2, 2, value_of_bits(value_bits(2) | 1)}, 3 * sizeof(double));
    in.mix = 2;
    struct test_matrix expected = test_matrix_new(query, 2, 3);
    test_matrix_series(&expected, TEST_LABELS(query, "v", "2.0000000000000004"));
    test_matrix_series(&expected, TEST_LABELS(query, "v", "{count:2, sum:0}"));
    memcpy(expected.values, (double[]){MISSING, MISSING, 1, 1, 1, MISSING}, 6 * sizeof(double));
    struct str names[] = {STR("v")};
    struct grouping grouping = grouping_by(query, names, 1);
    struct op *op = op_count_values_new(query, test_matrix_op(query, &in, 1), STR("v"), &grouping);

    struct err err = {0};
    ck_assert(op_open(op, &err));
    ck_assert_uint_eq(op->series_count, 2);
    struct row_reader rows = {.op = op};
    double *row;
    for (size_t i = 0; i < 2; i++) {
        ck_assert(labels_equal(op->labels[i], expected.labels[i]));
        ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_BATCH);
        for (size_t s = 0; s < 3; s++)
            ck_assert(test_same(row[s], expected.values[i * 3 + s]));
    }
    op_close(op);
    test_query_done(&test);
}
END_TEST

START_TEST(refuses_a_label_that_has_no_name)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct grouping grouping = grouping_by(query, NULL, 0);
    struct grid grid = {0, 1000, 2};
    struct op *child = op_test_rows_new(query, &grid, NULL, NULL, 0, 1);
    struct op *op = op_count_values_new(query, child, STR("a\xc5z"), &grouping);

    ck_assert(!op_open(op, &err));
    ck_assert_str_eq(err.msg, "invalid label name \"a\\xc5z\"");
    ck_assert_int_eq(err.kind, ERR_EXECUTION);
    op_close(op);
    test_query_done(&test);
}
END_TEST

TEST_MAIN("count_values", equals_the_naive_evaluator, without_may_drop_the_values_again,
          a_histogram_is_told_by_its_text, refuses_a_label_that_has_no_name)
