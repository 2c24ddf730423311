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

TEST_MAIN("path", a_name_stands_for_one_part, the_rest_is_compared_whole, a_folder_ends_at_a_slash)
