#include "server/prefix.h"

#include "base/test.h"

START_TEST(is_told_by_either_flag)
{
    static const struct {
        const char *external_url;
        const char *route_prefix;
        const char *path;
    } cases[] = {
        {"", "", ""},
        {"http://a:9090", "", ""},
        {"http://a:9090/", "", ""},
        {"https://a/prometheus", "", "/prometheus"},
        {"https://a/prometheus/eu//?x=/y#/z", "", "/prometheus/eu"},
        {"https://a?x=/y", "", ""},
        {"https://a/prometheus", "/", ""},
        {"https://a/prometheus", "/store/", "/store"},
        {"", "store", "/store"},
        {"no url", "store", "/store"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct prefix prefix;
        struct err err;
        ck_assert(prefix_init(&prefix, cases[i].external_url, cases[i].route_prefix, &err));
        ck_assert_str_eq(prefix.path, cases[i].path);
        ck_assert_uint_eq(strlen(prefix.home), strlen(prefix.path) + 1);
        prefix_done(&prefix);
    }
}
END_TEST

START_TEST(refuses_what_is_no_url)
{
    static const char *const bad[] = {"a/b", "http://", "\"http://a\"", "ftp://a/b"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct prefix prefix;
        struct err err;
        ck_assert(!prefix_init(&prefix, bad[i], "", &err));
        ck_assert_ptr_nonnull(strstr(err.msg, "flag --web.external-url: "));
        prefix_done(&prefix);
    }
}
END_TEST

static void check_below(const char *route_prefix, const char *path, const char *expected)
{
    struct prefix prefix;
    struct err err;
    ck_assert(prefix_init(&prefix, "", route_prefix, &err));
    struct str below = prefix_below(&prefix, str_of(path));
    ck_assert_msg(str_eq(below, str_of(expected)), "%s: %.*s", path, STR_ARGS(below));
    prefix_done(&prefix);
}

START_TEST(is_taken_off_paths)
{
    check_below("", "/metrics", "/metrics");
    check_below("", "/", "/");
    check_below("", "metrics", "");
    check_below("/store", "/store/metrics", "/metrics");
    check_below("/store", "/store/", "/");
    check_below("/store", "/store", "");
    check_below("/store", "/stores/metrics", "");
    check_below("/store", "/metrics", "");
    check_below("/store", "", "");
}
END_TEST

TEST_MAIN("prefix", is_told_by_either_flag, refuses_what_is_no_url, is_taken_off_paths)
