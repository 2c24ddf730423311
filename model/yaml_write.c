#include "model/yaml_write.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/mem.h"
#include "base/quote.h"

struct yaml_writer {
    yaml_emitter_t emitter;
};

static int writer_put(void *context, unsigned char *bytes, size_t size)
{
    buf_append(context, (const char *)bytes, size);
    return 1;
}

/* Texts are checked before they come here, and calls are paired: what is left is a lack of memory.
 */
static void writer_emit(struct yaml_writer *writer, yaml_event_t *event, int made)
{
    int emitted = made && yaml_emitter_emit(&writer->emitter, event);
    assert(emitted);
}

struct yaml_writer *yaml_writer_create(struct buf *out)
{
    struct yaml_writer *writer = mem_new(struct yaml_writer);
    yaml_event_t event;
    int made = yaml_emitter_initialize(&writer->emitter);
    assert(made);
    yaml_emitter_set_output(&writer->emitter, writer_put, out);
    yaml_emitter_set_unicode(&writer->emitter, 1);
    writer_emit(writer, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
    writer_emit(writer, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
    return writer;
}

void yaml_writer_destroy(struct yaml_writer *writer)
{
    yaml_event_t event;
    writer_emit(writer, &event, yaml_document_end_event_initialize(&event, 1));
    writer_emit(writer, &event, yaml_stream_end_event_initialize(&event));
    yaml_emitter_delete(&writer->emitter);
    free(writer);
}

void yaml_write_map(struct yaml_writer *writer)
{
    yaml_event_t event;
    writer_emit(
        writer, &event,
        yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
}

void yaml_write_map_end(struct yaml_writer *writer)
{
    yaml_event_t event;
    writer_emit(writer, &event, yaml_mapping_end_event_initialize(&event));
}

void yaml_write_list(struct yaml_writer *writer)
{
    yaml_event_t event;
    writer_emit(
        writer, &event,
        yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE));
}

void yaml_write_list_end(struct yaml_writer *writer)
{
    yaml_event_t event;
    writer_emit(writer, &event, yaml_sequence_end_event_initialize(&event));
}

static void writer_scalar(struct yaml_writer *writer, const char *text, yaml_scalar_style_t style)
{
    yaml_event_t event;
    writer_emit(writer, &event,
                yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
                                             (int)strlen(text), 1, 1, style));
}

/* Digits of the base, at least one, and that the number fits in 64 bits. */
static bool is_based(const char *digits, int base)
{
    char *end;
    errno = 0;
    strtoull(digits, &end, base);
    return *digits && *digits != '-' && *digits != '+' && !*end && errno == 0;
}

static size_t digit_count(const char *text)
{
    return strspn(text, "0123456789");
}

/* "12", "0x1f", "1_000", "1.5e3", ".5" */
static bool is_number(const char *text)
{
    AUTO(buf_done) struct buf bare = {0};
    for (const char *c = text; *c; c++)
        if (*c != '_')
            buf_byte(&bare, *c);
    const char *at = buf_terminated(&bare);
    at += *at == '-' || *at == '+';
    static const struct {
        const char *prefix;
        int base;
    } bases[] = {{"0x", 16}, {"0b", 2}, {"0o", 8}};
    for (size_t i = 0; i < ARRAY_COUNT(bases); i++)
        if (strncasecmp(at, bases[i].prefix, 2) == 0)
            return is_based(at + 2, bases[i].base);
    size_t whole = digit_count(at), part = 0;
    at += whole;
    if (*at == '.') {
        part = digit_count(at + 1);
        at += 1 + part;
    }
    if (whole + part == 0)
        return false;
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '-' || *at == '+';
        size_t exponent = digit_count(at);
        at += exponent;
        if (exponent == 0)
            return false;
    }
    return !*at;
}

/* "12:30:45", which YAML 1.1 takes for a number of base 60. */
static bool is_base_60(const char *text)
{
    const char *at = text + (*text == '-' || *text == '+');
    if (digit_count(at) == 0)
        return false;
    at += strspn(at, "0123456789_");
    if (*at != ':')
        return false;
    while (*at == ':') {
        size_t digits = digit_count(++at);
        if (digits == 0 || digits > 2 || (digits == 2 && *at > '5'))
            return false;
        at += digits;
    }
    if (*at == '.')
        at += 1 + strspn(at + 1, "0123456789_");
    return !*at;
}

/* "2020-1-2", and with a time behind it: what begins so is believed to be one. */
static bool is_date(const char *text)
{
    if (digit_count(text) != 4 || text[4] != '-')
        return false;
    const char *at = text + 5;
    size_t month = digit_count(at);
    if (month == 0 || month > 2 || at[month] != '-')
        return false;
    at += month + 1;
    size_t day = digit_count(at);
    return day > 0 && day <= 2 && (!at[day] || strchr("Tt ", at[day]));
}

/* Is the word something else than a text? As YAML 1.1 has it. */
static bool is_taken(const char *text)
{
    static const char *const words[] = {
        "",     "~",     "null",  "Null",  "NULL",  "y",     "Y",     "yes",   "Yes",   "YES",
        "true", "True",  "TRUE",  "on",    "On",    "ON",    "n",     "N",     "no",    "No",
        "NO",   "false", "False", "FALSE", "off",   "Off",   "OFF",   "<<",    ".nan",  ".NaN",
        ".NAN", ".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF",
    };
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        if (strcmp(words[i], text) == 0)
            return true;
    return is_number(text) || is_base_60(text) || is_date(text);
}

void yaml_write_text(struct yaml_writer *writer, const char *text)
{
    AUTO(buf_done) struct buf valid = {0};
    if (!utf8_valid(str_of(text))) {
        struct str rest = str_of(text);
        for (size_t len; rest.len > 0; rest.ptr += len, rest.len -= len) {
            utf8_decode(rest, &len);
            if (utf8_valid((struct str){rest.ptr, len}))
                buf_append(&valid, rest.ptr, len);
            else
                buf_text(&valid, "\xef\xbf\xbd");
        }
        text = buf_terminated(&valid);
    }
    if (strchr(text, '\n'))
        writer_scalar(writer, text, YAML_LITERAL_SCALAR_STYLE);
    else
        writer_scalar(writer, text,
                      is_taken(text) ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE);
}

void yaml_write_plain(struct yaml_writer *writer, const char *text)
{
    writer_scalar(writer, text, YAML_PLAIN_SCALAR_STYLE);
}
