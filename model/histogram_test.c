#include "model/histogram.h"

#include <math.h>

#include "model/test_histogram.h"

static const struct histogram plain = {
    .schema = 0,
    .zero_threshold = 0.25,
    .zero_count = 2,
    .count = 12,
    .sum = 7.5,
    .positive = {TEST_SPANS({0, 2}, {1, 1}), TEST_COUNTS(1, 2, 3)},
    .negative = {TEST_SPANS({1, 2}), TEST_COUNTS(4, 0)},
};
static const struct histogram custom = {
    TEST_BOUNDS(-1, 2.5, 10),
    .count = 6,
    .sum = 20,
    .positive = {TEST_SPANS({0, 1}, {1, 2}), TEST_COUNTS(1, 2, 3)},
};

START_TEST(prints_as_count_values_shows)
{
    test_histogram_text(&plain,
                        "{count:12, sum:7.5, [-2,-1):4, [-0.25,0.25]:2, (0.5,1]:1, "
                        "(1,2]:2, (4,8]:3}");
    test_histogram_text(&custom, "{count:6, sum:20, [-Inf,-1]:1, (2.5,10]:2, (10,+Inf]:3}");
    struct histogram odd = plain;
    odd.zero_count = NAN;
    odd.positive = odd.negative = (struct histogram_side){0};
    test_histogram_text(&odd, "{count:12, sum:7.5, [-0.25,0.25]:NaN}");
}
END_TEST

START_TEST(prints_as_a_literal)
{
    test_histogram_literal(&plain,
                           "{{count:12 sum:7.5 z_bucket:2 z_bucket_w:0.25 "
                           "buckets:[1 2 0 3] n_offset:1 n_buckets:[4]}}");
    struct histogram other = custom;
    other.hint = HISTOGRAM_NOT_RESET;
    test_histogram_literal(&other,
                           "{{schema:-53 count:6 sum:20 custom_values:[-1 2.5 10] "
                           "counter_reset_hint:not_reset buckets:[1 0 2 3]}}");
    const struct histogram empty = {.hint = HISTOGRAM_GAUGE};
    test_histogram_literal(&empty, "{{counter_reset_hint:gauge}}");
}
END_TEST

/* A zero that is kept in the middle of a span keeps its sign; one that fills a gap has none. */
START_TEST(prints_zeros_as_they_are)
{
    const struct histogram h = {
        .positive = {TEST_SPANS({0, 4}, {1, 2}), TEST_COUNTS(1, -0.0, 1, -0.0, -0.0, 1)},
    };
    test_histogram_literal(&h, "{{buckets:[1 -0 1 0 0 0 1]}}");
}
END_TEST

static void walk_is(struct histogram_walk walk, const char *text)
{
    AUTO(buf_done) struct buf buf = {0};
    struct histogram_bucket bucket;
    while (histogram_walk_next(&walk, &bucket))
        buf_printf(&buf, "%c%g,%g%c:%g ", bucket.lower_inclusive ? '[' : '(', bucket.lower,
                   bucket.upper, bucket.upper_inclusive ? ']' : ')', bucket.count);
    ck_assert_str_eq(buf_terminated(&buf), text);
    ck_assert(!histogram_walk_next(&walk, &bucket));
}

START_TEST(walks_over_all_buckets)
{
    walk_is(histogram_walk(&plain),
            "[-4,-2):0 [-2,-1):4 [-0.25,0.25]:2 (0.5,1]:1 (1,2]:2 (4,8]:3 ");
    walk_is(histogram_walk_reverse(&plain),
            "(4,8]:3 (1,2]:2 (0.5,1]:1 [-0.25,0.25]:2 [-2,-1):4 [-4,-2):0 ");
    walk_is(histogram_walk_side(&plain, true), "(0.5,1]:1 (1,2]:2 (4,8]:3 ");
    walk_is(histogram_walk_side(&plain, false), "[-2,-1):4 [-4,-2):0 ");
    walk_is(histogram_walk(&custom), "[-inf,-1]:1 (2.5,10]:2 (10,inf]:3 ");
    walk_is(histogram_walk_reverse(&custom), "(10,inf]:3 (2.5,10]:2 [-inf,-1]:1 ");
}
END_TEST

/* The zero bucket covers the first buckets of each side in part; a count below 0 has no bucket. */
START_TEST(walks_around_the_zero_bucket)
{
    struct histogram h = plain;
    h.zero_threshold = 1.5;
    walk_is(histogram_walk(&h), "[-4,-2):0 [-2,-1.5):4 [-1.5,1.5]:2 (1.5,1]:1 (1.5,2]:2 (4,8]:3 ");
    struct histogram_walk whole = histogram_walk(&h);
    whole.whole = true;
    walk_is(whole, "[-4,-2):0 [-2,-1):4 [-1.5,1.5]:2 (0.5,1]:1 (1,2]:2 (4,8]:3 ");
    h.zero_count = -1;
    walk_is(histogram_walk(&h), "[-4,-2):0 [-2,-1.5):4 (1.5,1]:1 (1.5,2]:2 (4,8]:3 ");
}
END_TEST

