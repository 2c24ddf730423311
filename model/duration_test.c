#include "model/duration.h"

#include "base/test.h"

START_TEST(parses_what_prometheus_does)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"0", 0},           {"0s", 0},           {"5m", 300000},
        {"1h30m", 5400000}, {"1w1d", 691200000}, {"1y", INT64_C(31536000000)},
        {"1500ms", 1500},   {"1s500ms", 1500},
    };
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        int64_t ms = -1;
        ck_assert_msg(duration_parse(str_of(good[i].text), &ms), "%s", good[i].text);
        ck_assert_int_eq(ms, good[i].ms);
    }
    static const char *const bad[] = {"", "5", "m", "5m5m", "4s180ms3h", "5x", "-5m", "300y"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        int64_t ms;
        ck_assert_msg(!duration_parse(str_of(bad[i]), &ms), "%s", bad[i]);
    }
}
END_TEST

START_TEST(prints_compactly)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "0s"},        {300000, "5m"},       {5400000, "1h30m"},   {1500, "1s500ms"},
        {86400000, "1d"}, {7 * 86400000, "1w"}, {8 * 86400000, "8d"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        AUTO(buf_done) struct buf buf = {0};
        duration_print(cases[i].ms, &buf);
        ck_assert_str_eq(buf_terminated(&buf), cases[i].text);
    }
}
END_TEST

TEST_MAIN("duration", parses_what_prometheus_does, prints_compactly)
