#include "engine/op/sort_labels.h"

#include "base/test.h"
#include "engine/fn/natural_order.h"
#include "engine/op/test_matrix.h"

static bool less(const char *a, const char *b)
{
    return natural_less(str_of(a), str_of(b));
}

START_TEST(numbers_in_texts_are_compared_as_numbers)
{
    ck_assert(less("a2", "a10") && !less("a10", "a2"));
    ck_assert(less("a", "a1") && !less("a1", "a"));
    ck_assert(less("2b", "10a"));
    ck_assert(less("a99999999999999999998", "a99999999999999999999"));
    ck_assert_msg(less("1", "01") && less("01", "1"), "both, as there");
}
END_TEST

static void check_order(size_t steps, bool descending, const char *const *wanted)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct grid grid = {0, 1000, steps};
    const struct labels *labels[] = {
        TEST_LABELS(query, "i", "10", "j", "1"),
        TEST_LABELS(query, "i", "9", "j", "2"),
        TEST_LABELS(query, "i", "9", "j", "1"),
    };
    const double values[] = {10, 10, 92, 92, 91, 91};
    struct str name = STR("i");
    struct op *child =
        op_test_rows_new(query, &grid, labels, steps == 1 ? values + 1 : values, 3, 2);
    struct op *op = op_sort_labels_new(query, child, &name, 1, descending);
    ck_assert(op_open(op, &err));
    ck_assert_uint_eq(op->series_count, 3);
    struct row_reader rows = {.op = op};
    double *row;
    for (size_t i = 0; i < 3; i++) {
        AUTO(buf_done) struct buf text = {0};
        labels_print(query->symbols, op->labels[i], &text);
        ck_assert_str_eq(buf_terminated(&text), wanted[i]);
        ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_BATCH);
    }
    op_close(op);
    test_query_done(&test);
}

START_TEST(orders_one_step_and_leaves_many)
{
    check_order(
        1, false,
        (const char *const[]){"{i=\"9\", j=\"1\"}", "{i=\"9\", j=\"2\"}", "{i=\"10\", j=\"1\"}"});
    check_order(
        1, true,
        (const char *const[]){"{i=\"10\", j=\"1\"}", "{i=\"9\", j=\"2\"}", "{i=\"9\", j=\"1\"}"});
    check_order(
        2, true,
        (const char *const[]){"{i=\"10\", j=\"1\"}", "{i=\"9\", j=\"2\"}", "{i=\"9\", j=\"1\"}"});
}
END_TEST

TEST_MAIN("sort_labels", numbers_in_texts_are_compared_as_numbers, orders_one_step_and_leaves_many)
