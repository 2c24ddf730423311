#include "engine/op/aggregate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "engine/op/test_matrix.h"
#include "model/sample.h"

/* One group at one step, as Prometheus's engine keeps it. */
struct naive {
    bool seen, incremental;
    double value, mean, compensation, count;
};

static void naive_kahan(double v, double *sum, double *compensation)
{
    double total = *sum + v;
    if (isinf(total))
        *compensation = 0;
    else if (fabs(*sum) >= fabs(v))
        *compensation += (*sum - total) + v;
    else
        *compensation += (v - total) + *sum;
    *sum = total;
}

static void naive_first(struct naive *group, enum aggregate_op op, double v)
{
    *group = (struct naive){.seen = true, .value = v, .mean = v, .count = 1};
    if (op == AGGREGATE_stddev || op == AGGREGATE_stdvar)
        group->value = isnan(v) || isinf(v) ? NAN : 0;
    if (op == AGGREGATE_group)
        group->value = 1;
}

static void naive_avg(struct naive *group, double v)
{
    if (!group->incremental) {
        double sum = group->value, compensation = group->compensation;
        naive_kahan(v, &sum, &compensation);
        if (!isinf(sum)) {
            group->value = sum;
            group->compensation = compensation;
            return;
        }
        group->incremental = true;
        group->mean = group->value / (group->count - 1);
        group->compensation /= group->count - 1;
    }
    double share = (group->count - 1) / group->count;
    group->mean *= share;
    group->compensation *= share;
    naive_kahan(v / group->count, &group->mean, &group->compensation);
}

static void naive_next(struct naive *group, enum aggregate_op op, double v)
{
    group->count++;
    if (op == AGGREGATE_sum)
        naive_kahan(v, &group->value, &group->compensation);
    if (op == AGGREGATE_avg)
        naive_avg(group, v);
    if (op == AGGREGATE_max && (group->value < v || isnan(group->value)))
        group->value = v;
    if (op == AGGREGATE_min && (group->value > v || isnan(group->value)))
        group->value = v;
    if (op == AGGREGATE_stddev || op == AGGREGATE_stdvar) {
        double delta = v - group->mean;
        group->mean += delta / group->count;
        group->value += delta * (v - group->mean);
    }
}

static double naive_result(const struct naive *group, enum aggregate_op op)
{
    if (!group->seen)
        return MISSING;
    if (op == AGGREGATE_count)
        return group->count;
    if (op == AGGREGATE_sum)
        return group->value + group->compensation;
    if (op == AGGREGATE_avg && group->incremental)
        return group->mean + group->compensation;
    if (op == AGGREGATE_avg)
        return group->value / group->count + group->compensation / group->count;
    if (op == AGGREGATE_stdvar)
        return group->value / group->count;
    if (op == AGGREGATE_stddev)
        return sqrt(group->value / group->count);
    return group->value;
}

static struct test_matrix naive_aggregate(struct query *query, const struct test_matrix *in,
                                          enum aggregate_op op, const struct grouping *grouping)
{
    struct test_matrix out = test_matrix_new(query, in->series_count, in->step_count);
    struct naive *groups =
        arena_array(query->arena, struct naive, in->series_count * in->step_count);
    for (size_t i = 0; i < in->series_count; i++) {
        const struct labels *labels = grouping_labels(grouping, in->labels[i], query->arena);
        /* With one step the engine below has no series without a point. */
        if (in->step_count == 1 && value_is_stale(in->values[i]))
            continue;
        size_t at = test_matrix_series(&out, labels);
        for (size_t s = 0; s < in->step_count; s++) {
            double v = test_matrix_row(in, i)[s];
            struct naive *group = &groups[at * in->step_count + s];
            if (value_is_stale(v))
                continue;
            if (group->seen)
                naive_next(group, op, v);
            else
                naive_first(group, op, v);
        }
    }
    for (size_t i = 0; i < out.series_count * out.step_count; i++)
        out.values[i] = naive_result(&groups[i], op);
    return out;
}

