#include "base/snappy.h"

#include <snappy-c.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/test.h"

static uint64_t state_of_dice;

static uint64_t dice(uint64_t sides)
{
    state_of_dice = state_of_dice * 6364136223846793005u + 1442695040888963407u;
    return (state_of_dice >> 33) % sides;
}

/* Bytes that pack into literals and copies of all lengths and distances. */
static void make_bytes(struct buf *bytes, size_t size)
{
    buf_clear(bytes);
    while (bytes->len < size) {
        size_t len = 1 + dice(dice(4) ? 20 : 300);
        size_t back = 1 + dice(dice(2) ? 12 : 70000);
        bool repeats = dice(2) && back <= bytes->len;
        for (size_t i = 0; i < len; i++)
            buf_byte(bytes, repeats ? bytes->ptr[bytes->len - back] : (char)dice(256));
    }
}

static void pack(const struct buf *bytes, struct buf *block)
{
    size_t room = snappy_max_compressed_length(bytes->len);
    buf_clear(block);
    ck_assert_int_eq(snappy_compress(bytes->ptr, bytes->len, buf_reserve(block, room), &room),
                     SNAPPY_OK);
    block->len = room;
}

/* What the block unpacks to, in an array that just holds it; NULL: it is refused. */
static void *unpack(const struct buf *block, size_t *ret_size)
{
    const uint8_t *bytes = (const uint8_t *)block->ptr;
    if (!snappy_size(bytes, block->len, ret_size) || *ret_size > (size_t)1 << 24)
        return NULL;
    uint8_t *out = malloc(*ret_size + SNAPPY_SLACK);
    if (snappy_unpack(bytes, block->len, out, *ret_size))
        return out;
    free(out);
    return NULL;
}

static void *unpack_by_library(const struct buf *block, size_t *ret_size)
{
    if (snappy_uncompressed_length(block->ptr, block->len, ret_size) != SNAPPY_OK ||
        *ret_size > (size_t)1 << 24)
        return NULL;
    char *out = malloc(*ret_size + 1);
    if (snappy_uncompress(block->ptr, block->len, out, ret_size) == SNAPPY_OK)
        return out;
    free(out);
    return NULL;
}

static void check_same(const struct buf *block)
{
    size_t size = 0, library_size = 0;
    AUTO(free) void *got = unpack(block, &size);
    AUTO(free) void *wanted = unpack_by_library(block, &library_size);
    ck_assert_int_eq(got != NULL, wanted != NULL);
    if (!got)
        return;
    ck_assert_uint_eq(size, library_size);
    ck_assert_mem_eq(got, wanted, size);
}

START_TEST(unpacks_what_the_library_packs)
{
    AUTO(buf_done) struct buf bytes = {0}, block = {0};
    for (size_t size = 0; size < 200000; size += 1 + size / 3) {
        make_bytes(&bytes, size);
        pack(&bytes, &block);
        size_t got_size;
        AUTO(free) void *got = unpack(&block, &got_size);
        ck_assert_ptr_nonnull(got);
        ck_assert_uint_eq(got_size, bytes.len);
        ck_assert(bytes.len == 0 || memcmp(got, bytes.ptr, bytes.len) == 0);
    }
}
END_TEST

START_TEST(refuses_what_the_library_refuses)
{
    AUTO(buf_done) struct buf bytes = {0}, block = {0};
    for (int i = 0; i < 20000; i++) {
        if (i % 50 == 0)
            make_bytes(&bytes, dice(400));
        pack(&bytes, &block);
        if (i % 3 == 0)
            block.len = dice(block.len + 1);
        for (uint64_t flips = dice(3); flips > 0 && block.len > 0; flips--)
            block.ptr[dice(block.len)] ^= (char)(1 << dice(8));
        check_same(&block);
    }
}
END_TEST

/* A library packs with copies of type 3 only in blocks beyond 64 KiB: all types, by hand. */
START_TEST(reads_each_type_of_piece)
{
    static const uint8_t block[] = {
        18,         2 << 2, 'a', 'b', 'c',           /* "abc" */
        1 | 1 << 2, 3,                               /* 5 from 3 back */
        2 | 1 << 2, 8,      0,                       /* 2 from 8 back */
        3 | 2 << 2, 1,      0,   0,   0,             /* 3 from 1 back */
        60 << 2,    4,      'd', 'e', 'f', 'g', 'h', /* its length in a byte */
    };
    uint8_t out[18 + SNAPPY_SLACK];
    ck_assert(snappy_unpack(block, sizeof block, out, 18));
    ck_assert_mem_eq(out, "abcabcababbbbdefgh", 18);
    ck_assert(!snappy_unpack(block, sizeof block - 1, out, 18));
    ck_assert(!snappy_unpack(block, sizeof block, out, 17));
    ck_assert(!snappy_unpack(block, sizeof block, out, 19));
}
END_TEST

TEST_MAIN("snappy", unpacks_what_the_library_packs, refuses_what_the_library_refuses,
          reads_each_type_of_piece)
