#include "http/json_write.h"

#include "base/test.h"

START_TEST(sets_commas_where_they_belong)
{
    AUTO(buf_done) struct buf out = {0};
    struct json json = {.out = &out};
    json_object(&json);
    json_key(&json, "a");
    json_array(&json);
    json_array_end(&json);
    json_key(&json, "b");
    json_array(&json);
    json_int(&json, -1);
    json_uint(&json, UINT64_MAX);
    json_object(&json);
    json_object_end(&json);
    json_null(&json);
    json_array_end(&json);
    json_key(&json, "c");
    json_bool(&json, true);
    json_key(&json, "d");
    json_raw(&json, STR("[0]"));
    json_object_end(&json);
    ck_assert_str_eq(buf_terminated(&out),
                     "{\"a\":[],\"b\":[-1,18446744073709551615,{},null],\"c\":true,\"d\":[0]}");
}
END_TEST

START_TEST(escapes_as_go_does)
{
    AUTO(buf_done) struct buf out = {0};
    struct json json = {.out = &out};
    json_string(&json, STR("<a>&\"\\\n\xff"));
    ck_assert_str_eq(buf_terminated(&out), "\"\\u003ca\\u003e\\u0026\\\"\\\\\\n\\ufffd\"");
}
END_TEST

START_TEST(writes_numbers_and_times)
{
    AUTO(buf_done) struct buf out = {0};
    struct json json = {.out = &out};
    json_array(&json);
    json_double(&json, 0.25);
    json_double(&json, 1e21);
    json_time(&json, 1760002000123);
    json_time(&json, -1);
    json_array_end(&json);
    ck_assert_str_eq(buf_terminated(&out),
                     "[0.25,1e+21,\"2025-10-09T09:26:40.123Z\","
                     "\"1969-12-31T23:59:59.999Z\"]");
}
END_TEST

TEST_MAIN("json_write", sets_commas_where_they_belong, escapes_as_go_does, writes_numbers_and_times)
