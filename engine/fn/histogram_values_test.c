#include "engine/fn/histogram_values.h"

#include <math.h>

#include "engine/fn/gomath.h"
#include "engine/fn/test_same.h"
#include "model/test_histogram.h"

/* Buckets (1,4] and (4,16] at schema -1, and as much below zero. */
static const struct histogram even = {
    .schema = -1,
    .zero_threshold = 0.5,
    .zero_count = 8,
    .count = 32,
    .sum = 8,
    .positive = {TEST_SPANS({1, 2}), TEST_COUNTS(4, 8)},
    .negative = {TEST_SPANS({1, 2}), TEST_COUNTS(4, 8)},
};
static const struct histogram custom = {
    TEST_BOUNDS(2, 4, 8),
    .count = 32,
    .sum = 100,
    .positive = {TEST_SPANS({0, 4}), TEST_COUNTS(4, 4, 8, 16)},
};

static void quantile_is(const struct histogram *h, double phi, double want,
                        enum histogram_nan want_nan)
{
    enum histogram_nan nan;
    double got = histogram_quantile(h, phi, &nan);
    ck_assert_msg(test_same(got, want), "phi %g: %.17g, not %.17g", phi, got, want);
    ck_assert_int_eq(nan, want_nan);
}

static void fraction_is(const struct histogram *h, double lower, double upper, double want,
                        enum histogram_nan want_nan)
{
    enum histogram_nan nan;
    double got = histogram_fraction(h, lower, upper, &nan);
    ck_assert_msg(test_same(got, want), "%g to %g: %.17g, not %.17g", lower, upper, got, want);
    ck_assert_int_eq(nan, want_nan);
}

START_TEST(quantiles_have_limits)
{
    quantile_is(&even, -0.1, -INFINITY, HISTOGRAM_NAN_NONE);
    quantile_is(&even, 1.1, INFINITY, HISTOGRAM_NAN_NONE);
    quantile_is(&even, NAN, NAN, HISTOGRAM_NAN_NONE);
    const struct histogram empty = {0};
    quantile_is(&empty, 0.5, NAN, HISTOGRAM_NAN_NONE);
    quantile_is(&empty, 2, INFINITY, HISTOGRAM_NAN_NONE);
}
END_TEST

START_TEST(quantiles_lie_on_a_logarithmic_scale)
{
    quantile_is(&even, 0, -16, HISTOGRAM_NAN_NONE);
    quantile_is(&even, 1, 16, HISTOGRAM_NAN_NONE);
    quantile_is(&even, 4.0 / 32, -8, HISTOGRAM_NAN_NONE);
    quantile_is(&even, 22.0 / 32, 2, HISTOGRAM_NAN_NONE);
    quantile_is(&even, 0.5, 0, HISTOGRAM_NAN_NONE);
}
END_TEST

START_TEST(the_zero_bucket_is_one_sided_with_one_side)
{
    struct histogram h = even;
    h.zero_count = 4;
    h.count = 16;
    h.negative = (struct histogram_side){0};
    quantile_is(&h, 0.125, 0.25, HISTOGRAM_NAN_NONE);
    fraction_is(&h, 0, 0.25, 0.125, HISTOGRAM_NAN_NONE);
    h.negative = h.positive;
    h.positive = (struct histogram_side){0};
    quantile_is(&h, 0.875, -0.25, HISTOGRAM_NAN_NONE);
    fraction_is(&h, -0.25, 5, 0.125, HISTOGRAM_NAN_NONE);
    /* With nothing else at all it has two. */
    h.negative = (struct histogram_side){0};
    h.count = 4;
    quantile_is(&h, 0.25, -0.25, HISTOGRAM_NAN_NONE);
}
END_TEST

START_TEST(quantiles_of_custom_buckets_are_linear)
{
    quantile_is(&custom, 0.0625, 1, HISTOGRAM_NAN_NONE);
    quantile_is(&custom, 0.375, 6, HISTOGRAM_NAN_NONE);
    quantile_is(&custom, 0.75, 8, HISTOGRAM_NAN_NONE);
    struct histogram below = custom;
    below.custom_bounds = (const double[]){-2, 4, 8};
    quantile_is(&below, 0.0625, -2, HISTOGRAM_NAN_NONE);
}
END_TEST

