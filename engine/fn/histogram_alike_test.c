#include "engine/fn/histogram_alike.h"

#include <string.h>

#include "base/test.h"
#include "engine/fn/test_random.h"

static const struct histogram_span spans[] = {{-3, 4}, {0, 2}, {2, 3}};

/* Nine buckets in three spans, two of which touch; many counts are equal from call to call. */
static struct histogram_side side_random(struct arena *arena, uint64_t *random)
{
    double *buckets = arena_array(arena, double, 9);
    for (size_t i = 0; i < 9; i++)
        buckets[i] = test_random(random) % 3;
    return (struct histogram_side){spans, buckets, 3, 9};
}

static struct histogram histogram_random(struct arena *arena, uint64_t *random, bool custom)
{
    static const double bounds[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    struct histogram h = {
        .schema = custom ? HISTOGRAM_SCHEMA_CUSTOM : 2,
        .hint = (enum histogram_hint)(test_random(random) % 4),
        .count = test_random(random) % 100,
        .sum = test_random_value(random, 0),
        .positive = side_random(arena, random),
    };
    if (custom) {
        h.custom_bounds = bounds;
        h.custom_bound_count = ARRAY_COUNT(bounds);
        return h;
    }
    h.zero_threshold = 1e-9;
    h.zero_count = test_random(random) % 3;
    h.negative = side_random(arena, random);
    return h;
}

static bool sides_equal(const struct histogram_side *a, const struct histogram_side *b)
{
    return a->span_count == b->span_count &&
           (a->span_count == 0 ||
            memcmp(a->spans, b->spans, a->span_count * sizeof *a->spans) == 0);
}

START_TEST(the_difference_is_that_of_three_steps)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    uint64_t random = 1;
    for (unsigned round = 0; round < 500; round++) {
        bool custom = round % 3 == 0;
        struct histogram a = histogram_random(arena, &random, custom);
        struct histogram b = histogram_random(arena, &random, custom);
        double factor = test_random(&random) % 2 ? 1.25 : 0.1;
        ck_assert(histograms_alike(&a, &b));
        unsigned clashes = 0;
        struct histogram *want = histogram_subtract(arena, &a, &b, &clashes);
        want = histogram_multiply(arena, histogram_compact(arena, want), factor);
        struct histogram *got = histograms_difference(arena, &a, &b, factor);
        ck_assert(histogram_equal(got, want));
        ck_assert(sides_equal(&got->positive, &want->positive));
        ck_assert(sides_equal(&got->negative, &want->negative));
        ck_assert_int_eq(got->hint, HISTOGRAM_GAUGE);
    }
}
END_TEST

START_TEST(what_differs_in_more_than_counts_is_not_alike)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    static const struct histogram_span others[] = {{-3, 4}, {1, 2}, {1, 3}};
    uint64_t random = 1;
    const struct histogram h = histogram_random(arena, &random, false);
    struct histogram other = h;
    ck_assert(histograms_alike(&h, &other));
    other.positive.spans = others;
    ck_assert(!histograms_alike(&h, &other));
    other = h;
    other.schema = 3;
    ck_assert(!histograms_alike(&h, &other));
    other = h;
    other.zero_threshold = 1e-8;
    ck_assert(!histograms_alike(&h, &other));

    const struct histogram custom = histogram_random(arena, &random, true);
    static const double bounds[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13};
    other = custom;
    other.custom_bounds = bounds;
    ck_assert(!histograms_alike(&custom, &other));
}
END_TEST

/* Subtracting leaves such a bucket out, which a mere walk would not. */
START_TEST(a_bucket_within_the_zero_bucket_is_not_alike)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    uint64_t random = 1;
    struct histogram h = histogram_random(arena, &random, false);
    h.zero_threshold = 1;
    ck_assert(!histograms_alike(&h, &h));
}
END_TEST

TEST_MAIN("histogram_alike", the_difference_is_that_of_three_steps,
          what_differs_in_more_than_counts_is_not_alike,
          a_bucket_within_the_zero_bucket_is_not_alike)
