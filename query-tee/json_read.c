#include "query-tee/json_read.h"

#include <stdint.h>

#include "base/quote.h"

bool json_fault(struct json_reader *json, const char *fault)
{
    json->fault = fault;
    return false;
}

/* The piece ends here. */
static bool json_ended(struct json_reader *json)
{
    if (json->last)
        return json_fault(json, "the body ends too early");
    json->more = true;
    return false;
}

static void json_space(struct json_reader *json)
{
    const char *at = json->at;
    while (at < json->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    json->at = at;
}

bool json_peek(struct json_reader *json, char *ret_byte)
{
    json_space(json);
    if (json->at == json->end)
        return json_ended(json);
    *ret_byte = *json->at;
    return true;
}

static bool json_fault_of(struct json_reader *json, char wanted)
{
    switch (wanted) {
    case ':':
        return json_fault(json, "no colon behind a key");
    case ',':
        return json_fault(json, "no comma");
    case '"':
        return json_fault(json, "no string");
    case '{':
        return json_fault(json, "no object");
    case '[':
        return json_fault(json, "no array");
    case ']':
        return json_fault(json, "no end of an array");
    default:
        return json_fault(json, "an unexpected byte");
    }
}

bool json_take_slowly(struct json_reader *json, char byte)
{
    char next = 0;
    if (!json_peek(json, &next))
        return false;
    if (next != byte)
        return json_fault_of(json, byte);
    json->at++;
    return true;
}

bool json_member(struct json_reader *json, char close, bool first, bool *ret_there)
{
    char next = 0;
    if (!json_peek(json, &next))
        return false;
    *ret_there = next != close;
    if (next == close) {
        json->at++;
        return true;
    }
    if (first)
        return true;
    if (next != ',')
        return json_fault(json, "no comma");
    json->at++;
    return true;
}

/* The four digits of a \u escape. */
static bool hex4(const char *digits, uint32_t *ret_unit)
{
    uint32_t unit = 0;
    for (size_t i = 0; i < 4; i++) {
        char c = digits[i];
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (uint32_t)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (uint32_t)(c - 'A') + 10;
        else
            return false;
        unit = unit << 4 | digit;
    }
    *ret_unit = unit;
    return true;
}

/* At the backslash. */
static bool json_escape_check(struct json_reader *json)
{
    size_t left = (size_t)(json->end - json->at);
    uint32_t unit;
    if (left < 2)
        return json_ended(json);
    if (json->at[1] == 'u') {
        if (left < 6)
            return json_ended(json);
        if (!hex4(json->at + 2, &unit))
            return json_fault(json, "a bad \\u escape");
        json->at += 6;
        return true;
    }
    if (!json->at[1] || !strchr("\"\\/bfnrt", json->at[1]))
        return json_fault(json, "a bad escape");
    json->at += 2;
    return true;
}

bool json_read_string(struct json_reader *json, struct json_string *ret_string)
{
    if (!json_take(json, '"'))
        return false;
    const char *begin = json->at;
    bool escaped = false;
    for (;;) {
        const char *at = json->at;
        while (at < json->end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
            at++;
        json->at = at;
        if (at == json->end)
            return json_ended(json);
        if (*at == '"')
            break;
        if (*at != '\\')
            return json_fault(json, "a control character in a string");
        escaped = true;
        if (!json_escape_check(json))
            return false;
    }
    *ret_string = (struct json_string){{begin, (size_t)(json->at - begin)}, escaped};
    json->at++;
    return true;
}

bool json_read_key(struct json_reader *json, struct json_string *ret_key)
{
    return json_read_string(json, ret_key) && json_take(json, ':');
}

static const char *digits_end(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* One digit or more. */
static bool json_digits(struct json_reader *json)
{
    const char *end = digits_end(json->at, json->end);
    if (end == json->at)
        return end == json->end ? json_ended(json) : json_fault(json, "a bad number");
    json->at = end;
    return true;
}

static bool json_at(const struct json_reader *json, char a, char b)
{
    return json->at < json->end && (*json->at == a || *json->at == b);
}

bool json_read_number(struct json_reader *json, struct str *ret_text)
{
    char next = 0;
    if (!json_peek(json, &next))
        return false;
    const char *begin = json->at;
    if (next == '-')
        json->at++;
    const char *whole = json->at;
    if (!json_digits(json))
        return false;
    if (*whole == '0' && json->at > whole + 1)
        return json_fault(json, "a number that begins with 0");
    if (json_at(json, '.', '.')) {
        json->at++;
        if (!json_digits(json))
            return false;
    }
    if (json_at(json, 'e', 'E')) {
        json->at++;
        if (json_at(json, '+', '-'))
            json->at++;
        if (!json_digits(json))
            return false;
    }
    if (json->at == json->end && !json->last)
        return json_ended(json);
    *ret_text = (struct str){begin, (size_t)(json->at - begin)};
    return true;
}

bool json_read_word(struct json_reader *json, const char *word)
{
    char next = 0;
    if (!json_peek(json, &next))
        return false;
    for (const char *c = word; *c; c++, json->at++) {
        if (json->at == json->end)
            return json_ended(json);
        if (*json->at != *c)
            return json_fault(json, "an unexpected byte");
    }
    return true;
}

/* A value that holds no others. */
static bool json_skip_plain(struct json_reader *json, char first)
{
    struct json_string string;
    struct str number;
    switch (first) {
    case '"':
        return json_read_string(json, &string);
    case 't':
        return json_read_word(json, "true");
    case 'f':
        return json_read_word(json, "false");
    case 'n':
        return json_read_word(json, "null");
    default:
        if (first != '-' && (first < '0' || first > '9'))
            return json_fault(json, "an unexpected byte");
        return json_read_number(json, &number);
    }
}

bool json_skip(struct json_reader *json, struct str *ret_text)
{
    char close[JSON_DEPTH_MAX];
    size_t depth = 0;
    char next = 0;
    if (!json_peek(json, &next))
        return false;
    const char *begin = json->at;
    do {
        /* A value: a plain one, or the opening of one that holds others. */
        if (!json_peek(json, &next))
            return false;
        bool opened = next == '{' || next == '[';
        if (!opened) {
            if (!json_skip_plain(json, next))
                return false;
        } else if (depth == JSON_DEPTH_MAX) {
            return json_fault(json, "nested too deeply");
        } else {
            close[depth++] = next == '{' ? '}' : ']';
            json->at++;
        }

        /* Behind it: what ends here, and the next member of what does not. */
        bool there = false;
        while (depth > 0 && !there) {
            if (!json_member(json, close[depth - 1], opened, &there))
                return false;
            opened = false;
            depth -= !there;
        }
        struct json_string key;
        if (there && close[depth - 1] == '}' && !json_read_key(json, &key))
            return false;
    } while (depth > 0);
    if (ret_text)
        *ret_text = (struct str){begin, (size_t)(json->at - begin)};
    return true;
}

bool json_read_end(struct json_reader *json)
{
    json_space(json);
    if (json->at < json->end)
        return json_fault(json, "bytes behind the answer");
    return json->last || json_ended(json);
}

/* The rune of the \u escape at `at`, and of its pair. */
static uint32_t unescape_unit(const char *at, const char *end, size_t *ret_len)
{
    uint32_t high = 0xFFFD;
    uint32_t low = 0;
    *ret_len = 6;
    if (!hex4(at + 2, &high) || high < 0xD800 || high > 0xDFFF)
        return high;
    if (high < 0xDC00 && end - at >= 12 && at[6] == '\\' && at[7] == 'u' && hex4(at + 8, &low) &&
        low >= 0xDC00 && low <= 0xDFFF) {
        *ret_len = 12;
        return 0x10000 + ((high - 0xD800) << 10 | (low - 0xDC00));
    }
    return 0xFFFD;
}

void json_unescape(struct json_string string, struct buf *out)
{
    const char *at = string.text.ptr;
    const char *end = at + string.text.len;
    while (string.escaped) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        if (!slash)
            break;
        buf_append(out, at, (size_t)(slash - at));
        size_t len = 2;
        switch (slash[1]) {
        case 'u':
            utf8_append(out, unescape_unit(slash, end, &len));
            break;
        case 'b':
            buf_byte(out, '\b');
            break;
        case 'f':
            buf_byte(out, '\f');
            break;
        case 'n':
            buf_byte(out, '\n');
            break;
        case 'r':
            buf_byte(out, '\r');
            break;
        case 't':
            buf_byte(out, '\t');
            break;
        default:
            buf_byte(out, slash[1]);
            break;
        }
        at = slash + len;
    }
    buf_append(out, at, (size_t)(end - at));
}
