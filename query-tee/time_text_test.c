#include "query-tee/time_text.h"

#include "base/attr.h"
#include "base/test.h"

START_TEST(reads_times)
{
    static const struct {
        const char *text;
        int64_t expected_ms;
    } cases[] = {
        {"1760002400", 1760002400000},
        {"1760002400.25", 1760002400250},
        {"-1.5", -1500},
        {"1.7600024e9", 1760002400000},
        {"2025-10-09", 1759968000000},
        {"2025-10-09T09:33", 1760002380000},
        {"2025-10-09T09:33:20", 1760002400000},
        {"2025-10-09T09:33:20Z", 1760002400000},
        {"2025-10-09T09:33:20.123456Z", 1760002400123},
        {"2025-10-09T11:33:20.5+02:00", 1760002400500},
        {"2025-10-09T11:33+02:00", 1760002380000},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int64_t ms = 0;
        ck_assert_msg(time_text_parse(str_of(cases[i].text), &ms), "%s", cases[i].text);
        ck_assert_int_eq(ms, cases[i].expected_ms);
    }
}
END_TEST

START_TEST(refuses_what_is_no_time)
{
    static const char *const bad[] = {
        "",
        "now",
        "2025-13-09",
        "2025-10-09Z",
        "2025-10-09T09:33:20x",
        "1e300",
        "nan",
        "2025-10-09T09:33:20.123456789012345678901234567890123456789012345678901234567890Z",
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        int64_t ms;
        ck_assert_msg(!time_text_parse(str_of(bad[i]), &ms), "%s", bad[i]);
    }
}
END_TEST

START_TEST(reads_steps)
{
    int64_t ms;
    ck_assert(step_text_parse(STR("15"), &ms) && ms == 15000);
    ck_assert(step_text_parse(STR("0.5"), &ms) && ms == 500);
    ck_assert(step_text_parse(STR("1m30s"), &ms) && ms == 90000);
    ck_assert(!step_text_parse(STR("often"), &ms));
}
END_TEST

START_TEST(writes_times)
{
    static const int64_t times[] = {0, 1, -1, 1760002400000, 1760002400250, -1500, 10};
    for (size_t i = 0; i < ARRAY_COUNT(times); i++) {
        AUTO(buf_done) struct buf out = {0};
        int64_t ms;
        time_text_append(times[i], &out);
        ck_assert(time_text_parse(buf_view(&out), &ms));
        ck_assert_int_eq(ms, times[i]);
    }
}
END_TEST

TEST_MAIN("time_text", reads_times, refuses_what_is_no_time, reads_steps, writes_times)
