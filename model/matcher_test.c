#include "model/matcher.h"

#include "base/regex.h"
#include "base/test.h"

static void agrees(const char *pattern, const char *const *texts)
{
    struct err err = {0};
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct matcher *matcher = NULL;
    ck_assert(matcher_new(arena, MATCH_REGEX, STR("l"), str_of(pattern), &matcher, &err));
    AUTO(regex_destroy) struct regex *plain = NULL;
    ck_assert(regex_create(str_of(pattern), &plain, &err));
    for (; *texts; texts++)
        ck_assert_msg(matcher_matches(matcher, str_of(*texts)) ==
                          regex_matches(plain, str_of(*texts)),
                      "%s on %s", pattern, *texts);
    matcher_done(matcher);
}

START_TEST(shortcuts_agree_with_the_regex)
{
    static const char *const patterns[] = {
        "a|b|ab", "(a|b)", "(a|b",  "",      "a||b",   "ab.*",    "(?i)ab",  ".*",        ".+",
        "a.*b",   "ab+",   "(ab)?", "a\\.b", "(a)(b)", "(a)|(b)", "a\\b|ab", "abc|ab\\b",
    };
    static const char *const texts[] = {"",    "a",   "b",    "ab", "abc", "aB",   "AB", "axb",
                                        "a.b", "abb", "a\nb", "|",  "a|b", "abab", NULL};
    for (size_t i = 0; i < ARRAY_COUNT(patterns); i++) {
        if (strcmp(patterns[i], "(a|b") != 0)
            agrees(patterns[i], texts);
    }
}
END_TEST

START_TEST(says_what_is_wrong_with_a_regex)
{
    struct err err = {0};
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct matcher *matcher = NULL;
    ck_assert(!matcher_new(arena, MATCH_REGEX, STR("l"), STR("(a|b"), &matcher, &err));
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    ck_assert_ptr_nonnull(strstr(err.msg, "missing closing )"));
}
END_TEST

START_TEST(takes_any_of_a_list)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct str values[] = {STR("b.c"), STR("a|b"), STR("a")};
    struct matcher *matcher = matcher_new_listed(arena, STR("l"), values, ARRAY_COUNT(values));
    ck_assert_msg(str_eq(matcher->value, STR("a|a\\|b|b\\.c")), "%.*s", STR_ARGS(matcher->value));
    ck_assert(matcher_matches(matcher, STR("a")));
    ck_assert(matcher_matches(matcher, STR("b.c")));
    ck_assert(!matcher_matches(matcher, STR("bxc")));
    ck_assert(!matcher_matches(matcher, STR("b")));
    ck_assert(!matcher_matches(matcher, STR("")));
}
END_TEST

TEST_MAIN("matcher", takes_any_of_a_list, shortcuts_agree_with_the_regex,
          says_what_is_wrong_with_a_regex)
