#include "base/quote.h"

#include "base/test.h"

typedef void write_fn(struct buf *buf, struct str s);

static void says(write_fn *write, struct str in, const char *want)
{
    AUTO(buf_done) struct buf buf = {0};
    write(&buf, in);
    ck_assert_str_eq(buf_terminated(&buf), want);
}

START_TEST(quotes_as_go)
{
    says(quote_append, STR("a\"b\\c\n"), "\"a\\\"b\\\\c\\n\"");
    says(quote_append, STR("\x01\x7f\xff"), "\"\\x01\\x7f\\xff\"");
    says(quote_append, STR("h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
         "\"h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    says(quote_append, STR("\xc2\xa0\xe2\x80\x8b"), "\"\\u00a0\\u200b\"");
}
END_TEST

START_TEST(json_has_two_ways)
{
    says(json_escape_html, STR("<a&b>\x01\xff\n"), "\\u003ca\\u0026b\\u003e\\u0001\\ufffd\\n");
    says(json_escape, STR("<a&b>\"\\\x02\xff"), "<a&b>\\\"\\\\\\u0002\xff");
}
END_TEST

START_TEST(knows_valid_utf8)
{
    ck_assert(utf8_valid(STR("")));
    ck_assert(utf8_valid(STR("h\xc3\xa9\xef\xbf\xbd")));
    ck_assert(!utf8_valid(STR("\xc0\x80")));
    ck_assert(!utf8_valid(STR("\xed\xa0\x80")));
    ck_assert(!utf8_valid(STR("\xf4\x90\x80\x80")));
    ck_assert(!utf8_valid(STR("ab\xe2\x82")));
}
END_TEST

TEST_MAIN("quote", quotes_as_go, json_has_two_ways, knows_valid_utf8)
