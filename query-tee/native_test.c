#include "query-tee/native.h"

#include <math.h>

#include "base/attr.h"
#include "base/test.h"

static struct native native;

/* A bucket holds what is above the bound in front of it, and its own bound. */
static bool bucket_holds(int32_t index, double v)
{
    return v > exp2((index - 1) / 8.0) * (1 - 1e-12) && v <= exp2(index / 8.0) * (1 + 1e-12);
}

START_TEST(puts_values_into_buckets_of_their_size)
{
    static const double values[] = {1.5e-9, 1e-6, 0.001, 0.3, 0.99, 1.01, 2.5, 1000, 12345678};
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        native_observe(&native, values[i]);
        ck_assert_uint_eq(native.positive.count, i + 1);
        ck_assert(bucket_holds(native.positive.buckets[i].index, values[i]));
    }
    native_done(&native);
}
END_TEST

START_TEST(puts_a_bound_into_the_bucket_that_it_ends)
{
    static const struct {
        double value;
        int32_t index;
    } cases[] = {{1, 0}, {2, 8}, {0.5, -8}, {1024, 80}, {0.75, -3}, {1.0000001, 1}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        native_observe(&native, cases[i].value);
        ck_assert_uint_eq(native.positive.count, 1);
        ck_assert_int_eq(native.positive.buckets[0].index, cases[i].index);
        native_done(&native);
    }
}
END_TEST

START_TEST(keeps_sides_apart)
{
    native_observe(&native, -1);
    native_observe(&native, -1);
    native_observe(&native, 4);
    native_observe(&native, 0);
    native_observe(&native, -1e-10);
    native_observe(&native, (double)NAN);
    ck_assert_uint_eq(native.zero_count, 2);
    ck_assert_uint_eq(native.negative.count, 1);
    ck_assert_int_eq(native.negative.buckets[0].index, 0);
    ck_assert_uint_eq(native.negative.buckets[0].count, 2);
    ck_assert_uint_eq(native.positive.count, 1);
    ck_assert_int_eq(native.positive.buckets[0].index, 16);
    native_done(&native);
}
END_TEST

START_TEST(keeps_buckets_in_order_and_few)
{
    for (int i = 2000; i > 0; i--)
        native_observe(&native, exp2((i * 7 % 2000 - 1000) / 3.0));
    native_observe(&native, (double)INFINITY);
    uint64_t total = native.zero_count;
    for (size_t i = 0; i < native.positive.count; i++) {
        total += native.positive.buckets[i].count;
        if (i)
            ck_assert_int_gt(native.positive.buckets[i].index,
                             native.positive.buckets[i - 1].index);
    }
    ck_assert_uint_eq(total, 2001);
    ck_assert_uint_lt(native.positive.count, 500);
    native_done(&native);
}
END_TEST

TEST_MAIN("native", puts_values_into_buckets_of_their_size,
          puts_a_bound_into_the_bucket_that_it_ends, keeps_sides_apart,
          keeps_buckets_in_order_and_few)
