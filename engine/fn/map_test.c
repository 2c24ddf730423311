#include "engine/fn/map.h"

#include <math.h>
#include <time.h>

#include "base/test.h"
#include "engine/fn/test_random.h"

/* The function of one value, with constant arguments. */
static double map_one(enum function_id id, double v, const double *first, const double *second)
{
    const double *params[MAP_PARAMS_MAX] = {first, second};
    map_function(id)(&v, 1, 1, params);
    return v;
}

START_TEST(functions_keep_missing_points_missing)
{
    double one = 1, two = 2;
    size_t found = 0;
    for (int id = 0; id < FN_COUNT; id++) {
        if (!map_function((enum function_id)id))
            continue;
        found++;
        ck_assert(value_is_stale(map_one((enum function_id)id, value_stale(), &one, &two)));
    }
    ck_assert_uint_eq(found, 37);
    double v = value_stale();
    map_negate(&v, 1, 1, NULL);
    ck_assert(value_is_stale(v));
}
END_TEST

START_TEST(functions_give_known_values)
{
    ck_assert(map_one(FN_abs, -3, NULL, NULL) == 3);
    ck_assert(map_one(FN_ceil, 1.2, NULL, NULL) == 2 && map_one(FN_floor, -1.2, NULL, NULL) == -2);
    ck_assert(map_one(FN_sqrt, 9, NULL, NULL) == 3 && map_one(FN_exp, 0, NULL, NULL) == 1);
    ck_assert(map_one(FN_ln, 1, NULL, NULL) == 0 && map_one(FN_log2, 8, NULL, NULL) == 3);
    ck_assert(map_one(FN_log10, 1000, NULL, NULL) == 3);
    ck_assert(map_one(FN_sgn, -7, NULL, NULL) == -1 && map_one(FN_sgn, 7, NULL, NULL) == 1);
    ck_assert(signbit(map_one(FN_sgn, -0.0, NULL, NULL)));
    ck_assert(isnan(map_one(FN_sgn, NAN, NULL, NULL)));
    ck_assert(map_one(FN_deg, M_PI, NULL, NULL) == 180 && map_one(FN_rad, 180, NULL, NULL) == M_PI);
    ck_assert(map_one(FN_cos, 0, NULL, NULL) == 1 && map_one(FN_acosh, 1, NULL, NULL) == 0);
    double v = 5;
    map_negate(&v, 1, 1, NULL);
    ck_assert(v == -5);
}
END_TEST

START_TEST(rounds_half_up_to_the_nearest)
{
    double five = 5, tenth = 0.1, none = 0;
    ck_assert(map_one(FN_round, 2.5, NULL, NULL) == 3 && map_one(FN_round, -2.5, NULL, NULL) == -2);
    ck_assert(map_one(FN_round, 12.4, &five, NULL) == 10);
    ck_assert(map_one(FN_round, 0.25, &tenth, NULL) == 0.3);
    ck_assert(isnan(map_one(FN_round, 1, &none, NULL)));
}
END_TEST

START_TEST(arguments_are_one_a_step)
{
    const double low[] = {0, 2, 9}, high[] = {1, 3, 8}, nearest[] = {1, 10, 0.5};
    double values[] = {5, 5, 5, -5, -5, -5};
    const double *bounds[] = {low, high}, *to_nearest[] = {nearest, NULL};
    map_function(FN_clamp)(values, 2, 3, bounds);
    ck_assert(values[0] == 1 && values[1] == 3 && value_is_stale(values[2]));
    ck_assert(values[3] == 0 && values[4] == 2 && value_is_stale(values[5]));

    double rounded[] = {2.6, 17, 0.7, 1.1, 4, 0.1};
    map_function(FN_round)(rounded, 2, 3, to_nearest);
    ck_assert(rounded[0] == 3 && rounded[1] == 20 && rounded[2] == 0.5);
    ck_assert(rounded[3] == 1 && rounded[4] == 0 && rounded[5] == 0);
}
END_TEST

