#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/test.h"
#include "model/histogram.h"
#include "model/sample.h"

/*
 * For tests: histograms written down, made at random, and looked at bucket by bucket.
 *
 *     {.count = 3, .positive = {TEST_SPANS({0, 2}, {1, 1}), TEST_COUNTS(1, 1, 1)}}
 */
#define TEST_SPANS(...) \
    .spans = (const struct histogram_span[]){__VA_ARGS__}, \
    .span_count = ARRAY_COUNT(((const struct histogram_span[]){__VA_ARGS__}))
#define TEST_COUNTS(...) \
    .buckets = (const double[]){__VA_ARGS__}, \
    .bucket_count = ARRAY_COUNT(((const double[]){__VA_ARGS__}))
#define TEST_BOUNDS(...) \
    .schema = HISTOGRAM_SCHEMA_CUSTOM, .custom_bounds = (const double[]){__VA_ARGS__}, \
    .custom_bound_count = ARRAY_COUNT(((const double[]){__VA_ARGS__}))

/* Aborts with both texts unless the histogram prints so. */
static inline void test_histogram_text(const struct histogram *h, const char *text)
{
    AUTO(buf_done) struct buf buf = {0};
    histogram_print(h, &buf);
    ck_assert_str_eq(buf_terminated(&buf), text);
}

static inline void test_histogram_literal(const struct histogram *h, const char *text)
{
    AUTO(buf_done) struct buf buf = {0};
    histogram_print_literal(h, &buf);
    ck_assert_str_eq(buf_terminated(&buf), text);
}

/* Spans as "0+2 1+1": offset and length. */
static inline void test_histogram_spans(const struct histogram_side *side, const char *text)
{
    AUTO(buf_done) struct buf buf = {0};
    for (uint32_t i = 0; i < side->span_count; i++)
        buf_printf(&buf, "%s%d+%u", i ? " " : "", side->spans[i].offset, side->spans[i].length);
    ck_assert_str_eq(buf_terminated(&buf), text);
}

/* The simplest view of a side: which bucket has which count. Indices beyond are not there. */
#define TEST_INDEX_MIN (-64)
#define TEST_INDEX_COUNT 128

struct test_buckets {
    bool there[TEST_INDEX_COUNT];
    double counts[TEST_INDEX_COUNT];
};

static inline size_t test_slot(int64_t index)
{
    ck_assert_int_ge(index, TEST_INDEX_MIN);
    ck_assert_int_lt(index, TEST_INDEX_MIN + TEST_INDEX_COUNT);
    return (size_t)(index - TEST_INDEX_MIN);
}

static inline struct test_buckets test_buckets(const struct histogram_side *side)
{
    struct test_buckets buckets = {0};
    int64_t index = 0;
    uint32_t at = 0;
    for (uint32_t i = 0; i < side->span_count; i++) {
        index += side->spans[i].offset;
        for (uint32_t j = 0; j < side->spans[i].length; j++) {
            buckets.there[test_slot(index)] = true;
            buckets.counts[test_slot(index)] = side->buckets[at++];
            index++;
        }
    }
    ck_assert_uint_eq(at, side->bucket_count);
    return buckets;
}

/* Equal bits, and the same buckets there. */
static inline bool test_buckets_equal(const struct test_buckets *a, const struct test_buckets *b)
{
    if (memcmp(a->there, b->there, sizeof a->there) != 0)
        return false;
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): the bits are what is asked for */
    return memcmp(a->counts, b->counts, sizeof a->counts) == 0;
}

static inline uint32_t test_dice(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Up to 4 spans of up to 4 buckets, some touching, a third of them empty; `first` or a little
 * after it begins the first. */
static inline struct histogram_side test_random_side(struct arena *arena, uint64_t *state,
                                                     int32_t first)
{
    struct histogram_side side = {.span_count = test_dice(state) % 5};
    struct histogram_span *spans = arena_array(arena, struct histogram_span, side.span_count);
    for (uint32_t i = 0; i < side.span_count; i++) {
        spans[i].offset = (int32_t)(test_dice(state) % 4) + (i == 0 ? first : 0);
        spans[i].length = 1 + test_dice(state) % 4;
        side.bucket_count += spans[i].length;
    }
    double *counts = arena_array(arena, double, side.bucket_count);
    for (uint32_t i = 0; i < side.bucket_count; i++)
        counts[i] = test_dice(state) % 3 ? test_dice(state) % 7 : 0;
    side.spans = spans;
    side.buckets = counts;
    return side;
}

/* Exponential; counts are whole numbers and add up. */
static inline struct histogram *test_random_histogram(struct arena *arena, uint64_t *state,
                                                      int32_t schema, double zero_threshold)
{
    struct histogram *h = arena_new(arena, struct histogram);
    h->schema = schema;
    h->zero_threshold = zero_threshold;
    h->zero_count = test_dice(state) % 4;
    h->positive = test_random_side(arena, state, -6);
    h->negative = test_random_side(arena, state, -6);
    h->count = h->zero_count;
    for (uint32_t i = 0; i < h->positive.bucket_count; i++)
        h->count += h->positive.buckets[i];
    for (uint32_t i = 0; i < h->negative.bucket_count; i++)
        h->count += h->negative.buckets[i];
    h->sum = (double)(test_dice(state) % 100) / 8;
    return h;
}
