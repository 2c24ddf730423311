#include "engine/op/label_call.h"

#include "base/test.h"
#include "engine/op/test_matrix.h"

struct fixture {
    struct test_query test;
    struct test_matrix in;
    struct op *child;
};

static void fixture_init(struct fixture *fixture)
{
    test_query_init(&fixture->test);
    struct query *query = &fixture->test.query;
    fixture->in = test_matrix_new(query, 4, 2);
    test_matrix_series(&fixture->in, TEST_LABELS(query, "__name__", "up", "src", "source-10"));
    test_matrix_series(&fixture->in, TEST_LABELS(query, "__name__", "up", "src", "source-20"));
    test_matrix_series(&fixture->in,
                       TEST_LABELS(query, "__name__", "up", "src", "else", "dst", "x"));
    test_matrix_series(&fixture->in,
                       TEST_LABELS(query, "__name__", "up", "src", "source-10", "dst", "x"));
    for (size_t i = 0; i < 8; i++)
        fixture->in.values[i] = (double)i;
    fixture->child = test_matrix_op(query, &fixture->in, 3);
}

/* The rows are the child's; only their labels differ. */
static void check_labels(struct fixture *fixture, struct op *op, const struct labels **labels)
{
    struct test_matrix expected = fixture->in;
    expected.labels = labels;
    test_matrix_check(&expected, op, 5);
    test_query_done(&fixture->test);
}

START_TEST(replaces_where_the_whole_value_matches)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct query *query = &fixture.test.query;
    struct op *op = op_label_replace_new(query, fixture.child, STR("dst"), STR("value-$1"),
                                         STR("src"), STR("source-(.*)"));
    const struct labels *labels[] = {
        TEST_LABELS(query, "__name__", "up", "src", "source-10", "dst", "value-10"),
        TEST_LABELS(query, "__name__", "up", "src", "source-20", "dst", "value-20"),
        TEST_LABELS(query, "__name__", "up", "src", "else", "dst", "x"),
        TEST_LABELS(query, "__name__", "up", "src", "source-10", "dst", "value-10"),
    };
    check_labels(&fixture, op, labels);
}
END_TEST

START_TEST(an_empty_result_deletes_the_label)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct query *query = &fixture.test.query;
    struct op *op =
        op_label_replace_new(query, fixture.child, STR("dst"), STR(""), STR("dst"), STR(".*"));
    const struct labels *labels[] = {
        TEST_LABELS(query, "__name__", "up", "src", "source-10"),
        TEST_LABELS(query, "__name__", "up", "src", "source-20"),
        TEST_LABELS(query, "__name__", "up", "src", "else"),
        TEST_LABELS(query, "__name__", "up", "src", "source-10"),
    };
    check_labels(&fixture, op, labels);
}
END_TEST

START_TEST(a_missing_source_is_the_empty_text)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct query *query = &fixture.test.query;
    struct op *op =
        op_label_replace_new(query, fixture.child, STR("dst"), STR("none"), STR("dst"), STR(""));
    const struct labels *labels[] = {
        TEST_LABELS(query, "__name__", "up", "src", "source-10", "dst", "none"),
        TEST_LABELS(query, "__name__", "up", "src", "source-20", "dst", "none"),
        fixture.in.labels[2],
        fixture.in.labels[3],
    };
    check_labels(&fixture, op, labels);
}
END_TEST

START_TEST(joins_values_by_the_separator)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct query *query = &fixture.test.query;
    const struct str sources[] = {STR("src"), STR("dst"), STR("nowhere")};
    struct op *op = op_label_join_new(query, fixture.child, STR("dst"), STR("-"), sources, 3);
    const struct labels *labels[] = {
        TEST_LABELS(query, "__name__", "up", "src", "source-10", "dst", "source-10--"),
        TEST_LABELS(query, "__name__", "up", "src", "source-20", "dst", "source-20--"),
        TEST_LABELS(query, "__name__", "up", "src", "else", "dst", "else-x-"),
        TEST_LABELS(query, "__name__", "up", "src", "source-10", "dst", "source-10-x-"),
    };
    check_labels(&fixture, op, labels);
}
END_TEST

