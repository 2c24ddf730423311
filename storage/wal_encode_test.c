#include "storage/wal_encode.h"

#include "base/test.h"
#include "storage/test_log.h"

static struct err err;

static const struct histogram_span positive_spans[] = {{-2, 2}, {5, 1}};
static const struct histogram_span negative_spans[] = {{3, 1}};
static const uint64_t positive_counts[] = {4, 1, 9};
static const uint64_t negative_counts[] = {1};

static struct raw_histogram exponential(void)
{
    return (struct raw_histogram){
        .hint = HISTOGRAM_NOT_RESET,
        .schema = 3,
        .zero_threshold = 0.001,
        .zero_count = 2,
        .count = 17,
        .sum = -1.5,
        .sides = {{positive_spans, positive_counts, 2, 3}, {negative_spans, negative_counts, 1, 1}},
    };
}

static struct raw_histogram custom(void)
{
    static const struct histogram_span spans[] = {{0, 3}};
    static const double bounds[] = {0.5, 2};
    return (struct raw_histogram){
        .schema = HISTOGRAM_SCHEMA_CUSTOM,
        .count = 14,
        .sum = 3,
        .sides[0] = {spans, positive_counts, 1, 3},
        .custom_bounds = bounds,
        .custom_bound_count = 2,
    };
}

static struct raw_histogram floats(struct raw_histogram h)
{
    static uint64_t counts[] = {0, 0, 0};
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++)
        counts[i] = value_bits((double)positive_counts[i] + 0.25);
    h.is_float = true;
    h.count = value_bits((double)h.count + 0.5);
    h.zero_count = value_bits((double)h.zero_count);
    h.sides[0].buckets = counts;
    h.sides[1] = (struct raw_side){0};
    return h;
}

static void check_side(const struct raw_side *got, const struct raw_side *expected)
{
    ck_assert_uint_eq(got->span_count, expected->span_count);
    for (uint32_t i = 0; i < got->span_count; i++) {
        ck_assert_int_eq(got->spans[i].offset, expected->spans[i].offset);
        ck_assert_uint_eq(got->spans[i].length, expected->spans[i].length);
    }
    ck_assert_uint_eq(got->bucket_count, expected->bucket_count);
    for (uint32_t i = 0; i < got->bucket_count; i++)
        ck_assert_uint_eq(got->buckets[i], expected->buckets[i]);
}

static void check_histogram(const struct raw_histogram *got, const struct raw_histogram *expected)
{
    ck_assert_int_eq(got->is_float, expected->is_float);
    ck_assert_int_eq(got->hint, expected->hint);
    ck_assert_int_eq(got->schema, expected->schema);
    ck_assert_uint_eq(value_bits(got->zero_threshold), value_bits(expected->zero_threshold));
    ck_assert_uint_eq(got->zero_count, expected->zero_count);
    ck_assert_uint_eq(got->count, expected->count);
    ck_assert_uint_eq(value_bits(got->sum), value_bits(expected->sum));
    check_side(&got->sides[0], &expected->sides[0]);
    check_side(&got->sides[1], &expected->sides[1]);
    ck_assert_uint_eq(got->custom_bound_count, expected->custom_bound_count);
    for (uint32_t i = 0; i < got->custom_bound_count; i++)
        ck_assert_double_eq(got->custom_bounds[i], expected->custom_bounds[i]);
}

/* Three of a kind, with starts where the type has them, come back as they were. */
static void check_histograms(const struct raw_histogram *h, bool with_starts,
                             enum wal_record_type type)
{
    static const uint64_t refs[] = {7, 1000000, 3};
    static const int64_t times_ms[] = {1700000000000, 1700000015000, -5};
    static const int64_t starts_ms[] = {1600000000000, 1600000000000, 0};
    AUTO(wal_encoder_done) struct wal_encoder encoder = {0};
    ck_assert_int_eq(wal_histogram_type(h, with_starts), type);
    wal_encoder_begin(&encoder, type);
    for (size_t i = 0; i < 3; i++)
        wal_encode_histogram(&encoder, refs[i], times_ms[i], starts_ms[i], h);

