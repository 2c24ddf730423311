#include "engine/fn/quantile.h"

#include <math.h>

#include "base/mem.h"
#include "base/test.h"
#include "model/sample.h"

START_TEST(sorts_nan_first_and_keeps_the_order_of_equals)
{
    const double values[] = {1, -INFINITY, 0.0, value_nan(), -0.0, -3, 1, INFINITY};
    const uint32_t expected[] = {3, 1, 5, 2, 4, 0, 6, 7};
    uint32_t order[8];
    AUTO(free) void *space = mem_new_array(char, QUANTILE_SORT_SPACE(8));

    quantile_sort(values, 8, order, space);
    ck_assert_mem_eq(order, expected, sizeof order);
}
END_TEST

START_TEST(sorts_many_and_finds_each_of_them)
{
    enum { COUNT = 5000 };
    AUTO(free) void *values_memory = mem_new_array(double, COUNT);
    AUTO(free) void *order_memory = mem_new_array(uint32_t, COUNT);
    AUTO(free) void *space = mem_new_array(char, QUANTILE_SORT_SPACE(COUNT));
    double *values = values_memory;
    uint32_t *order = order_memory;
    uint64_t seed = 1;
    for (size_t i = 0; i < COUNT; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        values[i] = (double)(int64_t)(seed >> (20 + seed % 30)) - 1000;
    }

    quantile_sort(values, COUNT, order, space);
    for (size_t i = 1; i < COUNT; i++) {
        ck_assert_double_le(values[order[i - 1]], values[order[i]]);
        if (values[order[i - 1]] == values[order[i]])
            ck_assert_uint_lt(order[i - 1], order[i]);
    }
    double ninth = values[order[8]];
    double median = values[order[2499]] * 0.5 + values[order[2500]] * 0.5;
    double most = values[order[COUNT - 1]];
    ck_assert_double_eq(quantile_of(8.0 / (COUNT - 1), values, COUNT), ninth);
    ck_assert_double_eq(quantile_of(0.5, values, COUNT), median);
    ck_assert_double_eq(quantile_of(1, values, COUNT), most);
}
END_TEST

START_TEST(answers_what_is_outside_of_0_and_1)
{
    double values[] = {2, 1};
    ck_assert_uint_eq(value_bits(quantile_of(value_nan(), values, 2)), NAN_BITS);
    ck_assert_double_eq(quantile_of(-0.1, values, 2), -INFINITY);
    ck_assert_double_eq(quantile_of(1.1, values, 2), INFINITY);
    ck_assert_double_eq(quantile_of(0, values, 2), 1);
    ck_assert_double_eq(quantile_of(0.25, values, 2), 1.25);
}
END_TEST

TEST_MAIN("quantile", sorts_nan_first_and_keeps_the_order_of_equals,
          sorts_many_and_finds_each_of_them, answers_what_is_outside_of_0_and_1)
