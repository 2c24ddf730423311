#include "server/text_format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/float_text.h"
#include "base/quote.h"

#define PROTOBUF \
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

#define TEXT "text/plain; version=0.0.4; charset=utf-8"

static const char *const escapings[TEXT_ESCAPING_COUNT] = {
    [TEXT_UNDERSCORES] = "underscores",
    [TEXT_AS_IS] = "allow-utf-8",
    [TEXT_DOTS] = "dots",
    [TEXT_VALUES] = "values",
};

/* A scraper names four or five formats. */
#define CLAUSES_MAX 32

/* One format of an Accept header, with what counts of its parameters. */
struct clause {
    struct str type;
    struct str version;
    struct str escaping;
    struct str proto;
    struct str encoding;
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
        else if (str_eq(key, STR("proto")))
            clause.proto = value;
        else if (str_eq(key, STR("encoding")))
            clause.encoding = value;
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
        for (size_t k = 0; k < TEXT_ESCAPING_COUNT; k++)
            if (str_eq(clause->escaping, str_of(escapings[k])))
                format.escaping = (enum text_escaping)k;
        if (str_eq(clause->type, STR("application/vnd.google.protobuf")) &&
            str_eq(clause->proto, STR("io.prometheus.client.MetricFamily")) &&
            str_eq(clause->encoding, STR("delimited"))) {
            format.protobuf = true;
            break;
        }
        bool known = clause->version.len == 0 || str_eq(clause->version, STR("0.0.4")) ||
                     str_eq(clause->version, STR("1.0.0"));
        if (known && str_eq(clause->type, STR("text/plain")))
            break;
    }
    return format;
}

const char *text_format_name(struct text_format format)
{
#define NAMES(type) \
    { \
        [TEXT_UNDERSCORES] = type "; escaping=underscores", \
        [TEXT_AS_IS] = type "; escaping=allow-utf-8", [TEXT_DOTS] = type "; escaping=dots", \
        [TEXT_VALUES] = type "; escaping=values", \
    }
    static const char *const names[2][TEXT_ESCAPING_COUNT] = {NAMES(TEXT), NAMES(PROTOBUF)};
#undef NAMES
    return names[format.protobuf][format.escaping];
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

static void put_rune(enum text_escaping escaping, uint32_t rune, bool first, struct buf *out)
{
    bool reversible = escaping == TEXT_DOTS || escaping == TEXT_VALUES;
    if (rune == '_' && reversible)
        buf_text(out, "__");
    else if (rune == '.' && escaping == TEXT_DOTS)
        buf_text(out, "_dot_");
    else if (is_plain_rune(rune, first))
        buf_byte(out, (char)rune);
    else if (escaping == TEXT_VALUES)
        buf_printf(out, "_%x_", (unsigned)rune);
    else
        buf_text(out, escaping == TEXT_DOTS ? "__" : "_");
}

void text_put_escaped_name(struct text_format format, struct str name, struct buf *out)
{
    if (format.escaping == TEXT_AS_IS || is_plain_name(name)) {
        buf_str(out, name);
        return;
    }
    if (format.escaping == TEXT_VALUES)
        buf_text(out, "U__");
    for (size_t at = 0, len; at < name.len; at += len) {
        uint32_t rune = utf8_decode((struct str){name.ptr + at, name.len - at}, &len);
        put_rune(format.escaping, rune, at == 0, out);
    }
}

static void put_name(struct text_format format, struct str name, struct buf *out)
{
    if (format.escaping == TEXT_AS_IS && !is_plain_name(name))
        put_quoted(name, out);
    else
        text_put_escaped_name(format, name, out);
}

void text_put_type(struct text_format format, struct str name, enum exposed_type type,
                   struct buf *out)
{
    buf_text(out, "# TYPE ");
    put_name(format, name, out);
    buf_text(out, type == EXPOSED_UNTYPED ? " untyped\n" : " histogram\n");
}

/* A line on its way: a name, any number of labels, and the value. */
struct text_line {
    struct text_format format;
    struct buf *out;
    bool in_braces;
};

static void line_begin(struct text_line *line, struct str name)
{
    line->in_braces =
        line->format.escaping == TEXT_AS_IS && !is_plain_name(name); /* it is the first in there */
    if (line->in_braces)
        buf_byte(line->out, '{');
    put_name(line->format, name, line->out);
}

static void line_label(struct text_line *line, struct str name, struct str value)
{
    buf_byte(line->out, line->in_braces ? ',' : '{');
    line->in_braces = true;
    put_name(line->format, name, line->out);
    buf_byte(line->out, '=');
    put_quoted(value, line->out);
}

/* Zero has no sign in this format. */
static void put_value(double v, struct buf *out)
{
    out->len += float_text_g(buf_reserve(out, FLOAT_TEXT_SIZE), v == 0 ? 0 : v);
}

/* `bound`: of a bucket; NULL: it is none. */
static void put_line(struct text_format format, struct str name,
                     const struct exposed_sample *sample, const double *bound, double v,
                     struct buf *out)
{
    struct text_line line = {.format = format, .out = out};
    line_begin(&line, name);
    for (size_t i = 0; i < sample->label_count; i++)
        line_label(&line, sample->labels[i].name, sample->labels[i].value);
    if (bound) {
        char text[FLOAT_TEXT_SIZE];
        size_t len = float_text_g(text, *bound == 0 ? 0 : *bound);
        line_label(&line, STR("le"), (struct str){text, len});
    }
    buf_text(out, line.in_braces ? "} " : " ");
    put_value(v, out);
    buf_printf(out, " %lld\n", (long long)sample->time_ms);
}

/* What is put behind a name is not escaped with it. */
static struct str name_with(struct text_format format, struct str name, const char *suffix,
                            struct buf *room)
{
    buf_clear(room);
    text_put_escaped_name(format, name, room);
    buf_text(room, suffix);
    return buf_view(room);
}

/* The bucket of +Inf stands there once, whether it is one of the bounds or not. */
static void put_histogram(struct text_format format, struct str name,
                          const struct exposed_sample *sample, struct buf *out)
{
    static const double infinite = INFINITY;
    AUTO(buf_done) struct buf room = {0};
    struct exposed_buckets buckets;
    const struct histogram *h = sample->h;
    double bound = 0, count;
    exposed_buckets_begin(&buckets, h);
    struct str bucket = name_with(format, name, "_bucket", &room);
    while (exposed_buckets_next(&buckets, &bound, &count))
        put_line(format, bucket, sample, &bound, count, out);
    if (!isinf(bound) || bound < 0)
        put_line(format, bucket, sample, &infinite, h->count, out);
    put_line(format, name_with(format, name, "_sum", &room), sample, NULL, h->sum, out);
    put_line(format, name_with(format, name, "_count", &room), sample, NULL, h->count, out);
}

void text_put_sample(struct text_format format, struct str name,
                     const struct exposed_sample *sample, struct buf *out)
{
    if (sample->h)
        put_histogram(format, name, sample, out);
    else
        put_line(format, name, sample, NULL, sample->v, out);
}
