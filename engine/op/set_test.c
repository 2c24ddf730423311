#include "engine/op/set.h"

#include "base/test.h"
#include "engine/fn/test_random.h"
#include "engine/op/test_vectors.h"

struct set_case {
    struct grid grid;
    struct test_matrix left, right;
    struct vector_matching matching;
    enum binary_op op;
};

static struct op *set_case_build(void *context, struct query *query, size_t rows_per_batch)
{
    struct set_case *self = context;
    struct op *left = test_matrix_op(query, &self->left, rows_per_batch);
    struct op *right = test_matrix_op(query, &self->right, rows_per_batch);
    struct binary binary = {.op = self->op, .matching = &self->matching};
    return op_set_new(query, left, right, &binary);
}

/* The points of one side at whose step the other has (not) one with the same signature. */
static void naive_side(struct test_expect *expect, const struct set_case *self,
                       const struct test_matrix *side, const struct test_matrix *other, bool keep)
{
    const struct labels **mine = test_vector_signatures(side, expect->query, &self->matching);
    const struct labels **theirs = test_vector_signatures(other, expect->query, &self->matching);
    for (size_t i = 0; i < side->series_count; i++)
        for (size_t step = 0; step < side->step_count; step++) {
            bool there = false;
            for (size_t k = 0; k < other->series_count; k++)
                there = there || (!value_is_stale(test_vector_value(other, k, step)) &&
                                  labels_equal(mine[i], theirs[k]));
            double v = test_vector_value(side, i, step);
            if (!value_is_stale(v) && there == keep)
                test_expect_point(expect, side->labels[i], step, v);
        }
}

static void naive_set(struct test_expect *expect, const struct set_case *self)
{
    naive_side(expect, self, &self->left, &self->right, self->op == BINARY_AND);
    if (self->op != BINARY_OR)
        return;
    /* All of the left: those with a partner too. */
    naive_side(expect, self, &self->left, &self->right, true);
    naive_side(expect, self, &self->right, &self->left, false);
}

static void check_random(uint64_t seed, size_t steps)
{
    struct test_query test;
    test_query_init(&test);
    uint64_t state = seed;
    struct str listed[] = {str_of("a"), str_of("b"), str_of("c"), str_of("__name__")};
    struct set_case self = {
        .grid = {0, 1000, steps},
        .left = test_vector_random(&test.query, &state, steps, 2),
        .right = test_vector_random(&test.query, &state, steps, 2),
        .matching = {.card = CARD_MANY_TO_MANY,
                     .on = test_random(&state) % 2,
                     .labels = listed,
                     .label_count = test_random(&state) % 5},
        .op = BINARY_AND + test_random(&state) % 3,
    };
    self.left.mix = self.right.mix = test_random(&state) % 4;
    struct test_expect expect;
    test_expect_init(&expect, &test.query);
    naive_set(&expect, &self);
    test_expect_check(&expect, set_case_build, &self, &state);
    test_query_done(&test);
}

START_TEST(agrees_with_a_naive_evaluator)
{
    static const size_t steps[] = {1, 2, 7, 70};
    for (uint64_t seed = 0; seed < 400; seed++)
        check_random(seed, steps[seed % 4]);
}
END_TEST

START_TEST(one_step_keeps_prometheus_order)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct grid grid = {0, 1000, 1};
    const struct labels *left[] = {TEST_LABELS(query, "a", "2"), TEST_LABELS(query, "a", "1")};
    const struct labels *right[] = {TEST_LABELS(query, "a", "3"), TEST_LABELS(query, "a", "2")};
    const double values[] = {1, 2};
    struct vector_matching matching = {.card = CARD_MANY_TO_MANY};

    struct binary binary = {.op = BINARY_OR, .matching = &matching};
    struct op *op = op_set_new(query, op_test_rows_new(query, &grid, left, values, 2, 1),
                               op_test_rows_new(query, &grid, right, values, 2, 1), &binary);
    ck_assert(op_open(op, &err));
    ck_assert_uint_eq(op->series_count, 3);
    ck_assert_ptr_eq(op->labels[0], left[0]);
    ck_assert_ptr_eq(op->labels[1], left[1]);
    ck_assert_ptr_eq(op->labels[2], right[0]);
    op_close(op);
    test_query_done(&test);
}
END_TEST

TEST_MAIN("set", agrees_with_a_naive_evaluator, one_step_keeps_prometheus_order)
