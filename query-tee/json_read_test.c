#include "query-tee/json_read.h"

#include "base/test.h"

static struct json_reader whole(const char *text)
{
    return (struct json_reader){.at = text, .end = text + strlen(text), .last = true};
}

static void check_skips(const char *text)
{
    struct json_reader json = whole(text);
    struct str value;
    ck_assert_msg(json_skip(&json, &value) && json_read_end(&json), "%s: %s", text, json.fault);
    ck_assert_uint_eq(value.len, strlen(text));
}

static void check_refuses(const char *text, const char *fault, size_t offset)
{
    struct json_reader json = whole(text);
    ck_assert_msg(!json_skip(&json, NULL) || !json_read_end(&json), "%s", text);
    ck_assert(!json.more);
    ck_assert_str_eq(json.fault, fault);
    ck_assert_uint_eq((size_t)(json.at - text), offset);
}

static void check_string(const char *text, const char *meaning)
{
    AUTO(buf_done) struct buf out = {0};
    struct json_reader json = whole(text);
    struct json_string string;
    ck_assert_msg(json_read_string(&json, &string), "%s: %s", text, json.fault);
    json_unescape(string, &out);
    ck_assert_str_eq(buf_terminated(&out), meaning);
}

START_TEST(skips_values_of_every_kind)
{
    check_skips("{}");
    check_skips("[]");
    check_skips("null");
    check_skips("-0.5e+10");
    check_skips("\"\\\"\"");
    check_skips("{\"a\":[1,{\"b\":[]},[[]],true],\"c\":{},\"d\":false}");
    check_skips("[ 1 ,\n{ \"a\" : \"}\" } ]");
}
END_TEST

START_TEST(names_what_is_wrong_and_where)
{
    check_refuses("", "the body ends too early", 0);
    check_refuses("[1,", "the body ends too early", 3);
    check_refuses("[1,]", "an unexpected byte", 3);
    check_refuses("[1 2]", "no comma", 3);
    check_refuses("{\"a\" 1}", "no colon behind a key", 5);
    check_refuses("{a:1}", "no string", 1);
    check_refuses("[1}", "no comma", 2);
    check_refuses("[01]", "a number that begins with 0", 3);
    check_refuses("[1.]", "a bad number", 3);
    check_refuses("[-]", "a bad number", 2);
    check_refuses("[nul]", "an unexpected byte", 4);
    check_refuses("\"a\nb\"", "a control character in a string", 2);
    check_refuses("\"\\x\"", "a bad escape", 1);
    check_refuses("\"\\u12g4\"", "a bad \\u escape", 1);
    check_refuses("[] []", "bytes behind the answer", 3);
}
END_TEST

START_TEST(limits_the_depth)
{
    char text[2 * JSON_DEPTH_MAX + 3] = {0};
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    check_skips(text);
    memset(text, '[', JSON_DEPTH_MAX + 1);
    check_refuses(text, "nested too deeply", JSON_DEPTH_MAX);
}
END_TEST

START_TEST(reads_escapes)
{
    check_string("\"\"", "");
    check_string("\"a\\n\\t\\\\\\/\\\"b\\b\\f\\r\"", "a\n\t\\/\"b\b\f\r");
    check_string("\"\\u00e9\\u20ac\"", "\xc3\xa9\xe2\x82\xac");
    check_string("\"\\ud83d\\ude00!\"", "\xf0\x9f\x98\x80!");
    check_string("\"\\ud83dx\"", "\xef\xbf\xbdx");
    check_string("\"\\ude00\\u0041\"", "\xef\xbf\xbd\x41");
    check_string("\"\\ud83d\\u0041\"", "\xef\xbf\xbd\x41");
    check_string("\"\xff\"", "\xff");
}
END_TEST

/* A front part of any length is never taken for an error, nor for the whole. */
START_TEST(asks_for_more_wherever_the_piece_ends)
{
    const char *text = "{\"a\\u00e9\":[1.5e3,null,\"x\\n\"],\"b\":-12} ";
    size_t len = strlen(text) - 1;
    for (size_t cut = 0; cut < len; cut++) {
        struct json_reader json = {.at = text, .end = text + cut};
        ck_assert(!json_skip(&json, NULL));
        ck_assert_msg(json.more, "%zu: %s", cut, json.fault);
    }
    struct json_reader json = {.at = text, .end = text + len};
    ck_assert(json_skip(&json, NULL));
}
END_TEST

TEST_MAIN("json_read", skips_values_of_every_kind, names_what_is_wrong_and_where, limits_the_depth,
          reads_escapes, asks_for_more_wherever_the_piece_ends)
