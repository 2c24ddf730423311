#include "base/classic_histogram.h"

#include "base/attr.h"
#include "base/test.h"

static const struct classic_scale scale = {.unit = 10, .count = 3, .bounds = {1, 2.5, 4}};

static uint64_t bucket(const struct classic_histogram *histogram, size_t i)
{
    return atomic_load(&histogram->buckets[i]);
}

START_TEST(bounds_are_inside_of_their_buckets)
{
    static struct classic_histogram histogram;
    static const uint64_t values[] = {0, 10, 11, 25, 26, 40, 41, 1000};
    for (size_t i = 0; i < ARRAY_COUNT(values); i++)
        classic_histogram_observe(&histogram, &scale, values[i]);
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_eq(bucket(&histogram, i), 2);
    ck_assert_uint_eq(bucket(&histogram, 3), 0);
    ck_assert_uint_eq(atomic_load(&histogram.count), 8);
    ck_assert_uint_eq(atomic_load(&histogram.sum), 1153);
}
END_TEST

TEST_MAIN("classic_histogram", bounds_are_inside_of_their_buckets)
