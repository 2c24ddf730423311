#include "server/metrics_histogram.h"

#include "base/test.h"

static const struct classic_scale scale = {1000, 3, {.5, 1, 2}};

START_TEST(adds_buckets_up)
{
    AUTO(buf_done) struct buf out = {0};
    struct classic_histogram histogram = {0};
    static const uint64_t values[] = {500, 501, 2000, 2001, 9000};
    for (size_t i = 0; i < ARRAY_COUNT(values); i++)
        classic_histogram_observe(&histogram, &scale, values[i]);
    put_histogram(&out, "a", "x=\"y\"", &histogram, &scale);
    ck_assert_str_eq(buf_terminated(&out),
                     "a_bucket{x=\"y\",le=\"0.5\"} 1\n"
                     "a_bucket{x=\"y\",le=\"1\"} 2\n"
                     "a_bucket{x=\"y\",le=\"2\"} 3\n"
                     "a_bucket{x=\"y\",le=\"+Inf\"} 5\n"
                     "a_sum{x=\"y\"} 14.002\n"
                     "a_count{x=\"y\"} 5\n");
}
END_TEST

/* No bucket has more than that of +Inf: who reads that could not take it for a histogram. */
START_TEST(has_no_more_in_a_bucket_than_in_all)
{
    AUTO(buf_done) struct buf out = {0};
    struct classic_histogram histogram = {0};
    classic_histogram_observe(&histogram, &scale, 1);
    atomic_fetch_add(&histogram.buckets[1], 1); /* another thread has come so far */
    put_histogram(&out, "a", "", &histogram, &scale);
    ck_assert_str_eq(buf_terminated(&out),
                     "a_bucket{le=\"0.5\"} 1\n"
                     "a_bucket{le=\"1\"} 2\n"
                     "a_bucket{le=\"2\"} 2\n"
                     "a_bucket{le=\"+Inf\"} 2\n"
                     "a_sum 0.001\n"
                     "a_count 2\n");
}
END_TEST

TEST_MAIN("metrics_histogram", adds_buckets_up, has_no_more_in_a_bucket_than_in_all)
