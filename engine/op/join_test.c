#include "engine/op/join.h"

#include <stdio.h>
#include <string.h>

#include "base/test.h"
#include "engine/fn/arith.h"
#include "engine/fn/test_random.h"
#include "engine/op/join_fill.h"
#include "engine/op/test_vectors.h"
#include "model/test_histogram.h"

struct join_case {
    struct grid grid;
    struct test_matrix left, right;
    struct vector_matching matching;
    enum binary_op op;
    bool return_bool;
};

static struct op *join_case_build(void *context, struct query *query, size_t rows_per_batch)
{
    struct join_case *self = context;
    struct op *left = test_matrix_op(query, &self->left, rows_per_batch);
    struct op *right = test_matrix_op(query, &self->right, rows_per_batch);
    struct binary binary = {
        .op = self->op, .matching = &self->matching, .return_bool = self->return_bool};
    const struct fill_values *fill = &self->matching.fill;
    return fill->has_left || fill->has_right ? op_join_fill_new(query, left, right, &binary, 0)
                                             : op_join_new(query, left, right, &binary, 0);
}

/* The naive evaluator goes step by step, as Prometheus does, the sides exchanged for group_right.
 */
struct naive {
    const struct join_case *self;
    struct query *query;
    struct test_expect *expect;
    const struct test_matrix *many, *one;
    const struct labels **many_signatures, **one_signatures;
    size_t step;

    /* Results at this step, before filtering. */
    const struct labels *results[256];
    const struct labels *result_signatures[256];
    size_t result_count;
};

static const struct labels *naive_labels(const struct naive *naive, const struct labels *many,
                                         const struct labels *one)
{
    const struct join_case *self = naive->self;
    const struct vector_matching *matching = &self->matching;
    struct query *query = naive->query;
    struct labels_builder builder = {0};
    if (self->return_bool || !binary_op_is_comparison(self->op))
        many = labels_drop_name(many, query->arena);
    labels_builder_reset(&builder, query->symbols, many);
    for (size_t i = 0; matching->card == CARD_ONE_TO_ONE && i < many->count; i++) {
        bool listed = false;
        for (size_t k = 0; k < matching->label_count; k++)
            listed =
                listed || symbols_find(query->symbols, matching->labels[k]) == many->pairs[i].name;
        if (listed != matching->on)
            labels_builder_set(&builder, many->pairs[i].name, SYM_EMPTY);
    }
    for (size_t i = 0; i < matching->include_count; i++) {
        uint32_t name = symbols_add(query->symbols, matching->include[i]);
        labels_builder_set(&builder, name, labels_get(one, name));
    }
    const struct labels *made = labels_builder_labels(&builder, query->arena);
    labels_builder_done(&builder);
    return made;
}

static const char *naive_text(const struct naive *naive, const struct labels *labels)
{
    struct buf buf = {0};
    labels_print(naive->query->symbols, labels, &buf);
    const char *text = arena_text(naive->query->arena, buf_view(&buf));
    buf_done(&buf);
    return text;
}

static void naive_duplicate(const struct naive *naive, size_t a, size_t b)
{
    static char text[2000];
    const char *low = naive_text(naive, naive->one->labels[a]);
    const char *high = naive_text(naive, naive->one->labels[b]);
    bool swap = strcmp(low, high) > 0;
    snprintf(text, sizeof text,
             "found duplicate series for the match group %s on the %s hand-side of the operation: "
             "[%s, %s];many-to-many matching not allowed: matching labels must be unique on one "
             "side",
             naive_text(naive, naive->one_signatures[b]),
             naive->self->matching.card == CARD_ONE_TO_MANY ? "left" : "right", swap ? high : low,
             swap ? low : high);
    test_expect_error(naive->expect, text);
}

static bool naive_there(const struct test_matrix *vector, size_t series, size_t step)
{
    return !value_is_stale(test_vector_value(vector, series, step));
}

#define FILLED SIZE_MAX

