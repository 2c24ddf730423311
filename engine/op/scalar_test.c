#include "engine/op/scalar.h"

#include "base/test.h"
#include "engine/op/test_matrix.h"
#include "model/sample.h"

START_TEST(scalar_is_nan_unless_there_is_just_one)
{
    for (unsigned seed = 1; seed <= 100; seed++) {
        struct test_query test;
        test_query_init(&test);
        struct query *query = &test.query;
        unsigned state = seed;
        struct test_matrix in =
            test_matrix_random(query, &state, seed % 5, seed % 3 ? 20 : 1, seed % 2);
        struct test_matrix expected = test_matrix_new(query, 1, in.step_count);
        test_matrix_series(&expected, &labels_empty);
        for (size_t s = 0; s < in.step_count; s++) {
            size_t there = 0;
            for (size_t i = 0; i < in.series_count; i++) {
                double v = test_matrix_row(&in, i)[s];
                if (!value_is_stale(v) && ++there == 1)
                    expected.values[s] = v;
            }
            if (there != 1)
                expected.values[s] = value_nan();
        }
        test_matrix_check(&expected, op_scalar_new(query, test_matrix_op(query, &in, 2)), 0);
        test_query_done(&test);
    }
}
END_TEST

START_TEST(numbers_and_time_are_there_at_every_step)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct grid grid = {-1500, 500, 3};
    struct op *time = op_vector_new(&test.query, op_time_new(&test.query, &grid));
    struct op *number = op_number_new(&test.query, &grid, 0.1);
    const double *steps;

    ck_assert(op_read_scalar(time, &steps, &err));
    ck_assert(steps[0] == -1.5 && steps[1] == -1 && steps[2] == -0.5);
    ck_assert_ptr_eq(time->labels[0], &labels_empty);
    ck_assert(op_read_scalar(number, &steps, &err));
    ck_assert(steps[0] == 0.1 && steps[2] == 0.1);
    op_close(time);
    op_close(number);
    ck_assert_uint_eq(test.query.budget.used_bytes, 0);
    test_query_done(&test);
}
END_TEST

START_TEST(one_step_is_settled_as_any)
{
    struct err err = {0};
    struct test_query test;
    test_query_init(&test);
    struct grid grid = {2000, 0, 1};
    struct op *op = op_scalar_new(
        &test.query, op_vector_new(&test.query, op_number_new(&test.query, &grid, value_nan())));
    const double *steps;

    ck_assert(op_read_scalar(op, &steps, &err));
    ck_assert(value_bits(steps[0]) == NAN_BITS);
    op_close(op);
    test_query_done(&test);
}
END_TEST

TEST_MAIN("scalar", scalar_is_nan_unless_there_is_just_one,
          numbers_and_time_are_there_at_every_step, one_step_is_settled_as_any)
