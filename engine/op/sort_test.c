#include "engine/op/sort.h"

#include <math.h>

#include "base/test.h"
#include "engine/op/test_matrix.h"
#include "model/sample.h"

static void check_order(bool descending, const size_t *order, size_t count)
{
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct test_matrix in = test_matrix_new(query, 6, 1);
    struct test_matrix expected = test_matrix_new(query, 6, 1);
    const double values[] = {2, NAN, 1, 3, 1, MISSING};
    for (size_t i = 0; i < 6; i++) {
        const char text[] = {(char)('a' + i), '\0'};
        in.values[test_matrix_series(&in, TEST_LABELS(query, "i", text))] = values[i];
    }
    for (size_t i = 0; i < count; i++)
        expected.values[test_matrix_series(&expected, in.labels[order[i]])] = values[order[i]];
    struct op *child = test_matrix_op(query, &in, 4);
    test_matrix_check(&expected, op_sort_new(query, child, descending), 0);
    test_query_done(&test);
}

START_TEST(orders_by_value_with_nan_last)
{
    check_order(false, (const size_t[]){2, 4, 0, 3, 1}, 5);
    check_order(true, (const size_t[]){3, 0, 2, 4, 1}, 5);
}
END_TEST

START_TEST(passes_many_steps_as_they_are)
{
    for (unsigned seed = 0; seed < 20; seed++) {
        struct test_query test;
        test_query_init(&test);
        unsigned state = seed;
        struct test_matrix in = test_matrix_random(&test.query, &state, seed, 5, true);
        struct op *child = test_matrix_op(&test.query, &in, 3);
        test_matrix_check(&in, op_sort_new(&test.query, child, seed % 2), seed);
        test_query_done(&test);
    }
}
END_TEST

TEST_MAIN("sort", orders_by_value_with_nan_last, passes_many_steps_as_they_are)
