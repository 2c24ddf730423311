#include "engine/op/group.h"

#include "base/test.h"
#include "engine/op/test_matrix.h"

static const struct labels **some_series(struct query *query)
{
    const struct labels **labels = arena_array(query->arena, const struct labels *, 5);
    labels[0] = TEST_LABELS(query, "__name__", "x", "job", "a", "pod", "1");
    labels[1] = TEST_LABELS(query, "__name__", "y", "job", "b", "pod", "1");
    labels[2] = TEST_LABELS(query, "__name__", "x", "job", "a", "pod", "2");
    labels[3] = TEST_LABELS(query, "__name__", "x", "pod", "2");
    labels[4] = TEST_LABELS(query, "__name__", "z", "job", "a", "pod", "1");
    return labels;
}

static struct op *some_op(struct query *query, struct err *err)
{
    static const double values[10];
    struct op *op =
        op_test_rows_new(query, &(struct grid){0, 1000, 2}, some_series(query), values, 5, 3);
    ck_assert(op_open(op, err));
    return op;
}

static void check_groups(const struct groups *groups, size_t count, const uint32_t *members)
{
    ck_assert_uint_eq(groups->count, count);
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(groups->members[i], members[i]);
}

START_TEST(by_names_groups_in_order_of_first_seen)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct op *op = some_op(&test.query, &err);
    struct str names[] = {STR("job"), STR("nowhere")};
    struct grouping grouping = grouping_by(&test.query, names, 2);
    struct groups groups;

    ck_assert(groups_init(&groups, &grouping, op, &err));
    check_groups(&groups, 3, (const uint32_t[]){0, 2, 4, 1, 3});
    ck_assert(labels_equal(groups.labels[0], TEST_LABELS(&test.query, "job", "a")));
    ck_assert(labels_equal(groups.labels[2], &labels_empty));
    ck_assert_uint_eq(groups_size(&groups, 0), 3);
    ck_assert_uint_eq(groups.of_series[3], 2);
    op_close(op);
    test_query_done(&test);
}
END_TEST

START_TEST(without_drops_the_metric_name_too)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct op *op = some_op(&test.query, &err);
    struct str names[] = {STR("pod")};
    struct grouping grouping = grouping_without(&test.query, names, 1);
    struct groups groups;

    ck_assert(groups_init(&groups, &grouping, op, &err));
    check_groups(&groups, 3, (const uint32_t[]){0, 2, 4, 1, 3});
    ck_assert(labels_equal(groups.labels[1], TEST_LABELS(&test.query, "job", "b")));
    op_close(op);
    test_query_done(&test);
}
END_TEST

START_TEST(except_keeps_the_metric_name)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct op *op = some_op(&test.query, &err);
    struct grouping grouping =
        grouping_except(&test.query, symbols_add(test.query.symbols, STR("pod")));
    struct groups groups;

    ck_assert(groups_init(&groups, &grouping, op, &err));
    check_groups(&groups, 4, (const uint32_t[]){0, 2, 1, 3, 4});
    ck_assert(
        labels_equal(groups.labels[3], TEST_LABELS(&test.query, "__name__", "z", "job", "a")));
    op_close(op);
    test_query_done(&test);
}
END_TEST

START_TEST(by_nothing_is_one_group_and_none_of_nothing)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct op *op = some_op(&test.query, &err);
    struct grouping grouping = grouping_by(&test.query, NULL, 0);
    struct groups groups;

    ck_assert(groups_init(&groups, &grouping, op, &err));
    check_groups(&groups, 1, (const uint32_t[]){0, 1, 2, 3, 4});
    ck_assert(labels_equal(groups.labels[0], &labels_empty));
    op->series_count = 0;
    ck_assert(groups_init(&groups, &grouping, op, &err));
    ck_assert_uint_eq(groups.count, 0);
    op_close(op);
    test_query_done(&test);
}
END_TEST

START_TEST(arranges_the_wanted_groups_members)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct op *op = some_op(&test.query, &err);
    struct str names[] = {STR("job")};
    struct grouping grouping = grouping_by(&test.query, names, 1);
    struct groups groups;
    ck_assert(groups_init(&groups, &grouping, op, &err));

    const uint32_t order[] = {1, 0};
    ck_assert(groups_arrange(&groups, op, order, 2, &err));
    ck_assert_uint_eq(op->order_count, 4);
    ck_assert_uint_eq(op->order[0], 1);
    ck_assert_uint_eq(op->order[1], 0);
    ck_assert_uint_eq(op->order[3], 4);
    ck_assert_uint_eq(groups_size_max(&groups, order, 2), 3);
    op_close(op);
    test_query_done(&test);
}
END_TEST

TEST_MAIN("group", by_names_groups_in_order_of_first_seen, without_drops_the_metric_name_too,
          except_keeps_the_metric_name, by_nothing_is_one_group_and_none_of_nothing,
          arranges_the_wanted_groups_members)
