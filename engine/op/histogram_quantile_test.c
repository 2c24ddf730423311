#include "engine/op/histogram_quantile.h"

#include <math.h>
#include <string.h>

#include "base/float_text.h"
#include "base/test.h"
#include "engine/fn/test_buckets.h"
#include "engine/op/group.h"
#include "engine/op/test_matrix.h"
#include "model/test_histogram.h"

#define RAISES_TEXT \
    "input to histogram_quantile needed to be fixed for monotonicity (see " \
    "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile), "

#define PHI_BEGIN 19
#define VECTOR_BEGIN 24
#define SERIES_MAX 64

static struct op *phi_op(struct query *query, const double *steps, size_t step_count)
{
    static const struct labels *labels[] = {&labels_empty};
    return op_test_rows_new(query, &(struct grid){0, 1000, step_count}, labels, steps, 1, 1);
}

static struct op *quantile_op(struct query *query, const struct test_matrix *in, const double *phi,
                              size_t rows_per_batch)
{
    return op_histogram_quantile_new(query, test_matrix_op(query, in, rows_per_batch),
                                     phi_op(query, phi, in->step_count), PHI_BEGIN, VECTOR_BEGIN);
}

/* Buckets of a few histograms in any order, some of which lack one, or have it in two spellings. */
static struct test_matrix random_buckets(struct query *query, uint64_t *state, size_t step_count)
{
    static const char *const les[] = {"0.1", "1", "1.0",  "1e0", "2.5", "+Inf", "Inf",
                                      "-1",  "0", "-0.0", "",    "bad", "10",   "1e999"};
    static const char *const names[] = {"m", "n", ""};
    struct test_matrix in = test_matrix_new(query, SERIES_MAX, step_count);
    size_t count = test_random(state) % (SERIES_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        size_t before = in.series_count;
        const char *le = les[test_random(state) % ARRAY_COUNT(les)];
        const char *name = names[test_random(state) % 2];
        const char *job = names[test_random(state) % ARRAY_COUNT(names)];
        size_t at =
            test_matrix_series(&in, TEST_LABELS(query, "__name__", name, "job", job, "le", le));
        if (at < before)
            continue;
        double level = test_random(state) % 9;
        for (size_t s = 0; s < step_count; s++)
            test_matrix_row(&in, at)[s] = test_bucket_count(state, &level);
    }
    return in;
}

/* In order of labels; equal ones, which differed in their name, as they stand. */
static void sort_rows(struct query *query, struct test_matrix *matrix)
{
    size_t steps = matrix->step_count;
    for (size_t i = 1; i < matrix->series_count; i++)
        for (size_t k = i;
             k > 0 && labels_cmp(query->symbols, matrix->labels[k - 1], matrix->labels[k]) > 0;
             k--) {
            const struct labels *labels = matrix->labels[k];
            matrix->labels[k] = matrix->labels[k - 1];
            matrix->labels[k - 1] = labels;
            for (size_t s = 0; s < steps; s++) {
                double v = test_matrix_row(matrix, k)[s];
                test_matrix_row(matrix, k)[s] = test_matrix_row(matrix, k - 1)[s];
                test_matrix_row(matrix, k - 1)[s] = v;
            }
        }
}