START_TEST(bounds_are_powers_of_roots_of_two)
{
    ck_assert_double_eq(histogram_bound(0, 0), 1);
    ck_assert_double_eq(histogram_bound(-1074, 0), 0x1p-1074);
    ck_assert_double_eq(histogram_bound(-1075, 0), 0);
    ck_assert_double_eq(histogram_bound(1023, 0), 0x1p1023);
    ck_assert_double_eq(histogram_bound(1024, 0), 0x1.fffffffffffffp1023);
    ck_assert_double_eq(histogram_bound(1025, 0), INFINITY);
    ck_assert_double_eq(histogram_bound(1, -4), 65536);
    ck_assert_double_eq(histogram_bound(64, -4), 0x1.fffffffffffffp1023);
    ck_assert_double_eq(histogram_bound(65, -4), INFINITY);
    ck_assert_double_eq(histogram_bound(INT32_MIN, -4), 0);
    ck_assert_double_eq(histogram_bound(INT32_MAX, 8), INFINITY);
    /* The last bit is that of Go's Exp2, not the nearest. */
    ck_assert_double_eq(histogram_bound(-1, 1), 0x1.6a09e667f3bccp-1);
    ck_assert_double_eq(histogram_bound(262144 - 1, 8), 0x1.fe9d96b2a23d6p1023);
    for (int32_t schema = 1; schema <= HISTOGRAM_SCHEMA_MAX; schema++)
        for (int32_t i = -700; i < 700; i++) {
            ck_assert_double_eq(histogram_bound(2 * i, schema), histogram_bound(i, schema - 1));
            ck_assert_double_lt(histogram_bound(i, schema), histogram_bound(i + 1, schema));
        }
}
END_TEST

START_TEST(equal_compares_bits_but_not_hints)
{
    struct histogram h = plain;
    h.hint = HISTOGRAM_RESET;
    ck_assert(histogram_equal(&plain, &h));
    h.sum = NAN;
    ck_assert(!histogram_equal(&plain, &h));
    ck_assert(histogram_equal(&h, &h));
    h = plain;
    h.positive = (struct histogram_side){TEST_SPANS({-1, 0}, {1, 2}, {0, 0}, {1, 1}, {3, 0}),
                                         TEST_COUNTS(1, 2, 3)};
    ck_assert(histogram_equal(&plain, &h));
    h.positive = (struct histogram_side){TEST_SPANS({0, 1}, {0, 1}, {1, 1}), TEST_COUNTS(1, 2, 3)};
    ck_assert(!histogram_equal(&plain, &h));
    h.positive = (struct histogram_side){TEST_SPANS({0, 2}, {1, 1}), TEST_COUNTS(1, 2, 4)};
    ck_assert(!histogram_equal(&plain, &h));
    h = plain;
    h.zero_count = -0.0;
    struct histogram no_zero = plain;
    no_zero.zero_count = 0;
    ck_assert(!histogram_equal(&no_zero, &h));

    ck_assert(!histogram_equal(&plain, &custom));
    struct histogram other = custom;
    other.custom_bounds = (const double[]){-1, 2.5, 11};
    ck_assert(!histogram_equal(&custom, &other));
}
END_TEST

START_TEST(copies_share_nothing)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    double counts[] = {1, 2, 3};
    double bounds[] = {-1, 2.5, 10};
    struct histogram h = custom;
    h.positive.buckets = counts;
    h.custom_bounds = bounds;
    struct histogram *copy = histogram_copy(arena, &h);
    ck_assert(histogram_equal(copy, &custom));
    counts[1] = bounds[1] = 9;
    ck_assert(histogram_equal(copy, &custom));
}
END_TEST

START_TEST(scaling_by_less_than_nothing_makes_a_gauge)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct histogram *h = histogram_multiply(arena, &plain, -2);
    test_histogram_text(h,
                        "{count:-24, sum:-15, [-2,-1):-8, [-0.25,0.25]:-4, (0.5,1]:-2, "
                        "(1,2]:-4, (4,8]:-6}");
    ck_assert_int_eq(h->hint, HISTOGRAM_GAUGE);
    h = histogram_divide(arena, &plain, 4);
    test_histogram_text(h,
                        "{count:3, sum:1.875, [-2,-1):1, [-0.25,0.25]:0.5, (0.5,1]:0.25, "
                        "(1,2]:0.5, (4,8]:0.75}");
    ck_assert_int_eq(h->hint, HISTOGRAM_UNKNOWN);
    ck_assert_int_eq(histogram_divide(arena, &plain, -4)->hint, HISTOGRAM_GAUGE);
}
END_TEST

START_TEST(division_by_zero_leaves_no_buckets)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct histogram *h = histogram_divide(arena, &plain, -0.0);
    test_histogram_text(h, "{count:-Inf, sum:-Inf, [-0.25,0.25]:-Inf}");
    ck_assert_int_eq(h->hint, HISTOGRAM_UNKNOWN);
    ck_assert_uint_eq(h->positive.span_count + h->negative.span_count, 0);
    ck_assert(histogram_has_overflow(h));
    ck_assert(!histogram_has_overflow(&plain));
}
END_TEST

START_TEST(overflow_is_seen_anywhere)
{
    struct histogram h = plain;
    h.negative.buckets = (const double[]){0, -INFINITY};
    ck_assert(histogram_has_overflow(&h));
    h = custom;
    h.custom_bounds = (const double[]){-INFINITY, 0, 1};
    ck_assert(histogram_has_overflow(&h));
    h = plain;
    h.sum = NAN;
    ck_assert(!histogram_has_overflow(&h));
}
END_TEST

TEST_MAIN("histogram", prints_as_count_values_shows, prints_as_a_literal, prints_zeros_as_they_are,
          walks_over_all_buckets, walks_around_the_zero_bucket, bounds_are_powers_of_roots_of_two,
          equal_compares_bits_but_not_hints, copies_share_nothing,
          scaling_by_less_than_nothing_makes_a_gauge, division_by_zero_leaves_no_buckets,
          overflow_is_seen_anywhere)
