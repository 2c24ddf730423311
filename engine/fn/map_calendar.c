/*
 * Go counts seconds, modulo 2^64, from the start of a year so far back that no int64 of seconds
 * since 1970 comes before it but the very lowest, which wrap to the far end. So do we, from the
 * same year: it begins a cycle of 400 years, within which the Gregorian calendar repeats.
 */
#include "engine/fn/map_calendar.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/sample.h"

#define DAY_SECONDS 86400
#define CYCLE_YEARS 400
#define CYCLE_DAYS 146097

/* Jan 1 of this year is day 0; 1970 - FIRST_YEAR is 730692561 cycles less 31 years. */
#define FIRST_YEAR INT64_C(-292277022399)
#define CYCLES_TO_2001 UINT64_C(730692561)
#define DAYS_1970_TO_2001 11323
#define DAYS_TO_1970 (CYCLES_TO_2001 * CYCLE_DAYS - DAYS_1970_TO_2001)

static_assert(FIRST_YEAR + (int64_t)(CYCLES_TO_2001 * CYCLE_YEARS) == 2001, "whole cycles apart");

#define DAY_0_WEEKDAY 1 /* as 2001 began: a Monday; a cycle is whole weeks */

struct date {
    int64_t year;
    unsigned month;       /* 1..12 */
    unsigned day;         /* 1..31 */
    unsigned day_of_year; /* 1..366 */
    unsigned day_of_week; /* 0 = Sunday */
    bool leap;
};

/* Days before the first of each month, of a year without and with a leap day. */
static const uint16_t month_begin[2][13] = {
    {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365},
    {0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366},
};

/* Seconds since day 0. */
static uint64_t seconds_of(double v)
{
    bool fits = v >= -0x1p63 && v < 0x1p63;
    int64_t seconds = fits ? (int64_t)v : INT64_MIN;
    return (uint64_t)seconds + DAYS_TO_1970 * DAY_SECONDS;
}

static struct date date_of(double v)
{
    uint64_t days = seconds_of(v) / DAY_SECONDS;
    struct date date = {.day_of_week = (unsigned)((days + DAY_0_WEEKDAY) % 7)};

    /* The last day of a cycle, of four years, is the leap day that makes the part before longer. */
    unsigned in_cycle = (unsigned)(days % CYCLE_DAYS);
    unsigned centuries = in_cycle / 36524;
    centuries -= centuries == 4;
    unsigned in_century = in_cycle - centuries * 36524;
    unsigned fours = in_century / 1461;
    unsigned in_four = in_century % 1461;
    unsigned years = in_four / 365;
    years -= years == 4;
    unsigned in_year = in_four - years * 365;

    date.year = FIRST_YEAR +
                (int64_t)(days / CYCLE_DAYS * CYCLE_YEARS + centuries * 100 + fours * 4 + years);
    date.leap = years == 3 && (fours != 24 || centuries == 3);
    date.day_of_year = in_year + 1;

    unsigned month = in_year / 31;
    month += in_year >= month_begin[date.leap][month + 1];
    date.month = month + 1;
    date.day = in_year - month_begin[date.leap][month] + 1;
    return date;
}

static double days_in_month_of(double v)
{
    struct date date = date_of(v);
    const uint16_t *begin = month_begin[date.leap];
    return begin[date.month] - begin[date.month - 1];
}

static unsigned hour_of(double v)
{
    return (unsigned)(seconds_of(v) % DAY_SECONDS) / 3600;
}

static unsigned minute_of(double v)
{
    return (unsigned)(seconds_of(v) % 3600) / 60;
}

#define MAP_CALENDAR(name, result) \
    void name(double *values, size_t rows, size_t steps, const double *const *params) \
    { \
        size_t count = rows * steps; \
        for (size_t i = 0; i < count; i++) { \
            double v = values[i]; \
            if (!value_is_stale(v)) \
                values[i] = (double)(result); \
        } \
    }

MAP_CALENDAR(map_year, date_of(v).year)
MAP_CALENDAR(map_month, date_of(v).month)
MAP_CALENDAR(map_day_of_month, date_of(v).day)
MAP_CALENDAR(map_day_of_week, date_of(v).day_of_week)
MAP_CALENDAR(map_day_of_year, date_of(v).day_of_year)
MAP_CALENDAR(map_days_in_month, days_in_month_of(v))
MAP_CALENDAR(map_hour, hour_of(v))
MAP_CALENDAR(map_minute, minute_of(v))
