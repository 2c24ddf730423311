#include "model/histogram_samples.h"

#include "base/test.h"

static void add(struct histogram_samples *samples, size_t count, double first)
{
    struct arena *arena = histogram_samples_region(samples);
    for (size_t i = 0; i < count; i++) {
        struct histogram *h = arena_new(arena, struct histogram);
        h->count = first + (double)i;
        histogram_samples_add(samples, (int64_t)h->count, 0, h);
    }
}

static void check(const struct histogram_samples *samples, size_t count, double first)
{
    ck_assert_uint_eq(samples->count, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_double_eq(samples->items[i]->count, first + (double)i);
        ck_assert_int_eq(samples->times_ms[i], (int64_t)first + (int64_t)i);
    }
}

START_TEST(forgets_from_the_front)
{
    struct histogram_samples samples = {0};
    add(&samples, 3, 0);
    add(&samples, 200, 3);
    size_t whole = histogram_samples_bytes(&samples);
    histogram_samples_forget(&samples, 2);
    check(&samples, 201, 2);
    histogram_samples_forget(&samples, 2);
    check(&samples, 199, 4);
    ck_assert_uint_le(histogram_samples_bytes(&samples), whole);
    histogram_samples_done(&samples);
}
END_TEST

START_TEST(what_was_dropped_serves_again)
{
    struct histogram_samples samples = {0};
    add(&samples, 100, 0);
    add(&samples, 100, 100);
    histogram_samples_clear(&samples);
    add(&samples, 100, 0);
    add(&samples, 100, 100);
    histogram_samples_clear(&samples);
    size_t settled = histogram_samples_bytes(&samples);
    for (size_t i = 0; i < 5; i++) {
        add(&samples, 100, 0);
        add(&samples, 100, 100);
        check(&samples, 200, 0);
        histogram_samples_clear(&samples);
    }
    ck_assert_uint_le(histogram_samples_bytes(&samples), settled * 2);
    histogram_samples_done(&samples);
}
END_TEST

START_TEST(drops_from_the_end_over_regions)
{
    struct histogram_samples samples = {0};
    add(&samples, 3, 0);
    add(&samples, 4, 3);
    add(&samples, 5, 7);
    histogram_samples_truncate(&samples, 8);
    check(&samples, 8, 0);
    histogram_samples_truncate(&samples, 3);
    check(&samples, 3, 0);
    add(&samples, 2, 3);
    check(&samples, 5, 0);
    histogram_samples_forget(&samples, 4);
    check(&samples, 1, 4);
    histogram_samples_truncate(&samples, 0);
    ck_assert_ptr_null(samples.regions);
    histogram_samples_done(&samples);
}
END_TEST

START_TEST(keeps_the_stored_hint_when_it_says_otherwise)
{
    struct histogram_samples samples = {0};
    add(&samples, 2, 0);
    const struct histogram *before = samples.items[1];
    histogram_samples_set_hint(&samples, 1, HISTOGRAM_RESET);
    ck_assert_int_eq(samples.items[1]->hint, HISTOGRAM_RESET);
    ck_assert_double_eq(samples.items[1]->count, 1);
    ck_assert_int_eq(before->hint, HISTOGRAM_UNKNOWN);
    ck_assert_int_eq(samples.stored_hints[1], HISTOGRAM_UNKNOWN);
    histogram_samples_done(&samples);
}
END_TEST

START_TEST(strips_to_totals)
{
    struct histogram_samples samples = {0};
    const double bucket = 5;
    const struct histogram_span span = {.length = 1};
    struct arena *arena = histogram_samples_region(&samples);
    const struct histogram h = {
        .schema = 1,
        .hint = HISTOGRAM_NOT_RESET,
        .zero_threshold = 0.5,
        .zero_count = 2,
        .count = 7,
        .sum = 3,
        .positive = {.spans = &span, .buckets = &bucket, .span_count = 1, .bucket_count = 1},
    };
    histogram_samples_add(&samples, 1, 0, histogram_copy(arena, &h));
    histogram_samples_add(&samples, 2, 0, histogram_copy(arena, &h));
    histogram_samples_strip(&samples, 1);
    ck_assert(histogram_equal(samples.items[0], &h));
    const struct histogram totals = {.schema = 1, .count = 7, .sum = 3};
    ck_assert(histogram_equal(samples.items[1], &totals));
    ck_assert_int_eq(samples.items[1]->hint, HISTOGRAM_NOT_RESET);
    histogram_samples_done(&samples);
}
END_TEST

TEST_MAIN("histogram_samples", forgets_from_the_front, what_was_dropped_serves_again,
          drops_from_the_end_over_regions, keeps_the_stored_hint_when_it_says_otherwise,
          strips_to_totals)
