#include "engine/reference/classic.h"

#include <math.h>

#include "base/test.h"

static double quantile(double phi, struct classic *classic, bool *ret_raised)
{
    struct arena *scratch = arena_create(NULL);
    struct bucket_raises raises = BUCKET_RAISES_NONE;
    double result = classic_quantile(phi, classic, scratch, &raises, ret_raised);
    arena_destroy(scratch);
    return result;
}

START_TEST(buckets_come_in_any_order)
{
    struct bucket buckets[] = {{INFINITY, 10}, {4, 8}, {2, 4}};
    struct classic classic = {buckets, 3};
    bool raised;
    ck_assert_double_eq(quantile(0.6, &classic, &raised), 3);
    ck_assert(!raised);
}
END_TEST

/* Prometheus merges in place and forgets how many are left. */
START_TEST(the_next_quantile_sees_what_the_last_one_merged)
{
    struct bucket buckets[] = {{1, 10}, {1, 6}, {INFINITY, 20}};
    struct classic classic = {buckets, 3};
    bool raised;
    ck_assert_double_eq(quantile(0.4, &classic, &raised), 0.5);
    ck_assert_double_eq(quantile(0.5, &classic, &raised), 1);
}
END_TEST

START_TEST(buckets_are_raised_once)
{
    struct bucket buckets[] = {{1, 10}, {2, 5}, {INFINITY, 20}};
    struct classic classic = {buckets, 3};
    bool raised;
    ck_assert_double_eq(quantile(0.25, &classic, &raised), 0.5);
    ck_assert(raised);
    ck_assert_double_eq(quantile(0.25, &classic, &raised), 0.5);
    ck_assert(!raised);
}
END_TEST

START_TEST(fractions_interpolate_but_not_from_minus_infinity)
{
    struct arena *scratch = arena_create(NULL);
    struct bucket positive[] = {{2, 4}, {INFINITY, 8}};
    ck_assert_double_eq(classic_fraction(0, 1, &(struct classic){positive, 2}, scratch), 0.25);
    struct bucket negative[] = {{-2, 4}, {INFINITY, 8}};
    ck_assert_double_eq(classic_fraction(-INFINITY, -3, &(struct classic){negative, 2}, scratch),
                        0.5);
    struct bucket open[] = {{2, 4}};
    ck_assert(isnan(classic_fraction(0, 1, &(struct classic){open, 1}, scratch)));
    arena_destroy(scratch);
}
END_TEST

TEST_MAIN("classic", buckets_come_in_any_order, the_next_quantile_sees_what_the_last_one_merged,
          buckets_are_raised_once, fractions_interpolate_but_not_from_minus_infinity)
