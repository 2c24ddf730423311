#include "base/quote.h"

#define RUNE_ERROR 0xFFFDu

uint32_t utf8_decode(struct str s, size_t *ret_len)
{
    *ret_len = s.len ? 1 : 0;
    if (s.len == 0)
        return RUNE_ERROR;
    const unsigned char *b = (const unsigned char *)s.ptr;
    if (b[0] < 0x80)
        return b[0];

    size_t len = b[0] >= 0xF0 ? 4 : b[0] >= 0xE0 ? 3 : 2;
    if (b[0] < 0xC2 || b[0] > 0xF4 || s.len < len)
        return RUNE_ERROR;
    uint32_t rune = b[0] & (0xFFu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((b[i] & 0xC0) != 0x80)
            return RUNE_ERROR;
        rune = (rune << 6) | (b[i] & 0x3Fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (rune < least[len] || rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF))
        return RUNE_ERROR;
    *ret_len = len;
    return rune;
}

bool utf8_valid(struct str s)
{
    while (s.len) {
        size_t len;
        if (utf8_decode(s, &len) == RUNE_ERROR && len == 1)
            return false;
        s.ptr += len;
        s.len -= len;
    }
    return true;
}

void utf8_append(struct buf *buf, uint32_t rune)
{
    if (rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF))
        rune = RUNE_ERROR;
    if (rune < 0x80) {
        buf_byte(buf, (char)rune);
        return;
    }
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    unsigned more = rune < 0x800 ? 1 : rune < 0x10000 ? 2 : 3;
    buf_byte(buf, (char)(lead[more] | rune >> (6 * more)));
    while (more--)
        buf_byte(buf, (char)(0x80u | (rune >> (6 * more) & 0x3Fu)));
}

/*
 * Nearly Go's IsPrint: letters, marks, numbers, punctuation, symbols and the plain space. What has
 * no character assigned, controls, separators, format characters and private use are not.
 */
static bool rune_prints(uint32_t rune)
{
    if (rune < 0x80)
        return rune >= 0x20 && rune < 0x7F;
    if (rune < 0xA1 || rune == 0xAD)
        return false;
    if ((rune >= 0x2000 && rune <= 0x200F) || (rune >= 0x2028 && rune <= 0x202F) ||
        (rune >= 0x205F && rune <= 0x206F))
        return false;
    if (rune == 0x1680 || rune == 0x3000 || rune == 0xFEFF || rune == 0x61C || rune == 0x180E)
        return false;
    if (rune >= 0xE000 && rune <= 0xF8FF)
        return false;
    if (rune >= 0xFFF0 && rune <= 0xFFFB)
        return false;
    return rune < 0xE0000 && (rune & 0xFFFE) != 0xFFFE;
}

static void quote_rune(struct buf *buf, uint32_t rune)
{
    static const char letters[] = "abtnvfr"; /* 7 to 13 */
    if (rune == '"' || rune == '\\') {
        buf_byte(buf, '\\');
        buf_byte(buf, (char)rune);
    } else if (rune_prints(rune)) {
        utf8_append(buf, rune);
    } else if (rune >= 7 && rune <= 13) {
        buf_byte(buf, '\\');
        buf_byte(buf, letters[rune - 7]);
    } else if (rune < 0x20 || rune == 0x7F) {
        buf_printf(buf, "\\x%02x", rune);
    } else if (rune < 0x10000) {
        buf_printf(buf, "\\u%04x", rune);
    } else {
        buf_printf(buf, "\\U%08x", rune);
    }
}

void quote_append(struct buf *buf, struct str s)
{
    buf_byte(buf, '"');
    while (s.len) {
        size_t len;
        uint32_t rune = utf8_decode(s, &len);
        if (rune == RUNE_ERROR && len == 1)
            buf_printf(buf, "\\x%02x", (unsigned char)*s.ptr);
        else
            quote_rune(buf, rune);
        s.ptr += len;
        s.len -= len;
    }
    buf_byte(buf, '"');
}

static void json_escape_byte(struct buf *buf, char c)
{
    switch (c) {
    case '"':
    case '\\':
        buf_byte(buf, '\\');
        buf_byte(buf, c);
        return;
    case '\n':
        buf_text(buf, "\\n");
        return;
    case '\r':
        buf_text(buf, "\\r");
        return;
    case '\t':
        buf_text(buf, "\\t");
        return;
    default:
        buf_printf(buf, "\\u%04x", (unsigned char)c);
    }
}

void json_escape_html(struct buf *buf, struct str s)
{
    while (s.len) {
        size_t len;
        uint32_t rune = utf8_decode(s, &len);
        if (rune == RUNE_ERROR && len == 1)
            buf_text(buf, "\\ufffd");
        else if (rune == 0x2028 || rune == 0x2029)
            buf_printf(buf, "\\u%04x", rune);
        else if (rune == '\b' || rune == '\f')
            buf_text(buf, rune == '\b' ? "\\b" : "\\f");
        else if (rune < 0x20 || rune == '"' || rune == '\\' || rune == '<' || rune == '>' ||
                 rune == '&')
            json_escape_byte(buf, (char)rune);
        else
            buf_append(buf, s.ptr, len);
        s.ptr += len;
        s.len -= len;
    }
}

void json_escape(struct buf *buf, struct str s)
{
    size_t done = 0;
    if (s.len == 0)
        return; /* there may be no bytes to add an offset to */
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_append(buf, s.ptr + done, i - done);
        json_escape_byte(buf, (char)c);
        done = i + 1;
    }
    buf_append(buf, s.ptr + done, s.len - done);
}
