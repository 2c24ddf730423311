#include "storage/chunk_histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "model/histogram_samples.h"
#include "storage/chunk.h"
#include "storage/chunk_histogram_write.h"
#include "storage/histogram_reader.h"

#define SIDE_MAX 24
#define COUNT_MAX 400

/* A histogram sample with memory of its own. */
struct made {
    int64_t t_ms;
    int64_t start_ms;
    struct raw_histogram raw;
    struct histogram_span spans[2][SIDE_MAX];
    uint64_t buckets[2][SIDE_MAX];
};

static double number(const struct made *m, uint64_t count)
{
    return m->raw.is_float ? value_of_bits(count) : (double)count;
}

/* One side's spans, and as many empty buckets. */
static void make_side(struct made *m, size_t s)
{
    uint32_t span_count = (uint32_t)rand() % 4;
    uint32_t bucket_count = 0;
    for (uint32_t i = 0; i < span_count; i++) {
        uint32_t length = (uint32_t)rand() % 6;
        m->spans[s][i] = (struct histogram_span){.offset = rand() % 5, .length = length};
        bucket_count += length;
    }
    m->raw.sides[s] = (struct raw_side){
        .spans = m->spans[s],
        .buckets = m->buckets[s],
        .span_count = span_count,
        .bucket_count = bucket_count,
    };
}

static const double bounds[] = {0.005, 0.1, 1, 2.5, 1e9, 1e300};

static void make_shape(struct made *m, uint8_t encoding)
{
    memset(m, 0, sizeof *m);
    m->raw.is_float = encoding == CHUNK_FLOAT_HISTOGRAM || encoding == CHUNK_FLOAT_HISTOGRAM_ST;
    make_side(m, 0);
    if (rand() % 4 == 0) {
        m->raw.schema = HISTOGRAM_SCHEMA_CUSTOM;
        m->raw.custom_bounds = bounds;
        m->raw.custom_bound_count = (uint32_t)ARRAY_COUNT(bounds);
        m->spans[0][0] = (struct histogram_span){.offset = 3, .length = 4};
        m->raw.sides[0].span_count = 1;
        m->raw.sides[0].bucket_count = 4;
        return;
    }
    make_side(m, 1);
    m->raw.schema = rand() % 18 - 9;
    static const double thresholds[] = {0, 0x1p-128, 0.001, 0x1p10, 0x1p11, 0x1p-243, 0x1p-244};
    m->raw.zero_threshold = thresholds[(size_t)rand() % ARRAY_COUNT(thresholds)];
}

static void grow(struct made *m, uint64_t *count)
{
    uint64_t more = rand() % 3 ? 0 : (uint64_t)rand() % (rand() % 20 ? 7 : 1 << 30);
    *count = m->raw.is_float ? value_bits(value_of_bits(*count) + (double)more / 3) : *count + more;
}

/* Samples of one shape, counters that rise. The last ones may be stale. */
static size_t make_series(uint8_t encoding, struct made *all)
{
    size_t count = 1 + (size_t)rand() % 200;
    make_shape(&all[0], encoding);
    all[0].t_ms = rand() % 4 ? 1700000000000 : -5000;
    size_t stale_from = rand() % 4 ? count : (size_t)rand() % count;
    for (size_t i = 0; i < count; i++) {
        struct made *m = &all[i];
        if (i > 0) {
            *m = all[i - 1];
            m->t_ms += 15000 + (rand() % 10 ? 0 : rand() % 100000);
        }
        m->start_ms = i > 0 && rand() % 5 ? all[i - 1].start_ms : rand() % 2 * m->t_ms / 3;
        grow(m, &m->raw.count);
        grow(m, &m->raw.zero_count);
        m->raw.sum += rand() % 3 ? 0 : (double)rand() / 7;
        for (size_t s = 0; s < 2; s++) {
            m->raw.sides[s].spans = m->spans[s];
            m->raw.sides[s].buckets = m->buckets[s];
            for (uint32_t b = 0; b < m->raw.sides[s].bucket_count; b++)
                grow(m, &m->buckets[s][b]);
        }
        if (i >= stale_from)
            m->raw.sum = value_stale();
    }
    return count;
}

