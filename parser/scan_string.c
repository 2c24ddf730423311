#include <stdint.h>
#include <string.h>

#include "base/quote.h"
#include "parser/scan.h"

#define RUNE_ERROR 0xFFFDu

static uint32_t rune_at(struct str input, size_t pos, size_t *ret_len)
{
    return utf8_decode((struct str){input.ptr + pos, input.len - pos}, ret_len);
}

void rune_quote(struct str input, size_t pos, struct buf *out)
{
    size_t len;
    uint32_t rune = rune_at(input, pos, &len);
    if (rune == '\'' || rune == '"') {
        buf_text(out, rune == '"' ? "'\"'" : "'\\''");
        return;
    }
    AUTO(buf_done) struct buf plain = {0};
    AUTO(buf_done) struct buf quoted = {0};
    utf8_append(&plain, rune);
    quote_append(&quoted, buf_view(&plain));
    buf_byte(out, '\'');
    buf_append(out, quoted.ptr + 1, quoted.len - 2);
    buf_byte(out, '\'');
}

/* Go's %#U: the code point, and the rune if it can be seen. */
static void rune_code(uint32_t rune, struct buf *out)
{
    AUTO(buf_done) struct buf plain = {0};
    AUTO(buf_done) struct buf quoted = {0};
    utf8_append(&plain, rune);
    quote_append(&quoted, buf_view(&plain));
    buf_printf(out, "U+%04X", rune);
    if (quoted.ptr[1] != '\\' || rune == '\\' || rune == '"')
        buf_printf(out, " '%.*s'", STR_ARGS(buf_view(&plain)));
}

static bool escape_fail(const char *before, uint32_t rune, const char *behind, struct err *err)
{
    AUTO(buf_done) struct buf code = {0};
    rune_code(rune, &code);
    return err_set(err, ERR_BAD_DATA, "%s%.*s%s", before, STR_ARGS(buf_view(&code)), behind);
}

static unsigned digit_value(uint32_t rune)
{
    if (rune >= '0' && rune <= '9')
        return rune - '0';
    if (rune >= 'a' && rune <= 'f')
        return rune - 'a' + 10;
    if (rune >= 'A' && rune <= 'F')
        return rune - 'A' + 10;
    return 16;
}

static bool scan_digits(struct str input, size_t *pos, int count, unsigned base,
                        uint32_t *ret_value, struct err *err)
{
    uint32_t value = 0;
    for (int i = 0; i < count; i++) {
        size_t len;
        uint32_t rune = rune_at(input, *pos, &len);
        if (len == 0)
            return err_set(err, ERR_BAD_DATA, "escape sequence not terminated");
        if (digit_value(rune) >= base)
            return escape_fail("illegal character ", rune, " in escape sequence", err);
        value = value * base + digit_value(rune);
        *pos += len;
    }
    *ret_value = value;
    return true;
}

/* What stands behind a backslash. */
static bool scan_escape(struct str input, size_t *pos, char quote, struct err *err)
{
    size_t len;
    uint32_t rune = rune_at(input, *pos, &len);
    if (len == 0)
        return err_set(err, ERR_BAD_DATA, "escape sequence not terminated");

    int digits = 0;
    if (rune == (unsigned char)quote || (rune && rune < 0x80 && strchr("abfnrtv\\", (int)rune)))
        digits = 0;
    else if (rune >= '0' && rune <= '7')
        digits = 3;
    else if (rune == 'x')
        digits = 2;
    else if (rune == 'u')
        digits = 4;
    else if (rune == 'U')
        digits = 8;
    else
        return escape_fail("unknown escape sequence ", rune, "", err);

    if (digits != 3)
        *pos += len;
    if (digits == 0)
        return true;
    uint32_t value = 0;
    if (!scan_digits(input, pos, digits, digits == 3 ? 8 : 16, &value, err))
        return false;
    uint32_t value_max = digits <= 3 ? 255 : 0x10FFFF;
    if (value > value_max || (value >= 0xD800 && value < 0xE000))
        return err_set(err, ERR_BAD_DATA, "escape sequence is an invalid Unicode code point");
    return true;
}

bool scan_string(struct str input, size_t *pos, char quote, struct err *err)
{
    bool raw = quote == '`';
    for (;;) {
        size_t len;
        uint32_t rune = rune_at(input, *pos, &len);
        if (len == 0 || (rune == '\n' && !raw))
            return err_set(err, ERR_BAD_DATA,
                           raw ? "unterminated raw string" : "unterminated quoted string");
        if (rune == RUNE_ERROR)
            return err_set(err, ERR_BAD_DATA, "invalid UTF-8 rune");
        *pos += len;
        if (rune == (unsigned char)quote)
            return true;
        if (rune == '\\' && !raw && !scan_escape(input, pos, quote, err))
            return false;
    }
}
