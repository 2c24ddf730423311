#include "http/unpacker.h"

#include "base/buf.h"
#include "base/test.h"
#include "http/coding.h"

static void pack(enum coding coding, struct str bytes, struct buf *out)
{
    AUTO(packer_destroy) struct packer *packer = packer_create(coding);
    packer_append(packer, bytes, true, out);
}

/* Unpacks in pieces of `in_size` bytes, with room for `out_size`. */
static bool unpack(struct str packed, size_t in_size, size_t out_size, struct buf *out,
                   bool *ret_complete, struct err *err)
{
    AUTO(unpacker_destroy) struct unpacker *unpacker = unpacker_create();
    while (packed.len) {
        struct str piece = {packed.ptr, packed.len < in_size ? packed.len : in_size};
        packed.ptr += piece.len;
        packed.len -= piece.len;
        size_t got;
        do {
            if (!unpacker_read(unpacker, &piece, buf_reserve(out, out_size), out_size, &got, err))
                return false;
            ck_assert_uint_le(got, out_size);
            out->len += got;
        } while (got > 0);
        ck_assert_uint_eq(piece.len, 0);
    }
    *ret_complete = unpacker_complete(unpacker);
    return true;
}

START_TEST(unpacks_in_pieces_of_any_size)
{
    AUTO(buf_done) struct buf text = {0};
    for (int i = 0; i < 20000; i++)
        buf_printf(&text, "%d,", i * i);
    static const size_t sizes[][2] = {{1, 1000}, {100000, 7}, {1000, 100000}};
    for (enum coding coding = CODING_GZIP; coding <= CODING_DEFLATE; coding++) {
        AUTO(buf_done) struct buf packed = {0};
        pack(coding, buf_view(&text), &packed);
        for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
            AUTO(buf_done) struct buf out = {0};
            bool complete;
            struct err err;
            ck_assert(unpack(buf_view(&packed), sizes[i][0], sizes[i][1], &out, &complete, &err));
            ck_assert(complete);
            ck_assert(str_eq(buf_view(&out), buf_view(&text)));
        }
    }
}
END_TEST

START_TEST(unpacks_what_was_packed_in_parts)
{
    AUTO(buf_done) struct buf packed = {0};
    AUTO(buf_done) struct buf out = {0};
    pack(CODING_GZIP, STR("one "), &packed);
    pack(CODING_GZIP, STR("two"), &packed);
    bool complete;
    struct err err;
    ck_assert(unpack(buf_view(&packed), 10, 100, &out, &complete, &err));
    ck_assert(complete);
    ck_assert_str_eq(buf_terminated(&out), "one two");
}
END_TEST

START_TEST(tells_a_part_from_the_whole)
{
    AUTO(buf_done) struct buf packed = {0};
    pack(CODING_GZIP, STR("some words, and then some more of them"), &packed);
    for (size_t len = 1; len < packed.len; len++) {
        AUTO(buf_done) struct buf out = {0};
        bool complete = true;
        struct err err;
        ck_assert(unpack((struct str){packed.ptr, len}, 100, 100, &out, &complete, &err));
        ck_assert(!complete);
    }
}
END_TEST

START_TEST(refuses_other_bytes)
{
    AUTO(buf_done) struct buf out = {0};
    bool complete;
    struct err err;
    ck_assert(!unpack(STR("these are words"), 100, 100, &out, &complete, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
}
END_TEST

TEST_MAIN("unpacker", unpacks_in_pieces_of_any_size, unpacks_what_was_packed_in_parts,
          tells_a_part_from_the_whole, refuses_other_bytes)