/* The quantiles of all histograms. */
static struct test_matrix naive_quantiles(struct query *query, const struct test_matrix *in,
                                          const double *phi)
{
    struct grouping grouping = grouping_except(query, SYM_LE);
    struct test_matrix out = test_matrix_new(query, in->series_count, in->step_count);
    size_t *group = arena_array(query->arena, size_t, in->series_count);
    for (size_t i = 0; i < in->series_count; i++)
        /* With one step the operator below has no series without a point. */
        group[i] =
            in->step_count == 1 && value_is_stale(in->values[i])
                ? SIZE_MAX
                : test_matrix_series(&out, grouping_labels(&grouping, in->labels[i], query->arena));

    for (size_t g = 0; g < out.series_count; g++) {
        for (size_t s = 0; s < in->step_count; s++) {
            struct bucket buckets[SERIES_MAX];
            size_t count = 0, raised;
            for (size_t i = 0; i < in->series_count; i++) {
                double v = test_matrix_row(in, i)[s], bound;
                bool range;
                struct str le = symbols_get(query->symbols, labels_get(in->labels[i], SYM_LE));
                if (group[i] == g && !value_is_stale(v) && float_parse(le, &bound, &range))
                    buckets[count++] = (struct bucket){bound, v};
            }
            if (count > 0)
                test_matrix_row(&out, g)[s] = test_bucket_quantile(phi[s], buckets, count, &raised);
        }
        out.labels[g] = labels_drop_name(out.labels[g], query->arena);
    }
    sort_rows(query, &out);
    return out;
}

static void check_random(unsigned seed)
{
    static const size_t step_counts[] = {1, 2, 8, 9, 131};
    static const size_t batches[] = {1, 3, 64};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    uint64_t state = seed;
    size_t step_count = step_counts[seed % 5];
    double *phi = arena_array(query->arena, double, step_count);
    for (size_t s = 0; s < step_count; s++)
        phi[s] = s > 0 && test_random(&state) % 4 ? phi[s - 1] : test_phi(&state);

    struct test_matrix in = random_buckets(query, &state, step_count);
    struct test_matrix expected = naive_quantiles(query, &in, phi);
    test_matrix_check(&expected, quantile_op(query, &in, phi, batches[seed % 3]), seed % 4);
    test_query_done(&test);
}

START_TEST(equals_the_naive_evaluator)
{
    for (unsigned seed = 1; seed <= 600; seed++)
        check_random(seed);
}
END_TEST

struct le_row {
    const char *le;
    double values[6];
};

/* One histogram whose quantiles are of no interest here, but what is said of it. */
static void tell(struct query *query, const struct le_row *rows, size_t row_count, size_t steps,
                 const double *phi)
{
    struct test_matrix in = test_matrix_new(query, row_count, steps);
    for (size_t i = 0; i < row_count; i++) {
        size_t at =
            test_matrix_series(&in, TEST_LABELS(query, "__name__", "m_bucket", "le", rows[i].le));
        memcpy(test_matrix_row(&in, at), rows[i].values, steps * sizeof(double));
    }
    struct test_matrix expected = naive_quantiles(query, &in, phi);
    test_matrix_check(&expected, quantile_op(query, &in, phi, 2), 0);
}

START_TEST(warns_of_le_where_the_series_has_a_point)
{
    const struct le_row rows[] = {
        {"1", {1, 1}},
        {"no \"number\"", {MISSING, 2}},
        {"1e999", {MISSING, MISSING}},
        {"+Inf", {3, 3}},
    };
    struct test_query test;
    test_query_init(&test);
    tell(&test.query, rows, 4, 2, (const double[]){0.5, 0.5});
    test_annotation_check(&test.query, ANNOTATION_WARNING, VECTOR_BEGIN,
                          "bucket label \"le\" is missing or has a malformed value of "
                          "\"no \\\"number\\\"\"");
    test_query_done(&test);
}
END_TEST

START_TEST(warns_of_le_once_each_text)
{
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct test_matrix in = test_matrix_new(query, 3, 1);
    for (size_t i = 0; i < 3; i++) {
        const char *job = (const char *const[]){"a", "b", "c"}[i];
        test_matrix_row(&in, test_matrix_series(&in, TEST_LABELS(query, "job", job)))[0] = 1;
    }
    struct test_matrix expected = test_matrix_new(query, 0, 1);
    test_matrix_check(&expected, quantile_op(query, &in, (const double[]){0.5}, 2), 0);
    test_annotation_check(query, ANNOTATION_WARNING, VECTOR_BEGIN,
                          "bucket label \"le\" is missing or has a malformed value of \"\"");
    test_query_done(&test);
}
END_TEST