static void check_random(enum aggregate_op op, unsigned seed)
{
    static const size_t step_counts[] = {1, 2, 7, 64, 131};
    static const size_t batches[] = {1, 3, 64};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    unsigned state = seed;
    size_t series = (size_t)rand_r(&state) % 40;
    struct test_matrix in =
        test_matrix_random(query, &state, series, step_counts[seed % 5], rand_r(&state) % 2);
    struct str names[] = {STR("a"), STR("b"), STR("c")};
    size_t name_count = (size_t)rand_r(&state) % 4;
    struct grouping grouping = rand_r(&state) % 2 ? grouping_by(query, names, name_count)
                                                  : grouping_without(query, names, name_count);

    struct test_matrix expected = naive_aggregate(query, &in, op, &grouping);
    struct op *child = test_matrix_op(query, &in, batches[seed % 3]);
    test_matrix_check(&expected, op_aggregate_new(query, child, op, &grouping, 0), seed % 4);
    test_query_done(&test);
}

START_TEST(equals_the_naive_evaluator)
{
    static const enum aggregate_op ops[] = {
        AGGREGATE_sum, AGGREGATE_avg,   AGGREGATE_count,  AGGREGATE_min,
        AGGREGATE_max, AGGREGATE_group, AGGREGATE_stddev, AGGREGATE_stdvar,
    };
    for (unsigned seed = 1; seed <= 60; seed++)
        for (size_t i = 0; i < ARRAY_COUNT(ops); i++)
            check_random(ops[i], seed);
}
END_TEST

/* A column of values into one group at two steps, the second one the other way round. */
static void check_column(enum aggregate_op op, const double *values, size_t count, double forward,
                         double backward)
{
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct test_matrix in = test_matrix_new(query, count, 2);
    for (size_t i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof text, "%zu", i);
        size_t at = test_matrix_series(&in, TEST_LABELS(query, "i", text));
        test_matrix_row(&in, at)[0] = values[i];
        test_matrix_row(&in, at)[1] = values[count - 1 - i];
    }
    struct test_matrix expected = test_matrix_new(query, 1, 2);
    test_matrix_series(&expected, &labels_empty);
    expected.values[0] = forward;
    expected.values[1] = backward;

    struct grouping grouping = grouping_by(query, NULL, 0);
    struct op *child = test_matrix_op(query, &in, 2);
    test_matrix_check(&expected, op_aggregate_new(query, child, op, &grouping, 0), 0);
    test_query_done(&test);
}

START_TEST(sums_keep_what_plain_addition_loses)
{
    check_column(AGGREGATE_sum, (const double[]){1, 1e100, 1, -1e100}, 4, 2, 2);
    check_column(AGGREGATE_sum, (const double[]){-0.0, MISSING}, 2, 0.0, 0.0);
    check_column(AGGREGATE_sum, (const double[]){INFINITY, 1, 2}, 3, INFINITY, INFINITY);
    check_column(AGGREGATE_sum, (const double[]){INFINITY, -INFINITY}, 2, NAN, NAN);
}
END_TEST

START_TEST(averages_what_would_overflow)
{
    check_column(AGGREGATE_avg, (const double[]){1e308, 1e308, 1e308}, 3, 1e308, 1e308);
    check_column(AGGREGATE_avg, (const double[]){-INFINITY, 1, 2}, 3, -INFINITY, -INFINITY);
    check_column(AGGREGATE_avg, (const double[]){INFINITY, -INFINITY, 2}, 3, NAN, NAN);
}
END_TEST

START_TEST(extremes_pass_over_nan)
{
    check_column(AGGREGATE_max, (const double[]){NAN, 1, 3, NAN}, 4, 3, 3);
    check_column(AGGREGATE_min, (const double[]){NAN, MISSING, 3, 1}, 4, 1, 1);
    check_column(AGGREGATE_max, (const double[]){NAN, MISSING}, 2, NAN, NAN);
    check_column(AGGREGATE_min, (const double[]){MISSING, MISSING}, 2, MISSING, MISSING);
}
END_TEST

START_TEST(variance_of_nan_or_infinity_is_nan)
{
    check_column(AGGREGATE_stdvar, (const double[]){1, 2, 3, 4}, 4, 1.25, 1.25);
    check_column(AGGREGATE_stddev, (const double[]){INFINITY, MISSING}, 2, NAN, NAN);
    check_column(AGGREGATE_stddev, (const double[]){1, INFINITY}, 2, NAN, NAN);
    check_column(AGGREGATE_stdvar, (const double[]){5, MISSING}, 2, 0, 0);
}
END_TEST

