#include "storage/wal_record.h"

#include "base/test.h"
#include "base/varint.h"
#include "model/sample.h"
#include "storage/test_log.h"

static struct wal_record record;
static struct err err;

static bool decode(const struct buf *bytes)
{
    return wal_record_decode((const uint8_t *)bytes->ptr, bytes->len, &record, &err);
}

START_TEST(decodes_series_with_their_labels)
{
    AUTO(buf_done) struct buf bytes = {0};
    TEST_SERIES(&bytes, 7, "__name__", "up", "job", "a");
    TEST_SERIES(&bytes, 9, "__name__", "down");
    ck_assert(decode(&bytes));
    ck_assert_uint_eq(record.series_count, 2);
    ck_assert_uint_eq(record.series[0].ref, 7);
    ck_assert_uint_eq(record.series[0].label_count, 2);
    ck_assert(str_eq(record.labels[1].value, STR("a")));
    ck_assert_uint_eq(record.series[1].label_begin, 2);
    ck_assert(str_eq(record.labels[2].value, STR("down")));
    wal_record_done(&record);
}
END_TEST

static const struct test_sample samples[] = {
    {500, 1000000, 1.5}, {501, 1000001, -2}, {499, 999000, 0}, {1, 2000000000, 3}};

static void check_samples(void)
{
    ck_assert_uint_eq(record.sample_count, ARRAY_COUNT(samples));
    for (size_t i = 0; i < ARRAY_COUNT(samples); i++) {
        ck_assert_uint_eq(record.samples[i].ref, samples[i].ref);
        ck_assert_int_eq(record.samples[i].t_ms, samples[i].t_ms);
        ck_assert_uint_eq(value_bits(record.samples[i].v), value_bits(samples[i].v));
    }
}

START_TEST(decodes_samples_of_both_forms)
{
    AUTO(buf_done) struct buf bytes = {0};
    test_samples(&bytes, samples, ARRAY_COUNT(samples));
    ck_assert(decode(&bytes));
    check_samples();
    ck_assert(!record.has_starts);
    buf_clear(&bytes);
    test_samples_v2(&bytes, samples, ARRAY_COUNT(samples));
    ck_assert(decode(&bytes));
    check_samples();
    ck_assert(record.has_starts);
    static const int64_t starts[] = {999000, 999000, 998995, 0};
    ck_assert_mem_eq(record.starts_ms, starts, sizeof starts);
    wal_record_done(&record);
}
END_TEST

/* Type 12: two entries, the second with the start timestamp of the first. */
START_TEST(decodes_start_timestamps_of_histograms)
{
    AUTO(buf_done) struct buf first = {0};
    test_histogram(&first, 11, 123456, 0);
    const char *body = first.ptr + 1 + 8 + 8 + 2;
    size_t body_size = first.len - (size_t)(body - first.ptr);
    AUTO(buf_done) struct buf bytes = {0};
    buf_byte(&bytes, WAL_HISTOGRAMS_V2);
    for (int64_t i = 0; i < 2; i++) {
        uint8_t head[3 * VARINT_SIZE_MAX];
        size_t size = write_varint(head, i == 0 ? 11 : 1);
        size += write_varint(head + size, i == 0 ? 123456 : 10);
        if (i == 0)
            size += write_varint(head + size, 777);
        else
            head[size++] = 1;
        buf_append(&bytes, head, size);
        buf_append(&bytes, body, body_size);
    }
    ck_assert(decode(&bytes));
    ck_assert_uint_eq(record.histogram_count, 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(record.histograms[i].ref, 11 + i);
        ck_assert_int_eq(record.histograms[i].t_ms, 123456 + 10 * (int64_t)i);
        ck_assert_int_eq(record.histograms[i].start_ms, 777);
        ck_assert_double_eq(record.histograms[i].raw.sum, 12.5);
    }
    wal_record_done(&record);
}
END_TEST