static void pack(struct histogram_appender *appender, uint8_t encoding, const struct made *all,
                 size_t count)
{
    histogram_appender_init(appender, encoding);
    for (size_t i = 0; i < count; i++) {
        struct histogram_fit fit = histogram_appender_fit(appender, &all[i].raw);
        ck_assert(fit.same_chunk);
        histogram_appender_append(appender, all[i].t_ms, all[i].start_ms, &all[i].raw);
    }
}

static void check_side(const struct made *m, size_t s, const struct histogram_side *side)
{
    const struct raw_side *raw = &m->raw.sides[s];
    ck_assert_uint_eq(side->span_count, raw->span_count);
    ck_assert_uint_eq(side->bucket_count, raw->bucket_count);
    ck_assert(raw->span_count == 0 ||
              memcmp(side->spans, raw->spans, raw->span_count * sizeof *raw->spans) == 0);
    for (uint32_t i = 0; i < raw->bucket_count; i++)
        ck_assert_double_eq(side->buckets[i], number(m, raw->buckets[i]));
}

static void check_histogram(const struct made *m, const struct histogram *h)
{
    ck_assert_int_eq(h->schema, m->raw.schema);
    ck_assert_double_eq(h->zero_threshold, m->raw.zero_threshold);
    ck_assert_double_eq(h->zero_count, number(m, m->raw.zero_count));
    ck_assert_double_eq(h->count, number(m, m->raw.count));
    ck_assert_double_eq(h->sum, m->raw.sum);
    ck_assert_uint_eq(h->custom_bound_count, m->raw.custom_bound_count);
    for (uint32_t i = 0; i < h->custom_bound_count; i++)
        ck_assert_double_eq(h->custom_bounds[i], m->raw.custom_bounds[i]);
    check_side(m, 0, &h->positive);
    check_side(m, 1, &h->negative);
}

static const uint8_t encodings[] = {CHUNK_HISTOGRAM, CHUNK_FLOAT_HISTOGRAM, CHUNK_HISTOGRAM_ST,
                                    CHUNK_FLOAT_HISTOGRAM_ST};

static bool decode(uint8_t encoding, const uint8_t *data, size_t size, struct samples *into,
                   struct err *err)
{
    uint8_t *exact = malloc(size + 1);
    memcpy(exact, data, size);
    bool good = chunk_decode(encoding, exact, size, into, err);
    free(exact);
    return good;
}

START_TEST(gives_back_what_was_packed)
{
    static struct made all[COUNT_MAX];
    for (unsigned round = 0; round < 800; round++) {
        uint8_t encoding = encodings[round % 4];
        bool has_starts = encoding >= CHUNK_HISTOGRAM_ST;
        size_t count = make_series(encoding, all);
        struct histogram_appender appender;
        pack(&appender, encoding, all, count);

        struct histogram_samples histograms = {0};
        struct samples floats = {.histograms = &histograms, .wants_starts = true};
        struct err err = {0};
        ck_assert_msg(decode(encoding, appender.out.bytes, appender.out.size, &floats, &err), "%s",
                      err.msg);
        ck_assert_uint_eq(histograms.count + floats.count, count);
        for (size_t i = 0; i < histograms.count; i++) {
            check_histogram(&all[i], histograms.items[i]);
            ck_assert_int_eq(histograms.times_ms[i], all[i].t_ms);
            ck_assert_int_eq(histograms.starts_ms[i], has_starts ? all[i].start_ms : 0);
            ck_assert_int_eq(histograms.items[i]->hint,
                             i == 0 ? HISTOGRAM_UNKNOWN : HISTOGRAM_NOT_RESET);
        }
        for (size_t i = 0; i < floats.count; i++) {
            const struct made *m = &all[histograms.count + i];
            ck_assert(value_is_stale(m->raw.sum));
            ck_assert(value_is_stale(floats.values[i]));
            ck_assert_int_eq(floats.times_ms[i], m->t_ms);
            ck_assert_int_eq(floats.starts_ms[i], has_starts ? m->start_ms : 0);
        }
        histogram_appender_done(&appender);
        histogram_samples_done(&histograms);
        samples_done(&floats);
    }
}
END_TEST

