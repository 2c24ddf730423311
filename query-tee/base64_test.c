#include "query-tee/base64.h"

#include "base/test.h"

static const struct {
    const char *plain;
    const char *packed;
} cases[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"user:pass", "dXNlcjpwYXNz"},
    {"\xff\xfe", "//4="},
};

START_TEST(encodes)
{
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        AUTO(buf_done) struct buf out = {0};
        base64_encode(str_of(cases[i].plain), &out);
        ck_assert_str_eq(buf_terminated(&out), cases[i].packed);
    }
}
END_TEST

START_TEST(decodes)
{
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        AUTO(buf_done) struct buf out = {0};
        ck_assert(base64_decode(str_of(cases[i].packed), &out));
        ck_assert_str_eq(buf_terminated(&out), cases[i].plain);
    }
}
END_TEST

START_TEST(refuses_what_is_none)
{
    static const char *const bad[] = {"Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Z=g=", "Zm9\n"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        AUTO(buf_done) struct buf out = {0};
        ck_assert_msg(!base64_decode(str_of(bad[i]), &out), "%s", bad[i]);
    }
}
END_TEST

TEST_MAIN("base64", encodes, decodes, refuses_what_is_none)
