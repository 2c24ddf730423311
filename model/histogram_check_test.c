#include <math.h>

#include "model/test_histogram.h"

static const struct histogram sound = {
    .count = 12,
    .positive = {TEST_SPANS({-3, 2}, {1, 1}), TEST_COUNTS(1, 2, 3)},
    .negative = {TEST_SPANS({1, 1}), TEST_COUNTS(4)},
};
static const struct histogram custom = {
    TEST_BOUNDS(-1, 2.5),
    .count = 6,
    .positive = {TEST_SPANS({0, 1}, {1, 1}), TEST_COUNTS(1, 2)},
};

static void is_sound(const struct histogram *h)
{
    struct err err = {0};
    ck_assert_msg(histogram_check(h, &err), "%s", err.msg);
}

static void is_wrong(const struct histogram *h, const char *message)
{
    struct err err = {0};
    ck_assert(!histogram_check(h, &err));
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    ck_assert_str_eq(err.msg, message);
}

START_TEST(sound_histograms_pass)
{
    is_sound(&sound);
    is_sound(&custom);
    struct histogram h = sound;
    h.count = NAN;
    h.zero_count = 0.5;
    h.schema = 8;
    is_sound(&h);
    h = (struct histogram){.schema = HISTOGRAM_SCHEMA_CUSTOM};
    is_sound(&h);
}
END_TEST

START_TEST(spans_and_counts_fit)
{
    struct histogram h = sound;
    h.positive.bucket_count = 2;
    is_wrong(&h,
             "positive side: spans need 3 buckets, have 2 buckets: histogram spans specify "
             "different number of buckets than provided");
    h = sound;
    h.negative = (struct histogram_side){TEST_SPANS({0, 1}, {-1, 1}), TEST_COUNTS(1, 1)};
    is_wrong(&h,
             "negative side: span number 2 with offset -1: histogram has a span whose offset "
             "is negative");
    h = sound;
    h.positive.buckets = (const double[]){1, -0.5, 1};
    is_wrong(&h,
             "positive side: bucket number 2 has observation count of -0.5: histogram has a "
             "bucket whose observation count is negative");
    h = sound;
    h.zero_count = -1e21;
    is_wrong(&h,
             "zero bucket has observation count of -1e+21: histogram has a bucket whose "
             "observation count is negative");
    h = sound;
    h.count = -1;
    is_wrong(&h, "observation count is  -1: histogram's observation count is negative");
}
END_TEST

START_TEST(schemas_are_known)
{
    struct histogram h = sound;
    h.schema = 9;
    is_wrong(&h,
             "histogram has an invalid schema, which must be between -4 and 8 for exponential "
             "buckets, or -53 for custom buckets, got schema 9");
    h.schema = -5;
    struct err err = {0};
    ck_assert(!histogram_check(&h, &err));
    h = sound;
    h.custom_bounds = (const double[]){1};
    h.custom_bound_count = 1;
    is_wrong(&h, "histogram with exponential schema must not have custom bounds");
}
END_TEST

START_TEST(custom_bounds_rise_and_suffice)
{
    struct histogram h = custom;
    h.custom_bounds = (const double[]){2.5, 2.5};
    is_wrong(&h,
             "custom buckets: previous bound is 2.500000 and current is 2.500000: histogram "
             "custom bounds must be in strictly increasing order");
    h.custom_bounds = (const double[]){2.5, NAN};
    is_wrong(&h, "custom buckets: histogram custom bounds must not be NaN");
    h.custom_bounds = (const double[]){2.5, INFINITY};
    is_wrong(&h,
             "custom buckets: last +Inf bound must not be explicitly defined: histogram "
             "custom bounds must be finite");
    h = custom;
    h.custom_bound_count = 1;
    is_wrong(&h,
             "custom buckets: only 1 custom bounds defined which is insufficient to cover "
             "total span length of 3: histogram custom bounds are too few");
    h = custom;
    h.positive.spans = (const struct histogram_span[]){{-1, 1}, {1, 1}};
    is_wrong(&h,
             "custom buckets: span number 1 with offset -1: histogram has a span whose offset "
             "is negative");
}
END_TEST

START_TEST(custom_histograms_have_one_side)
{
    struct histogram h = custom;
    h.zero_count = 1;
    is_wrong(&h, "custom buckets: must have zero count of 0");
    h = custom;
    h.zero_threshold = 0.1;
    is_wrong(&h, "custom buckets: must have zero threshold of 0");
    h = custom;
    h.negative = sound.negative;
    is_wrong(&h, "custom buckets: must not have negative spans");
    h.negative.span_count = 0;
    is_wrong(&h, "custom buckets: must not have negative buckets");
}
END_TEST

TEST_MAIN("histogram_check", sound_histograms_pass, spans_and_counts_fit, schemas_are_known,
          custom_bounds_rise_and_suffice, custom_histograms_have_one_side)
