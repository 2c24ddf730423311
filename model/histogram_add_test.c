#include <math.h>

#include "model/test_histogram.h"

static struct test_buckets buckets_combine(const struct test_buckets *a,
                                           const struct test_buckets *b, double sign)
{
    struct test_buckets result = {0};
    for (size_t i = 0; i < TEST_INDEX_COUNT; i++) {
        result.there[i] = a->there[i] || b->there[i];
        result.counts[i] = a->counts[i] + sign * b->counts[i];
        if (!a->there[i] && b->there[i])
            result.counts[i] = sign * b->counts[i];
    }
    return result;
}

static void is_combined(const struct histogram_side *result, const struct histogram_side *a,
                        const struct histogram_side *b, double sign)
{
    struct test_buckets of_a = test_buckets(a);
    struct test_buckets of_b = test_buckets(b);
    struct test_buckets want = buckets_combine(&of_a, &of_b, sign);
    struct test_buckets got = test_buckets(result);
    ck_assert(test_buckets_equal(&want, &got));
}

START_TEST(buckets_are_added_one_by_one)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    uint64_t state = 1;
    for (int i = 0; i < 3000; i++) {
        struct histogram *a = test_random_histogram(arena, &state, 1, 0);
        struct histogram *b = test_random_histogram(arena, &state, 1, 0);
        if (i % 4 == 0)
            b->positive = a->positive;
        unsigned clashes = 0;
        struct histogram *sum = histogram_add(arena, a, b, &clashes);
        is_combined(&sum->positive, &a->positive, &b->positive, 1);
        is_combined(&sum->negative, &a->negative, &b->negative, 1);
        ck_assert_double_eq(sum->count, a->count + b->count);
        ck_assert_double_eq(sum->sum, a->sum + b->sum);
        ck_assert_double_eq(sum->zero_count, a->zero_count + b->zero_count);
        struct histogram *rest = histogram_subtract(arena, a, b, &clashes);
        is_combined(&rest->positive, &a->positive, &b->positive, -1);
        is_combined(&rest->negative, &a->negative, &b->negative, -1);
        ck_assert_double_eq(rest->count, a->count - b->count);
        ck_assert_double_eq(rest->sum, a->sum - b->sum);
        ck_assert_double_eq(rest->zero_count, a->zero_count - b->zero_count);
        ck_assert_uint_eq(clashes, HISTOGRAM_CLASH_NONE);
        arena_reset(arena);
    }
}
END_TEST

/* Where a's spans are 0..1 and 5..6, and b has the buckets named. */
static void spans_are(const struct histogram_side *b, const char *spans)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    const struct histogram of_a = {
        .positive = {TEST_SPANS({0, 2}, {3, 2}), TEST_COUNTS(1, 1, 1, 1)},
    };
    const struct histogram of_b = {.positive = *b};
    unsigned clashes = 0;
    test_histogram_spans(&histogram_add(arena, &of_a, &of_b, &clashes)->positive, spans);
}

START_TEST(new_buckets_join_one_span)
{
    const struct histogram_side behind = {TEST_SPANS({2, 1}), TEST_COUNTS(1)};
    spans_are(&behind, "0+3 2+2");
    const struct histogram_side before = {TEST_SPANS({4, 1}), TEST_COUNTS(1)};
    spans_are(&before, "0+2 2+3");
    const struct histogram_side between = {TEST_SPANS({3, 1}), TEST_COUNTS(1)};
    spans_are(&between, "0+2 1+1 1+2");
    const struct histogram_side two_before = {TEST_SPANS({3, 2}), TEST_COUNTS(1, 1)};
    spans_are(&two_before, "0+2 1+2 0+2");
    const struct histogram_side filling = {TEST_SPANS({2, 3}), TEST_COUNTS(1, 1, 1)};
    spans_are(&filling, "0+5 0+2");
    const struct histogram_side around = {TEST_SPANS({-1, 1}, {0, 9}),
                                          TEST_COUNTS(1, 1, 1, 1, 1, 1, 1, 1, 1, 1)};
    spans_are(&around, "-1+6 0+4");
    const struct histogram_side outside = {TEST_SPANS({-3, 1}, {12, 1}), TEST_COUNTS(1, 1)};
    spans_are(&outside, "-3+1 2+2 3+2 3+1");
    const struct histogram_side inside = {TEST_SPANS({1, 1}, {3, 1}), TEST_COUNTS(1, 1)};
    spans_are(&inside, "0+2 3+2");
}
END_TEST

