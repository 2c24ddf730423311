#include "storage/chunk_histogram_write.h"

#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "model/histogram_samples.h"
#include "storage/chunk.h"
#include "storage/histogram_reader.h"

#define INDEX_COUNT 40
#define SAMPLES_MAX 60

/* A histogram that may have any of 40 buckets, each of which may be there and empty. */
struct sparse {
    bool there[INDEX_COUNT];
    uint64_t counts[INDEX_COUNT];
};

struct built {
    struct raw_histogram raw;
    int32_t indices[INDEX_COUNT];
    uint64_t buckets[INDEX_COUNT];
    struct histogram_span spans[INDEX_COUNT];
};

static void build(const struct sparse *sparse, bool is_float, enum histogram_hint hint, size_t side,
                  struct built *out)
{
    uint64_t total = 0;
    uint32_t count = 0;
    for (int32_t i = 0; i < INDEX_COUNT; i++) {
        total += sparse->counts[i];
        if (!sparse->there[i])
            continue;
        out->indices[count] = i - 7;
        out->buckets[count++] =
            is_float ? value_bits((double)sparse->counts[i]) : sparse->counts[i];
    }
    size_t span_count = raw_spans(out->indices, count, out->spans);
    out->raw = (struct raw_histogram){.is_float = is_float, .hint = hint, .sum = (double)total};
    out->raw.count = is_float ? value_bits((double)total) : total;
    out->raw.sides[side] = (struct raw_side){out->spans, out->buckets, (uint32_t)span_count, count};
}

/* Buckets that are in use stay, unless it is a gauge; others come, and empty ones may go. */
static void change(struct sparse *sparse, bool gauge)
{
    for (size_t i = 0; i < INDEX_COUNT; i++) {
        if (rand() % 4 == 0)
            sparse->counts[i] = gauge ? (uint64_t)rand() % 5 : sparse->counts[i] + 1;
        if (sparse->counts[i] == 0 && rand() % 8 == 0)
            sparse->there[i] = !sparse->there[i];
        sparse->there[i] |= sparse->counts[i] > 0;
    }
}

static uint64_t count_at(const struct histogram_side *side, int32_t index)
{
    int32_t at = 0;
    uint32_t bucket = 0;
    for (uint32_t s = 0; s < side->span_count; s++) {
        at += side->spans[s].offset;
        for (uint32_t i = 0; i < side->spans[s].length; i++, at++, bucket++)
            if (at == index)
                return (uint64_t)side->buckets[bucket];
    }
    return 0;
}

static void check(const struct histogram_appender *appender, const struct sparse *all, size_t count,
                  size_t side)
{
    struct histogram_samples histograms = {0};
    struct samples floats = {.histograms = &histograms};
    struct err err = {0};
    ck_assert_msg(
        chunk_decode(appender->encoding, appender->out.bytes, appender->out.size, &floats, &err),
        "%s", err.msg);
    ck_assert_uint_eq(histograms.count, count);
    for (size_t i = 0; i < count; i++) {
        const struct histogram *h = histograms.items[i];
        ck_assert_int_eq(histograms.times_ms[i], 10 * (int64_t)i);
        ck_assert_int_eq(histograms.starts_ms[i], appender->has_starts ? 5 + (int64_t)(i / 7) : 0);
        for (int32_t index = 0; index < INDEX_COUNT; index++)
            ck_assert_uint_eq(count_at(side == 0 ? &h->positive : &h->negative, index - 7),
                              all[i].counts[index]);
    }
    histogram_samples_done(&histograms);
    samples_done(&floats);
}

static const uint8_t encodings[] = {CHUNK_HISTOGRAM, CHUNK_FLOAT_HISTOGRAM, CHUNK_HISTOGRAM_ST,
                                    CHUNK_FLOAT_HISTOGRAM_ST};

