/*
 * The calendar in UTC, of values that are seconds since 1970.
 *
 * Go counts seconds modulo 2^64 from the beginning of a year so long ago that nearly every int64 of
 * seconds since 1970 lies behind it. That year begins a cycle of 400 years, after which the
 * calendar repeats; within the cycle years and months are walked over one by one.
 */
#include "engine/reference/fn.h"

#define DAY_SECONDS 86400
#define CYCLE_YEARS 400
#define CYCLE_DAYS 146097
#define FIRST_YEAR INT64_C(-292277022399)
#define FIRST_YEAR_WEEKDAY 1 /* Monday, as in 2001, which is whole cycles later */
#define DAYS_TO_2001 (UINT64_C(730692561) * CYCLE_DAYS)
#define DAYS_1970_TO_2001 11323

struct date {
    int64_t year;
    unsigned month, day, day_of_year; /* from 1 */
    unsigned day_of_week;             /* 0: Sunday */
    unsigned days_in_month;
    unsigned hour, minute;
};

static bool date_year_is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned date_month_days(int64_t year, unsigned month)
{
    static const uint8_t DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return DAYS[month - 1] + (month == 2 && date_year_is_leap(year));
}

static struct date date_of(int64_t unix_seconds)
{
    uint64_t seconds = (uint64_t)unix_seconds + (DAYS_TO_2001 - DAYS_1970_TO_2001) * DAY_SECONDS;
    uint64_t days = seconds / DAY_SECONDS;
    struct date date = {
        .year = FIRST_YEAR + (int64_t)(days / CYCLE_DAYS * CYCLE_YEARS),
        .month = 1,
        .day_of_week = (unsigned)((days + FIRST_YEAR_WEEKDAY) % 7),
        .hour = (unsigned)(seconds % DAY_SECONDS / 3600),
        .minute = (unsigned)(seconds % 3600 / 60),
    };

    unsigned left = (unsigned)(days % CYCLE_DAYS);
    while (left >= 365u + date_year_is_leap(date.year))
        left -= 365u + date_year_is_leap(date.year++);
    date.day_of_year = left + 1;
    while (left >= date_month_days(date.year, date.month))
        left -= date_month_days(date.year, date.month++);
    date.day = left + 1;
    date.days_in_month = date_month_days(date.year, date.month);
    return date;
}

static double date_part(const struct ref_call *call, int64_t unix_seconds)
{
    struct date date = date_of(unix_seconds);
    switch ((int)call->node->call.function->id) {
    case FN_year:
        return (double)date.year;
    case FN_month:
        return date.month;
    case FN_day_of_month:
        return date.day;
    case FN_day_of_week:
        return date.day_of_week;
    case FN_day_of_year:
        return date.day_of_year;
    case FN_days_in_month:
        return date.days_in_month;
    case FN_hour:
        return date.hour;
    default:
        return date.minute;
    }
}

/* As amd64 does it: what is no int64 becomes the lowest one. */
static int64_t date_seconds(double v)
{
    return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}

bool fn_date(struct ref_call *call, struct err *err)
{
    if (call->node->call.arg_count == 0) {
        ref_call_value(call, date_part(call, call->time_ms / 1000));
        return true;
    }
    const struct ref_vector *in = &call->vectors[0];
    for (size_t i = 0; i < in->count; i++)
        if (!in->items[i].histogram)
            ref_call_unnamed(call, &in->items[i],
                             date_part(call, date_seconds(in->items[i].value)));
    return true;
}
