#include <math.h>

#include "base/kahan.h"
#include "model/test_histogram.h"

/* Kahan's sums of each bucket, by themselves. */
struct sums {
    bool there[TEST_INDEX_COUNT];
    struct kahan kahan[TEST_INDEX_COUNT];
};

static void sums_add(struct sums *sums, const struct histogram_side *side)
{
    struct test_buckets buckets = test_buckets(side);
    for (size_t i = 0; i < TEST_INDEX_COUNT; i++) {
        if (!buckets.there[i])
            continue;
        sums->there[i] = true;
        kahan_add(&sums->kahan[i], buckets.counts[i]);
    }
}

static void sums_are(const struct sums *sums, const struct histogram_side *value,
                     const struct histogram_side *rest)
{
    struct test_buckets values = test_buckets(value);
    struct test_buckets rests = test_buckets(rest);
    for (size_t i = 0; i < TEST_INDEX_COUNT; i++) {
        ck_assert_int_eq(values.there[i], sums->there[i]);
        ck_assert_int_eq(rests.there[i], sums->there[i]);
        ck_assert_double_eq(values.counts[i], sums->kahan[i].sum);
        ck_assert_double_eq(rests.counts[i], sums->kahan[i].c);
    }
}

/* Fractions that leave something over. */
static struct histogram *fractions(struct arena *arena, uint64_t *state)
{
    struct histogram *h = test_random_histogram(arena, state, 1, 0);
    return histogram_multiply(arena, h, test_dice(state) % 5 ? 1.0 / 3 : 1e17);
}

START_TEST(total_is_kahans_sum_of_each_bucket)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    uint64_t state = 1;
    for (int round = 0; round < 300; round++) {
        struct histogram_total total = {.arena = arena};
        struct sums positive = {0};
        struct sums negative = {0};
        struct kahan count = {0};
        struct kahan zero_count = {0};
        struct histogram *h = NULL;
        for (int i = 0; i < 10; i++) {
            if (!h || test_dice(&state) % 2) /* else the same layout again */
                h = fractions(arena, &state);
            unsigned clashes = 0;
            ck_assert(histogram_total_add(&total, h, &clashes));
            ck_assert_uint_eq(clashes, HISTOGRAM_CLASH_NONE);
            sums_add(&positive, &h->positive);
            sums_add(&negative, &h->negative);
            kahan_add(&count, h->count);
            kahan_add(&zero_count, h->zero_count);
        }
        sums_are(&positive, &total.value->positive, &total.rest->positive);
        sums_are(&negative, &total.value->negative, &total.rest->negative);
        ck_assert_double_eq(total.value->count, count.sum);
        ck_assert_double_eq(total.rest->count, count.c);
        struct histogram *sum = histogram_total_sum(&total, arena);
        ck_assert_double_eq(sum->count, count.sum + count.c);
        ck_assert_double_eq(sum->zero_count, zero_count.sum + zero_count.c);
        arena_reset(arena);
    }
}
END_TEST

/* Whole numbers leave nothing over: then it is what adding gives, however layouts differ. */
START_TEST(total_of_whole_numbers_is_their_sum)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    static const double thresholds[] = {0, 0.3, 1, 2.5};
    uint64_t state = 2;
    for (int round = 0; round < 500; round++) {
        struct histogram_total total = {.arena = arena};
        struct histogram *sum = NULL;
        for (int i = 0; i < 6; i++) {
            struct histogram *h =
                test_random_histogram(arena, &state, (int32_t)(test_dice(&state) % 3),
                                      thresholds[test_dice(&state) % ARRAY_COUNT(thresholds)]);
            unsigned clashes = 0;
            ck_assert(histogram_total_add(&total, h, &clashes));
            sum = sum ? histogram_add(arena, sum, h, &clashes) : histogram_copy(arena, h);
        }
        ck_assert(histogram_equal(histogram_total_sum(&total, arena), sum));
        arena_reset(arena);
    }
}
END_TEST

START_TEST(total_reconciles_custom_bounds)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    const struct histogram a = {
        TEST_BOUNDS(1, 2, 3),
        .count = 4,
        .positive = {TEST_SPANS({0, 4}), TEST_COUNTS(1, 1, 1, 1)},
    };
    const struct histogram b = {
        TEST_BOUNDS(1, 3, 4),
        .count = 1,
        .positive = {TEST_SPANS({1, 1}), TEST_COUNTS(1)},
    };
    const struct histogram exponential = {.count = 1};
    struct histogram_total total = {.arena = arena};
    ck_assert_ptr_null(histogram_total_sum(&total, arena));
    unsigned clashes = 0;
    ck_assert(histogram_total_add(&total, &a, &clashes));
    ck_assert_ptr_null(total.rest);
    ck_assert(histogram_equal(histogram_total_sum(&total, arena), &a));
    ck_assert(histogram_total_add(&total, &a, &clashes));
    ck_assert_uint_eq(clashes, HISTOGRAM_CLASH_NONE);
    for (int i = 0; i < 3; i++)
        ck_assert(histogram_total_add(&total, i == 1 ? &a : &b, &clashes));
    ck_assert_uint_eq(clashes, HISTOGRAM_CLASH_BOUNDS);
    test_histogram_text(histogram_total_sum(&total, arena),
                        "{count:14, sum:0, [-Inf,1]:3, (1,3]:8, (3,+Inf]:3}");
    ck_assert(!histogram_total_add(&total, &exponential, &clashes));
    ck_assert_uint_eq(clashes, HISTOGRAM_CLASH_BOUNDS | HISTOGRAM_CLASH_INCOMPATIBLE);
    ck_assert_double_eq(total.value->count, 14);
}
END_TEST

