#include <math.h>

#include "model/test_histogram.h"

static const struct histogram base = {
    .schema = 1,
    .zero_threshold = 0.25,
    .zero_count = 2,
    .count = 12,
    .positive = {TEST_SPANS({0, 2}, {1, 2}), TEST_COUNTS(1, 2, 3, 0)},
    .negative = {TEST_SPANS({1, 1}), TEST_COUNTS(4)},
};
static const struct histogram custom = {
    TEST_BOUNDS(1, 2, 3),
    .count = 10,
    .positive = {TEST_SPANS({0, 4}), TEST_COUNTS(1, 2, 3, 4)},
};

START_TEST(hints_decide_first)
{
    struct histogram less = base;
    less.count = 1;
    ck_assert(histogram_is_reset(&less, &base));
    less.hint = HISTOGRAM_GAUGE;
    ck_assert(histogram_is_reset(&less, &base));
    less.hint = HISTOGRAM_NOT_RESET;
    ck_assert(!histogram_is_reset(&less, &base));
    struct histogram same = base;
    ck_assert(!histogram_is_reset(&same, &base));
    same.hint = HISTOGRAM_RESET;
    ck_assert(histogram_is_reset(&same, &base));
    same.hint = HISTOGRAM_UNKNOWN;
    struct histogram before = base;
    before.hint = HISTOGRAM_RESET;
    ck_assert(!histogram_is_reset(&same, &before));
}
END_TEST

START_TEST(any_bucket_that_falls_is_a_reset)
{
    struct histogram now = base;
    now.positive.buckets = (const double[]){1, 2, 2.5, 9};
    ck_assert(histogram_is_reset(&now, &base));
    now.positive.buckets = (const double[]){1, 2, 3, 9};
    ck_assert(!histogram_is_reset(&now, &base));
    now = base;
    now.negative.buckets = (const double[]){3};
    ck_assert(histogram_is_reset(&now, &base));
    now = base;
    now.zero_count = 1;
    ck_assert(histogram_is_reset(&now, &base));
    now = base;
    now.sum = -100;
    ck_assert(!histogram_is_reset(&now, &base));
}
END_TEST

START_TEST(a_populated_bucket_may_not_vanish)
{
    struct histogram now = base;
    now.positive = (struct histogram_side){TEST_SPANS({-1, 3}, {1, 1}), TEST_COUNTS(1, 1, 2, 3)};
    ck_assert(!histogram_is_reset(&now, &base));
    now.positive = (struct histogram_side){TEST_SPANS({0, 2}), TEST_COUNTS(1, 2)};
    ck_assert(histogram_is_reset(&now, &base));
    now.positive = (struct histogram_side){TEST_SPANS({1, 1}, {1, 1}), TEST_COUNTS(2, 3)};
    ck_assert(histogram_is_reset(&now, &base));
    /* An empty one before it hides nothing. */
    struct histogram before = base;
    before.positive = (struct histogram_side){TEST_SPANS({0, 1}, {3, 2}), TEST_COUNTS(0, 0, 1)};
    now.positive = (struct histogram_side){TEST_SPANS({1, 1}), TEST_COUNTS(2)};
    ck_assert(histogram_is_reset(&now, &before));
    now.positive = (struct histogram_side){0};
    ck_assert(histogram_is_reset(&now, &before));
    before.positive.buckets = (const double[]){0, 0, 0};
    ck_assert(!histogram_is_reset(&now, &before));
}
END_TEST

START_TEST(schemas_become_coarser_alone)
{
    struct histogram now = base;
    now.schema = 2;
    ck_assert(histogram_is_reset(&now, &base));
    /* At schema 0 buckets 0 | 1, 2 | 3, 4 are merged: 1, 2, 3. */
    now.schema = 0;
    now.positive = (struct histogram_side){TEST_SPANS({0, 3}), TEST_COUNTS(1, 2, 3)};
    ck_assert(!histogram_is_reset(&now, &base));
    now.positive.buckets = (const double[]){1, 2, 2};
    ck_assert(histogram_is_reset(&now, &base));
    ck_assert(histogram_is_reset(&base, &custom));
    ck_assert(histogram_is_reset(&custom, &base));
}
END_TEST