START_TEST(schemas_meet_at_the_coarser)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    uint64_t state = 2;
    for (int i = 0; i < 1000; i++) {
        struct histogram *fine = test_random_histogram(arena, &state, 3, 0);
        struct histogram *coarse = test_random_histogram(arena, &state, 1, 0);
        struct histogram *reduced = histogram_reduce(arena, fine, 1);
        unsigned clashes = 0;
        struct histogram *sum = histogram_add(arena, fine, coarse, &clashes);
        ck_assert(histogram_equal(sum, histogram_add(arena, reduced, coarse, &clashes)));
        sum = histogram_subtract(arena, coarse, fine, &clashes);
        ck_assert(histogram_equal(sum, histogram_subtract(arena, coarse, reduced, &clashes)));
        ck_assert_int_eq(sum->schema, 1);
        arena_reset(arena);
    }
}
END_TEST

/* No populated bucket lies in the zero bucket, not even in part. */
static void zero_is_apart(const struct histogram *h)
{
    for (int side = 0; side < 2; side++) {
        struct histogram_walk walk = histogram_walk_side(h, side == 0);
        struct histogram_bucket bucket;
        while (histogram_walk_next(&walk, &bucket))
            ck_assert(bucket.count == 0 ||
                      fmin(fabs(bucket.lower), fabs(bucket.upper)) >= h->zero_threshold);
    }
}

static double all_buckets(const struct histogram *h)
{
    double all = h->zero_count;
    for (uint32_t i = 0; i < h->positive.bucket_count; i++)
        all += h->positive.buckets[i];
    for (uint32_t i = 0; i < h->negative.bucket_count; i++)
        all += h->negative.buckets[i];
    return all;
}

START_TEST(zero_buckets_take_in_what_they_cut)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    static const double thresholds[] = {0, 0x1p-128, 0.3, 0.5, 0.7, 1, 3};
    uint64_t state = 3;
    for (int i = 0; i < 3000; i++) {
        double threshold_a = thresholds[test_dice(&state) % ARRAY_COUNT(thresholds)];
        double threshold_b = thresholds[test_dice(&state) % ARRAY_COUNT(thresholds)];
        if (threshold_a == threshold_b)
            continue;
        struct histogram *a = test_random_histogram(arena, &state, 2, 0);
        struct histogram *b = test_random_histogram(arena, &state, 2, 0);
        struct histogram zero_a = {.schema = 2, .zero_threshold = threshold_a};
        struct histogram zero_b = {.schema = 2, .zero_threshold = threshold_b};
        unsigned clashes = 0;
        a = histogram_add(arena, a, &zero_a, &clashes);
        b = histogram_add(arena, b, &zero_b, &clashes);
        struct histogram *sum = histogram_add(arena, a, b, &clashes);
        ck_assert_double_ge(sum->zero_threshold, fmax(threshold_a, threshold_b));
        ck_assert_double_eq(all_buckets(sum), a->count + b->count);
        zero_is_apart(sum);
        arena_reset(arena);
    }
}
END_TEST

START_TEST(zero_thresholds_are_raised_to_a_bucket_end)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    /* 0.75 is in the middle of b's (0.5,1]:2, and so becomes 1; [-1,-0.5):1 is in it then too. */
    const struct histogram a = {
        .zero_threshold = 0.75,
        .zero_count = 1,
        .count = 13,
        .positive = {TEST_SPANS({1, 1}, {1, 1}), TEST_COUNTS(4, 8)},
    };
    const struct histogram b = {
        .count = 7,
        .positive = {TEST_SPANS({0, 1}), TEST_COUNTS(2)},
        .negative = {TEST_SPANS({0, 1}, {1, 1}), TEST_COUNTS(1, 4)},
    };
    unsigned clashes = 0;
    test_histogram_text(histogram_add(arena, &a, &b, &clashes),
                        "{count:20, sum:0, [-4,-2):4, [-1,1]:4, (1,2]:4, (4,8]:8}");
    test_histogram_text(histogram_subtract(arena, &b, &a, &clashes),
                        "{count:-6, sum:0, [-4,-2):4, [-1,1]:2, (1,2]:-4, (4,8]:-8}");
    /* What b has inside the zero bucket where that is wide enough already is passed over. */
    struct histogram inside = b;
    inside.zero_threshold = 1;
    struct histogram wide = a;
    wide.zero_threshold = 1;
    test_histogram_text(histogram_add(arena, &wide, &inside, &clashes),
                        "{count:20, sum:0, [-4,-2):4, [-1,1]:1, (1,2]:4, (4,8]:8}");
}
END_TEST

