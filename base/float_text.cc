/*
 * The shortest digits and their exponent come from decimal_shortest; the layout is Go's and done
 * here. Whole numbers below 2^53 and decimals of up to three places take short paths: they are most
 * of what a metrics server prints. What stands in fixed or rounded form is std::to_chars's.
 */
#include "base/float_text.h"

#include <cassert>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <strings.h>
#include <system_error>

#include "base/decimal.h"

namespace
{

/* d.ddd x 10^(point - 1): `count` digits, the decimal point stands behind the first `point`. */
struct digits {
    char text[800];
    int count;
    int point;
    bool negative;
};

size_t put(char *out, std::string_view text)
{
    return text.copy(out, text.size());
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
    assert(d->count > 0);
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

/* Digits of v > 0: a guess from its bits, and one comparison. */
int count_digits(uint64_t v)
{
    static const uint64_t powers[] = {1u,
                                      10u,
                                      100u,
                                      1000u,
                                      10000u,
                                      100000u,
                                      1000000u,
                                      10000000u,
                                      100000000u,
                                      1000000000u,
                                      10000000000u,
                                      100000000000u,
                                      1000000000000u,
                                      10000000000000u,
                                      100000000000000u,
                                      1000000000000000u,
                                      10000000000000000u,
                                      100000000000000000u,
                                      1000000000000000000u,
                                      10000000000000000000u};
    int guess = (64 - __builtin_clzll(v)) * 1233 >> 12;
    return guess + (v >= powers[guess]);
}

/* v < 10^8 as eight characters, the first in the lowest byte; all pairs at once. */
uint64_t eight_digits(uint32_t v)
{
    uint64_t fours = v / 10000 | (uint64_t)(v % 10000) << 32;
    uint64_t hundreds = (fours * 10486 >> 20) & 0x0000007f0000007fu;
    uint64_t twos = hundreds | (fours - hundreds * 100) << 16;
    uint64_t tens = (twos * 103 >> 10) & 0x000f000f000f000fu;
    return (tens | (twos - tens * 10) << 8) + 0x3030303030303030u;
}

void put_word(char *out, uint64_t word)
{
    memcpy(out, &word, sizeof word);
}

const uint64_t ZEROS = 0x3030303030303030u;

/* "0." and zeros in front of digits that all stand behind the point; gives their place. */
char *put_small_head(char *out, int point)
{
    put_word(out, 0x3030303030302e30u);
    for (int i = 6; i < -point; i += 8)
        put_word(out + 2 + i, ZEROS);
    return out + 2 - point;
}

/* Up to eight digits, in one register. */
size_t put_decimal_short(char *out, uint32_t digits, int count, int point)
{
    uint64_t word = eight_digits(digits) >> (8 - count) * 8;
    char *at = point > 0 ? out : put_small_head(out, point);
    put_word(at, word);
    if (point >= count) {
        for (int i = count; i < point; i += 8)
            put_word(at + i, ZEROS);
        return (size_t)point;
    }
    if (point <= 0)
        return (size_t)(at + count - out);
    at[point] = '.';
    put_word(at + point + 1, word >> point * 8);
    return (size_t)count + 1;
}

__extension__ typedef unsigned __int128 wide;

void put_wide(char *out, wide characters)
{
    put_word(out, (uint64_t)characters);
    put_word(out + 8, (uint64_t)(characters >> 64));
}

/* 9 to 17 digits: sixteen in two registers, and perhaps one in front of them. */
size_t put_decimal_long(char *out, uint64_t digits, int count, int point)
{
    const uint64_t limit = 10000000000000000u;
    bool lead = digits >= limit;
    uint64_t rest = lead ? digits % limit : digits;
    wide characters = (wide)eight_digits((uint32_t)(rest % 100000000)) << 64 |
                      eight_digits((uint32_t)(rest / 100000000));
    characters >>= lead ? 0 : (16 - count) * 8;

    char *at = point > 0 ? out : put_small_head(out, point);
    *at = (char)('0' + digits / limit);
    put_wide(at + lead, characters);
    if (point >= count) {
        for (int i = count; i < point; i += 8)
            put_word(at + i, ZEROS);
        return (size_t)point;
    }
    if (point <= 0)
        return (size_t)(at + count - out);
    at[point] = '.';
    put_wide(at + point + 1, characters >> (point - lead) * 8);
    return (size_t)count + 1;
}

/*
 * digits x 10^exponent, plainly; no more than 17 digits, and not 0. Whole words are written, and
 * none read back: what was just written in pieces is slow to read as a whole.
 */
size_t put_decimal(char *out, uint64_t digits, int exponent)
{
    int count = count_digits(digits);
    if (digits < 100000000)
        return put_decimal_short(out, (uint32_t)digits, count, count + exponent);
    return put_decimal_long(out, digits, count, count + exponent);
}

void decimal_strip(struct decimal *decimal)
{
    while (decimal->digits % 10 == 0) {
        decimal->digits /= 10;
        decimal->exponent++;
    }
}

void digits_shortest(struct digits *d, double v)
{
    d->negative = std::signbit(v);
    if (v == 0) {
        d->text[0] = '0';
        d->count = d->point = 1;
        return;
    }
    struct decimal shortest = decimal_shortest(std::fabs(v));
    decimal_strip(&shortest);
    d->count = (int)put_decimal(d->text, shortest.digits, 0);
    d->point = d->count + shortest.exponent;
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
    if (whole == 0) {
        *out = '0';
        return 1;
    }
    *out = '-';
    bool negative = whole < 0;
    return put_decimal(out + negative, (uint64_t)(negative ? -whole : whole), 0) + negative;
}

/*
 * A number that is k / 1000, if it is one: decimals of at most 15 digits are all different as
 * doubles, so that no shorter one reads back as it. 0 if v is none.
 */
size_t put_thousandths(char *out, double v)
{
    double magnitude = std::fabs(v);
    if (!(magnitude < 1e12))
        return 0;
    /* NOLINTNEXTLINE(bugprone-incorrect-roundings): what is rounded wrongly is refused below */
    struct decimal decimal = {(uint64_t)(magnitude * 1000 + 0.5), -3};
    if (decimal.digits == 0 || (double)decimal.digits / 1000 != magnitude)
        return 0;
    decimal_strip(&decimal);
    *out = '-';
    bool negative = v < 0;
    return put_decimal(out + negative, decimal.digits, decimal.exponent) + negative;
}

/* The shortest digits of a finite v that is not zero, plainly. */
size_t put_shortest(char *out, double v)
{
    struct decimal decimal = decimal_shortest(std::fabs(v));
    decimal_strip(&decimal);
    *out = '-';
    bool negative = v < 0;
    return put_decimal(out + negative, decimal.digits, decimal.exponent) + negative;
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
    if (size_t len = put_thousandths(out, v))
        return len;
    double magnitude = std::fabs(v);
    if (magnitude >= 1e-6 && magnitude < 1e21)
        return put_shortest(out, v);
    if (size_t len = put_special(out, v))
        return len;
    struct digits d;
    digits_shortest(&d, v);
    return magnitude == 0 ? put_plain(out, &d) : put_exponent(out, &d, 2);
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

extern "C" size_t float_text_fixed(char *out, double v, int digit_count)
{
    if (size_t len = put_special(out, v))
        return len;
    auto got = std::to_chars(out, out + FLOAT_TEXT_SIZE, v, std::chars_format::fixed, digit_count);
    return (size_t)(got.ptr - out);
}

extern "C" size_t float_text_g_digits(char *out, double v, int digit_count)
{
    if (size_t len = put_special(out, v))
        return len;
    char text[400];
    auto got =
        std::to_chars(text, text + sizeof text, v, std::chars_format::scientific, digit_count - 1);
    struct digits d;
    digits_from_scientific(&d, text, got.ptr);
    int exponent = d.point - 1;
    int limit = digit_count;
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