START_TEST(decodes_tombstones_and_markers)
{
    AUTO(buf_done) struct buf bytes = {0};
    test_tombstone(&bytes, 3, INT64_MIN, INT64_MAX);
    test_tombstone(&bytes, 4, -5, 5);
    ck_assert(decode(&bytes));
    ck_assert_uint_eq(record.tombstone_count, 2);
    ck_assert_int_eq(record.tombstones[0].range.begin_ms, INT64_MIN);
    ck_assert_int_eq(record.tombstones[1].range.end_ms, 5);
    buf_clear(&bytes);
    test_marker(&bytes, 3, UINT64_C(5) << 32 | 8);
    ck_assert(decode(&bytes));
    ck_assert_uint_eq(record.marker_count, 1);
    ck_assert_uint_eq(record.markers[0].place, UINT64_C(5) << 32 | 8);
    wal_record_done(&record);
}
END_TEST

START_TEST(recognises_histograms)
{
    AUTO(buf_done) struct buf bytes = {0};
    for (int is_float = 0; is_float < 2; is_float++) {
        buf_clear(&bytes);
        test_histogram(&bytes, 11, 123456, is_float);
        ck_assert(decode(&bytes));
        ck_assert_uint_eq(record.histogram_count, 1);
        ck_assert_uint_eq(record.histograms[0].ref, 11);
        ck_assert_int_eq(record.histograms[0].t_ms, 123456);
        const struct raw_histogram *h = &record.histograms[0].raw;
        ck_assert_int_eq(h->is_float, is_float);
        ck_assert_int_eq(h->schema, 3);
        ck_assert_double_eq(h->zero_threshold, 0.001);
        ck_assert_uint_eq(h->count, is_float ? value_bits(7) : 7);
        ck_assert_uint_eq(h->zero_count, h->count);
        ck_assert_double_eq(h->sum, 12.5);
        ck_assert_uint_eq(h->sides[0].span_count, 1);
        ck_assert_int_eq(h->sides[0].spans[0].offset, -2);
        ck_assert_uint_eq(h->sides[0].bucket_count, 2);
        ck_assert_uint_eq(h->sides[0].buckets[1], is_float ? value_bits(1) : 1);
        ck_assert_uint_eq(h->sides[1].bucket_count, 0);
    }
    wal_record_done(&record);
}
END_TEST

START_TEST(passes_over_types_it_does_not_know)
{
    ck_assert(wal_record_decode((const uint8_t *)"\x63garbage", 8, &record, &err));
    ck_assert_uint_eq(record.type, 0);
    ck_assert(wal_record_decode(NULL, 0, &record, &err));
    ck_assert_uint_eq(record.type, 0);
}
END_TEST

/* Every record, cut everywhere: the cut is seen, unless it falls between two entries. */
START_TEST(sees_where_a_record_breaks_off)
{
    struct buf bytes[6] = {0};
    TEST_SERIES(&bytes[0], 7, "__name__", "up");
    test_samples(&bytes[1], samples, 1);
    test_samples_v2(&bytes[2], samples, 1);
    test_tombstone(&bytes[3], 4, -5, 5);
    test_marker(&bytes[4], 3, 1);
    test_histogram(&bytes[5], 11, 123456, 0);
    for (size_t i = 0; i < ARRAY_COUNT(bytes); i++) {
        for (size_t len = 2; len < bytes[i].len; len++) {
            bool entry_is_empty =
                (bytes[i].ptr[0] == WAL_SAMPLES || bytes[i].ptr[0] == WAL_HISTOGRAMS) && len == 17;
            ck_assert_int_eq(wal_record_decode((const uint8_t *)bytes[i].ptr, len, &record, &err),
                             entry_is_empty);
        }
        buf_done(&bytes[i]);
    }
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
    wal_record_done(&record);
}
END_TEST

TEST_MAIN("wal_record", decodes_series_with_their_labels, decodes_samples_of_both_forms,
          decodes_start_timestamps_of_histograms, decodes_tombstones_and_markers,
          recognises_histograms, passes_over_types_it_does_not_know, sees_where_a_record_breaks_off)