START_TEST(warns_of_phi_even_without_buckets)
{
    struct test_query test;
    test_query_init(&test);
    tell(&test.query, NULL, 0, 6, (const double[]){0, 1.5, 1.5, -INFINITY, 1.5, NAN});
    const struct annotations *annotations = &test.query.annotations;
    ck_assert_uint_eq(annotations->count, 3);
    for (size_t i = 0; i < 3; i++) {
        const char *text =
            (const char *const[]){"quantile value should be between 0 and 1, got 1.5",
                                  "quantile value should be between 0 and 1, got -Inf",
                                  "quantile value should be between 0 and 1, got NaN"}[i];
        ck_assert(str_eq(annotations->items[i].text, str_of(text)));
        ck_assert_int_eq(annotations->items[i].level, ANNOTATION_WARNING);
        ck_assert_uint_eq(annotations->items[i].begin, PHI_BEGIN);
    }
    test_query_done(&test);
}
END_TEST

START_TEST(tells_once_of_all_raises)
{
    const struct le_row rows[] = {
        {"+Inf", {16, 18, 18, 18, 16.25, 18}},
        {"1000", {18, 18, 18, 18, 18, 18}},
        {"100", {8, 9.5, 8, 10, 8, 10}},
        {"10", {10, 10, 10, 10, 10, 10}},
        {"1", {4, 4, 4, 4, 4, 4}},
    };
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    /* Prometheus tells of 1, 2 * (1 + 1), 2 * (4 + 1), 2 * 10, 2 * (20 + 1), 2 * 42. */
    const double phis[] = {0.5, 0.5, 0.5, 0.5, 0.9, 0.5};
    tell(query, rows, 5, 6, phis);
    test_annotation_check(query, ANNOTATION_INFO, VECTOR_BEGIN,
                          RAISES_TEXT
                          "from buckets 100 to +Inf, with a max diff of 2, over 84 "
                          "samples from 1970-01-01T00:00:00Z to 1970-01-01T00:00:04Z");

    /* The same once more, from one step: one more sample. */
    tell(query, rows, 5, 1, phis);
    test_annotation_check(query, ANNOTATION_INFO, VECTOR_BEGIN,
                          RAISES_TEXT
                          "from buckets 100 to +Inf, with a max diff of 2, over 85 "
                          "samples from 1970-01-01T00:00:00Z to 1970-01-01T00:00:04Z");
    test_query_done(&test);
}
END_TEST

START_TEST(tells_of_no_raises_where_phi_is_no_quantile)
{
    const struct le_row rows[] = {{"1", {2, 2}}, {"2", {1, 1}}, {"+Inf", {3, MISSING}}};
    struct test_query test;
    test_query_init(&test);
    tell(&test.query, rows, 3, 2, (const double[]){2, 0.5});
    test_annotation_check(&test.query, ANNOTATION_WARNING, PHI_BEGIN,
                          "quantile value should be between 0 and 1, got 2");
    test_query_done(&test);
}
END_TEST

START_TEST(ends_when_memory_is_not_allowed)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    uint64_t state = 7;
    struct test_matrix in = random_buckets(query, &state, 1000);
    double *phi = arena_array(query->arena, double, 1000);
    budget_init(&query->budget, NULL, "--query.memory-limit", 20000);
    struct op *op = quantile_op(query, &in, phi, 4);

    ck_assert(op_open(op, &err));
    struct batch batch;
    ck_assert_int_eq(op_pull(op, &batch, &err), PULL_ERR);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    op_close(op);
    ck_assert_uint_eq(query->budget.used_bytes, 0);
    test_query_done(&test);
}
END_TEST

static const struct histogram native = {
    .count = 4, .sum = 5, .positive = {TEST_SPANS({1, 1}), TEST_COUNTS(4)}, /* (1,2] */
};

