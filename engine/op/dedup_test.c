#include "engine/op/dedup.h"

#include "base/test.h"
#include "engine/fn/test_random.h"
#include "engine/op/test_vectors.h"

#define SAME_LABELS "vector cannot contain metrics with the same labelset"

struct dedup_case {
    struct grid grid;
    struct test_matrix vector;
    enum dedup_mode mode;
};

static struct op *dedup_case_build(void *context, struct query *query, size_t rows_per_batch)
{
    const struct dedup_case *self = context;
    struct op *child = test_matrix_op(query, &self->vector, rows_per_batch);
    return op_dedup_new(query, child, self->mode);
}

static bool has_point(const struct test_matrix *vector, size_t series)
{
    for (size_t step = 0; step < vector->step_count; step++)
        if (!value_is_stale(test_vector_value(vector, series, step)))
            return true;
    return false;
}

static void naive_pair(struct test_expect *expect, const struct dedup_case *self, size_t a,
                       size_t b)
{
    const struct test_matrix *vector = &self->vector;
    if (!labels_equal(vector->labels[a], vector->labels[b]))
        return;
    if (self->mode == DEDUP_STRICT && has_point(vector, a) && has_point(vector, b))
        test_expect_error(expect, SAME_LABELS);
    for (size_t step = 0; step < vector->step_count; step++)
        if (!value_is_stale(test_vector_value(vector, a, step)) &&
            !value_is_stale(test_vector_value(vector, b, step)))
            test_expect_error(expect, SAME_LABELS);
}

static void naive_dedup(struct test_expect *expect, const struct dedup_case *self)
{
    const struct test_matrix *vector = &self->vector;
    for (size_t i = 0; i < vector->series_count; i++) {
        for (size_t k = 0; k < i; k++)
            naive_pair(expect, self, k, i);
        for (size_t step = 0; step < vector->step_count; step++)
            if (!value_is_stale(test_vector_value(vector, i, step)))
                test_expect_point(expect, vector->labels[i], step,
                                  test_vector_value(vector, i, step));
    }
}

/* Series without name; of those that are equal then, each in its own part of the steps, mostly. */
static size_t check_random(uint64_t seed, size_t steps)
{
    struct test_query test;
    test_query_init(&test);
    uint64_t state = seed;
    struct dedup_case self = {
        .grid = {0, 1000, steps},
        .vector = test_vector_random(&test.query, &state, steps, 2),
        .mode = test_random(&state) % 2 ? DEDUP_MERGE : DEDUP_STRICT,
    };
    self.vector.mix = test_random(&state) % 4;
    unsigned split = test_random(&state) % 2;
    for (size_t i = 0; i < self.vector.series_count; i++) {
        const struct labels *labels = self.vector.labels[i];
        bool first = symbols_get(test.query.symbols, labels_get(labels, SYM_NAME)).ptr[0] == 'm';
        self.vector.labels[i] = labels_drop_name(labels, test.query.arena);
        for (size_t step = 0; split && step < steps; step++)
            if (first == (step % 2 == 0) || (self.mode == DEDUP_STRICT && first))
                self.vector.values[i * steps + step] = value_stale();
    }
    struct test_expect expect;
    test_expect_init(&expect, &test.query);
    naive_dedup(&expect, &self);
    test_expect_check(&expect, dedup_case_build, &self, &state);
    test_query_done(&test);
    return expect.error_count > 0;
}

START_TEST(agrees_with_a_naive_evaluator)
{
    static const size_t steps[] = {1, 2, 7, 70};
    size_t failed = 0;
    for (uint64_t seed = 0; seed < 400; seed++)
        failed += check_random(seed, steps[seed % 4]);
    ck_assert_uint_gt(failed, 30);
    ck_assert_uint_lt(failed, 370);
}
END_TEST

