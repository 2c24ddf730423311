#include "engine/op/names.h"

#include "base/test.h"
#include "engine/op/aggregate.h"
#include "engine/op/dedup.h"
#include "engine/op/group.h"
#include "engine/op/label_call.h"
#include "engine/op/map.h"
#include "engine/op/set.h"
#include "engine/op/test_matrix.h"

/* Two series, m and n, each with a point at both steps. */
static struct op *two_names(struct query *query)
{
    static const double values[] = {1, 2, 3, 4};
    const struct labels **labels = arena_array(query->arena, const struct labels *, 2);
    labels[0] = TEST_LABELS(query, "__name__", "m", "__unit__", "s", "a", "1");
    labels[1] = TEST_LABELS(query, "__name__", "n", "a", "2");
    return op_test_rows_new(query, &(struct grid){0, 1000, 2}, labels, values, 2, 1);
}

static struct op *negated(struct query *query)
{
    struct map_stage stage = map_stage_negate();
    return op_map_new(query, two_names(query), &stage);
}

static void opens(struct op *op, size_t series_count)
{
    struct err err = {0};
    ck_assert_msg(op_open(op, &err), "%s", err.msg);
    ck_assert_uint_eq(op->series_count, series_count);
}

START_TEST(names_go_at_once_or_in_the_end)
{
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct op *op = negated(query);
    opens(op, 2);
    ck_assert(labels_equal(op->labels[0], TEST_LABELS(query, "a", "1")));
    ck_assert_ptr_null(op->drops_name);
    op_close(op);

    query->modes.delayed_names = true;
    struct op *below = negated(query);
    op = op_drop_names_new(query, below);
    opens(op, 2);
    ck_assert_uint_ne(labels_get(below->labels[0], SYM_NAME), SYM_EMPTY);
    ck_assert(below->drops_name[0] && below->drops_name[1]);
    ck_assert(labels_equal(op->labels[0], TEST_LABELS(query, "a", "1")));
    op_close(op);
    test_query_done(&test);
}
END_TEST

START_TEST(a_name_that_is_set_anew_stays)
{
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    query->modes.delayed_names = true;
    struct op *op = op_label_replace_new(query, negated(query), STR("__name__"), STR("new"),
                                         STR("a"), STR("1"));
    op = op_drop_names_new(query, op);
    opens(op, 2);
    ck_assert(labels_equal(op->labels[0],
                           TEST_LABELS(query, "__name__", "new", "__unit__", "s", "a", "1")));
    ck_assert(labels_equal(op->labels[1], TEST_LABELS(query, "a", "2")));
    op_close(op);
    test_query_done(&test);
}
END_TEST

START_TEST(each_side_of_or_remembers_its_own)
{
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    query->modes.delayed_names = true;
    struct vector_matching matching = {.card = CARD_MANY_TO_MANY};
    struct binary binary = {.op = BINARY_OR, .matching = &matching};
    struct op *op = op_set_new(query, two_names(query), negated(query), &binary);
    opens(op, 4);
    ck_assert(!op->drops_name[0] && !op->drops_name[1]);
    ck_assert(op->drops_name[2] && op->drops_name[3]);
    op_close(op);
    test_query_done(&test);
}
END_TEST

START_TEST(a_group_loses_its_name_if_a_member_does)
{
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    query->modes.delayed_names = true;
    struct str names[] = {STR("__name__")};
    struct grouping grouping = grouping_by(query, names, 1);
    struct op *op = op_drop_names_new(
        query, op_aggregate_new(query, negated(query), AGGREGATE_sum, &grouping, 0));
    op = op_dedup_new(query, op, DEDUP_MERGE);
    opens(op, 1);
    struct err err = {0};
    struct batch batch;
    ck_assert_int_eq(op_pull(op, &batch, &err), PULL_ERR);
    ck_assert_str_eq(err.msg, "vector cannot contain metrics with the same labelset");
    op_close(op);
    test_query_done(&test);
}
END_TEST

TEST_MAIN("names", names_go_at_once_or_in_the_end, a_name_that_is_set_anew_stays,
          each_side_of_or_remembers_its_own, a_group_loses_its_name_if_a_member_does)
