#include "engine/fn/bucket_quantiles.h"

#include "base/test.h"
#include "model/sample.h"

static double quantile(double phi, struct bucket *buckets, size_t count, bool *ret_raised)
{
    struct go_item items[8];
    struct bucket_raises raises = BUCKET_RAISES_NONE;
    return bucket_quantile_next(phi, buckets, count, items, &raises, ret_raised);
}

START_TEST(buckets_come_in_any_order)
{
    struct bucket buckets[6] = {{INFINITY, 10}, {4, 8}, {2, 4}};
    bool raised;
    ck_assert_double_eq(quantile(0.6, buckets, 3, &raised), 3);
    ck_assert(!raised);
}
END_TEST

START_TEST(the_next_quantile_sees_what_the_last_one_merged)
{
    struct bucket buckets[6] = {{1, 10}, {1, 6}, {INFINITY, 20}};
    bool raised;
    ck_assert_double_eq(quantile(0.4, buckets, 3, &raised), 0.5);
    ck_assert_double_eq(quantile(0.5, buckets, 3, &raised), 1);
}
END_TEST

START_TEST(buckets_are_raised_once)
{
    struct bucket buckets[6] = {{1, 10}, {2, 5}, {INFINITY, 20}};
    bool raised;
    ck_assert_double_eq(quantile(0.25, buckets, 3, &raised), 0.5);
    ck_assert(raised);
    ck_assert_double_eq(quantile(0.25, buckets, 3, &raised), 0.5);
    ck_assert(!raised);
}
END_TEST

START_TEST(a_quantile_out_of_range_leaves_all_as_it_is)
{
    struct bucket buckets[4] = {{INFINITY, 10}, {1, 5}};
    bool raised;
    ck_assert_double_eq(quantile(2, buckets, 2, &raised), INFINITY);
    ck_assert(buckets[0].bound == INFINITY && buckets[1].bound == 1);
}
END_TEST

START_TEST(missing_buckets_are_left_out)
{
    const double bounds[] = {1, 1, INFINITY};
    const double counts[] = {3, value_stale(), 4};
    struct bucket buckets[3];
    ck_assert_uint_eq(buckets_gather_apart(bounds, 3, counts, 1, buckets), 2);
    ck_assert(buckets[0].bound == 1 && buckets[0].count == 3);
    ck_assert(buckets[1].bound == INFINITY && buckets[1].count == 4);
}
END_TEST

TEST_MAIN("bucket_quantiles", buckets_come_in_any_order,
          the_next_quantile_sees_what_the_last_one_merged, buckets_are_raised_once,
          a_quantile_out_of_range_leaves_all_as_it_is, missing_buckets_are_left_out)
