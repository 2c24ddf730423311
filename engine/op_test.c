#include "engine/op.h"

#include "base/test.h"
#include "engine/op/test_rows.h"
#include "model/sample.h"

START_TEST(hands_out_only_what_was_ordered)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    const struct labels *labels[] = {TEST_LABELS(query, "a", "1"), TEST_LABELS(query, "a", "2"),
                                     TEST_LABELS(query, "a", "3")};
    const double values[] = {1, 2, 3, 4, 5, 6};
    struct op *op = op_test_rows_new(query, &(struct grid){0, 1000, 2}, labels, values, 3, 1);
    const uint32_t order[] = {2, 0};

    ck_assert(op_open(op, &err));
    ck_assert(op_arrange(op, order, 2, &err));
    struct row_reader rows = {.op = op};
    double *row;
    ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_BATCH);
    ck_assert(row[0] == 5 && row[1] == 6);
    ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_BATCH);
    ck_assert(row[0] == 1 && row[1] == 2);
    ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_END);
    op_close(op);
    test_query_done(&test);
}
END_TEST

START_TEST(one_step_leaves_out_series_without_a_point)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    const struct labels *labels[] = {TEST_LABELS(query, "a", "1"), TEST_LABELS(query, "a", "2"),
                                     TEST_LABELS(query, "a", "3")};
    const double values[] = {1, MISSING, 3};
    struct op *op = op_test_rows_new(query, &(struct grid){0, 1000, 1}, labels, values, 3, 2);

    ck_assert(op_open(op, &err));
    ck_assert_uint_eq(op->series_count, 2);
    ck_assert_ptr_eq(op->labels[1], labels[2]);
    const uint32_t order[] = {1, 0};
    ck_assert(op_arrange(op, order, 2, &err));
    struct batch batch;
    ck_assert_int_eq(op_pull(op, &batch, &err), PULL_BATCH);
    ck_assert(batch.row_count == 2 && batch.values[0] == 3 && batch.values[1] == 1);
    op_close(op);
    test_query_done(&test);
}
END_TEST

START_TEST(ends_when_canceled)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    _Atomic bool cancel = false;
    test.query.cancel = &cancel;
    const struct labels *labels[] = {&labels_empty};
    const double values[] = {1, 2};
    struct op *op = op_test_rows_new(&test.query, &(struct grid){0, 1000, 2}, labels, values, 1, 1);

    ck_assert(op_open(op, &err));
    cancel = true;
    struct batch batch;
    ck_assert_int_eq(op_pull(op, &batch, &err), PULL_ERR);
    ck_assert_int_eq(err.kind, ERR_CANCELED);
    op_close(op);
    test_query_done(&test);
}
END_TEST

TEST_MAIN("op", hands_out_only_what_was_ordered, one_step_leaves_out_series_without_a_point,
          ends_when_canceled)