/* Two that meet; one of them may be the fill value, with the labels by which they would meet. */
static void naive_result(struct naive *naive, size_t m, size_t o)
{
    const struct join_case *self = naive->self;
    bool to_one = self->matching.card == CARD_ONE_TO_ONE;
    const struct labels *signature =
        m == FILLED ? naive->one_signatures[o] : naive->many_signatures[m];
    const struct labels *labels =
        naive_labels(naive, m == FILLED ? signature : naive->many->labels[m],
                     o == FILLED ? signature : naive->one->labels[o]);
    for (size_t i = 0; i < naive->result_count; i++)
        if (labels_equal(naive->result_signatures[i], signature) &&
            (to_one || labels_equal(naive->results[i], labels)))
            test_expect_error(
                naive->expect,
                to_one ? "multiple matches for labels: many-to-one matching must be explicit "
                         "(group_left/group_right)"
                       : "multiple matches for labels: grouping labels must ensure unique matches");
    naive->results[naive->result_count] = labels;
    naive->result_signatures[naive->result_count++] = signature;

    double left =
        m == FILLED ? self->matching.fill.left : test_vector_value(naive->many, m, naive->step);
    double right =
        o == FILLED ? self->matching.fill.right : test_vector_value(naive->one, o, naive->step);
    if (self->matching.card == CARD_ONE_TO_MANY) {
        double other = left;
        left = right;
        right = other;
    }
    double v = arith_scalar(self->op, left, right);
    if (binary_op_is_comparison(self->op) && !self->return_bool) {
        if (v == 0)
            return;
        v = left;
    }
    test_expect_point(naive->expect, labels, naive->step, v);
}

static void naive_step(struct naive *naive)
{
    size_t step = naive->step;
    const struct fill_values *fill = &naive->self->matching.fill;
    bool any = fill->has_left || fill->has_right;
    for (size_t m = 0; m < naive->many->series_count; m++)
        any = any || naive_there(naive->many, m, step);
    for (size_t b = 0; any && b < naive->one->series_count; b++) {
        bool found = false;
        for (size_t a = 0; a < b && !found && naive_there(naive->one, b, step); a++) {
            found = naive_there(naive->one, a, step) &&
                    labels_equal(naive->one_signatures[a], naive->one_signatures[b]);
            if (found)
                naive_duplicate(naive, a, b);
        }
    }
    naive->result_count = 0;
    for (size_t m = 0; m < naive->many->series_count; m++) {
        bool found = !naive_there(naive->many, m, step);
        for (size_t o = 0; o < naive->one->series_count && !found; o++) {
            found = naive_there(naive->one, o, step) &&
                    labels_equal(naive->one_signatures[o], naive->many_signatures[m]);
            if (found)
                naive_result(naive, m, o);
        }
        if (!found && fill->has_right)
            naive_result(naive, m, FILLED);
    }
    for (size_t o = 0; fill->has_left && o < naive->one->series_count; o++) {
        bool found = !naive_there(naive->one, o, step);
        for (size_t i = 0; i < naive->result_count && !found; i++)
            found = labels_equal(naive->result_signatures[i], naive->one_signatures[o]);
        if (!found)
            naive_result(naive, FILLED, o);
    }
}

static void naive_join(struct test_expect *expect, const struct join_case *self)
{
    bool swapped = self->matching.card == CARD_ONE_TO_MANY;
    static struct naive naive;
    naive = (struct naive){
        .self = self,
        .query = expect->query,
        .expect = expect,
        .many = swapped ? &self->right : &self->left,
        .one = swapped ? &self->left : &self->right,
    };
    naive.many_signatures = test_vector_signatures(naive.many, naive.query, &self->matching);
    naive.one_signatures = test_vector_signatures(naive.one, naive.query, &self->matching);
    for (; naive.step < self->grid.count; naive.step++)
        naive_step(&naive);
}

/* Makes most duplicates of one side meet at different steps. */
static void spread(struct test_matrix *vector, uint64_t *state)
{
    for (size_t i = 0; i < vector->series_count; i++)
        for (size_t step = 0; step < vector->step_count; step++)
            if (step % 7 != i % 7 && test_random(state) % 1000 != 0)
                vector->values[i * vector->step_count + step] = value_stale();
}