/* Classic buckets at steps 0 and 1, a native histogram at steps 1 and 2. */
static struct op *both_kinds(struct query *query)
{
    static const struct histogram *histograms[9] = {NULL};
    const struct labels **labels = arena_array(query->arena, const struct labels *, 3);
    labels[0] = TEST_LABELS(query, "__name__", "m", "le", "+Inf");
    labels[1] = TEST_LABELS(query, "__name__", "m", "le", "1");
    labels[2] = TEST_LABELS(query, "__name__", "m");
    double *values = arena_array(query->arena, double, 9);
    for (size_t i = 0; i < 9; i++)
        values[i] = i % 3 == 2 || i > 5 ? MISSING : i < 3 ? 4 : 0;
    histograms[7] = histograms[8] = &native;
    struct op *op = op_test_rows_new(query, &(struct grid){0, 1000, 3}, labels, values, 3, 1);
    op_test_rows_add(op, histograms);
    return op;
}

static void check_row(struct row_reader *rows, const double *wanted)
{
    struct err err = {0};
    double *row;
    ck_assert_msg(row_reader_next(rows, &row, &err) == PULL_BATCH, "%s", err.msg);
    ck_assert_ptr_null(rows->histograms);
    for (size_t s = 0; s < 3; s++)
        ck_assert_msg(test_same(row[s], wanted[s]), "step %zu: %.17g", s, row[s]);
}

START_TEST(a_step_with_both_kinds_has_no_quantile)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    const double phi[] = {0.5, 0.5, 0.5};
    struct op *op = op_histogram_quantile_new(&test.query, both_kinds(&test.query),
                                              phi_op(&test.query, phi, 3), PHI_BEGIN, VECTOR_BEGIN);
    ck_assert(op_open(op, &err));
    ck_assert_uint_eq(op->series_count, 1);
    struct row_reader rows = {.op = op};
    check_row(&rows, (const double[]){1, MISSING, 1.4142135623730949});
    op_close(op);
    test_annotation_check(&test.query, ANNOTATION_WARNING, VECTOR_BEGIN,
                          "vector contains a mix of classic and native histograms");
    test_query_done(&test);
}
END_TEST

START_TEST(fractions_are_of_both_kinds)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    const double lower[] = {0, 0, 0}, upper[] = {1, 1, 2};
    struct op *op = op_histogram_fraction_new(&test.query, both_kinds(&test.query),
                                              phi_op(&test.query, lower, 3),
                                              phi_op(&test.query, upper, 3), VECTOR_BEGIN);
    ck_assert(op_open(op, &err));
    struct row_reader rows = {.op = op};
    check_row(&rows, (const double[]){0, MISSING, 1});
    op_close(op);
    test_query_done(&test);
}
END_TEST

START_TEST(each_value_of_a_quantile_is_a_series)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    const double first[] = {1, 1, 1}, second[] = {0, 0.5, 0.5};
    struct op *phis[] = {phi_op(query, first, 3), phi_op(query, second, 3)};
    const size_t begins[] = {1, 2};
    struct op *op = op_histogram_quantiles_new(query, both_kinds(query), phis, begins, 2, STR("q"),
                                               VECTOR_BEGIN);
    ck_assert(op_open(op, &err));
    ck_assert_uint_eq(op->series_count, 3);
    ck_assert(labels_equal(op->labels[0], TEST_LABELS(query, "q", "0.0")));
    ck_assert(labels_equal(op->labels[1], TEST_LABELS(query, "q", "0.5")));
    ck_assert(labels_equal(op->labels[2], TEST_LABELS(query, "q", "1.0")));
    const uint32_t order[] = {1, 2, 0};
    ck_assert(op_arrange(op, order, 3, &err));
    struct row_reader rows = {.op = op};
    check_row(&rows, (const double[]){MISSING, MISSING, 1.4142135623730949});
    check_row(&rows, (const double[]){1, MISSING, 2});
    check_row(&rows, (const double[]){NAN, MISSING, MISSING});
    op_close(op);
    ck_assert_uint_eq(query->budget.used_bytes, 0);
    test_query_done(&test);
}
END_TEST