START_TEST(samples_of_any_buckets_share_a_chunk)
{
    static struct sparse all[SAMPLES_MAX];
    for (unsigned round = 0; round < 200; round++) {
        bool gauge = round % 8 >= 4;
        struct histogram_appender appender;
        histogram_appender_init(&appender, encodings[round % 4]);
        size_t side = (size_t)rand() % 2;
        memset(all, 0, sizeof all);
        for (size_t i = 0; i < SAMPLES_MAX; i++) {
            struct built built;
            if (i > 0)
                all[i] = all[i - 1];
            change(&all[i], gauge);
            build(&all[i], appender.is_float, gauge ? HISTOGRAM_GAUGE : HISTOGRAM_UNKNOWN, side,
                  &built);
            ck_assert(histogram_appender_fit(&appender, &built.raw).same_chunk);
            histogram_appender_append(&appender, 10 * (int64_t)i, 5 + (int64_t)(i / 7), &built.raw);
        }
        ck_assert_uint_eq(appender.reset, gauge ? CHUNK_RESET_GAUGE : CHUNK_RESET_UNKNOWN);
        check(&appender, all, SAMPLES_MAX, side);
        histogram_appender_done(&appender);
    }
}
END_TEST

/* Buckets 1 and 2 of one side with two observations each, and what one says otherwise. */
static struct raw_histogram two(bool is_float)
{
    static const struct histogram_span span = {.offset = 1, .length = 2};
    static const uint64_t whole[] = {2, 2};
    static uint64_t floats[2];
    floats[0] = floats[1] = value_bits(2);
    struct raw_histogram h = {.is_float = is_float, .schema = 1, .zero_threshold = 0.5, .sum = 4};
    h.count = is_float ? value_bits(5) : 5;
    h.zero_count = is_float ? value_bits(1) : 1;
    h.sides[0] = (struct raw_side){&span, is_float ? floats : whole, 1, 2};
    return h;
}

static struct histogram_fit fit(struct raw_histogram first, struct raw_histogram second)
{
    struct histogram_appender appender;
    histogram_appender_init(&appender, first.is_float ? CHUNK_FLOAT_HISTOGRAM : CHUNK_HISTOGRAM);
    histogram_appender_append(&appender, 1, 0, &first);
    struct histogram_fit answer = histogram_appender_fit(&appender, &second);
    histogram_appender_done(&appender);
    return answer;
}

static void expect_cut(struct raw_histogram first, struct raw_histogram second, uint8_t reset)
{
    struct histogram_fit answer = fit(first, second);
    ck_assert(!answer.same_chunk);
    ck_assert_uint_eq(answer.reset, reset);
}

START_TEST(says_where_a_new_chunk_is_due)
{
    for (int is_float = 0; is_float < 2; is_float++) {
        struct raw_histogram h = two(is_float);
        struct raw_histogram other = h;
        ck_assert(fit(h, other).same_chunk);
        other.hint = HISTOGRAM_RESET;
        expect_cut(h, other, CHUNK_RESET);
        other = h;
        other.count = is_float ? value_bits(4.5) : 4;
        expect_cut(h, other, CHUNK_RESET);
        other = h;
        other.zero_count = 0;
        expect_cut(h, other, CHUNK_RESET);
        other = h;
        other.schema = 2;
        expect_cut(h, other, CHUNK_RESET_UNKNOWN);
        other = h;
        other.zero_threshold = 0.25;
        expect_cut(h, other, CHUNK_RESET_UNKNOWN);
        other = h;
        other.sides[0] = (struct raw_side){0}; /* its buckets were in use */
        expect_cut(h, other, CHUNK_RESET);
        other = h;
        other.sum = value_stale();
        ck_assert(fit(h, other).same_chunk);
        expect_cut(other, h, CHUNK_RESET_UNKNOWN);
        other = h;
        other.hint = HISTOGRAM_GAUGE;
        expect_cut(h, other, CHUNK_RESET_GAUGE);
        expect_cut(other, h, CHUNK_RESET_NONE);
    }
}
END_TEST

START_TEST(other_bounds_are_a_reset)
{
    static const double bounds[] = {1, 2, 3};
    static const double others[] = {1, 2, 4};
    struct raw_histogram h = two(false);
    h.schema = HISTOGRAM_SCHEMA_CUSTOM;
    h.custom_bounds = bounds;
    h.custom_bound_count = 3;
    struct raw_histogram other = h;
    ck_assert(fit(h, other).same_chunk);
    other.custom_bounds = others;
    expect_cut(h, other, CHUNK_RESET);
    other.hint = h.hint = HISTOGRAM_GAUGE;
    expect_cut(h, other, CHUNK_RESET_GAUGE);
}
END_TEST

TEST_MAIN("chunk_histogram_write", samples_of_any_buckets_share_a_chunk,
          says_where_a_new_chunk_is_due, other_bounds_are_a_reset)
