#include "engine/reference/native.h"

#include <math.h>

#include "base/test.h"
#include "model/sample.h"

#define GO_SQRT_2 0x1.6a09e667f3bccp+0 /* Exp2(0.5), one bit below the square root */

static const struct histogram_span span_of_two = {0, 2};

/* Schema 0: buckets (0.5, 1] and (1, 2]. */
static struct histogram exponential(const double buckets[2], double count, double sum)
{
    return (struct histogram){
        .count = count,
        .sum = sum,
        .zero_threshold = 0.25,
        .positive = {&span_of_two, buckets, 1, 2},
    };
}

/* Buckets (-Inf, 5] and (5, +Inf]. */
static struct histogram custom(const double buckets[2], double sum)
{
    static const double bounds[] = {5};
    return (struct histogram){
        .schema = HISTOGRAM_SCHEMA_CUSTOM,
        .count = buckets[0] + buckets[1],
        .sum = sum,
        .positive = {&span_of_two, buckets, 1, 2},
        .custom_bounds = bounds,
        .custom_bound_count = 1,
    };
}

static double quantile(double phi, const struct histogram *h)
{
    enum native_nans nans;
    double result = native_quantile(phi, h, &nans);
    ck_assert_int_eq(nans, NATIVE_NANS_NONE);
    return result;
}

START_TEST(quantiles_lie_on_a_logarithmic_scale)
{
    const double buckets[] = {0, 4};
    struct histogram h = exponential(buckets, 4, 6);
    ck_assert_double_eq(quantile(0.5, &h), GO_SQRT_2);
    ck_assert_double_eq(quantile(0, &h), 1);
    ck_assert_double_eq(quantile(1, &h), 2);
    ck_assert_double_eq(quantile(-0.1, &h), -INFINITY);
    ck_assert_double_eq(quantile(1.1, &h), INFINITY);
    ck_assert(isnan(quantile(value_nan(), &h)));
}
END_TEST

START_TEST(a_zero_bucket_beside_positive_ones_begins_at_zero)
{
    const double buckets[] = {1, 1};
    struct histogram h = exponential(buckets, 4, 2);
    h.zero_count = 2;
    ck_assert_double_eq(quantile(0.25, &h), 0.125);
}
END_TEST

START_TEST(custom_buckets_that_reach_to_infinity_have_one_end)
{
    const double buckets[] = {1, 1};
    struct histogram h = custom(buckets, 6);
    ck_assert_double_eq(quantile(0.25, &h), 2.5);
    ck_assert_double_eq(quantile(0.9, &h), 5);
}
END_TEST

/* Prometheus interpolates in the last bucket then, whichever one holds the rank. */
START_TEST(observations_of_nan_skew_a_quantile_or_are_it)
{
    const double buckets[] = {1, 1};
    struct histogram h = exponential(buckets, 4, value_nan());
    enum native_nans nans;
    ck_assert_double_eq(native_quantile(0.125, &h, &nans), GO_SQRT_2);
    ck_assert_int_eq(nans, NATIVE_NANS_SKEW_RESULT);
    ck_assert(isnan(native_quantile(0.75, &h, &nans)));
    ck_assert_int_eq(nans, NATIVE_NANS_ARE_RESULT);
}
END_TEST

START_TEST(fractions_interpolate_within_buckets)
{
    const double buckets[] = {2, 2};
    struct histogram h = exponential(buckets, 4, 4);
    bool nans;
    ck_assert_double_eq_tol(native_fraction(sqrt(0.5), 1, &h, &nans), 0.25, 1e-15);
    ck_assert_double_eq(native_fraction(-INFINITY, INFINITY, &h, &nans), 1);
    ck_assert_double_eq(native_fraction(2, 1, &h, &nans), 0);
    ck_assert(!nans);

    h.count = 8;
    h.sum = value_nan();
    ck_assert_double_eq(native_fraction(-INFINITY, INFINITY, &h, &nans), 0.5);
    ck_assert(nans);
}
END_TEST

START_TEST(fractions_of_custom_buckets_do_not_divide_infinity)
{
    const double buckets[] = {1, 3};
    struct histogram h = custom(buckets, 20);
    bool nans;
    ck_assert_double_eq(native_fraction(-INFINITY, 2.5, &h, &nans), 0.125);
    ck_assert_double_eq(native_fraction(-INFINITY, 100, &h, &nans), 0.25);
}
END_TEST

TEST_MAIN("native", quantiles_lie_on_a_logarithmic_scale,
          a_zero_bucket_beside_positive_ones_begins_at_zero,
          custom_buckets_that_reach_to_infinity_have_one_end,
          observations_of_nan_skew_a_quantile_or_are_it, fractions_interpolate_within_buckets,
          fractions_of_custom_buckets_do_not_divide_infinity)
