#include "base/recent_times.h"

#include <math.h>

#include "base/test.h"

static struct recent_times times;

static void note_s(int64_t at_ns, int64_t took_s)
{
    recent_times_note(&times, at_ns, took_s * 1000000000);
}

static void check(int64_t now_ns, double half, double most)
{
    static const double quantiles[] = {.5, .99};
    double seconds[2];
    recent_times_quantiles(&times, now_ns, quantiles, 2, seconds);
    ck_assert_double_eq(seconds[0], half);
    ck_assert_double_eq(seconds[1], most);
}

static void check_none(int64_t now_ns)
{
    double seconds = 0;
    recent_times_quantiles(&times, now_ns, (const double[]){.5}, 1, &seconds);
    ck_assert(isnan(seconds));
}

START_TEST(quantiles_of_all)
{
    recent_times_init(&times);
    for (int64_t i = 1; i <= 200; i++)
        note_s(i, i * 77 % 200 + 1);
    check(200, 100, 198);
    recent_times_done(&times);
}
END_TEST

START_TEST(what_is_old_is_left_out)
{
    recent_times_init(&times);
    check_none(0);
    note_s(0, 1);
    note_s(10, 3);
    check(RECENT_TIMES_AGE_NS, 1, 3);
    check(RECENT_TIMES_AGE_NS + 1, 3, 3);
    check_none(RECENT_TIMES_AGE_NS + 11);
    recent_times_done(&times);
}
END_TEST

START_TEST(of_very_many_the_last_count)
{
    recent_times_init(&times);
    for (size_t i = 0; i < 3 * RECENT_TIMES_MAX; i++)
        note_s(1, i < 2 * RECENT_TIMES_MAX ? 1 : 2);
    check(1, 2, 2);
    recent_times_done(&times);
}
END_TEST

TEST_MAIN("recent_times", quantiles_of_all, what_is_old_is_left_out, of_very_many_the_last_count)