START_TEST(nan_among_observations_is_told)
{
    struct histogram h = even;
    h.sum = NAN;
    quantile_is(&h, 1, 16, HISTOGRAM_NAN_NONE); /* infinities of both signs may have made it */
    h.count = 64;
    quantile_is(&h, 0.95, NAN, HISTOGRAM_NAN_RESULT);
    quantile_is(&h, 28.0 / 64, 8, HISTOGRAM_NAN_SKEWED);
    /* Rank 22 is 2 of (1,4]:4; Prometheus takes that for 2 of (4,16]:8. */
    quantile_is(&h, 22.0 / 64, gomath_exp2(2.5), HISTOGRAM_NAN_SKEWED);
    fraction_is(&h, -INFINITY, INFINITY, 0.5, HISTOGRAM_NAN_EXCLUDED);
    fraction_is(&h, -INFINITY, 0, 0.25, HISTOGRAM_NAN_EXCLUDED);
}
END_TEST

/* It answers with the end of the walk, which is the wrong one from above. */
START_TEST(fewer_in_buckets_than_counted)
{
    struct histogram h = even;
    h.count = 128;
    quantile_is(&h, 0.4, 16, HISTOGRAM_NAN_NONE);
    quantile_is(&h, 0.6, -4, HISTOGRAM_NAN_NONE);
}
END_TEST

START_TEST(fractions_between_two_values)
{
    fraction_is(&even, -INFINITY, INFINITY, 1, HISTOGRAM_NAN_NONE);
    fraction_is(&even, 2, 8, 6.0 / 32, HISTOGRAM_NAN_NONE);
    fraction_is(&even, -8, -2, 6.0 / 32, HISTOGRAM_NAN_NONE);
    fraction_is(&even, -0.25, 0.25, 4.0 / 32, HISTOGRAM_NAN_NONE);
    fraction_is(&even, 1, 4, 4.0 / 32, HISTOGRAM_NAN_NONE);
    fraction_is(&even, 3, 3, 0, HISTOGRAM_NAN_NONE);
    fraction_is(&even, NAN, 3, NAN, HISTOGRAM_NAN_NONE);
    fraction_is(&even, 100, 200, 0, HISTOGRAM_NAN_NONE);
    const struct histogram empty = {0};
    fraction_is(&empty, 1, 0, NAN, HISTOGRAM_NAN_NONE);
}
END_TEST

START_TEST(fractions_of_custom_buckets)
{
    fraction_is(&custom, 3, 6, 6.0 / 32, HISTOGRAM_NAN_NONE);
    /* The first one's lower end is 0 here, though it has none. */
    fraction_is(&custom, -INFINITY, 1, 2.0 / 32, HISTOGRAM_NAN_NONE);
    fraction_is(&custom, 8, 1000, 0, HISTOGRAM_NAN_NONE);
    fraction_is(&custom, 8, INFINITY, 0.5, HISTOGRAM_NAN_NONE);
    struct histogram below = custom;
    below.custom_bounds = (const double[]){-2, 4, 8};
    fraction_is(&below, -INFINITY, -3, 4.0 / 32, HISTOGRAM_NAN_NONE);
}
END_TEST

START_TEST(deviation_is_from_the_middles)
{
    ck_assert_double_eq(histogram_average(&even), 0.25);
    /* Middles -8, -2, 0, 2, 8 times 8, 4, 4, 4, 8. */
    struct histogram h = even;
    h.sum = 0;
    ck_assert_double_eq(histogram_variance(&h), (2 * 8 * 64.0 + 2 * 4 * 4) / 32);
    ck_assert_double_eq(histogram_deviation(&h), sqrt((2 * 8 * 64.0 + 2 * 4 * 4) / 32));
    h = custom;
    h.custom_bounds = (const double[]){0, 4, 8};
    h.positive = (struct histogram_side){TEST_SPANS({1, 2}), TEST_COUNTS(4, 8)};
    h.count = 12;
    h.sum = 60;
    ck_assert_double_eq(histogram_variance(&h), (4 * 9.0 + 8 * 1) / 12);
    const struct histogram empty = {0};
    ck_assert(isnan(histogram_variance(&empty)));
}
END_TEST

TEST_MAIN("histogram_values", quantiles_have_limits, quantiles_lie_on_a_logarithmic_scale,
          the_zero_bucket_is_one_sided_with_one_side, quantiles_of_custom_buckets_are_linear,
          nan_among_observations_is_told, fewer_in_buckets_than_counted,
          fractions_between_two_values, fractions_of_custom_buckets, deviation_is_from_the_middles)