START_TEST(stands_where_the_first_stood)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct grid grid = {0, 1000, 2};
    const struct labels *labels[] = {TEST_LABELS(query, "a", "2"), TEST_LABELS(query, "a", "1"),
                                     TEST_LABELS(query, "a", "2")};
    const double values[] = {1, MISSING, 2, 3, MISSING, 4};

    struct op *op =
        op_dedup_new(query, op_test_rows_new(query, &grid, labels, values, 3, 3), DEDUP_MERGE);
    ck_assert(op_open(op, &err));
    ck_assert_uint_eq(op->series_count, 2);
    ck_assert_ptr_eq(op->labels[0], labels[0]);
    struct batch batch;
    ck_assert_int_eq(op_pull(op, &batch, &err), PULL_BATCH);
    ck_assert(batch.values[0] == 1 && batch.values[1] == 4);
    ck_assert(batch.values[2] == 2 && batch.values[3] == 3);
    op_close(op);
    test_query_done(&test);
}
END_TEST

static const struct histogram one = {.count = 1};

/* Two series of one label set: floats at steps 0 and 1, histograms from step 1 on. */
static struct op *both_kinds(struct query *query, bool *drops_name)
{
    static const struct histogram *const histograms[] = {NULL, NULL, NULL, NULL, &one, &one};
    struct grid grid = {0, 1000, 3};
    const struct labels **labels = arena_array(query->arena, const struct labels *, 2);
    labels[0] = labels[1] = TEST_LABELS(query, "a", "1");
    double *values = arena_array(query->arena, double, 6);
    for (size_t i = 0; i < 6; i++)
        values[i] = i < 2 ? (double)i : MISSING;
    struct op *op = op_test_rows_new(query, &grid, labels, values, 2, 1);
    op_test_rows_add(op, histograms);
    op->drops_name = drops_name;
    return op;
}

static void check_kinds(enum dedup_mode mode, const char *kinds)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct op *op = op_dedup_new(&test.query, both_kinds(&test.query, NULL), mode);
    ck_assert(op_open(op, &err));
    struct row_reader rows = {.op = op};
    double *row;
    if (row_reader_next(&rows, &row, &err) == PULL_ERR) {
        ck_assert_str_eq(kinds, SAME_LABELS);
        ck_assert_str_eq(err.msg, SAME_LABELS);
    } else {
        for (size_t s = 0; s < 3; s++) {
            char kind = rows.histograms[s] ? 'h' : value_is_stale(row[s]) ? '_' : 'f';
            ck_assert_int_eq(kind, kinds[s]);
        }
    }
    op_close(op);
    test_query_done(&test);
}

START_TEST(a_float_and_a_histogram_may_meet_where_points_are_sorted)
{
    check_kinds(DEDUP_MERGE, SAME_LABELS);
    check_kinds(DEDUP_UNITE, "ff_");
    check_kinds(DEDUP_UNITE_WHOLE, "fhh");
}
END_TEST

START_TEST(the_first_point_decides_about_the_name)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    bool drops[] = {false, true};
    struct grid grid = {0, 1000, 3};
    const struct labels *labels[] = {TEST_LABELS(query, "a", "1"), TEST_LABELS(query, "a", "1")};
    const double values[] = {MISSING, 1, MISSING, 2, MISSING, 3};
    struct op *child = op_test_rows_new(query, &grid, labels, values, 2, 1);
    child->drops_name = drops;
    struct op *op = op_dedup_new(query, child, DEDUP_MERGE);
    ck_assert(op_open(op, &err));
    ck_assert_uint_eq(op->series_count, 1);
    ck_assert(op->drops_name[0]);
    struct row_reader rows = {.op = op};
    double *row;
    ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_BATCH);
    ck_assert(row[0] == 2 && row[1] == 1 && row[2] == 3);
    op_close(op);
    ck_assert_uint_eq(query->budget.used_bytes, 0);
    test_query_done(&test);
}
END_TEST

TEST_MAIN("dedup", agrees_with_a_naive_evaluator, stands_where_the_first_stood,
          a_float_and_a_histogram_may_meet_where_points_are_sorted,
          the_first_point_decides_about_the_name)
