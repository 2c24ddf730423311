#include "engine/op.h"

#include "base/test.h"
#include "engine/op/broadcast.h"
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

/* Passes rows on, and has something to tell of all but the second series. */
struct teller {
    struct op op;
    double told[4]; /* the first value of each row */
    size_t told_count;
};

static const bool *teller_tells(struct op *op)
{
    bool *tells = arena_array(op->query->arena, bool, op->series_count);
    tells[0] = tells[2] = true;
    return tells;
}

static bool teller_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct teller *self = CONTAINER(struct teller, op, op);
    if (op_pull(op->children[0], ret, err) != PULL_BATCH)
        return false;
    for (size_t i = 0; i < ret->row_count; i++)
        self->told[self->told_count++] = batch_row(ret, i)[0];
    return true;
}

static const struct op_class teller_class = {
    .name = "teller",
    .open = op_open_as_child,
    .tells = teller_tells,
    .arrange = op_arrange_as_child,
    .pull = teller_pull,
};

static void check_teller(const uint32_t *order, size_t count, const double *told, size_t told_count)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    const struct labels *labels[] = {TEST_LABELS(query, "a", "1"), TEST_LABELS(query, "a", "2"),
                                     TEST_LABELS(query, "a", "3")};
    const double values[] = {1, 1, 2, 2, 3, 3};
    struct op *rows = op_test_rows_new(query, &(struct grid){0, 1000, 2}, labels, values, 3, 3);
    struct teller teller = {0};
    op_init(&teller.op, &teller_class, query, &rows->grid);
    op_add_child(&teller.op, rows);

    ck_assert(op_open(&teller.op, &err));
    ck_assert(op_arrange(&teller.op, order, count, &err));
    struct batch batch;
    for (size_t given = 0; given < count; given += batch.row_count)
        ck_assert_int_eq(op_pull(&teller.op, &batch, &err), PULL_BATCH);
    ck_assert_int_eq(op_pull(&teller.op, &batch, &err), PULL_END);
    ck_assert(op_finish(&teller.op, &err));
    ck_assert_uint_eq(teller.told_count, told_count);
    for (size_t i = 0; i < told_count; i++)
        ck_assert(teller.told[i] == told[i]);
    op_close(&teller.op);
    test_query_done(&test);
}

START_TEST(makes_unwanted_rows_that_tell_something)
{
    check_teller((const uint32_t[]){1}, 1, (const double[]){2, 1, 3}, 3);
    check_teller((const uint32_t[]){2, 1}, 2, (const double[]){3, 2, 1}, 3);
    check_teller(NULL, 0, (const double[]){1, 3}, 2);
}
END_TEST

START_TEST(finishes_what_was_never_asked)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    const struct labels *labels[] = {TEST_LABELS(&test.query, "a", "1"),
                                     TEST_LABELS(&test.query, "a", "2"),
                                     TEST_LABELS(&test.query, "a", "3")};
    const double values[] = {1, 1, 2, 2, 3, 3};
    struct op *rows =
        op_test_rows_new(&test.query, &(struct grid){0, 1000, 2}, labels, values, 3, 1);
    struct teller teller = {0};
    op_init(&teller.op, &teller_class, &test.query, &rows->grid);
    op_add_child(&teller.op, rows);
    struct op *unasking = op_empty_new(&test.query, &rows->grid);
    op_add_child(unasking, &teller.op);

    ck_assert(op_open(unasking, &err) && op_open(&teller.op, &err));
    ck_assert(op_finish(unasking, &err));
    ck_assert_uint_eq(teller.told_count, 2);
    op_close(unasking);
    test_query_done(&test);
}
END_TEST

TEST_MAIN("op", hands_out_only_what_was_ordered, one_step_leaves_out_series_without_a_point,
          ends_when_canceled, makes_unwanted_rows_that_tell_something,
          finishes_what_was_never_asked)
