#include "engine/fn/bucket_quantile.h"

#include <float.h>
#include <string.h>

#include "base/test.h"
#include "engine/fn/test_buckets.h"
#include "engine/fn/test_same.h"

#define BUCKETS_MAX 12
#define STRIDE 3

static void check_random(uint64_t *state)
{
    static const double bounds[BUCKETS_MAX] = {-2, -0.0, 0,   0,  0.1,      1,
                                               1,  1,    2.5, 10, INFINITY, INFINITY};
    double counts[BUCKETS_MAX * STRIDE];
    struct bucket expected[BUCKETS_MAX], buckets[BUCKETS_MAX];
    size_t from = test_random(state) % 6;
    size_t bucket_count = BUCKETS_MAX - from - (test_random(state) % 8 == 0 ? 2 : 0);
    size_t expected_count = 0;
    double level = 0;
    for (size_t k = 0; k < bucket_count; k++) {
        double count = test_bucket_count(state, &level);
        counts[k * STRIDE] = count;
        if (!value_is_stale(count))
            expected[expected_count++] = (struct bucket){bounds[from + k], count};
    }

    size_t count = buckets_gather(bounds + from, bucket_count, counts, STRIDE, buckets);
    if (expected_count == 0) {
        ck_assert_uint_eq(count, 0);
        return;
    }
    double phi = test_phi(state);
    size_t raises_expected;
    double wanted = test_bucket_quantile(phi, expected, expected_count, &raises_expected);
    struct bucket_raises raises = BUCKET_RAISES_NONE;
    bool raised;
    double got = bucket_quantile(phi, buckets, count, &raises, &raised);
    ck_assert_msg(test_same(got, wanted), "phi %g: %.17g instead of %.17g", phi, got, wanted);
    ck_assert_int_eq(raised, raises_expected > 0);
    ck_assert_int_eq(raised, raises.raise_max > 0);
}

START_TEST(equals_the_naive_evaluator)
{
    uint64_t state = 1;
    for (size_t i = 0; i < 200000; i++)
        check_random(&state);
}
END_TEST

static void check(double phi, const struct bucket *buckets, size_t count, double expected)
{
    struct bucket copy[BUCKETS_MAX];
    struct bucket_raises raises = BUCKET_RAISES_NONE;
    bool raised;
    memcpy(copy, buckets, count * sizeof *copy);
    double got = bucket_quantile(phi, copy, count, &raises, &raised);
    ck_assert_msg(test_same(got, expected), "%.17g instead of %.17g", got, expected);
    ck_assert(!raised);
}

#define CHECK(phi, expected, ...) \
    check(phi, (const struct bucket[]){__VA_ARGS__}, \
          ARRAY_COUNT(((const struct bucket[]){__VA_ARGS__})), expected)

START_TEST(sorts_as_go_does_where_bounds_do_not_tell_the_order)
{
    static const double sure[] = {-1, 0, 0, 1, 1, INFINITY};
    ck_assert(!bounds_ambiguous(sure, ARRAY_COUNT(sure)));
    ck_assert(bounds_ambiguous((const double[]){-0.0, 0}, 2));
    ck_assert(bounds_ambiguous((const double[]){1, 1, 1}, 3));
    ck_assert(bounds_ambiguous((const double[]){NAN}, 1));

    /* NaN is passed by none, and so parts what is sorted. */
    const double bounds[] = {2, 1, NAN, 7, 1, 1, INFINITY, 0.5};
    const double counts[] = {1, 0x1p53, 3, value_stale(), 1, 1, 4, 5};
    const struct bucket expected[] = {{1, 0x1p53}, {2, 1}, {0, 3}, {0.5, 5}, {1, 2}, {INFINITY, 4}};
    struct go_item items[8];
    struct bucket buckets[8];
    size_t count = buckets_gather_sorting(bounds, 8, counts, 1, items, buckets);
    ck_assert_uint_eq(count, ARRAY_COUNT(expected));
    for (size_t i = 0; i < count; i++) {
        ck_assert_double_eq(buckets[i].count, expected[i].count);
        if (i != 2)
            ck_assert_double_eq(buckets[i].bound, expected[i].bound);
    }
}
END_TEST