    struct wal_record record = {0};
    const uint8_t *bytes = (const uint8_t *)encoder.out.ptr;
    ck_assert_msg(wal_record_decode(bytes, encoder.out.len, &record, &err), "%s", err.msg);
    ck_assert_uint_eq(record.histogram_count, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(record.histograms[i].ref, refs[i]);
        ck_assert_int_eq(record.histograms[i].t_ms, times_ms[i]);
        ck_assert_int_eq(record.histograms[i].start_ms, with_starts ? starts_ms[i] : 0);
        check_histogram(&record.histograms[i].raw, h);
    }
    wal_record_done(&record);
}

START_TEST(histograms_come_back_of_every_kind)
{
    struct raw_histogram h = exponential();
    check_histograms(&h, false, WAL_HISTOGRAMS);
    check_histograms(&h, true, WAL_HISTOGRAMS_V2);
    h = floats(exponential());
    check_histograms(&h, false, WAL_FLOAT_HISTOGRAMS);
    check_histograms(&h, true, WAL_FLOAT_HISTOGRAMS_V2);
    h = custom();
    check_histograms(&h, false, WAL_CUSTOM_HISTOGRAMS);
    check_histograms(&h, true, WAL_HISTOGRAMS_V2);
    h = floats(custom());
    check_histograms(&h, false, WAL_CUSTOM_FLOAT_HISTOGRAMS);
    check_histograms(&h, true, WAL_FLOAT_HISTOGRAMS_V2);
}
END_TEST

static const struct test_sample samples[] = {
    {5, 1700000000000, 1.5}, {9, 1700000000001, -0.0}, {2, 1699999999000, 1e300}};

static void encode_samples(struct wal_encoder *encoder, enum wal_record_type type)
{
    /* As test_samples_v2 has them: one of its own, the one before, another one. */
    static const int64_t starts_ms[] = {1699999999000, 1699999999000, 1699999998995};
    wal_encoder_begin(encoder, type);
    for (size_t i = 0; i < ARRAY_COUNT(samples); i++)
        wal_encode_sample(encoder, samples[i].ref, samples[i].t_ms, starts_ms[i], samples[i].v);
}

START_TEST(floats_are_the_bytes_that_others_write)
{
    AUTO(wal_encoder_done) struct wal_encoder encoder = {0};
    AUTO(buf_done) struct buf expected = {0};
    encode_samples(&encoder, WAL_SAMPLES);
    test_samples(&expected, samples, ARRAY_COUNT(samples));
    ck_assert_uint_eq(encoder.out.len, expected.len);
    ck_assert_mem_eq(encoder.out.ptr, expected.ptr, expected.len);

    buf_clear(&expected);
    encode_samples(&encoder, WAL_SAMPLES_V2);
    test_samples_v2(&expected, samples, ARRAY_COUNT(samples));
    ck_assert_uint_eq(encoder.out.len, expected.len);
    ck_assert_mem_eq(encoder.out.ptr, expected.ptr, expected.len);
}
END_TEST

START_TEST(series_are_the_bytes_that_others_write)
{
    AUTO(wal_encoder_done) struct wal_encoder encoder = {0};
    AUTO(buf_done) struct buf expected = {0};
    const struct wal_label labels[] = {{STR("__name__"), STR("up")}, {STR("job"), STR("a")}};
    wal_encoder_begin(&encoder, WAL_SERIES);
    wal_encode_series(&encoder, 3, labels, 2);
    wal_encode_series(&encoder, 1, labels, 1);
    TEST_SERIES(&expected, 3, "__name__", "up", "job", "a");
    TEST_SERIES(&expected, 1, "__name__", "up");
    ck_assert_uint_eq(encoder.out.len, expected.len);
    ck_assert_mem_eq(encoder.out.ptr, expected.ptr, expected.len);
}
END_TEST

TEST_MAIN("wal_encode", histograms_come_back_of_every_kind, floats_are_the_bytes_that_others_write,
          series_are_the_bytes_that_others_write)
