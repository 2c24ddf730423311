#include "base/proto_reader.h"

#include "base/proto_writer.h"
#include "base/test.h"

/* Reads as a message "Thing" with a number 1, "Count"; what is wrong, or "" */
static const char *read_all(struct str bytes, struct err *err)
{
    struct proto_reader r = proto_reader_of(bytes, "Thing", err);
    err_clear(err);
    while (proto_next(&r))
        if (r.number == 1)
            proto_number(&r, "Count");
        else
            proto_skip(&r);
    ck_assert(proto_good(&r) == (err->kind == ERR_NONE));
    return err->msg;
}

START_TEST(reads_fields_in_their_order)
{
    AUTO(buf_done) struct buf message = {0};
    struct err err = {0};
    put_number(&message, 1, UINT64_MAX);
    put_double(&message, 2, 1.5);
    put_bytes(&message, 300, STR("text"));
    struct proto_reader r = proto_reader_of(buf_view(&message), "Thing", &err);

    ck_assert(proto_next(&r));
    ck_assert_uint_eq(r.number, 1);
    ck_assert_uint_eq(proto_number(&r, "Count"), UINT64_MAX);
    ck_assert(proto_next(&r));
    ck_assert(proto_double(&r, "Value") == 1.5);
    ck_assert(proto_next(&r));
    ck_assert_uint_eq(r.number, 300);
    ck_assert(str_eq(proto_bytes(&r, "Text"), STR("text")));
    ck_assert(!proto_next(&r));
    ck_assert(proto_good(&r));
}
END_TEST

START_TEST(passes_over_what_nobody_knows)
{
    AUTO(buf_done) struct buf message = {0};
    struct err err = {0};
    put_double(&message, 9, 1);
    put_bytes(&message, 9, STR("text"));
    buf_append(&message, "\x4b\x08\x01\x53\x54\x0d....\x4c", 11); /* groups, one in the other */
    put_number(&message, 9, 1000);
    put_number(&message, 1, 7);
    ck_assert_str_eq(read_all(buf_view(&message), &err), "");
}
END_TEST

START_TEST(says_what_is_wrong_in_prometheus_words)
{
    static const struct {
        struct str bytes;
        const char *why;
    } cases[] = {
        {{"\x08", 1}, "unexpected EOF"},
        {{"\x08\x80", 2}, "unexpected EOF"},
        {{"\x11\x01\x02", 3}, "unexpected EOF"},
        {{"\x12\x05....", 6}, "unexpected EOF"},
        {{"\x13\x08", 2}, "unexpected EOF"},
        {{"\x0a\x01.", 3}, "proto: wrong wireType = 2 for field Count"},
        {{"\x0c", 1}, "proto: Thing: wiretype end group for non-group"},
        {{"\x00\x01", 2}, "proto: Thing: illegal tag 0 (wire type 0)"},
        {{"\x16\x01", 2}, "proto: illegal wireType 6"},
        {{"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, "proto: integer overflow"},
        {{"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
         "proto: negative length found during unmarshaling"},
    };
    struct err err;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        ck_assert_str_eq(read_all(cases[i].bytes, &err), cases[i].why);
}
END_TEST

START_TEST(keeps_the_first_error)
{
    struct err err = {0};
    struct proto_reader r = proto_reader_of((struct str){"\x0a\x05", 2}, "Thing", &err);
    ck_assert(proto_next(&r));
    proto_number(&r, "Count");
    ck_assert_uint_eq(proto_bytes(&r, "Text").len, 0);
    ck_assert(proto_double(&r, "Value") == 0);
    proto_skip(&r);
    ck_assert(!proto_next(&r));
    ck_assert_str_eq(err.msg, "proto: wrong wireType = 2 for field Count");
}
END_TEST

START_TEST(counts_what_fields_hold)
{
    static const enum proto_run runs[4] = {[2] = PROTO_VARINTS, [3] = PROTO_DOUBLES};
    AUTO(buf_done) struct buf message = {0};
    size_t counts[4];
    put_bytes(&message, 1, STR("one"));
    put_bytes(&message, 2, STR("\x01\xe8\x07\x03")); /* 1, 1000, 3 */
    put_number(&message, 2, 4);
    put_bytes(&message, 3, (struct str){(const char *)(const double[]){1, 2}, 16});
    put_double(&message, 3, 3);
    put_bytes(&message, 77, STR("unknown"));
    put_bytes(&message, 1, STR("two"));
    buf_byte(&message, 0x0a); /* and one that is cut short */

    proto_count(buf_view(&message), runs, counts, 4);
    ck_assert_uint_eq(counts[1], 3);
    ck_assert_uint_eq(counts[2], 4);
    ck_assert_uint_eq(counts[3], 3);
}
END_TEST

TEST_MAIN("proto_reader", reads_fields_in_their_order, passes_over_what_nobody_knows,
          says_what_is_wrong_in_prometheus_words, keeps_the_first_error, counts_what_fields_hold)