static size_t check_random(uint64_t seed, size_t steps)
{
    struct test_query test;
    test_query_init(&test);
    uint64_t state = seed;
    struct str listed[] = {str_of("a"), str_of("b"), str_of("c"), str_of("__name__")};
    struct str include[] = {str_of("b"), str_of("c"), str_of("d")};
    struct join_case self = {
        .grid = {0, 1000, steps},
        .left = test_vector_random(&test.query, &state, steps, 1 + seed % 2),
        .right = test_vector_random(&test.query, &state, steps, 1 + seed % 2),
        .matching = {.card = (enum match_card)(test_random(&state) % 3),
                     .on = test_random(&state) % 2,
                     .labels = listed,
                     .label_count = test_random(&state) % 5,
                     .include = include},
        .op = (enum binary_op)(test_random(&state) % (BINARY_GTE + 1)),
    };
    if (self.matching.card != CARD_ONE_TO_ONE)
        self.matching.include_count = test_random(&state) % 4;
    self.return_bool = binary_op_is_comparison(self.op) && test_random(&state) % 2;
    if (test_random(&state) % 4)
        spread(&self.left, &state);
    if (test_random(&state) % 4)
        spread(&self.right, &state);

    if (test_random(&state) % 3 == 0)
        self.matching.fill = (struct fill_values){
            .has_left = true, .has_right = test_random(&state) % 2, .left = 1, .right = 2};
    else if (test_random(&state) % 3 == 0)
        self.matching.fill = (struct fill_values){.has_right = true, .right = 3};

    struct test_expect expect;
    test_expect_init(&expect, &test.query);
    naive_join(&expect, &self);
    test_expect_check(&expect, join_case_build, &self, &state);
    test_query_done(&test);
    return expect.error_count > 0;
}

START_TEST(agrees_with_a_naive_evaluator)
{
    static const size_t steps[] = {1, 2, 7, 70};
    size_t failed = 0;
    for (uint64_t seed = 0; seed < 1200; seed++)
        failed += check_random(seed, steps[seed % 4]);
    ck_assert_uint_gt(failed, 200);
    ck_assert_uint_lt(failed, 1000);
}
END_TEST

/* A join of two vectors given as labels and values; what it says. */
struct hand {
    struct test_query test;
    struct grid grid;
    struct vector_matching matching;
    struct err err;
};

static bool hand_run(struct hand *hand, struct op *left, struct op *right, enum binary_op op)
{
    struct binary binary = {.op = op, .matching = &hand->matching};
    struct op *join = op_join_new(&hand->test.query, left, right, &binary, 0);
    struct batch batch;
    bool ok = op_open(join, &hand->err);
    enum pull got = PULL_BATCH;
    while (ok && got == PULL_BATCH)
        got = op_pull(join, &batch, &hand->err);
    op_close(join);
    return ok && got == PULL_END;
}

START_TEST(names_duplicates_of_the_right_side)
{
    struct hand hand = {.grid = {0, 1000, 2}, .matching = {.card = CARD_ONE_TO_ONE, .on = true}};
    test_query_init(&hand.test);
    struct query *query = &hand.test.query;
    hand.matching.labels = &(struct str){"job", 3};
    hand.matching.label_count = 1;
    const struct labels *left[] = {TEST_LABELS(query, "job", "other")};
    const struct labels *right[] = {
        TEST_LABELS(query, "__name__", "up", "job", "x", "pod", "2"),
        TEST_LABELS(query, "__name__", "up", "job", "x", "pod", "1"),
    };
    const double apart[] = {1, MISSING, MISSING, 1}, together[] = {MISSING, 1, MISSING, 1};
    const double late[] = {MISSING, 1}, early[] = {1, MISSING};

    ck_assert(hand_run(&hand, op_test_rows_new(query, &hand.grid, left, late, 1, 1),
                       op_test_rows_new(query, &hand.grid, right, apart, 2, 1), BINARY_ADD));
    ck_assert(hand_run(&hand, op_test_rows_new(query, &hand.grid, left, early, 1, 1),
                       op_test_rows_new(query, &hand.grid, right, together, 2, 1), BINARY_ADD));
    ck_assert(!hand_run(&hand, op_test_rows_new(query, &hand.grid, left, late, 1, 1),
                        op_test_rows_new(query, &hand.grid, right, together, 2, 1), BINARY_ADD));
    ck_assert_int_eq(hand.err.kind, ERR_EXECUTION);
    ck_assert_str_eq(hand.err.msg,
                     "found duplicate series for the match group {job=\"x\"} on the right "
                     "hand-side of the operation: [{__name__=\"up\", job=\"x\", pod=\"1\"}, "
                     "{__name__=\"up\", job=\"x\", pod=\"2\"}];many-to-many matching not allowed: "
                     "matching labels must be unique on one side");
    test_query_done(&hand.test);
}
END_TEST

