#include "parser/literal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/float_text.h"
#include "base/quote.h"
#include "model/duration.h"
#include "parser/scan.h"

int64_t int64_of(double value)
{
    if (value >= -0x1p63 && value < 0x1p63)
        return (int64_t)value;
    return INT64_MIN;
}

/* Between digits, or between the base's prefix and a digit. */
static bool underscores_are_fine(struct str text)
{
    bool prefix = text.len > 2 && text.ptr[0] == '0' && (text.ptr[1] | 0x20) == 'x';
    bool digit = prefix;
    for (size_t i = prefix ? 2 : 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool next_digit = is_digit(c) || (prefix && is_alpha(c) && c != '_');
        if (c == '_' && (!digit || i + 1 == text.len))
            return false;
        if (!next_digit && c != '_' && i > 0 && text.ptr[i - 1] == '_')
            return false;
        digit = next_digit;
    }
    return true;
}

/* strconv.ParseInt(text, 0, 64) of what the lexer lets pass: 0x, a leading 0 for octal, or decimal.
 */
static bool integer_parse(struct str digits, int64_t *ret_value)
{
    int base = 10;
    size_t i = 0;
    if (digits.len > 2 && digits.ptr[0] == '0' && (digits.ptr[1] | 0x20) == 'x') {
        base = 16;
        i = 2;
    } else if (digits.len > 1 && digits.ptr[0] == '0') {
        base = 8;
        i = 1;
    }
    int64_t value = 0;
    for (; i < digits.len; i++) {
        int c = digits.ptr[i] | 0x20;
        int digit = is_digit(digits.ptr[i]) ? digits.ptr[i] - '0' : c - 'a' + 10;
        if (!is_alnum(digits.ptr[i]) || digit >= base)
            return false;
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *ret_value = value;
    return digits.len > 0;
}

static bool number_fail(struct str text, const char *why, struct err *err)
{
    AUTO(buf_done) struct buf quoted = {0};
    quote_append(&quoted, text);
    return err_set(err, ERR_BAD_DATA, "error parsing number: strconv.ParseFloat: parsing %.*s: %s",
                   STR_ARGS(buf_view(&quoted)), why);
}

bool literal_number(struct str text, double *ret_value, struct err *err)
{
    AUTO(buf_done) struct buf plain = {0};
    struct str digits = text;
    if (text.len && memchr(text.ptr, '_', text.len)) {
        if (!underscores_are_fine(text))
            return number_fail(text, "invalid syntax", err);
        for (size_t i = 0; i < text.len; i++)
            if (text.ptr[i] != '_')
                buf_byte(&plain, text.ptr[i]);
        digits = buf_view(&plain);
    }
    int64_t integer;
    if (integer_parse(digits, &integer)) {
        *ret_value = (double)integer;
        return true;
    }
    bool range = false;
    if (float_parse(digits, ret_value, &range))
        return true;
    return number_fail(text, range ? "value out of range" : "invalid syntax", err);
}

bool literal_duration(struct str text, double *ret_seconds, struct err *err)
{
    int64_t ms;
    if (!duration_read(text, &ms, err))
        return false;
    *ret_seconds = duration_seconds(ms);
    return true;
}

static size_t unescape_digits(struct str s, int base, int count, uint32_t *ret_value)
{
    char digits[9] = {0};
    memcpy(digits, s.ptr, (size_t)count);
    *ret_value = (uint32_t)strtoul(digits, NULL, base);
    return (size_t)count;
}

/* One escape behind its backslash; the bytes it took. */
static size_t unescape(struct str s, struct buf *out)
{
    static const char letters[] = "abtnvfr"; /* 7 to 13 */
    char c = s.ptr[0];
    struct str rest = {s.ptr + 1, s.len - 1};
    uint32_t value;
    size_t taken;
    if (c == 'x') {
        taken = 1 + unescape_digits(rest, 16, 2, &value);
        buf_byte(out, (char)value);
    } else if (c == 'u' || c == 'U') {
        taken = 1 + unescape_digits(rest, 16, c == 'u' ? 4 : 8, &value);
        utf8_append(out, value);
    } else if (is_digit(c)) {
        taken = unescape_digits(s, 8, 3, &value);
        buf_byte(out, (char)value);
    } else {
        const char *letter = strchr(letters, c);
        buf_byte(out, letter ? (char)(7 + (letter - letters)) : c);
        taken = 1;
    }
    return taken;
}

struct str literal_string(struct str text, struct arena *arena)
{
    struct str inside = {text.ptr + 1, text.len - 2};
    if (text.ptr[0] == '`' || inside.len == 0 || !memchr(inside.ptr, '\\', inside.len))
        return inside;

    AUTO(buf_done) struct buf out = {0};
    while (inside.len) {
        size_t taken = 1;
        if (*inside.ptr == '\\')
            taken += unescape((struct str){inside.ptr + 1, inside.len - 1}, &out);
        else
            buf_byte(&out, *inside.ptr);
        inside.ptr += taken;
        inside.len -= taken;
    }
    return arena_str(arena, buf_view(&out));
}