START_TEST(zero_buckets_become_wider_alone)
{
    struct histogram now = base;
    now.zero_threshold = 0.125;
    ck_assert(histogram_is_reset(&now, &base));
    /* Up to 1: positive bucket 0 goes into it, and 1 of negative stays. */
    now.zero_threshold = 1;
    now.zero_count = 3;
    now.positive = (struct histogram_side){TEST_SPANS({1, 1}, {1, 1}), TEST_COUNTS(2, 3)};
    ck_assert(!histogram_is_reset(&now, &base));
    now.zero_count = 2;
    ck_assert(histogram_is_reset(&now, &base));
    /* In the middle of a populated bucket. */
    now.zero_threshold = 0.9;
    now.zero_count = 100;
    ck_assert(histogram_is_reset(&now, &base));
    /* What is inside the zero bucket is not compared. */
    now = base;
    now.zero_threshold = 1;
    struct histogram before = now;
    now.positive.buckets = (const double[]){0, 2, 3, 0};
    ck_assert(!histogram_is_reset(&now, &before));
}
END_TEST

START_TEST(custom_buckets_are_compared_between_common_bounds)
{
    ck_assert(!histogram_is_reset(&custom, &custom));
    struct histogram now = custom;
    now.positive.buckets = (const double[]){1, 1, 4, 4};
    ck_assert(histogram_is_reset(&now, &custom));
    /* 2 is not a bound of the one before: what matters is the sum up to 3. */
    struct histogram before = {
        TEST_BOUNDS(1, 3),
        .count = 10,
        .positive = {TEST_SPANS({0, 3}), TEST_COUNTS(1, 5, 4)},
    };
    ck_assert(!histogram_is_reset(&now, &before));
    ck_assert(!histogram_is_reset(&before, &now));
    before.positive.buckets = (const double[]){1, 5.5, 3.5};
    ck_assert(histogram_is_reset(&now, &before));
    /* No bound in common: all is one bucket. */
    struct histogram apart = {
        TEST_BOUNDS(7),
        .count = 10,
        .positive = {TEST_SPANS({1, 1}), TEST_COUNTS(10)},
    };
    ck_assert(!histogram_is_reset(&apart, &before));
    apart.positive.buckets = (const double[]){9.5};
    ck_assert(histogram_is_reset(&apart, &before));
}
END_TEST

/* Counters that only grow, in whatever layout, are not reset; one observation less is. */
START_TEST(sums_are_no_resets)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    uint64_t state = 3;
    for (int i = 0; i < 3000; i++) {
        double threshold = i % 3 ? 0 : 0.5;
        struct histogram *a = test_random_histogram(arena, &state, 1 + i % 2, 0);
        struct histogram *b = test_random_histogram(arena, &state, 1, threshold);
        unsigned clashes = 0;
        struct histogram *sum = histogram_add(arena, a, b, &clashes);
        ck_assert(!histogram_is_reset(sum, a));
        ck_assert(!histogram_is_reset(sum, b));
        sum->count = a->count - 1;
        ck_assert(histogram_is_reset(sum, a));
        sum->count = a->count;
        sum->zero_count = -1;
        ck_assert(histogram_is_reset(sum, a));
        arena_reset(arena);
    }
}
END_TEST

TEST_MAIN("histogram_reset", hints_decide_first, any_bucket_that_falls_is_a_reset,
          a_populated_bucket_may_not_vanish, schemas_become_coarser_alone,
          zero_buckets_become_wider_alone, custom_buckets_are_compared_between_common_bounds,
          sums_are_no_resets)