START_TEST(leaves_buckets_out_between_first_and_last_of_totals)
{
    static struct made all[COUNT_MAX];
    for (unsigned round = 0; round < 100; round++) {
        uint8_t encoding = encodings[round % 4];
        size_t count = make_series(encoding, all);
        struct histogram_appender appender;
        pack(&appender, encoding, all, count);
        struct histogram_samples histograms = {.totals_only = true};
        struct samples floats = {.histograms = &histograms};
        struct err err = {0};
        ck_assert(decode(encoding, appender.out.bytes, appender.out.size, &floats, &err));
        for (size_t i = 0; i < histograms.count; i++) {
            const struct histogram *h = histograms.items[i];
            if (i == 0 || i + 1 == histograms.count)
                check_histogram(&all[i], h);
            else
                ck_assert_uint_eq(h->positive.bucket_count + h->negative.bucket_count, 0);
            ck_assert_double_eq(h->count, number(&all[i], all[i].raw.count));
            ck_assert_double_eq(h->sum, all[i].raw.sum);
        }
        histogram_appender_done(&appender);
        histogram_samples_done(&histograms);
        samples_done(&floats);
    }
}
END_TEST

START_TEST(refuses_every_cut_and_appends_nothing)
{
    static struct made all[COUNT_MAX];
    for (unsigned kind = 0; kind < 4; kind++) {
        size_t count = make_series(encodings[kind], all);
        struct histogram_appender appender;
        pack(&appender, encodings[kind], all, count);
        struct histogram_samples histograms = {0};
        struct samples floats = {.histograms = &histograms};
        for (size_t size = 0; size < appender.out.size; size++) {
            struct err err = {0};
            ck_assert(!decode(encodings[kind], appender.out.bytes, size, &floats, &err));
            ck_assert_int_eq(err.kind, ERR_CORRUPT);
            ck_assert_uint_eq(floats.count + histograms.count, 0);
            ck_assert_ptr_null(histograms.regions);
        }
        histogram_appender_done(&appender);
        histogram_samples_done(&histograms);
        samples_done(&floats);
    }
}
END_TEST

START_TEST(survives_any_bit_flip)
{
    static struct made all[COUNT_MAX];
    for (unsigned kind = 0; kind < 4; kind++) {
        size_t count = make_series(encodings[kind], all);
        count = count < 20 ? count : 20;
        struct histogram_appender appender;
        pack(&appender, encodings[kind], all, count);
        for (size_t bit = 0; bit < appender.out.size * 8; bit++) {
            struct histogram_samples histograms = {0};
            struct samples floats = {.histograms = &histograms};
            struct err err = {0};
            appender.out.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            if (!decode(encodings[kind], appender.out.bytes, appender.out.size, &floats, &err)) {
                ck_assert_int_eq(err.kind, ERR_CORRUPT);
                ck_assert_uint_eq(floats.count + histograms.count, 0);
            }
            appender.out.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            histogram_samples_done(&histograms);
            samples_done(&floats);
        }
        histogram_appender_done(&appender);
    }
}
END_TEST

