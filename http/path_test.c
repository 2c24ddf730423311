#include "http/path.h"

#include "base/test.h"

START_TEST(a_name_stands_for_one_part)
{
    static const char values[] = "/api/v1/label/:name/values";
    ck_assert(path_matches(values, STR("/api/v1/label/job/values")));
    ck_assert(!path_matches(values, STR("/api/v1/label//values")));
    ck_assert(!path_matches(values, STR("/api/v1/label/a/b/values")));
    ck_assert(!path_matches(values, STR("/api/v1/label/job")));
    ck_assert(path_matches("/rules/:group", STR("/rules/a")));
    ck_assert(!path_matches("/rules/:group", STR("/rules/")));
}
END_TEST

START_TEST(the_rest_is_compared_whole)
{
    ck_assert(path_matches("/", STR("/")));
    ck_assert(path_matches("/api/v1/query", STR("/api/v1/query")));
    ck_assert(!path_matches("/api/v1/query", STR("/api/v1/query_range")));
    ck_assert(!path_matches("/api/v1/query", STR("/api/v1/quer")));
    ck_assert(!path_matches("/api/v1/query", STR("")));
}
END_TEST

START_TEST(a_folder_ends_at_a_slash)
{
    struct str rest;
    ck_assert(path_below(STR("/a"), STR("/a/b"), &rest) && str_eq(rest, STR("/b")));
    ck_assert(path_below(STR("/a"), STR("/a"), &rest) && rest.len == 0);
    ck_assert(path_below(STR(""), STR("/a"), &rest) && str_eq(rest, STR("/a")));
    ck_assert(!path_below(STR("/a"), STR("/ab"), &rest));
    ck_assert(!path_below(STR("/a"), STR("/"), &rest));
    ck_assert(!path_below(STR(""), STR("a"), &rest));
}
END_TEST

START_TEST(a_clean_path_has_no_detours)
{
    static const char *const cases[][2] = {
        {"/a/b", "/a/b"},
        {"/a/b/", "/a/b"},
        {"//a///b", "/a/b"},
        {"/a/./b/.", "/a/b"},
        {"/a/../b", "/b"},
        {"/../../a", "/a"},
        {"/a/..", "/"},
        {"/", "/"},
        {"//", "/"},
        {"/a/b/../../c", "/c"},
        {"/..a/b..", "/..a/b.."},
        {"/%2e%2e/a", "/%2e%2e/a"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        AUTO(buf_done) struct buf out = {0};
        buf_text(&out, "x/y");
        path_clean(str_of(cases[i][0]), &out);
        ck_assert_msg(strcmp(buf_terminated(&out) + 3, cases[i][1]) == 0, "%s became %s",
                      cases[i][0], buf_terminated(&out));
        ck_assert(memcmp(buf_terminated(&out), "x/y", 3) == 0);
    }
}
END_TEST

TEST_MAIN("path", a_name_stands_for_one_part, the_rest_is_compared_whole, a_folder_ends_at_a_slash,
          a_clean_path_has_no_detours)
