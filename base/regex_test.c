#include "base/regex.h"

#include "base/test.h"

static struct regex *compiled(const char *pattern)
{
    struct err err = {0};
    struct regex *regex = NULL;
    ck_assert_msg(regex_create(str_of(pattern), &regex, &err), "%s", err.msg);
    return regex;
}

START_TEST(matches_the_whole_text)
{
    AUTO(regex_destroy) struct regex *regex = compiled("a.*|b");
    ck_assert(regex_matches(regex, STR("abc")));
    ck_assert(regex_matches(regex, STR("a\nb")));
    ck_assert(regex_matches(regex, STR("b")));
    ck_assert(!regex_matches(regex, STR("ba")));
    ck_assert(!regex_matches(regex, STR("")));
}
END_TEST

START_TEST(empty_pattern_matches_empty_only)
{
    AUTO(regex_destroy) struct regex *regex = compiled("");
    ck_assert(regex_matches(regex, (struct str){NULL, 0}));
    ck_assert(!regex_matches(regex, STR("a")));
}
END_TEST

START_TEST(speaks_of_errors_as_go)
{
    struct err err = {0};
    struct regex *regex = NULL;
    ck_assert(!regex_create(STR("["), &regex, &err));
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    ck_assert_msg(strstr(err.msg, "error parsing regexp: missing closing ]"), "%s", err.msg);
}
END_TEST

static void refuses(const char *pattern, const char *message)
{
    struct err err = {0};
    struct regex *regex = NULL;
    ck_assert(!regex_create(str_of(pattern), &regex, &err));
    ck_assert_str_eq(err.msg, message);
}

START_TEST(names_the_pattern_as_written)
{
    refuses("(", "error parsing regexp: missing closing ): `(`");
    refuses("a)|(?:b", "error parsing regexp: unexpected ): `a)|(?:b`");
    refuses("\\(a)(?s:b", "error parsing regexp: unexpected ): `\\(a)(?s:b`");
}
END_TEST

static void expands(const char *pattern, const char *text, const char *template, const char *want)
{
    AUTO(regex_destroy) struct regex *regex = compiled(pattern);
    AUTO(buf_done) struct buf out = {0};
    ck_assert(regex_expand(regex, str_of(text), str_of(template), &out));
    ck_assert_str_eq(buf_terminated(&out), want);
}

START_TEST(expands_as_go)
{
    expands("(.*)-(.*)", "a-b", "$2/$1", "b/a");
    expands("(.*)-(.*)", "a-b", "$1x", "");
    expands("(.*)-(.*)", "a-b", "${1}x$$", "ax$");
    expands("(?P<n>.*)-(.*)", "a-b", "${n}$n", "aa");
    expands("(.*)", "a", "$", "$");
    expands("(.*)", "a", "${1", "${1");
    expands("(.*)", "a", "$9", "");
    expands("(a)|(b)", "a", "[$2]", "[]");
}
END_TEST

TEST_MAIN("regex", matches_the_whole_text, empty_pattern_matches_empty_only, speaks_of_errors_as_go,
          names_the_pattern_as_written, expands_as_go)
