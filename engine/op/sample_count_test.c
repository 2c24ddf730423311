#include "engine/op/sample_count.h"

#include "base/attr.h"
#include "base/test.h"
#include "model/histogram_samples.h"

START_TEST(a_histogram_weighs_what_it_takes)
{
    static const struct histogram_span spans[] = {{0, 2}, {3, 1}};
    static const double counts[] = {1, 2, 3}, bounds[] = {1, 2};
    const struct histogram none = {.schema = 1};
    const struct histogram one_side = {.positive = {spans, counts, 2, 3}};
    const struct histogram custom = {
        .positive = {spans, counts, 2, 3}, .custom_bounds = bounds, .custom_bound_count = 2};
    ck_assert_uint_eq(sample_weight(&none), 11);
    ck_assert_uint_eq(sample_weight(&one_side), 13);
    ck_assert_uint_eq(sample_weight(&custom), 14);
}
END_TEST

/* Floats at 10, 20, 30 and 40, a histogram at 25; windows end at 20, 30 and 40. */
START_TEST(windows_over_both_kinds)
{
    static const int64_t times_ms[] = {10, 20, 30, 40};
    static const double values[] = {1, 2, 3, 4};
    const struct histogram h = {.schema = 1};
    struct histogram_samples histograms = {0};
    struct arena *arena = histogram_samples_region(&histograms);
    histogram_samples_add(&histograms, 25, 0, histogram_keep(arena, &h));
    struct window_call call = {
        .times_ms = times_ms,
        .values = values,
        .sample_count = ARRAY_COUNT(times_ms),
        .histograms = &histograms,
        .refs = {20, 10, 3},
        .range_ms = 10,
        .lookback_ms = 5,
    };
    const struct window_kernel *kernel = window_kernel(FN_rate, WINDOW_PLAIN);
    uint64_t steps[3] = {0, 0, 100};
    sample_count_windows(kernel, &call, WINDOW_PLAIN, steps);
    ck_assert_uint_eq(steps[0], 1); /* the begin of a window is not in it */
    ck_assert_uint_eq(steps[1], 12);
    ck_assert_uint_eq(steps[2], 101);

    uint64_t wider[3] = {0};
    sample_count_windows(kernel, &call, WINDOW_SMOOTHED, wider); /* five before, five behind */
    ck_assert_uint_eq(wider[0], 13);
    ck_assert_uint_eq(wider[1], 13);
    ck_assert_uint_eq(wider[2], 2);
    histogram_samples_done(&histograms);
}
END_TEST

TEST_MAIN("sample_count", a_histogram_weighs_what_it_takes, windows_over_both_kinds)