START_TEST(one_step_names_the_duplicate_that_comes_first)
{
    struct hand hand = {.grid = {0, 1000, 1}, .matching = {.card = CARD_ONE_TO_MANY, .on = true}};
    test_query_init(&hand.test);
    struct query *query = &hand.test.query;
    hand.matching.labels = &(struct str){"a", 1};
    hand.matching.label_count = 1;
    const struct labels *left[] = {
        TEST_LABELS(query, "a", "1", "b", "1"), TEST_LABELS(query, "a", "2", "b", "2"),
        TEST_LABELS(query, "a", "2", "b", "1"), TEST_LABELS(query, "a", "1", "b", "2")};
    const struct labels *right[] = {TEST_LABELS(query, "a", "1")};
    const double values[] = {1, 1, 1, 1};

    ck_assert(!hand_run(&hand, op_test_rows_new(query, &hand.grid, left, values, 4, 1),
                        op_test_rows_new(query, &hand.grid, right, values, 1, 1), BINARY_ADD));
    ck_assert_str_eq(hand.err.msg,
                     "found duplicate series for the match group {a=\"2\"} on the left hand-side "
                     "of the operation: [{a=\"2\", b=\"1\"}, {a=\"2\", b=\"2\"}];many-to-many "
                     "matching not allowed: matching labels must be unique on one side");
    test_query_done(&hand.test);
}
END_TEST

START_TEST(asks_for_explicit_grouping_even_where_nothing_is_kept)
{
    struct hand hand = {.grid = {0, 1000, 1}, .matching = {.card = CARD_ONE_TO_ONE, .on = true}};
    test_query_init(&hand.test);
    struct query *query = &hand.test.query;
    const struct labels *left[] = {TEST_LABELS(query, "pod", "1"), TEST_LABELS(query, "pod", "2")};
    const struct labels *right[] = {TEST_LABELS(query, "pod", "3")};
    const double values[] = {1, 1, 1};

    ck_assert(!hand_run(&hand, op_test_rows_new(query, &hand.grid, left, values, 2, 1),
                        op_test_rows_new(query, &hand.grid, right, values, 1, 1), BINARY_GTR));
    ck_assert_str_eq(hand.err.msg,
                     "multiple matches for labels: many-to-one matching must be "
                     "explicit (group_left/group_right)");

    hand.matching.card = CARD_MANY_TO_ONE;
    ck_assert(hand_run(&hand, op_test_rows_new(query, &hand.grid, left, values, 2, 1),
                       op_test_rows_new(query, &hand.grid, right, values, 1, 1), BINARY_GTR));
    hand.matching.include = &(struct str){"pod", 3};
    hand.matching.include_count = 1;
    ck_assert(!hand_run(&hand, op_test_rows_new(query, &hand.grid, left, values, 2, 1),
                        op_test_rows_new(query, &hand.grid, right, values, 1, 1), BINARY_GTR));
    ck_assert_str_eq(hand.err.msg,
                     "multiple matches for labels: grouping labels must ensure unique matches");
    test_query_done(&hand.test);
}
END_TEST

START_TEST(holds_nothing_where_the_orders_agree)
{
    struct hand hand = {.grid = {0, 1000, 9000}, .matching = {.card = CARD_ONE_TO_ONE}};
    test_query_init(&hand.test);
    struct query *query = &hand.test.query;
    static double values[3 * 9000];
    const struct labels *left[] = {TEST_LABELS(query, "a", "1"), TEST_LABELS(query, "a", "2"),
                                   TEST_LABELS(query, "a", "3")};
    const struct labels *right[] = {left[2], left[1], left[0]};

    ck_assert(hand_run(&hand, op_test_rows_new(query, &hand.grid, left, values, 3, 1),
                       op_test_rows_new(query, &hand.grid, right, values, 3, 1), BINARY_ADD));
    /* The batch that it hands out, and no row beside it. */
    ck_assert_uint_eq(query->budget.peak_bytes, 16384 * sizeof(double));
    test_query_done(&hand.test);
}
END_TEST

static const struct histogram histogram_a = {
    .count = 6, .sum = 9, .positive = {TEST_SPANS({0, 2}), TEST_COUNTS(2, 4)}};
