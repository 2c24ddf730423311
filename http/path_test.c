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

TEST_MAIN("path", a_name_stands_for_one_part, the_rest_is_compared_whole)
