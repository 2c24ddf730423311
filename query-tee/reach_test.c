#include "query-tee/reach.h"

#include "base/attr.h"
#include "base/test.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)

/* Evaluations from 100 h to 101 h, lookback 5 min; times in minutes from 100 h on. */
static bool reach(const char *query, int64_t *ret_oldest, int64_t *ret_newest)
{
    struct reach got;
    if (!reach_of_query(str_of(query), 100 * HOUR, 101 * HOUR, 5 * MINUTE, &got))
        return false;
    *ret_oldest = (got.oldest_ms - 100 * HOUR) / MINUTE;
    *ret_newest = (got.newest_ms - 100 * HOUR) / MINUTE;
    return true;
}

START_TEST(adds_up_what_stands_around_selectors)
{
    static const struct {
        const char *query;
        int64_t oldest;
        int64_t newest;
    } cases[] = {
        {"up", -5, 60},
        {"{job=\"x\"}", -5, 60},
        {"up{job=\"x[1h] offset 1d\"}", -5, 60},
        {"rate(x[1h])", -60, 60},
        {"rate(x{a=~\"}\"}[1h] offset 30m)", -90, 30},
        {"x offset -10m", 5, 70},
        {"x offset 30m + y", -35, 60},
        {"x offset 30m + y offset 60m", -65, 30},
        {"sum by (job) (rate(x[10m] offset 20m))", -30, 40},
        {"sum(rate(x[10m] offset 20m)) by (job)", -30, 40},
        {"x * on (job) group_left(b) y offset 10m", -15, 60},
        {"x offset 10m * on (job) y offset 10m", -15, 50},
        {"max_over_time(rate(x[5m])[1h:1m])", -65, 60},
        {"max_over_time(rate(x[5m])[1h:] offset 2h)", -185, -60},
        {"max_over_time((x + y offset 1h)[30m:1m])", -95, 60},
        {"x @ 360000", -5, 0},
        {"x @ start()", -5, 0},
        {"x @ end() offset 10m", 45, 50},
        {"rate(x[10m] offset 10m @ 360000)", -20, -10},
        {"x + y @ 3600", -5945, 60},
        {"sum(x) + 3", -5, 60},
        {"label_replace(x, \"a\", \"b\", `c[`, \"(.*)\") # offset 1d", -5, 60},
        {"x[300]", -5, 60},
        {"x[5m1s]", -5, 60},
        {"x offset 1e3", -21, 43},
        {"x and y unless bool z", -5, 60},
        {"avg_over_time(x:y:rate5m[1h])", -60, 60},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int64_t oldest = 0, newest = 0;
        ck_assert_msg(reach(cases[i].query, &oldest, &newest), "%s", cases[i].query);
        ck_assert_msg(oldest == cases[i].oldest && newest == cases[i].newest,
                      "%s: from %lld to %lld", cases[i].query, (long long)oldest,
                      (long long)newest);
    }
}
END_TEST

START_TEST(says_that_it_does_not_know)
{
    static const char *const queries[] = {"",      "1 + 2",      "time()",
                                          "\"x\"", "x[5m + 1m]", "x offset y"};
    for (size_t i = 0; i < ARRAY_COUNT(queries); i++) {
        int64_t oldest, newest;
        ck_assert_msg(!reach(queries[i], &oldest, &newest), "%s", queries[i]);
    }
}
END_TEST

START_TEST(survives_what_is_no_query)
{
    static const char *const queries[] = {
        "x[",      "x{",   "(((",        ")))x", "x @", "x offset",
        "\"",      "x[5m", "@ 5 offset", "\\",   "'\\", "x offset 99999999999999y",
        "x[9e99]",
    };
    int64_t oldest, newest;
    for (size_t i = 0; i < ARRAY_COUNT(queries); i++)
        reach(queries[i], &oldest, &newest);
    char deep[2000];
    memset(deep, '(', sizeof deep);
    struct reach got;
    ck_assert(!reach_of_query((struct str){deep, sizeof deep}, 0, 0, 0, &got));
    ck_assert(reach(")))x", &oldest, &newest));
}
END_TEST

TEST_MAIN("reach", adds_up_what_stands_around_selectors, says_that_it_does_not_know,
          survives_what_is_no_query)