START_TEST(total_reports_clashing_hints)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct histogram h = {.hint = HISTOGRAM_RESET};
    struct histogram_total total = {.arena = arena};
    unsigned clashes = 0;
    ck_assert(histogram_total_add(&total, &h, &clashes));
    h.hint = HISTOGRAM_NOT_RESET;
    ck_assert(histogram_total_add(&total, &h, &clashes));
    ck_assert_uint_eq(clashes, HISTOGRAM_CLASH_RESET);
    ck_assert_int_eq(histogram_total_sum(&total, arena)->hint, HISTOGRAM_UNKNOWN);
}
END_TEST

static void check_alike(const struct histogram *a, const struct histogram *b)
{
    ck_assert_int_eq(!a, !b);
    if (a) {
        ck_assert(histogram_equal(a, b));
        ck_assert_int_eq(a->hint, b->hint);
    }
}

START_TEST(total_that_grows_is_one_that_is_copied)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    static const double thresholds[] = {0, 0.3, 0x1p-30};
    uint64_t state = 4;
    for (int round = 0; round < 500; round++) {
        struct histogram_total grown = {.arena = arena};
        struct histogram_total copied = {.arena = arena, .keeps_before = true};
        double threshold = thresholds[test_dice(&state) % ARRAY_COUNT(thresholds)];
        struct histogram *last = NULL;
        for (int i = 0; i < 12; i++) {
            /* As a part of the one before, or all of it: without its empty buckets. */
            struct histogram *h = last && test_dice(&state) % 3
                                      ? histogram_compact(arena, last)
                                      : test_random_histogram(arena, &state, 1, threshold);
            h = histogram_multiply(arena, h, test_dice(&state) % 5 ? 1.0 / 3 : 1e17);
            h->hint = (enum histogram_hint)(test_dice(&state) % 4);
            unsigned clashes = 0, clashes_copied = 0;
            ck_assert(histogram_total_add(&grown, h, &clashes));
            ck_assert(histogram_total_add(&copied, h, &clashes_copied));
            ck_assert_uint_eq(clashes, clashes_copied);
            check_alike(grown.value, copied.value);
            check_alike(grown.rest, copied.rest);
            last = h;
        }
        arena_reset(arena);
    }
}
END_TEST

/* However many there are. */
START_TEST(total_uses_its_buffers_again)
{
    AUTO(arena_destroy) struct arena *own = arena_create(NULL);
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    uint64_t state = 3;
    struct histogram *some[8];
    for (size_t i = 0; i < ARRAY_COUNT(some); i++)
        some[i] = test_random_histogram(arena, &state, (int32_t)(i % 3), i % 2 ? 0.5 : 0.25);
    struct histogram_total total = {.arena = own};
    unsigned clashes = 0;
    size_t used = 0;
    for (size_t i = 0; i < 10000; i++) {
        ck_assert(histogram_total_add(&total, some[i % ARRAY_COUNT(some)], &clashes));
        if (i == 100)
            used = arena_used(own);
    }
    ck_assert_uint_eq(arena_used(own), used);
}
END_TEST

START_TEST(mean_divides_the_sum)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct histogram_mean mean = {.total.arena = arena};
    ck_assert_ptr_null(histogram_mean_result(&mean, arena));
    for (int i = 0; i < 4; i++) {
        const struct histogram h = {
            .count = i,
            .sum = 2 * i,
            .positive = {TEST_SPANS({0, 1}), TEST_COUNTS(3 * i)},
        };
        unsigned clashes = 0;
        ck_assert(histogram_mean_add(&mean, &h, &clashes));
    }
    test_histogram_text(histogram_mean_result(&mean, arena), "{count:1.5, sum:3, (0.5,1]:4.5}");
    ck_assert(!mean.correcting);
}
END_TEST

START_TEST(mean_does_not_overflow)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct histogram_mean mean = {.total.arena = arena};
    const struct histogram h = {
        .count = 4,
        .sum = 1,
        .positive = {TEST_SPANS({0, 1}), TEST_COUNTS(0x1p1023)},
    };
    for (int i = 0; i < 8; i++) {
        unsigned clashes = 0;
        ck_assert(histogram_mean_add(&mean, &h, &clashes));
        ck_assert_int_eq(mean.correcting, i > 0);
    }
    struct histogram *result = histogram_mean_result(&mean, arena);
    ck_assert_double_eq_tol(result->positive.buckets[0] / 0x1p1023, 1, 1e-15);
    ck_assert_double_eq_tol(result->count, 4, 1e-14);
    const struct histogram custom = {TEST_BOUNDS(1)};
    unsigned clashes = 0;
    ck_assert(!histogram_mean_add(&mean, &custom, &clashes));
    ck_assert_uint_eq(clashes, HISTOGRAM_CLASH_INCOMPATIBLE);
}
END_TEST

TEST_MAIN("histogram_total", total_is_kahans_sum_of_each_bucket,
          total_of_whole_numbers_is_their_sum, total_reconciles_custom_bounds,
          total_reports_clashing_hints, total_that_grows_is_one_that_is_copied,
          total_uses_its_buffers_again, mean_divides_the_sum, mean_does_not_overflow)
