#include "model/test_histogram.h"

/* What is left of a side without its empty buckets. */
static struct test_buckets populated(const struct histogram_side *side)
{
    struct test_buckets buckets = test_buckets(side);
    for (size_t i = 0; i < TEST_INDEX_COUNT; i++) {
        buckets.there[i] = buckets.counts[i] != 0;
        if (!buckets.there[i])
            buckets.counts[i] = 0;
    }
    return buckets;
}

static void is_compact(const struct histogram_side *side)
{
    for (uint32_t i = 0; i < side->span_count; i++) {
        ck_assert_uint_gt(side->spans[i].length, 0);
        ck_assert(i == 0 || side->spans[i].offset > 0);
    }
}

START_TEST(compact_drops_empty_buckets_alone)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    uint64_t state = 1;
    for (int i = 0; i < 3000; i++) {
        struct histogram *h = test_random_histogram(arena, &state, 2, 0);
        struct histogram *compact = histogram_compact(arena, h);
        struct test_buckets before = populated(&h->positive);
        struct test_buckets after = test_buckets(&compact->positive);
        ck_assert(test_buckets_equal(&before, &after));
        before = populated(&h->negative);
        after = test_buckets(&compact->negative);
        ck_assert(test_buckets_equal(&before, &after));
        is_compact(&compact->positive);
        is_compact(&compact->negative);
        ck_assert(histogram_equal(compact, histogram_compact(arena, compact)));
        arena_reset(arena);
    }
}
END_TEST

START_TEST(compact_cuts_and_joins_spans)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    const struct histogram h = {
        .positive = {TEST_SPANS({-2, 3}, {0, 2}, {2, 1}, {1, 2}, {0, 0}, {3, 1}),
                     TEST_COUNTS(0, 1, 2, 3, -0.0, 0, 4, 5, 6)},
    };
    struct histogram *compact = histogram_compact(arena, &h);
    test_histogram_spans(&compact->positive, "-1+3 5+2 3+1");
    ck_assert_uint_eq(compact->positive.bucket_count, 6);
    const struct histogram empty = {.positive = {TEST_SPANS({5, 2}), TEST_COUNTS(0, 0)}};
    test_histogram_spans(&histogram_compact(arena, &empty)->positive, "");
}
END_TEST

/* A bucket's index one schema coarser is half of it, rounded up. */
static struct test_buckets halved(const struct test_buckets *buckets)
{
    struct test_buckets half = {0};
    for (int64_t i = TEST_INDEX_MIN; i < TEST_INDEX_MIN + TEST_INDEX_COUNT; i++) {
        if (!buckets->there[test_slot(i)])
            continue;
        size_t slot = test_slot((i + (i & 1)) / 2);
        half.there[slot] = true;
        half.counts[slot] += buckets->counts[test_slot(i)];
    }
    return half;
}

START_TEST(reduce_merges_pairs)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    uint64_t state = 2;
    for (int i = 0; i < 3000; i++) {
        struct histogram *h = test_random_histogram(arena, &state, 3, 0);
        h->hint = HISTOGRAM_NOT_RESET;
        struct test_buckets positive = test_buckets(&h->positive);
        struct test_buckets negative = test_buckets(&h->negative);
        for (int32_t schema = 2; schema >= 0; schema--) {
            struct histogram *reduced = histogram_reduce(arena, h, schema);
            ck_assert_int_eq(reduced->schema, schema);
            ck_assert_int_eq(reduced->hint, HISTOGRAM_UNKNOWN);
            ck_assert_double_eq(reduced->count, h->count);
            positive = halved(&positive);
            negative = halved(&negative);
            struct test_buckets got = test_buckets(&reduced->positive);
            ck_assert(test_buckets_equal(&positive, &got));
            got = test_buckets(&reduced->negative);
            ck_assert(test_buckets_equal(&negative, &got));
        }
        ck_assert_int_eq(histogram_reduce(arena, h, 3)->hint, HISTOGRAM_NOT_RESET);
        arena_reset(arena);
    }
}
END_TEST

TEST_MAIN("histogram_layout", compact_drops_empty_buckets_alone, compact_cuts_and_joins_spans,
          reduce_merges_pairs)