START_TEST(joining_nothing_deletes_the_label)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct query *query = &fixture.test.query;
    struct op *op = op_label_join_new(query, fixture.child, STR("__name__"), STR("-"), NULL, 0);
    const struct labels *labels[] = {
        TEST_LABELS(query, "src", "source-10"),
        TEST_LABELS(query, "src", "source-20"),
        TEST_LABELS(query, "src", "else", "dst", "x"),
        TEST_LABELS(query, "src", "source-10", "dst", "x"),
    };
    check_labels(&fixture, op, labels);
}
END_TEST

static void check_refused(struct fixture *fixture, struct op *op, const char *text)
{
    struct err err = {0};
    ck_assert(!op_open(op, &err));
    ck_assert_int_eq(err.kind, ERR_EXECUTION);
    ck_assert_str_eq(err.msg, text);
    op_close(op);
    test_query_done(&fixture->test);
}

START_TEST(says_what_is_wrong_with_label_replace)
{
    struct fixture fixture;
    fixture_init(&fixture);
    check_refused(&fixture,
                  op_label_replace_new(&fixture.test.query, fixture.child, STR("dst"), STR("a"),
                                       STR("src"), STR("(.*")),
                  "invalid regular expression in label_replace(): (.*");
    fixture_init(&fixture);
    check_refused(&fixture,
                  op_label_replace_new(&fixture.test.query, fixture.child, STR("\xff"), STR("a"),
                                       STR("src"), STR("(.*)")),
                  "invalid destination label name in label_replace(): \xff");
}
END_TEST

START_TEST(says_what_is_wrong_with_label_join)
{
    struct fixture fixture;
    const struct str sources[] = {STR("src"), STR("\xff")};
    fixture_init(&fixture);
    check_refused(
        &fixture,
        op_label_join_new(&fixture.test.query, fixture.child, STR(""), STR("-"), sources, 2),
        "invalid source label name in label_join(): \xff");
    fixture_init(&fixture);
    check_refused(
        &fixture,
        op_label_join_new(&fixture.test.query, fixture.child, STR(""), STR("-"), sources, 1),
        "invalid destination label name in label_join(): ");
}
END_TEST

static void check_too_long(struct fixture *fixture, struct op *op, const char *message)
{
    struct err err = {0};
    ck_assert(!op_open(op, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert_str_eq(err.msg, message);
    op_close(op);
    test_query_done(&fixture->test);
}

START_TEST(refuses_values_too_long_to_be_made)
{
    enum { ROUNDS = 30 }; /* of doubling */
    const struct str sources[] = {STR("src"), STR("src")};
    struct fixture fixture;
    fixture_init(&fixture);
    struct op *op = fixture.child;
    for (int i = 0; i < ROUNDS; i++)
        op = op_label_join_new(&fixture.test.query, op, STR("src"), STR(""), sources, 2);
    check_too_long(&fixture, op,
                   "label_join() would make a label value of more than 16777216 bytes");
    fixture_init(&fixture);
    op = fixture.child;
    for (int i = 0; i < ROUNDS; i++)
        op = op_label_replace_new(&fixture.test.query, op, STR("src"), STR("$1$1"), STR("src"),
                                  STR("(.*)"));
    check_too_long(&fixture, op,
                   "label_replace() would make a label value of more than 16777216 bytes");
}
END_TEST

TEST_MAIN("label_call", replaces_where_the_whole_value_matches, an_empty_result_deletes_the_label,
          a_missing_source_is_the_empty_text, joins_values_by_the_separator,
          joining_nothing_deletes_the_label, says_what_is_wrong_with_label_replace,
          says_what_is_wrong_with_label_join, refuses_values_too_long_to_be_made)
