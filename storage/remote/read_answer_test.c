#include "storage/remote/read_answer.h"

#include <snappy-c.h>

#include "base/crc32c.h"
#include "base/test.h"
#include "base/varint.h"
#include "storage/chunk.h"
#include "storage/chunk_pack.h"
#include "storage/remote/snappy_block.h"

static struct buf out;

static void expect(const char *bytes, size_t size)
{
    ck_assert_uint_eq(out.len, size);
    ck_assert_mem_eq(out.ptr, bytes, size);
    buf_done(&out);
    out = (struct buf){0};
}
#define EXPECT(bytes) expect(bytes, sizeof bytes - 1)

START_TEST(writes_labels_and_chunks)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct symbols *symbols = symbols_new(arena);
    struct label pairs[] = {{symbols_add(symbols, STR("a")), symbols_add(symbols, STR("xy"))}};
    ck_assert_uint_eq(read_put_labels(&out, symbols, labels_new(arena, pairs, 1)), 7);
    EXPECT(
        "\x0a\x07\x0a\x01"
        "a\x12\x02xy");
    struct stored_chunk chunk = {
        .begin_ms = 0, .end_ms = 300, .data = (const uint8_t *)"abc", .size = 3, .encoding = 1};
    ck_assert_uint_eq(read_put_chunk(&out, &chunk), 10);
    EXPECT(
        "\x12\x0a\x10\xac\x02\x18\x01\x22\x03"
        "abc");
    symbols_done(symbols);
}
END_TEST

START_TEST(frames_have_length_and_checksum)
{
    read_put_frame(&out, STR("xyz"), 2);
    const char expected[] = "\x07____\x0a\x03xyz\x10\x02";
    char bytes[sizeof expected];
    memcpy(bytes, expected, sizeof bytes);
    store_be32((uint8_t *)bytes + 1, crc32c(expected + 5, 7));
    expect(bytes, sizeof bytes - 1);

    read_put_frame(&out, STR("xyz"), 0);
    ck_assert_uint_eq(out.len, 1 + 4 + 5);
    ck_assert_uint_eq(load_be32((const uint8_t *)out.ptr + 1), crc32c("\x0a\x03xyz", 5));
    buf_done(&out);
    out = (struct buf){0};
}
END_TEST

static struct stored_chunk only_chunk(struct chunk_pack *pack)
{
    chunk_pack_end(pack);
    ck_assert_uint_eq(pack->count, 1);
    return (struct stored_chunk){.data = (const uint8_t *)pack->bytes.ptr,
                                 .size = pack->bytes.len,
                                 .encoding = pack->chunks[0].encoding};
}

START_TEST(writes_floats_up_to_the_limit)
{
    struct chunk_pack pack = {0};
    struct read_samples samples = {.arena = arena_create(NULL), .limit = 3};
    struct err err = {0};
    chunk_pack_begin(&pack, 0);
    chunk_pack_float(&pack, 1, 0, 1.0);
    chunk_pack_float(&pack, 2, 0, -0.0);
    struct stored_chunk chunk = only_chunk(&pack);
    ck_assert(read_put_samples(&out, &chunk, &samples, &err));
    EXPECT("\x12\x0b\x09\x00\x00\x00\x00\x00\x00\xf0\x3f\x10\x01\x12\x02\x10\x02");
    ck_assert(!read_put_samples(&out, &chunk, &samples, &err));
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    ck_assert_str_eq(err.msg, "exceeded sample limit (3)");
    buf_done(&out);
    samples_done(&samples.floats);
    arena_destroy(samples.arena);
    chunk_pack_done(&pack);
}
END_TEST

START_TEST(writes_histograms_as_they_were_sent)
{
    struct chunk_pack pack = {0};
    struct read_samples samples = {.arena = arena_create(NULL)};
    struct err err = {0};
    struct histogram_span spans[] = {{-1, 2}};
    uint64_t buckets[] = {3, 1};
    struct raw_histogram h = {
        .schema = 1, .sum = 1, .count = 4, .sides = {{spans, buckets, 1, 2}, {0}}};
    chunk_pack_begin(&pack, 0);
    chunk_pack_histogram(&pack, 5, 0, &h);
    struct stored_chunk chunk = only_chunk(&pack);
    const char counted[] =
        "\x08\x04\x19\x00\x00\x00\x00\x00\x00\xf0\x3f\x20\x02\x30\x00"
        "\x5a\x04\x08\x01\x10\x02\x62\x02\x06\x03";
    ck_assert(read_put_samples(&out, &chunk, &samples, &err));
    ck_assert_uint_eq(out.len, 2 + sizeof counted - 1 + 2);
    ck_assert_mem_eq(out.ptr + 2, counted, sizeof counted - 1);
    ck_assert_mem_eq(out.ptr + out.len - 2, "\x78\x05", 2);

    /* Cut off from the one before it, it says that there was one. */
    buf_clear(&out);
    chunk.goes_on = true;
    ck_assert(read_put_samples(&out, &chunk, &samples, &err));
    ck_assert_mem_eq(out.ptr + out.len - 4, "\x70\x02\x78\x05", 4);

    buf_clear(&out);
    chunk_pack_begin(&pack, 0);
    h = (struct raw_histogram){.sum = value_stale()};
    chunk_pack_histogram(&pack, 5, 0, &h);
    chunk = only_chunk(&pack);
    ck_assert(read_put_samples(&out, &chunk, &samples, &err));
    EXPECT("\x22\x0f\x08\x00\x19\x02\x00\x00\x00\x00\x00\xf0\x7f\x30\x00\x78\x05");
    arena_destroy(samples.arena);
    chunk_pack_done(&pack);
}
END_TEST

START_TEST(pieces_make_one_block)
{
    struct err err = {0};
    size_t size = 2 * READ_SNAPPY_PIECE + 100;
    AUTO(buf_done) struct buf plain = {0};
    for (size_t i = 0; i < size; i++)
        buf_byte(&plain, (char)(i * i >> 7));
    read_put_snappy_size(&out, size);
    for (size_t at = 0; at < size; at += READ_SNAPPY_PIECE)
        read_put_snappy(&out, (struct str){plain.ptr + at, at + READ_SNAPPY_PIECE < size
                                                               ? READ_SNAPPY_PIECE
                                                               : size - at});
    size_t said;
    AUTO(buf_done) struct buf back = {0};
    ck_assert_msg(snappy_block_size(buf_view(&out), &said, &err), "%s", err.msg);
    ck_assert_uint_eq(said, size);
    ck_assert(snappy_block_unpack(buf_view(&out), buf_reserve(&back, size), size, &err));
    ck_assert_mem_eq(back.ptr, plain.ptr, size);
    buf_done(&out);
    out = (struct buf){0};
}
END_TEST

TEST_MAIN("read_answer", writes_labels_and_chunks, frames_have_length_and_checksum,
          writes_floats_up_to_the_limit, writes_histograms_as_they_were_sent, pieces_make_one_block)
