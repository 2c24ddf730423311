#include "server/param.h"

#include <math.h>

#include "base/float_text.h"
#include "base/quote.h"
#include "model/duration.h"

#define NS_PER_S INT64_C(1000000000)

/* int64(v) as amd64 does it: what does not fit is the smallest number. */
static int64_t go_int64(double v)
{
    return v >= -9223372036854775808.0 && v < 9223372036854775808.0 ? (int64_t)v : INT64_MIN;
}

static int64_t wrapping_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* time.Unix: nanoseconds outside of a second move the seconds. */
static struct moment moment_of(int64_t seconds, int64_t ns)
{
    if (ns < 0 || ns >= NS_PER_S) {
        int64_t carry = ns / NS_PER_S;
        seconds = wrapping_add(seconds, carry);
        ns -= carry * NS_PER_S;
        if (ns < 0) {
            ns += NS_PER_S;
            seconds = wrapping_add(seconds, -1);
        }
    }
    return (struct moment){seconds, ns};
}

static bool digits_read(struct str *text, size_t count, int *ret_number)
{
    int number = 0;
    if (text->len < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (text->ptr[i] < '0' || text->ptr[i] > '9')
            return false;
        number = number * 10 + (text->ptr[i] - '0');
    }
    text->ptr += count;
    text->len -= count;
    *ret_number = number;
    return true;
}

static bool byte_read(struct str *text, char byte)
{
    if (text->len == 0 || *text->ptr != byte)
        return false;
    text->ptr++;
    text->len--;
    return true;
}

