#include "base/err.h"

#include <string.h>

#include "base/test.h"

START_TEST(wrap_reads_outside_in)
{
    struct err err = {0};

    ck_assert(!err_set(&err, ERR_CORRUPT, "bad checksum at %d", 40));
    ck_assert(!err_wrap(&err, "segment %08d", 7));
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
    ck_assert_str_eq(err.msg, "segment 00000007: bad checksum at 40");
}
END_TEST

START_TEST(wrap_cuts_what_does_not_fit)
{
    struct err err = {0};
    char text[sizeof err.msg];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';

    ck_assert(!err_set(&err, ERR_IO, "%s", text));
    ck_assert(!err_wrap(&err, "outer"));
    ck_assert_uint_eq(strlen(err.msg), sizeof err.msg - 1);
    ck_assert_int_eq(strncmp(err.msg, "outer: xxx", 10), 0);
}
END_TEST

TEST_MAIN("err", wrap_reads_outside_in, wrap_cuts_what_does_not_fit)
