/*
 * std::to_chars gives the shortest digits and their exponent; the layout is Go's and done here.
 * Integers below 2^53 take a short path: they are most of what a metrics server prints.
 */
#include "base/float_text.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <strings.h>
#include <system_error>

namespace
{

/* d.ddd x 10^(point - 1): `count` digits, the decimal point stands behind the first `point`. */
struct digits {
    char text[800];
    int count;
    int point;
    bool negative;
};

size_t put(char *out, const char *text)
{
    size_t len = strlen(text);
    memcpy(out, text, len);
    return len;
}

/* NaN and the infinities, as Go spells them; 0 if v is neither. */
size_t put_special(char *out, double v)
{
    if (std::isnan(v))
        return put(out, "NaN");
    if (std::isinf(v))
        return put(out, v > 0 ? "+Inf" : "-Inf");
    return 0;
}

/* Reads back what to_chars wrote in scientific form: d[.ddd]e[+-]xx. */
void digits_from_scientific(struct digits *d, const char *at, const char *end)
{
    d->count = 0;
    d->negative = *at == '-';
    at += d->negative;
    for (; at < end && *at != 'e'; at++)
        if (*at != '.')
            d->text[d->count++] = *at;
    int exponent = 0;
    bool minus = at + 1 < end && at[1] == '-';
    for (at += 2; at < end; at++)
        exponent = exponent * 10 + (*at - '0');
    d->point = (minus ? -exponent : exponent) + 1;
    while (d->count > 1 && d->text[d->count - 1] == '0')
        d->count--;
    if (d->count == 1 && d->text[0] == '0')
        d->point = 1;
}

void digits_shortest(struct digits *d, double v)
{
    char text[32];
    auto got = std::to_chars(text, text + sizeof text, v, std::chars_format::scientific);
    digits_from_scientific(d, text, got.ptr);
}

size_t put_plain(char *out, const struct digits *d)
{
    char *at = out;
    if (d->negative)
        *at++ = '-';
    if (d->point <= 0) {
        *at++ = '0';
        *at++ = '.';
        memset(at, '0', (size_t)-d->point);
        at += -d->point;
        memcpy(at, d->text, (size_t)d->count);
        return (size_t)(at + d->count - out);
    }
    int whole = d->count < d->point ? d->count : d->point;
    memcpy(at, d->text, (size_t)whole);
    at += whole;
    memset(at, '0', (size_t)(d->point - whole));
    at += d->point - whole;
    if (d->count > d->point) {
        *at++ = '.';
        memcpy(at, d->text + d->point, (size_t)(d->count - d->point));
        at += d->count - d->point;
    }
    return (size_t)(at - out);
}

size_t put_exponent(char *out, const struct digits *d, int exponent_digits)
{
    char *at = out;
    if (d->negative)
        *at++ = '-';
    *at++ = d->text[0];
    if (d->count > 1) {
        *at++ = '.';
        memcpy(at, d->text + 1, (size_t)(d->count - 1));
        at += d->count - 1;
    }
    int exponent = d->point - 1;
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    if (exponent < 0)
        exponent = -exponent;
    if (exponent < 10 && exponent_digits > 1)
        *at++ = '0';
    auto got = std::to_chars(at, at + 4, exponent);
    return (size_t)(got.ptr - out);
}

/* Whole numbers that a double holds exactly print as they are; 0 if v is not one, or is -0. */
size_t put_integer(char *out, double v)
{
    if (!(v > -9007199254740992.0 && v < 9007199254740992.0))
        return 0;
    int64_t whole = (int64_t)v;
    if ((double)whole != v || (whole == 0 && std::signbit(v)))
        return 0;
    return (size_t)(std::to_chars(out, out + 24, whole).ptr - out);
}

} // namespace

extern "C" size_t float_text_f(char *out, double v)
{
    if (size_t len = put_integer(out, v))
        return len;
    if (size_t len = put_special(out, v))
        return len;
    struct digits d;
    digits_shortest(&d, v);
    return put_plain(out, &d);
}

extern "C" size_t float_text_e(char *out, double v)
{
    if (size_t len = put_special(out, v))
        return len;
    struct digits d;
    digits_shortest(&d, v);
    return put_exponent(out, &d, 2);
}

