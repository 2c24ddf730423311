#include "http/coding.h"

#include <zlib.h>

#include "base/test.h"

START_TEST(chooses_by_whole_tokens)
{
    static const struct {
        const char *header;
        enum coding expected;
    } cases[] = {
        {"", CODING_NONE},
        {"gzip", CODING_GZIP},
        {"deflate, gzip", CODING_DEFLATE},
        {"br ,\tgzip , deflate", CODING_GZIP},
        {"gzip;q=1.0, deflate", CODING_DEFLATE},
        {"gzip;q=1.0", CODING_NONE},
        {"GZIP", CODING_NONE},
        {"*", CODING_NONE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        ck_assert_int_eq(coding_choose(str_of(cases[i].header)), cases[i].expected);
}
END_TEST

static void check_round_trip(enum coding coding, int window_bits)
{
    AUTO(buf_done) struct buf text = {0};
    for (int i = 0; i < 40000; i++)
        buf_printf(&text, "[%d,\"%d\"],", 1760000000 + i * 15, i * i);

    AUTO(packer_destroy) struct packer *packer = packer_create(coding);
    AUTO(buf_done) struct buf packed = {0};
    struct str all = buf_view(&text);
    packer_append(packer, (struct str){all.ptr, 10}, false, &packed);
    packer_append(packer, (struct str){all.ptr + 10, all.len - 10}, false, &packed);
    packer_append(packer, STR(""), true, &packed);
    ck_assert_uint_lt(packed.len, text.len / 2);

    AUTO(buf_done) struct buf back = {0};
    z_stream z = {.next_in = (Bytef *)packed.ptr, .avail_in = (uInt)packed.len};
    ck_assert_int_eq(inflateInit2(&z, window_bits), Z_OK);
    z.next_out = (Bytef *)buf_reserve(&back, text.len + 1);
    z.avail_out = (uInt)(text.len + 1);
    ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
    back.len = z.total_out;
    inflateEnd(&z);
    ck_assert(str_eq(buf_view(&back), all));
}

START_TEST(packs_as_gzip)
{
    check_round_trip(CODING_GZIP, 15 + 16);
}
END_TEST

START_TEST(packs_as_zlib)
{
    check_round_trip(CODING_DEFLATE, 15);
}
END_TEST

START_TEST(copies_without_a_coding)
{
    AUTO(buf_done) struct buf out = {0};
    packer_append(packer_create(CODING_NONE), STR("as it is"), true, &out);
    ck_assert(str_eq(buf_view(&out), STR("as it is")));
}
END_TEST

TEST_MAIN("coding", chooses_by_whole_tokens, packs_as_gzip, packs_as_zlib, copies_without_a_coding)
