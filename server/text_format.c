#include "server/text_format.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/float_text.h"
#include "base/quote.h"

/* A scraper names four or five formats. */
#define CLAUSES_MAX 32

/* One format of an Accept header, with what counts of its parameters. */
struct clause {
    struct str type;
    struct str version;
    struct str escaping;
    double weight;
};

/* Up to the separator, which is taken off as well; spaces around it are left out. */
static struct str part_read(struct str *left, char separator)
{
    const char *end = left->len ? memchr(left->ptr, separator, left->len) : NULL;
    struct str part = {left->ptr, end ? (size_t)(end - left->ptr) : left->len};
    size_t taken = part.len + (end ? 1 : 0);
    left->ptr += taken;
    left->len -= taken;
    while (part.len && part.ptr[0] == ' ') {
        part.ptr++;
        part.len--;
    }
    while (part.len && part.ptr[part.len - 1] == ' ')
        part.len--;
    return part;
}

static struct clause clause_read(struct str text)
{
    struct clause clause = {.type = part_read(&text, ';'), .weight = 1};
    while (text.len) {
        struct str value = part_read(&text, ';');
        struct str key = part_read(&value, '=');
        bool range;
        if (str_eq(key, STR("version")))
            clause.version = value;
        else if (str_eq(key, STR("escaping")))
            clause.escaping = value;
        else if (str_eq(key, STR("q")) && !float_parse(value, &clause.weight, &range))
            clause.weight = 1;
    }
    return clause;
}

/* Clauses by weight, the heaviest first; of equal ones the one that came first. */
static size_t clauses_read(const char *accept, struct clause clauses[CLAUSES_MAX])
{
    struct str left = str_of(accept);
    size_t count = 0;
    while (left.len && count < CLAUSES_MAX) {
        struct clause clause = clause_read(part_read(&left, ','));
        size_t at = count++;
        for (; at > 0 && clauses[at - 1].weight < clause.weight; at--)
            clauses[at] = clauses[at - 1];
        clauses[at] = clause;
    }
    return count;
}

/* How names are to be escaped counts also where it stands beside a format that is not written. */
struct text_format text_format_negotiate(const char *accept)
{
    struct text_format format = {0};
    struct clause clauses[CLAUSES_MAX];
    size_t count = accept ? clauses_read(accept, clauses) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct clause *clause = &clauses[i];
        if (clause->escaping.len)
            format.utf8 = str_eq(clause->escaping, STR("allow-utf-8"));
        bool known = clause->version.len == 0 || str_eq(clause->version, STR("0.0.4")) ||
                     str_eq(clause->version, STR("1.0.0"));
        if (known && str_eq(clause->type, STR("text/plain")))
            break;
    }
    return format;
}

const char *text_format_name(struct text_format format)
{
    return format.utf8 ? "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8"
                       : "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
}

static bool is_plain_rune(uint32_t rune, bool first)
{
    return (rune >= 'a' && rune <= 'z') || (rune >= 'A' && rune <= 'Z') || rune == '_' ||
           rune == ':' || (!first && rune >= '0' && rune <= '9');
}

static bool is_plain_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!is_plain_rune((unsigned char)name.ptr[i], i == 0))
            return false;
    return name.len > 0;
}

/* The inside of quotes. */
static void put_escaped(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\\' || c == '"' || c == '\n')
            buf_byte(out, '\\');
        buf_byte(out, c == '\n' ? 'n' : c);
    }
}

static void put_quoted(struct str text, struct buf *out)
{
    buf_byte(out, '"');
    put_escaped(text, out);
    buf_byte(out, '"');
}

static void put_underscores(struct str name, struct buf *out)
{
    for (size_t at = 0, len; at < name.len; at += len) {
        uint32_t rune = utf8_decode((struct str){name.ptr + at, name.len - at}, &len);
        buf_byte(out, is_plain_rune(rune, at == 0) ? (char)rune : '_');
    }
}

static void put_name(struct text_format format, struct str name, struct buf *out)
{
    if (is_plain_name(name))
        buf_str(out, name);
    else if (format.utf8)
        put_quoted(name, out);
    else
        put_underscores(name, out);
}

void text_put_type(struct text_format format, struct str name, struct buf *out)
{
    buf_text(out, "# TYPE ");
    put_name(format, name, out);
    buf_text(out, " untyped\n");
}

void text_line_begin(struct text_line *line, struct str name)
{
    line->in_braces = line->format.utf8 && !is_plain_name(name); /* it is the first in there */
    if (line->in_braces)
        buf_byte(line->out, '{');
    put_name(line->format, name, line->out);
}

void text_line_label(struct text_line *line, struct str name, struct str value)
{
    buf_byte(line->out, line->in_braces ? ',' : '{');
    line->in_braces = true;
    put_name(line->format, name, line->out);
    buf_byte(line->out, '=');
    put_quoted(value, line->out);
}

void text_line_end(struct text_line *line, double v, int64_t time_ms)
{
    buf_text(line->out, line->in_braces ? "} " : " ");
    /* Zero has no sign in this format. */
    line->out->len += float_text_g(buf_reserve(line->out, FLOAT_TEXT_SIZE), v == 0 ? 0 : v);
    buf_printf(line->out, " %lld\n", (long long)time_ms);
}