START_TEST(interpolates_within_the_bucket_of_the_rank)
{
    CHECK(0.5, 0.5, {1, 10}, {2, 10}, {INFINITY, 10});
    CHECK(0.75, 1.5, {1, 10}, {2, 20}, {INFINITY, 20});
    CHECK(0, 0.0, {1, 10}, {2, 20}, {INFINITY, 20});
    CHECK(0.2, -1, {-1, 10}, {2, 20}, {INFINITY, 20});
    CHECK(0.2, -0.0, {-0.0, 10}, {2, 20}, {INFINITY, 20});
    CHECK(0.9, 2, {1, 10}, {2, 15}, {INFINITY, 20});
    CHECK(1, 2, {1, 10}, {2, 20}, {INFINITY, 20});
}
END_TEST

START_TEST(has_no_answer_without_observations_or_an_infinite_bucket)
{
    CHECK(0.5, NAN, {1, 10}, {2, 20});
    CHECK(0.5, NAN, {INFINITY, 20});
    CHECK(0.5, NAN, {1, 0}, {INFINITY, 0});
    CHECK(0.5, 1, {1, NAN}, {INFINITY, NAN});
    CHECK(NAN, NAN, {1, 10});
    CHECK(-0.1, -INFINITY, {1, 10});
    CHECK(1.1, INFINITY, {1, 10});
}
END_TEST

START_TEST(passes_over_what_rounding_explains)
{
    CHECK(1, 1, {1, 1e13}, {2, 1e13 + 1}, {INFINITY, 1e13 - 1});
    CHECK(1, 2, {1, 1e11}, {2, 1e11 + 1}, {INFINITY, 1e11 + 1});
    CHECK(0.5, 2, {1, 0}, {2, 0x1p-1074}, {INFINITY, 1});
    CHECK(1, 1, {1, DBL_MAX}, {2, DBL_MAX * (1 - 0x1p-52)}, {INFINITY, DBL_MAX});
}
END_TEST

START_TEST(tells_which_counts_it_raised)
{
    struct bucket buckets[] = {{0.1, 4}, {1, 2}, {10, 10}, {100, 8}, {1000, 18}, {INFINITY, 16.5}};
    struct bucket_raises raises = BUCKET_RAISES_NONE;
    bool raised;
    ck_assert_double_eq(bucket_quantile(1, buckets, 6, &raises, &raised), 1000);
    ck_assert(raised);
    ck_assert_double_eq(raises.bound_min, 1);
    ck_assert_double_eq(raises.bound_max, INFINITY);
    ck_assert_double_eq(raises.raise_max, 2);
    ck_assert_double_eq(buckets[1].count, 4);
    ck_assert_double_eq(buckets[5].count, 18);
}
END_TEST

START_TEST(fractions_are_interpolated)
{
    const struct bucket buckets[] = {{1, 4}, {2, 8}, {4, 16}, {INFINITY, 20}};
    static const struct {
        double lower, upper, want;
    } cases[] = {
        {0, 1, 0.2}, {0, 0.5, 0.1}, {-5, 0.5, 0.1},     {1.5, 3, 0.3}, {2, 2, 0},
        {3, 2, 0},   {4, 1000, 0},  {4, INFINITY, 0.2}, {NAN, 1, NAN}, {-INFINITY, INFINITY, 1},
        {-2, -1, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        double got = bucket_fraction(cases[i].lower, cases[i].upper, buckets, 4);
        ck_assert_msg(test_same(got, cases[i].want), "%g to %g: %.17g", cases[i].lower,
                      cases[i].upper, got);
    }
}
END_TEST

START_TEST(fractions_below_all_bounds_are_not_interpolated)
{
    const struct bucket buckets[] = {{-1, 4}, {1, 8}, {INFINITY, 10}};
    ck_assert_double_eq(bucket_fraction(-INFINITY, -3, buckets, 3), 0.4);
    ck_assert_double_eq(bucket_fraction(-3, 0, buckets, 3), 0.2);
    const struct bucket falling[] = {{1, 12}, {INFINITY, 10}};
    ck_assert_double_eq(bucket_fraction(0.5, 1, falling, 2), 0.4);
    const struct bucket finite[] = {{1, 4}, {2, 8}};
    ck_assert(isnan(bucket_fraction(0, 1, finite, 2)));
    const struct bucket empty[] = {{1, 0}, {INFINITY, 0}};
    ck_assert(isnan(bucket_fraction(1, 0, empty, 2)));
}
END_TEST

TEST_MAIN("bucket_quantile", equals_the_naive_evaluator,
          sorts_as_go_does_where_bounds_do_not_tell_the_order,
          interpolates_within_the_bucket_of_the_rank,
          has_no_answer_without_observations_or_an_infinite_bucket,
          passes_over_what_rounding_explains, tells_which_counts_it_raised,
          fractions_are_interpolated, fractions_below_all_bounds_are_not_interpolated)