/* Days from 1970-01-01 in the Gregorian calendar. */
static int64_t days_of_date(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year;
    int era = (y >= 0 ? y : y - 399) / 400;
    int year_of_era = y - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int64_t)era * 146097 + day_of_era - 719468;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static bool date_read(struct str *text, int64_t *ret_days)
{
    int year, month, day;
    if (!digits_read(text, 4, &year) || !byte_read(text, '-') || !digits_read(text, 2, &month) ||
        !byte_read(text, '-') || !digits_read(text, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_of_month(year, month))
        return false;
    *ret_days = days_of_date(year, month, day);
    return true;
}

static bool clock_read(struct str *text, int64_t *ret_seconds, int64_t *ret_ns)
{
    int hour, minute, second;
    if (!digits_read(text, 2, &hour) || !byte_read(text, ':') || !digits_read(text, 2, &minute) ||
        !byte_read(text, ':') || !digits_read(text, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    *ret_seconds = (int64_t)hour * 3600 + minute * 60 + second;
    *ret_ns = 0;
    if (!byte_read(text, '.') && !byte_read(text, ','))
        return true;
    int64_t unit = NS_PER_S / 10;
    int digit;
    if (text->len == 0 || *text->ptr < '0' || *text->ptr > '9')
        return false;
    for (; digits_read(text, 1, &digit); unit /= 10)
        *ret_ns += digit * unit;
    return true;
}

static bool zone_read(struct str *text, int64_t *ret_seconds)
{
    *ret_seconds = 0;
    if (byte_read(text, 'Z'))
        return true;
    int sign = byte_read(text, '-') ? -1 : 1;
    int hour, minute;
    if ((sign > 0 && !byte_read(text, '+')) || !digits_read(text, 2, &hour) ||
        !byte_read(text, ':') || !digits_read(text, 2, &minute) || hour > 24 || minute > 60)
        return false;
    *ret_seconds = sign * ((int64_t)hour * 3600 + minute * 60);
    return true;
}

static bool rfc3339_parse(struct str text, struct moment *ret_moment)
{
    int64_t days, seconds, ns, zone;
    if (!date_read(&text, &days) || !byte_read(&text, 'T') || !clock_read(&text, &seconds, &ns) ||
        !zone_read(&text, &zone) || text.len > 0)
        return false;
    *ret_moment = (struct moment){days * 86400 + seconds - zone, ns};
    return true;
}

static bool quoted_fault(struct err *err, const char *before, struct str text, const char *behind)
{
    AUTO(buf_done) struct buf quoted = {0};
    quote_append(&quoted, text);
    return err_set(err, ERR_BAD_DATA, "%s %s%s", before, buf_terminated(&quoted), behind);
}

bool moment_parse(struct str text, struct moment *ret_moment, struct err *err)
{
    double v;
    bool out_of_range;
    if (float_parse(text, &v, &out_of_range)) {
        double whole = isfinite(v) ? trunc(v) : v;
        double part = isinf(v) ? NAN : v - whole;
        part = round(part * 1000) / 1000;
        *ret_moment = moment_of(go_int64(whole), go_int64(part * 1e9));
        return true;
    }
    if (rfc3339_parse(text, ret_moment))
        return true;
    /* As clients print the defaults; Go cannot parse years of more than four digits. */
    if (str_eq(text, STR("-292273086-05-16T16:47:06Z"))) {
        *ret_moment = MOMENT_MIN;
        return true;
    }
    if (str_eq(text, STR("292277025-08-18T07:12:54.999999999Z"))) {
        *ret_moment = MOMENT_MAX;
        return true;
    }
    return quoted_fault(err, "cannot parse", text, " to a valid timestamp");
}

int64_t moment_ms(struct moment moment)
{
    return (int64_t)((uint64_t)moment.seconds * 1000) + moment.ns / 1000000;
}

struct moment moment_of_ms(int64_t ms)
{
    int64_t left_ms = ms % 1000;
    bool before = left_ms < 0;
    return (struct moment){ms / 1000 - before, (left_ms + (before ? 1000 : 0)) * 1000000};
}

bool moment_before(struct moment a, struct moment b)
{
    return a.seconds < b.seconds || (a.seconds == b.seconds && a.ns < b.ns);
}

int64_t moment_sub_ns(struct moment a, struct moment b)
{
    int64_t seconds, ns;
    if (__builtin_sub_overflow(a.seconds, b.seconds, &seconds) ||
        __builtin_mul_overflow(seconds, NS_PER_S, &ns) ||
        __builtin_add_overflow(ns, a.ns - b.ns, &ns))
        return moment_before(a, b) ? INT64_MIN : INT64_MAX;
    return ns;
}

bool interval_parse(struct str text, int64_t *ret_ns, struct err *err)
{
    double v;
    bool out_of_range;
    if (float_parse(text, &v, &out_of_range)) {
        v *= 1e9;
        if (v > 9223372036854775807.0 || v < -9223372036854775808.0)
            return quoted_fault(err, "cannot parse", text,
                                " to a valid duration. It overflows int64");
        *ret_ns = go_int64(v);
        return true;
    }
    int64_t ms;
    if (!duration_parse(text, &ms))
        return quoted_fault(err, "cannot parse", text, " to a valid duration");
    *ret_ns = ms * 1000000;
    return true;
}

/* A decimal number of `min` to `max`; the fault is told as by Go's `function`. */
static bool integer_parse(struct str text, const char *function, int64_t min, int64_t max,
                          int64_t *ret_number, struct err *err)
{
    struct str digits = text;
    bool minus = byte_read(&digits, '-');
    if (!minus)
        byte_read(&digits, '+');
    bool good = digits.len > 0, fits = true;
    int64_t number = 0; /* below zero, where there is room for one more */
    for (size_t i = 0; i < digits.len && good; i++) {
        int digit = digits.ptr[i] - '0';
        good = digit >= 0 && digit <= 9;
        fits = fits && good && !__builtin_mul_overflow(number, 10, &number) &&
               !__builtin_sub_overflow(number, digit, &number);
    }
    if (!good)
        return quoted_fault(err, function, text, ": invalid syntax");
    fits = fits && (minus || number > INT64_MIN);
    if (fits && !minus)
        number = -number;
    if (!fits || number < min || number > max)
        return quoted_fault(err, function, text, ": value out of range");
    *ret_number = number;
    return true;
}

bool number_parse(struct str text, int64_t *ret_number, struct err *err)
{
    return integer_parse(text, "strconv.Atoi: parsing", INT64_MIN, INT64_MAX, ret_number, err);
}

bool int32_parse(struct str text, int64_t *ret_number, struct err *err)
{
    return integer_parse(text, "strconv.ParseInt: parsing", INT32_MIN, INT32_MAX, ret_number, err);
}

bool bool_parse(struct str text, bool *ret_value, struct err *err)
{
    static const struct {
        const char *text;
        bool value;
    } words[] = {
        {"1", true},      {"t", true},    {"true", true},   {"T", true},
        {"TRUE", true},   {"True", true}, {"0", false},     {"f", false},
        {"false", false}, {"F", false},   {"FALSE", false}, {"False", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (str_eq(text, str_of(words[i].text))) {
            *ret_value = words[i].value;
            return true;
        }
    }
    return quoted_fault(err, "strconv.ParseBool: parsing", text, ": invalid syntax");
}

bool limit_parse(struct str text, int64_t *ret_limit, struct err *err)
{
    *ret_limit = 0;
    if (text.len == 0)
        return true;
    int64_t limit;
    if (!number_parse(text, &limit, err))
        return false;
    if (limit < 0)
        return err_set(err, ERR_BAD_DATA, "limit must be non-negative");
    *ret_limit = limit;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The rune of "_hex_", its first underscore already read; false where that is none. */
static bool rune_read(struct str *text, uint32_t *ret_rune)
{
    uint32_t rune = 0;
    for (int count = 0; text->len > 0 && count < 6; count++) {
        char c = *text->ptr++;
        text->len--;
        if (c == '_') {
            *ret_rune = rune;
            return rune <= 0x10FFFF && (rune < 0xD800 || rune > 0xDFFF);
        }
        int digit = hex_digit(c);
        if (digit < 0)
            return false;
        rune = rune * 16 + (uint32_t)digit;
    }
    return false;
}

void name_unescape(struct str text, struct buf *out)
{
    size_t begin = out->len;
    struct str left = text;
    bool good = str_starts(text, STR("U__"));
    if (good) {
        left.ptr += 3;
        left.len -= 3;
    }
    while (good && left.len > 0) {
        uint32_t rune;
        if (!byte_read(&left, '_')) {
            buf_byte(out, *left.ptr++);
            left.len--;
        } else if (byte_read(&left, '_')) {
            buf_byte(out, '_');
        } else if (rune_read(&left, &rune)) {
            utf8_append(out, rune);
        } else {
            good = false;
        }
    }
    if (!good) {
        out->len = begin;
        buf_str(out, text);
    }
}