START_TEST(reduces_schemas_of_later_versions)
{
    struct made m = {.t_ms = 1};
    m.raw.schema = 10; /* four buckets of it are one of schema 8 */
    m.spans[0][0] = (struct histogram_span){.offset = -2, .length = 9};
    for (uint64_t i = 0; i < 9; i++)
        m.buckets[0][i] = i + 1;
    m.raw.sides[0] = (struct raw_side){m.spans[0], m.buckets[0], 1, 9};
    m.raw.hint = HISTOGRAM_GAUGE;
    for (int totals_only = 0; totals_only < 2; totals_only++) {
        struct histogram_appender appender;
        pack(&appender, CHUNK_HISTOGRAM, &m, 1);
        struct histogram_samples histograms = {.totals_only = totals_only};
        struct samples floats = {.histograms = &histograms};
        struct err err = {0};
        ck_assert(decode(CHUNK_HISTOGRAM, appender.out.bytes, appender.out.size, &floats, &err));
        const struct histogram *h = histograms.items[0];
        ck_assert_int_eq(h->schema, HISTOGRAM_SCHEMA_MAX);
        ck_assert_int_eq(h->hint, HISTOGRAM_GAUGE);
        ck_assert_uint_eq(h->positive.span_count, 1);
        ck_assert_int_eq(h->positive.spans[0].offset, 0);
        ck_assert_uint_eq(h->positive.bucket_count, 3);
        ck_assert_double_eq(h->positive.buckets[0], 1 + 2 + 3);
        ck_assert_double_eq(h->positive.buckets[1], 4 + 5 + 6 + 7);
        ck_assert_double_eq(h->positive.buckets[2], 8 + 9);
        histogram_appender_done(&appender);
        histogram_samples_done(&histograms);
        samples_done(&floats);
    }
}
END_TEST

START_TEST(refuses_shapes_that_cannot_be)
{
    struct made m = {.t_ms = 1};
    m.raw.sides[0] = (struct raw_side){m.spans[0], m.buckets[0], 2, 2};
    m.spans[0][0] = (struct histogram_span){.offset = 0, .length = 1};
    for (int round = 0; round < 4; round++) {
        m.spans[0][1] = (struct histogram_span){.offset = round == 0 ? -1 : 4, .length = 1};
        if (round == 1)
            m.spans[0][1].offset = INT32_MAX;
        double falling[] = {1, 2, 3, 4, round == 3 ? 4 : 5};
        m.raw.schema = round < 2 ? 0 : HISTOGRAM_SCHEMA_CUSTOM;
        m.raw.custom_bounds = falling;
        m.raw.custom_bound_count = round == 2 ? 4 : round == 3 ? 5 : 0;
        struct histogram_appender appender;
        pack(&appender, CHUNK_HISTOGRAM, &m, 1);
        struct histogram_samples histograms = {0};
        struct samples floats = {.histograms = &histograms};
        struct err err = {0};
        ck_assert(!decode(CHUNK_HISTOGRAM, appender.out.bytes, appender.out.size, &floats, &err));
        ck_assert_int_eq(err.kind, ERR_CORRUPT);
        ck_assert_str_eq(err.msg, "histogram chunk with buckets that cannot be");
        histogram_appender_done(&appender);
        histogram_samples_done(&histograms);
        samples_done(&floats);
    }
}
END_TEST

START_TEST(refuses_histograms_where_there_is_no_room_for_them)
{
    static struct made all[COUNT_MAX];
    size_t count = make_series(CHUNK_HISTOGRAM, all);
    struct histogram_appender appender;
    pack(&appender, CHUNK_HISTOGRAM, all, count);
    struct samples floats = {0};
    struct err err = {0};
    ck_assert(!decode(CHUNK_HISTOGRAM, appender.out.bytes, appender.out.size, &floats, &err));
    ck_assert_int_eq(err.kind, ERR_UNSUPPORTED);
    histogram_appender_done(&appender);
}
END_TEST

TEST_MAIN("chunk_histogram", gives_back_what_was_packed,
          leaves_buckets_out_between_first_and_last_of_totals,
          refuses_every_cut_and_appends_nothing, survives_any_bit_flip,
          reduces_schemas_of_later_versions, refuses_shapes_that_cannot_be,
          refuses_histograms_where_there_is_no_room_for_them)