/* Floats of a series with an le are a bucket of its set, its histograms a row of its own. */
START_TEST(native_histograms_keep_le_over_several_steps)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    const struct labels *labels[] = {
        TEST_LABELS(query, "i", "1"),
        TEST_LABELS(query, "i", "1", "le", "+Inf"),
        TEST_LABELS(query, "i", "1", "le", "1"),
    };
    const double values[] = {MISSING, MISSING, MISSING, 4, 4, MISSING, 4, MISSING, MISSING};
    const struct histogram *histograms[] = {NULL, NULL, &native, NULL,   NULL,
                                            NULL, NULL, &native, &native};
    struct op *in = op_test_rows_new(query, &(struct grid){0, 1000, 3}, labels, values, 3, 3);
    op_test_rows_add(in, histograms);
    const double phi[] = {0.5, 0.5, 0};
    struct op *op =
        op_histogram_quantile_new(query, in, phi_op(query, phi, 3), PHI_BEGIN, VECTOR_BEGIN);
    ck_assert(op_open(op, &err));
    ck_assert_uint_eq(op->series_count, 2);
    ck_assert(labels_equal(op->labels[0], labels[0]));
    ck_assert(labels_equal(op->labels[1], labels[2]));
    struct row_reader rows = {.op = op};
    check_row(&rows, (const double[]){0.5, NAN, 1});
    check_row(&rows, (const double[]){MISSING, 1.4142135623730949, 1});
    op_close(op);
    ck_assert_uint_eq(query->annotations.count, 0);
    ck_assert_uint_eq(query->budget.used_bytes, 0);
    test_query_done(&test);
}
END_TEST

START_TEST(natives_come_first_at_one_step_and_keep_le)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    const struct labels *labels[] = {
        TEST_LABELS(query, "i", "1", "le", "1"),
        TEST_LABELS(query, "i", "1", "le", "+Inf"),
        TEST_LABELS(query, "i", "2", "le", "x"),
        TEST_LABELS(query, "i", "3"),
    };
    const double values[] = {1, 2, MISSING, MISSING};
    const struct histogram *histograms[] = {NULL, NULL, &native, &native};
    struct grid grid = {0, 1000, 1};
    struct op *in = op_test_rows_new(query, &grid, labels, values, 4, 4);
    op_test_rows_add(in, histograms);
    const double phi[] = {0.5};
    struct op *op =
        op_histogram_quantile_new(query, in, phi_op(query, phi, 1), PHI_BEGIN, VECTOR_BEGIN);
    ck_assert(op_open(op, &err));
    ck_assert_uint_eq(op->series_count, 3);
    ck_assert(labels_equal(op->labels[0], labels[2]));
    ck_assert(labels_equal(op->labels[1], labels[3]));
    ck_assert(labels_equal(op->labels[2], TEST_LABELS(query, "i", "1")));
    const uint32_t order[] = {2, 0};
    ck_assert(op_arrange(op, order, 2, &err));
    double *row;
    struct row_reader rows = {.op = op};
    ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_BATCH);
    ck_assert(test_same(*row, 1));
    ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_BATCH);
    ck_assert(test_same(*row, 1.4142135623730949));
    op_close(op);
    test_query_done(&test);
}
END_TEST

TEST_MAIN("histogram_quantile", equals_the_naive_evaluator,
          warns_of_le_where_the_series_has_a_point, warns_of_le_once_each_text,
          warns_of_phi_even_without_buckets, tells_once_of_all_raises,
          tells_of_no_raises_where_phi_is_no_quantile, ends_when_memory_is_not_allowed,
          a_step_with_both_kinds_has_no_quantile, fractions_are_of_both_kinds,
          each_value_of_a_quantile_is_a_series, native_histograms_keep_le_over_several_steps,
          natives_come_first_at_one_step_and_keep_le)
