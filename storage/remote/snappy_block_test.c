#include "storage/remote/snappy_block.h"

#include "base/test.h"
#include "storage/remote/test_message.h"

START_TEST(unpacks_what_was_packed)
{
    AUTO(buf_done) struct buf text = {0};
    AUTO(buf_done) struct buf block = {0};
    struct err err = {0};
    char out[1000];
    size_t size;
    for (int i = 0; text.len < sizeof out; i++)
        buf_byte(&text, (char)i);
    message_snappy(&block, buf_view(&text));

    ck_assert(snappy_block_size(buf_view(&block), &size, &err));
    ck_assert_uint_eq(size, sizeof out);
    ck_assert(snappy_block_unpack(buf_view(&block), out, size, &err));
    ck_assert(memcmp(out, text.ptr, size) == 0);
}
END_TEST

START_TEST(unpacks_the_densest_block_there_can_be)
{
    AUTO(buf_done) struct buf block = {0};
    struct err err = {0};
    char out[1 + 64 * 100];
    size_t size;
    buf_append(&block, "\x81\x32\x00z", 4); /* a literal of one byte, copied on and on */
    for (int i = 0; i < 100; i++)
        buf_append(&block, "\xfe\x01\x00", 3);

    ck_assert(snappy_block_size(buf_view(&block), &size, &err));
    ck_assert_uint_eq(size, sizeof out);
    ck_assert(snappy_block_unpack(buf_view(&block), out, size, &err));
    ck_assert(out[0] == 'z' && out[size - 1] == 'z');
}
END_TEST

START_TEST(refuses_sizes_that_cannot_be)
{
    static const struct str blocks[] = {
        {"", 0},
        {"\xff\xff\xff\xff\xff\x01", 6},
        {"\x80\x80\x80\x10\x00z", 6}, /* 32 MiB from two bytes */
    };
    for (size_t i = 0; i < ARRAY_COUNT(blocks); i++) {
        struct err err = {0};
        size_t size = 0;
        ck_assert(!snappy_block_size(blocks[i], &size, &err));
        ck_assert_str_eq(err.msg, "snappy: corrupt input");
    }
}
END_TEST

START_TEST(refuses_a_block_that_is_not_what_it_announced)
{
    static const struct str blocks[] = {
        {"\x05\x00z", 3},             /* too little */
        {"\x01\x04zz", 4},            /* too much */
        {"\x05\x00z\x0e\x09\x00", 6}, /* copied from before the begin */
    };
    for (size_t i = 0; i < ARRAY_COUNT(blocks); i++) {
        struct err err = {0};
        char out[8];
        size_t size = 0;
        ck_assert(snappy_block_size(blocks[i], &size, &err));
        ck_assert(!snappy_block_unpack(blocks[i], out, size, &err));
        ck_assert_int_eq(err.kind, ERR_BAD_DATA);
        ck_assert_str_eq(err.msg, "snappy: corrupt input");
    }
}
END_TEST

TEST_MAIN("snappy_block", unpacks_what_was_packed, unpacks_the_densest_block_there_can_be,
          refuses_sizes_that_cannot_be, refuses_a_block_that_is_not_what_it_announced)
