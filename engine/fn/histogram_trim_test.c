#include "engine/fn/histogram_trim.h"

#include <math.h>

#include "model/test_histogram.h"

/* Buckets (1,4] and (4,16] at schema -1, and as much below zero. */
static const struct histogram even = {
    .schema = -1,
    .zero_threshold = 0.5,
    .zero_count = 4,
    .count = 28,
    .sum = 5,
    .hint = HISTOGRAM_NOT_RESET,
    .positive = {TEST_SPANS({1, 2}), TEST_COUNTS(4, 8)},
    .negative = {TEST_SPANS({1, 2}), TEST_COUNTS(4, 8)},
};
static const struct histogram custom = {
    TEST_BOUNDS(2, 4, 8),
    .count = 32,
    .sum = 100,
    .positive = {TEST_SPANS({0, 4}), TEST_COUNTS(4, 4, 8, 16)},
};

static void trimmed_is(const struct histogram *h, bool upper, double bound, const char *text)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct histogram *trimmed = histogram_trim(arena, h, bound, upper);
    test_histogram_text(trimmed, text);
    ck_assert_int_eq(trimmed->hint, h->hint);
}

START_TEST(buckets_are_cut_on_a_logarithmic_scale)
{
    /* 2 is half way from 1 to 4; middles are 2, 8 and, of what is cut, sqrt(2). */
    trimmed_is(&even, true, 2,
               "{count:18, sum:-69.17157287525382, [-16,-4):8, [-4,-1):4, "
               "[-0.5,0.5]:4, (1,4]:2}");
    trimmed_is(&even, false, 2, "{count:10, sum:69.65685424949238, (1,4]:2, (4,16]:8}");
    trimmed_is(&even, true, -2, "{count:10, sum:-69.65685424949238, [-16,-4):8, [-4,-1):2}");
    trimmed_is(&even, false, -2,
               "{count:18, sum:69.17157287525382, [-4,-1):2, [-0.5,0.5]:4, "
               "(1,4]:4, (4,16]:8}");
}
END_TEST

START_TEST(bounds_of_buckets_cut_nothing)
{
    trimmed_is(&even, true, 4,
               "{count:20, sum:-64, [-16,-4):8, [-4,-1):4, [-0.5,0.5]:4, "
               "(1,4]:4}");
    trimmed_is(&even, false, 4, "{count:8, sum:64, (4,16]:8}");
    trimmed_is(&even, false, INFINITY, "{count:0, sum:0}");
    trimmed_is(&even, true, NAN, "{count:NaN, sum:NaN, [-0.5,0.5]:NaN}");
}
END_TEST

START_TEST(what_is_whole_keeps_its_sum)
{
    trimmed_is(&even, true, 16,
               "{count:28, sum:5, [-16,-4):8, [-4,-1):4, [-0.5,0.5]:4, "
               "(1,4]:4, (4,16]:8}");
    trimmed_is(&even, false, -INFINITY,
               "{count:28, sum:5, [-16,-4):8, [-4,-1):4, "
               "[-0.5,0.5]:4, (1,4]:4, (4,16]:8}");
}
END_TEST

START_TEST(the_zero_bucket_is_cut_in_proportion)
{
    trimmed_is(&even, true, 0.25,
               "{count:15, sum:-72.375, [-16,-4):8, [-4,-1):4, "
               "[-0.5,0.5]:3}");
    trimmed_is(&even, false, 0.25, "{count:13, sum:72.375, [-0.5,0.5]:1, (1,4]:4, (4,16]:8}");
    /* With observations on one side alone, it is one-sided. */
    struct histogram positive = even;
    positive.negative = (struct histogram_side){0};
    trimmed_is(&positive, true, 0.25, "{count:2, sum:0.25, [-0.5,0.5]:2}");
    trimmed_is(&positive, false, 0, "{count:28, sum:5, [-0.5,0.5]:4, (1,4]:4, (4,16]:8}");
    struct histogram negative = even;
    negative.positive = (struct histogram_side){0};
    trimmed_is(&negative, false, -0.25, "{count:2, sum:-0.25, [-0.5,0.5]:2}");
}
END_TEST

START_TEST(custom_buckets_are_cut_in_proportion)
{
    trimmed_is(&custom, true, 6, "{count:12, sum:36, [-Inf,2]:4, (2,4]:4, (4,8]:4}");
    trimmed_is(&custom, false, 6, "{count:20, sum:156, (4,8]:4, (8,+Inf]:16}");
}
END_TEST

START_TEST(open_buckets_are_kept_or_dropped)
{
    /* The first is taken to begin at 0, */
    trimmed_is(&custom, true, 1, "{count:2, sum:1, [-Inf,2]:2}");
    trimmed_is(&custom, false, 1,
               "{count:30, sum:191, [-Inf,2]:2, (2,4]:4, (4,8]:8, "
               "(8,+Inf]:16}");
    /* and has nothing below; but all of it, if it ends there. */
    trimmed_is(&custom, true, -1, "{count:0, sum:0}");
    struct histogram below = custom;
    below.custom_bounds = (const double[]){-2, 4, 8};
    trimmed_is(&below, true, -3, "{count:4, sum:-12, [-Inf,-2]:4}");
    trimmed_is(&below, false, -3, "{count:28, sum:180, (-2,4]:4, (4,8]:8, (8,+Inf]:16}");
    /* The last is dropped from above, and kept from below as if all were at the bound. */
    trimmed_is(&custom, true, 10, "{count:16, sum:64, [-Inf,2]:4, (2,4]:4, (4,8]:8}");
    trimmed_is(&custom, false, 10, "{count:16, sum:160, (8,+Inf]:16}");
}
END_TEST

TEST_MAIN("histogram_trim", buckets_are_cut_on_a_logarithmic_scale, bounds_of_buckets_cut_nothing,
          what_is_whole_keeps_its_sum, the_zero_bucket_is_cut_in_proportion,
          custom_buckets_are_cut_in_proportion, open_buckets_are_kept_or_dropped)