START_TEST(clamps_as_go_compares)
{
    double low = -1, high = 1, zero = 0, minus_zero = -0.0, nan = NAN, inf = INFINITY;
    ck_assert(map_one(FN_clamp, 7, &low, &high) == 1 && map_one(FN_clamp, -7, &low, &high) == -1);
    ck_assert(isnan(map_one(FN_clamp, NAN, &low, &high)));
    ck_assert(value_is_stale(map_one(FN_clamp, 0, &high, &low)));
    ck_assert(isnan(map_one(FN_clamp, 0, &nan, &high)) && isnan(map_one(FN_clamp, 0, &low, &nan)));
    ck_assert(map_one(FN_clamp_min, NAN, &inf, NULL) == INFINITY);
    ck_assert(isnan(map_one(FN_clamp_max, NAN, &inf, NULL)));
    ck_assert(!signbit(map_one(FN_clamp_min, -0.0, &zero, NULL)));
    ck_assert(signbit(map_one(FN_clamp_max, 0.0, &minus_zero, NULL)));
    ck_assert(map_one(FN_clamp_min, 3, &low, NULL) == 3);
    ck_assert(map_one(FN_clamp_max, 3, &high, NULL) == 1);
}
END_TEST

START_TEST(chooses_between_scalars)
{
    double two = 2, nan = NAN, minus_zero = -0.0;
    ck_assert(map_one(FN_max_of, 1, &two, NULL) == 2 && map_one(FN_min_of, 1, &two, NULL) == 1);
    ck_assert(isnan(map_one(FN_max_of, 1, &nan, NULL)) && isnan(map_one(FN_min_of, 1, &nan, NULL)));
    ck_assert(signbit(map_one(FN_min_of, 0, &minus_zero, NULL)));
}
END_TEST

static unsigned days_of_month(int year, int month)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month] + (month == 1 && leap);
}

START_TEST(calendar_agrees_with_gmtime)
{
    uint64_t state = 11;
    for (int i = 0; i < 200000; i++) {
        int64_t seconds = (int64_t)test_random(&state) * 300 - INT64_C(300000000000) + i;
        /* Every day from 1600 to 2147 first. */
        if (i < 70000)
            seconds = INT64_C(-11676096000) + (int64_t)i * 86400 * 3 + i;
        time_t t = (time_t)seconds;
        struct tm tm;
        gmtime_r(&t, &tm);
        double v = (double)seconds;
        ck_assert(map_one(FN_year, v, NULL, NULL) == tm.tm_year + 1900);
        ck_assert(map_one(FN_month, v, NULL, NULL) == tm.tm_mon + 1);
        ck_assert(map_one(FN_day_of_month, v, NULL, NULL) == tm.tm_mday);
        ck_assert(map_one(FN_day_of_week, v, NULL, NULL) == tm.tm_wday);
        ck_assert(map_one(FN_day_of_year, v, NULL, NULL) == tm.tm_yday + 1);
        ck_assert(map_one(FN_hour, v, NULL, NULL) == tm.tm_hour);
        ck_assert(map_one(FN_minute, v, NULL, NULL) == tm.tm_min);
        ck_assert(map_one(FN_days_in_month, v, NULL, NULL) ==
                  days_of_month(tm.tm_year + 1900, tm.tm_mon));
    }
}
END_TEST

START_TEST(calendar_truncates_towards_zero)
{
    ck_assert(map_one(FN_minute, 59.999, NULL, NULL) == 0);
    ck_assert(map_one(FN_year, -0.5, NULL, NULL) == 1970);
    ck_assert(map_one(FN_year, -1, NULL, NULL) == 1969);
}
END_TEST

/* As Go prints time.Unix(math.MinInt64, 0).UTC(): Sunday, 4 December 292277026596, 15:30:08. */
START_TEST(calendar_wraps_what_is_no_int64)
{
    const double wild[] = {NAN, INFINITY, -INFINITY, 1e300, -0x1p63, 0x1p63};
    for (size_t i = 0; i < ARRAY_COUNT(wild); i++) {
        ck_assert(map_one(FN_year, wild[i], NULL, NULL) == 292277026596.0);
        ck_assert(map_one(FN_month, wild[i], NULL, NULL) == 12);
        ck_assert(map_one(FN_day_of_month, wild[i], NULL, NULL) == 4);
        ck_assert(map_one(FN_day_of_week, wild[i], NULL, NULL) == 0);
        ck_assert(map_one(FN_hour, wild[i], NULL, NULL) == 15);
        ck_assert(map_one(FN_minute, wild[i], NULL, NULL) == 30);
    }
    ck_assert(map_one(FN_year, 9223372036854774784.0, NULL, NULL) == 292277026596.0);
}
END_TEST

TEST_MAIN("map", functions_keep_missing_points_missing, functions_give_known_values,
          rounds_half_up_to_the_nearest, arguments_are_one_a_step, clamps_as_go_compares,
          chooses_between_scalars, calendar_agrees_with_gmtime, calendar_truncates_towards_zero,
          calendar_wraps_what_is_no_int64)