START_TEST(hints_agree_or_clash)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    static const enum histogram_hint results[4][4] = {
        {HISTOGRAM_UNKNOWN, HISTOGRAM_UNKNOWN, HISTOGRAM_UNKNOWN, HISTOGRAM_GAUGE},
        {HISTOGRAM_UNKNOWN, HISTOGRAM_RESET, HISTOGRAM_UNKNOWN, HISTOGRAM_GAUGE},
        {HISTOGRAM_UNKNOWN, HISTOGRAM_UNKNOWN, HISTOGRAM_NOT_RESET, HISTOGRAM_GAUGE},
        {HISTOGRAM_GAUGE, HISTOGRAM_GAUGE, HISTOGRAM_GAUGE, HISTOGRAM_GAUGE},
    };
    for (unsigned i = 0; i < 4; i++)
        for (unsigned j = 0; j < 4; j++) {
            struct histogram a = {.hint = (enum histogram_hint)i};
            struct histogram b = {.hint = (enum histogram_hint)j};
            unsigned clashes = 0;
            struct histogram *sum = histogram_add(arena, &a, &b, &clashes);
            ck_assert_int_eq(sum->hint, results[i][j]);
            bool clash = i != j && i + j == HISTOGRAM_RESET + HISTOGRAM_NOT_RESET && i && j;
            ck_assert_uint_eq(clashes, clash ? HISTOGRAM_CLASH_RESET : HISTOGRAM_CLASH_NONE);
        }
}
END_TEST

START_TEST(custom_bounds_are_reconciled)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    const struct histogram a = {
        TEST_BOUNDS(1, 2, 3, 4),
        .count = 31,
        .positive = {TEST_SPANS({0, 5}), TEST_COUNTS(1, 2, 4, 8, 16)},
    };
    const struct histogram b = {
        TEST_BOUNDS(0, 2, 4, 5),
        .count = 31,
        .positive = {TEST_SPANS({0, 5}), TEST_COUNTS(1, 2, 4, 8, 16)},
    };
    unsigned clashes = 0;
    struct histogram *sum = histogram_add(arena, &a, &a, &clashes);
    test_histogram_text(sum,
                        "{count:62, sum:0, [-Inf,1]:2, (1,2]:4, (2,3]:8, (3,4]:16, "
                        "(4,+Inf]:32}");
    ck_assert_uint_eq(clashes, HISTOGRAM_CLASH_NONE);

    sum = histogram_add(arena, &a, &b, &clashes);
    test_histogram_text(sum, "{count:62, sum:0, [-Inf,2]:6, (2,4]:16, (4,+Inf]:40}");
    ck_assert_uint_eq(clashes, HISTOGRAM_CLASH_BOUNDS);
    /* Buckets that come to nothing are left out. */
    struct histogram *rest = histogram_subtract(arena, &a, &b, &clashes);
    test_histogram_text(rest, "{count:0, sum:0, (2,4]:8, (4,+Inf]:-8}");
    test_histogram_spans(&rest->positive, "1+2");

    const struct histogram none = {.schema = HISTOGRAM_SCHEMA_CUSTOM, .count = 1};
    test_histogram_text(histogram_add(arena, &a, &none, &clashes),
                        "{count:32, sum:0, "
                        "[-Inf,+Inf]:31}");
}
END_TEST

START_TEST(custom_and_exponential_do_not_mix)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    const struct histogram a = {TEST_BOUNDS(1)};
    const struct histogram b = {.schema = 0};
    unsigned clashes = 0;
    ck_assert_ptr_null(histogram_add(arena, &a, &b, &clashes));
    ck_assert_uint_eq(clashes, HISTOGRAM_CLASH_INCOMPATIBLE);
    ck_assert_ptr_null(histogram_subtract(arena, &b, &a, &clashes));
}
END_TEST

TEST_MAIN("histogram_add", buckets_are_added_one_by_one, new_buckets_join_one_span,
          schemas_meet_at_the_coarser, zero_buckets_take_in_what_they_cut,
          zero_thresholds_are_raised_to_a_bucket_end, hints_agree_or_clash,
          custom_bounds_are_reconciled, custom_and_exponential_do_not_mix)
