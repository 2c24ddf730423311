#include "storage/chunk_pack.h"

#include "base/test.h"
#include "model/histogram_samples.h"
#include "storage/chunk.h"
#include "storage/histogram_reader.h"

static struct chunk_pack pack;
static struct err err;

static void begin(void)
{
    pack = (struct chunk_pack){0};
    chunk_pack_begin(&pack, 0);
}

static void end(void)
{
    chunk_pack_done(&pack);
}

static const uint8_t *bytes_of(const struct packed_chunk *chunk)
{
    return (const uint8_t *)pack.bytes.ptr + chunk->at;
}

static struct raw_histogram histogram_of(uint64_t *bucket)
{
    static const struct histogram_span span = {1, 1};
    return (struct raw_histogram){
        .schema = 1,
        .sum = 2.5,
        .count = *bucket,
        .sides = {{.spans = &span, .buckets = bucket, .span_count = 1, .bucket_count = 1}},
    };
}

static void add_histogram(int64_t t_ms, int64_t start_ms, uint64_t count)
{
    struct raw_histogram h = histogram_of(&count);
    chunk_pack_histogram(&pack, t_ms, start_ms, &h);
}

/* Encoding and number of samples of each chunk: "1x2 4x1". */
static void expect(const char *expected)
{
    AUTO(buf_done) struct buf text = {0};
    for (size_t i = 0; i < pack.count; i++) {
        const struct packed_chunk *chunk = &pack.chunks[i];
        size_t count = 0;
        ck_assert(chunk_count(chunk->encoding, bytes_of(chunk), chunk->size, &count));
        buf_printf(&text, "%s%ux%zu", i ? " " : "", chunk->encoding, count);
    }
    ck_assert_str_eq(buf_terminated(&text), expected);
}

START_TEST(a_chunk_holds_one_kind_of_samples)
{
    begin();
    chunk_pack_float(&pack, 1, 0, 1);
    chunk_pack_float(&pack, 2, 0, 2);
    add_histogram(3, 0, 5);
    add_histogram(4, 0, 6);
    chunk_pack_float(&pack, 5, 0, 1);
    chunk_pack_end(&pack);
    expect("1x2 2x2 1x1");
    ck_assert_int_eq(pack.chunks[1].begin_ms, 3);
    ck_assert_int_eq(pack.chunks[1].end_ms, 4);
    end();
}
END_TEST

START_TEST(start_timestamps_choose_the_encoding)
{
    begin();
    chunk_pack_float(&pack, 1, 1, 1);
    add_histogram(3, 0, 5);
    add_histogram(4, 2, 6);
    chunk_pack_end(&pack);
    expect("4x1 2x1 5x1");

    chunk_pack_begin(&pack, CHUNK_XOR2);
    chunk_pack_float(&pack, 1, 0, 1);
    chunk_pack_end(&pack);
    expect("4x1");
    end();
}
END_TEST

START_TEST(a_counter_that_begins_anew_begins_a_chunk)
{
    begin();
    add_histogram(1, 0, 5);
    add_histogram(2, 0, 4);
    chunk_pack_end(&pack);
    expect("2x1 2x1");
    ck_assert_uint_eq(bytes_of(&pack.chunks[1])[2] & CHUNK_RESET_MASK, CHUNK_RESET);
    end();
}
END_TEST

START_TEST(chunks_have_their_limit_unless_they_come_from_one)
{
    begin();
    for (int i = 0; i < CHUNK_PACK_COUNT + 1; i++)
        chunk_pack_float(&pack, i, 0, i);
    chunk_pack_end(&pack);
    expect("1x120 1x1");
    chunk_pack_begin(&pack, CHUNK_HISTOGRAM);
    for (int i = 0; i < CHUNK_PACK_COUNT + 1; i++)
        add_histogram(i, 0, (uint64_t)i);
    chunk_pack_end(&pack);
    expect("2x121");
    end();
}
END_TEST

/* There and back: integers stay integers, a stale marker stays what it was. */
START_TEST(packs_what_was_decoded)
{
    begin();
    struct histogram_samples histograms = {0};
    struct samples samples = {.wants_starts = true, .histograms = &histograms};
    add_histogram(1, 0, 7);
    struct raw_histogram stale = {.sum = value_stale()};
    chunk_pack_histogram(&pack, 2, 0, &stale);
    chunk_pack_end(&pack);
    const struct packed_chunk *chunk = &pack.chunks[0];
    ck_assert_msg(chunk_decode(chunk->encoding, bytes_of(chunk), chunk->size, &samples, &err), "%s",
                  err.msg);
    ck_assert_uint_eq(samples.count, 1);
    AUTO(buf_done) struct buf before = {0};
    buf_append(&before, bytes_of(chunk), chunk->size);

    chunk_pack_samples(&pack, &samples, INT64_MIN, INT64_MAX);
    expect("2x2");
    ck_assert_uint_eq(pack.chunks[0].size, before.len);
    ck_assert_mem_eq(bytes_of(&pack.chunks[0]), before.ptr, before.len);

    chunk_pack_samples(&pack, &samples, 2, 2);
    expect("1x1"); /* nothing tells any more that it was a histogram's */
    samples_done(&samples);
    histogram_samples_done(&histograms);
    end();
}
END_TEST

TEST_MAIN("chunk_pack", a_chunk_holds_one_kind_of_samples, start_timestamps_choose_the_encoding,
          a_counter_that_begins_anew_begins_a_chunk,
          chunks_have_their_limit_unless_they_come_from_one, packs_what_was_decoded)
