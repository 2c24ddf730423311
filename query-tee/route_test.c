#include "query-tee/route.h"

#include "base/attr.h"
#include "base/test.h"

START_TEST(finds_routes)
{
    ck_assert_str_eq(route_find(STR("/api/v1/query"))->name, "api_v1_query");
    ck_assert(route_is_instant(route_find(STR("/api/v1/query"))));
    ck_assert(route_is_range(route_find(STR("/api/v1/query_range"))));
    ck_assert(!route_is_instant(route_find(STR("/api/v1/query_range"))));
    ck_assert_str_eq(route_find(STR("/api/v1/label/job/values"))->name, "api_v1_label_name_values");
    ck_assert(!route_find(STR("/api/v1/label/job/values"))->post);
    ck_assert(!route_find(STR("/api/v1/read"))->compared);
    ck_assert_int_eq(route_find(STR("/api/v1/series"))->kind, ANSWER_SERIES);
}
END_TEST

START_TEST(finds_none_for_other_paths)
{
    static const char *const paths[] = {
        "",
        "/",
        "/api/v1/query/",
        "/api/v1/quer",
        "/api/v1/label//values",
        "/api/v1/label/a/b/values",
        "/api/v1/label/job",
        "/api/v1/rules",
    };
    for (size_t i = 0; i < ARRAY_COUNT(paths); i++)
        ck_assert_msg(!route_find(str_of(paths[i])), "%s", paths[i]);
}
END_TEST

TEST_MAIN("route", finds_routes, finds_none_for_other_paths)