extern "C" size_t float_text_g(char *out, double v)
{
    if (size_t len = put_special(out, v))
        return len;
    struct digits d;
    digits_shortest(&d, v);
    int exponent = d.point - 1;
    if (exponent < -4 || exponent >= 6)
        return put_exponent(out, &d, 2);
    return put_plain(out, &d);
}

extern "C" size_t float_text_json(char *out, double v)
{
    if (size_t len = put_integer(out, v))
        return len;
    if (size_t len = put_special(out, v))
        return len;
    struct digits d;
    digits_shortest(&d, v);
    double magnitude = std::fabs(v);
    if (magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21))
        return put_exponent(out, &d, 2);
    return put_plain(out, &d);
}

extern "C" size_t float_text_gojson(char *out, double v)
{
    if (size_t len = put_special(out, v))
        return len;
    struct digits d;
    digits_shortest(&d, v);
    double magnitude = std::fabs(v);
    if (magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21))
        return put_exponent(out, &d, 1 + (d.point - 1 > 0));
    return put_plain(out, &d);
}

extern "C" size_t float_text_fixed(char *out, double v, int count)
{
    if (size_t len = put_special(out, v))
        return len;
    auto got = std::to_chars(out, out + FLOAT_TEXT_SIZE, v, std::chars_format::fixed, count);
    return (size_t)(got.ptr - out);
}

extern "C" size_t float_text_g_digits(char *out, double v, int count)
{
    if (size_t len = put_special(out, v))
        return len;
    char text[400];
    auto got = std::to_chars(text, text + sizeof text, v, std::chars_format::scientific, count - 1);
    struct digits d;
    digits_from_scientific(&d, text, got.ptr);
    int exponent = d.point - 1;
    int limit = count;
    if (limit > d.count && d.count >= d.point)
        limit = d.count;
    if (exponent < -4 || exponent >= limit)
        return put_exponent(out, &d, 2);
    return put_plain(out, &d);
}

static bool parse_word(struct str text, double *ret_v)
{
    static const struct {
        const char *word;
        double v;
    } words[] = {{"inf", HUGE_VAL}, {"infinity", HUGE_VAL}, {"nan", NAN}};

    double sign = 1;
    bool with_sign = text.len && (*text.ptr == '+' || *text.ptr == '-');
    if (with_sign) {
        sign = *text.ptr == '-' ? -1 : 1;
        text.ptr++;
        text.len--;
    }
    for (const auto &w : words) {
        if (text.len != strlen(w.word) || strncasecmp(text.ptr, w.word, text.len) != 0)
            continue;
        if (std::isnan(w.v)) {
            /* Go has no signed NaN, and its bits are these. */
            uint64_t bits = 0x7FF8000000000001u;
            memcpy(ret_v, &bits, sizeof bits);
            return !with_sign;
        }
        *ret_v = sign * w.v;
        return true;
    }
    return false;
}

extern "C" bool float_parse(struct str text, double *ret_v, bool *ret_range)
{
    *ret_range = false;
    const char *at = text.ptr;
    const char *end = text.ptr + text.len;
    if (text.len == 0)
        return false;
    bool signed_text = *at == '+' || *at == '-';
    const char *number = at + signed_text;
    if (number == end)
        return false;
    if (*number != '.' && (*number < '0' || *number > '9'))
        return parse_word(text, ret_v);

    auto format = std::chars_format::general;
    if (end - number > 2 && number[0] == '0' && (number[1] == 'x' || number[1] == 'X')) {
        number += 2;
        /* Go wants the exponent of a hexadecimal float written out. */
        if (!memchr(number, 'p', (size_t)(end - number)) &&
            !memchr(number, 'P', (size_t)(end - number)))
            return false;
        format = std::chars_format::hex;
    }
    double v = 0;
    auto got = std::from_chars(number, end, v, format);
    if (got.ptr != end || got.ec == std::errc::invalid_argument)
        return false;
    if (got.ec == std::errc::result_out_of_range) {
        /* Too large or too small: from_chars does not say which. */
        char *text_end = nullptr;
        std::string copy(number, end);
        v = strtod(copy.c_str(), &text_end);
        *ret_range = std::isinf(v);
    }
    *ret_v = *at == '-' ? -v : v;
    return !*ret_range;
}