START_TEST(ends_when_memory_is_not_allowed)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    unsigned seed = 7;
    struct test_matrix in = test_matrix_random(query, &seed, 20, 1000, false);
    budget_init(&query->budget, NULL, "--query.memory-limit", 1000);
    struct grouping grouping = grouping_by(query, NULL, 0);
    struct op *op =
        op_aggregate_new(query, test_matrix_op(query, &in, 4), AGGREGATE_sum, &grouping, 0);

    ck_assert(op_open(op, &err));
    struct batch batch;
    ck_assert_int_eq(op_pull(op, &batch, &err), PULL_ERR);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    op_close(op);
    ck_assert_uint_eq(query->budget.used_bytes, 0);
    test_query_done(&test);
}
END_TEST

/* Points whose values are the counts of histograms: all of them, or some. */
static void check_histograms(enum aggregate_op op, unsigned seed, unsigned mix)
{
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    unsigned state = seed;
    struct test_matrix in = test_matrix_random(query, &state, 20, seed % 3 ? 7 : 2, false);
    struct str names[] = {STR("a")};
    struct grouping grouping = grouping_by(query, names, 1);
    struct test_matrix floats = in;
    bool ignores = op != AGGREGATE_sum && op != AGGREGATE_avg && op != AGGREGATE_count &&
                   op != AGGREGATE_group;
    if (ignores) {
        floats.values = arena_array(query->arena, double, in.series_count *in.step_count);
        for (size_t i = 0; i < in.series_count * in.step_count; i++)
            floats.values[i] = value_bits(in.values[i]) % mix == 0 ? MISSING : in.values[i];
    }
    struct test_matrix expected = naive_aggregate(query, &floats, op, &grouping);
    in.mix = mix;
    struct op *child = test_matrix_op(query, &in, seed % 2 ? 1 : 30);
    test_matrix_check(&expected, op_aggregate_new(query, child, op, &grouping, 7), seed % 4);
    if (ignores) {
        char text[60];
        snprintf(text, sizeof text, "ignored histogram in %s aggregation", aggregate_get(op)->name);
        test_annotation_check(query, ANNOTATION_INFO, 7, text);
    }
    test_query_done(&test);
}

START_TEST(histograms_add_up_as_floats_do)
{
    for (unsigned seed = 1; seed <= 30; seed++) {
        check_histograms(AGGREGATE_sum, seed, 1);
        check_histograms(AGGREGATE_avg, seed, 1);
    }
}
END_TEST

START_TEST(histograms_are_counted_or_passed_over)
{
    for (unsigned seed = 1; seed <= 30; seed++) {
        check_histograms(AGGREGATE_count, seed, 2);
        check_histograms(AGGREGATE_group, seed, 2);
        check_histograms(AGGREGATE_max, seed, 2);
        check_histograms(AGGREGATE_stdvar, seed, 2);
    }
}
END_TEST

START_TEST(floats_and_histograms_have_no_sum)
{
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct test_matrix in = test_matrix_new(query, 2, 3);
    test_matrix_series(&in, TEST_LABELS(query, "i", "0"));
    test_matrix_series(&in, TEST_LABELS(query, "i", "1"));
    double odd = value_of_bits(value_bits(1) | 1);
    memcpy(in.values, (double[]){2, odd, MISSING, odd, odd, 4}, 6 * sizeof(double));
    in.mix = 2;
    struct test_matrix expected = test_matrix_new(query, 1, 3);
    test_matrix_series(&expected, &labels_empty);
    memcpy(expected.values, (double[]){MISSING, odd + odd, 4}, 3 * sizeof(double));

    struct grouping grouping = grouping_by(query, NULL, 0);
    struct op *child = test_matrix_op(query, &in, 1);
    test_matrix_check(&expected, op_aggregate_new(query, child, AGGREGATE_sum, &grouping, 4), 0);
    test_annotation_check(query, ANNOTATION_WARNING, 4,
                          "encountered a mix of histograms and floats for aggregation");
    test_query_done(&test);
}
END_TEST

TEST_MAIN("aggregate", equals_the_naive_evaluator, sums_keep_what_plain_addition_loses,
          averages_what_would_overflow, extremes_pass_over_nan, variance_of_nan_or_infinity_is_nan,
          ends_when_memory_is_not_allowed, histograms_add_up_as_floats_do,
          histograms_are_counted_or_passed_over, floats_and_histograms_have_no_sum)