static const struct histogram histogram_b = {.hint = HISTOGRAM_RESET,
                                             .count = 1,
                                             .sum = 1,
                                             .positive = {TEST_SPANS({1, 1}), TEST_COUNTS(1)}};
static const struct histogram histogram_c = {.hint = HISTOGRAM_NOT_RESET, .count = 1, .sum = 1};
static const struct histogram histogram_custom = {TEST_BOUNDS(1, 2), .count = 1,
                                                  .positive = {TEST_SPANS({0, 1}), TEST_COUNTS(1)}};

/* One point on each side; a float is 2, or 3 on the right. */
static void check_points(enum binary_op what, const struct histogram *left,
                         const struct histogram *right, const char *result, const char *note)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct grid grid = {0, 1000, 2};
    const struct labels *labels[] = {TEST_LABELS(query, "a", "1")};
    const double lefts[] = {left ? MISSING : 2, MISSING}, rights[] = {right ? MISSING : 3, MISSING};
    const struct histogram *left_row[] = {left, NULL}, *right_row[] = {right, NULL};
    struct op *sides[] = {op_test_rows_new(query, &grid, labels, lefts, 1, 1),
                          op_test_rows_new(query, &grid, labels, rights, 1, 1)};
    op_test_rows_add(sides[0], left_row);
    op_test_rows_add(sides[1], right_row);
    struct vector_matching matching = {.card = CARD_ONE_TO_ONE};
    struct binary binary = {.op = what, .matching = &matching};
    struct op *op = op_join_new(query, sides[0], sides[1], &binary, 9);
    ck_assert(op_open(op, &err));
    struct row_reader rows = {.op = op};
    double *row;
    ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_BATCH);
    const struct histogram *made = rows.histograms ? rows.histograms[0] : NULL;
    ck_assert(value_is_stale(row[0]) && value_is_stale(row[1]));
    ck_assert(!rows.histograms || !rows.histograms[1]);
    ck_assert(!made == !result);
    if (result)
        test_histogram_text(made, result);
    ck_assert_uint_eq(query->annotations.count, note ? 1 : 0);
    if (note) {
        ck_assert_str_eq(arena_text(query->arena, query->annotations.items[0].text), note);
        ck_assert_uint_eq(query->annotations.items[0].begin, 9);
    }
    op_close(op);
    test_query_done(&test);
}

#define TYPES_TEXT "incompatible sample types encountered for binary operator "

START_TEST(histograms_meet_as_their_operators_say)
{
    const struct histogram *a = &histogram_a, *b = &histogram_b, *c = &histogram_c;
    check_points(BINARY_ADD, a, b, "{count:7, sum:10, (0.5,1]:2, (1,2]:5}", NULL);
    check_points(BINARY_SUB, a, b, "{count:5, sum:8, (0.5,1]:2, (1,2]:3}", NULL);
    check_points(BINARY_MUL, NULL, b, "{count:2, sum:2, (1,2]:2}", NULL);
    check_points(BINARY_MUL, b, NULL, "{count:3, sum:3, (1,2]:3}", NULL);
    check_points(BINARY_EQL, a, a, "{count:6, sum:9, (0.5,1]:2, (1,2]:4}", NULL);
    check_points(BINARY_NEQ, a, a, NULL, NULL);
    check_points(BINARY_TRIM_LOWER, a, NULL, "{count:0, sum:0}", NULL);
    check_points(BINARY_DIV, NULL, b, NULL, TYPES_TEXT "\"/\": float / histogram");
    check_points(BINARY_GTR, b, NULL, NULL, TYPES_TEXT "\">\": histogram > float");
    check_points(BINARY_POW, b, c, NULL, TYPES_TEXT "\"^\": histogram ^ histogram");
    check_points(BINARY_TRIM_UPPER, NULL, NULL, NULL, TYPES_TEXT "\"</\": float </ float");
    check_points(BINARY_ADD, a, &histogram_custom, NULL,
                 "incompatible bucket layout encountered for binary operator +");
    check_points(BINARY_ADD, b, c, NULL, "conflicting counter resets during histogram addition");
}
END_TEST

TEST_MAIN("join", agrees_with_a_naive_evaluator, names_duplicates_of_the_right_side,
          one_step_names_the_duplicate_that_comes_first,
          asks_for_explicit_grouping_even_where_nothing_is_kept,
          holds_nothing_where_the_orders_agree, histograms_meet_as_their_operators_say)
