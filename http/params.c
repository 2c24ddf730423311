#include "http/params.h"

#include <string.h>

#include "base/quote.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The place of the first percent sign that two hex digits do not follow; len if there is none. */
static size_t percent_fault(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%')
            continue;
        if (text.len - i < 3 || hex_digit(text.ptr[i + 1]) < 0 || hex_digit(text.ptr[i + 2]) < 0)
            return i;
        i += 2;
    }
    return text.len;
}

bool percent_decode(struct str text, bool plus, struct arena *arena, struct str *ret_text)
{
    if (percent_fault(text) < text.len)
        return false;
    bool changes = text.len && (memchr(text.ptr, '%', text.len) != NULL ||
                                (plus && memchr(text.ptr, '+', text.len) != NULL));
    if (!changes) {
        *ret_text = text;
        return true;
    }
    char *out = arena_alloc(arena, text.len, 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            c = (char)(hex_digit(text.ptr[i + 1]) * 16 + hex_digit(text.ptr[i + 2]));
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[len++] = c;
    }
    *ret_text = (struct str){out, len};
    return true;
}

void percent_encode(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c && strchr("-_.~", c));
        if (plain)
            buf_byte(out, c);
        else
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
}

/* Go names the bad escape by its first three bytes. */
static void params_note_escape(struct params *params, struct str part, struct arena *arena)
{
    if (params->fault)
        return;
    size_t at = percent_fault(part);
    size_t len = part.len - at < 3 ? part.len - at : 3;
    AUTO(buf_done) struct buf buf = {0};
    buf_text(&buf, "invalid URL escape ");
    quote_append(&buf, (struct str){part.ptr + at, len});
    params->fault = arena_text(arena, buf_view(&buf));
}

static void params_add(struct params *params, struct param param, struct arena *arena)
{
    if (params->count == PARAMS_COUNT_MAX) {
        if (!params->fault)
            params->fault = "too many parameters";
        return;
    }
    if (params->count == params->cap) {
        size_t cap = params->cap ? params->cap * 2 : 16;
        struct param *items = arena_array(arena, struct param, cap);
        if (params->count)
            memcpy(items, params->items, params->count * sizeof *items);
        params->items = items;
        params->cap = cap;
    }
    params->items[params->count++] = param;
}

static void params_parse_pair(struct params *params, struct str pair, struct arena *arena)
{
    if (memchr(pair.ptr, ';', pair.len)) {
        if (!params->fault)
            params->fault = "invalid semicolon separator in query";
        return;
    }
    const char *equals = memchr(pair.ptr, '=', pair.len);
    struct str name = {pair.ptr, equals ? (size_t)(equals - pair.ptr) : pair.len};
    struct str value = {"", 0};
    if (equals)
        value = (struct str){equals + 1, pair.len - name.len - 1};

    struct param param;
    if (!percent_decode(name, true, arena, &param.name))
        params_note_escape(params, name, arena);
    else if (!percent_decode(value, true, arena, &param.value))
        params_note_escape(params, value, arena);
    else
        params_add(params, param, arena);
}

void params_parse(struct params *params, struct str text, struct arena *arena)
{
    while (text.len) {
        const char *end = memchr(text.ptr, '&', text.len);
        struct str pair = {text.ptr, end ? (size_t)(end - text.ptr) : text.len};
        size_t used = pair.len + (end != NULL);
        text.ptr += used;
        text.len -= used;
        if (pair.len)
            params_parse_pair(params, pair, arena);
    }
}

struct str params_get(const struct params *params, const char *name)
{
    size_t at = 0;
    struct str value;
    return params_next(params, name, &at, &value) ? value : STR("");
}

bool params_next(const struct params *params, const char *name, size_t *at, struct str *ret_value)
{
    struct str wanted = str_of(name);
    while (*at < params->count) {
        const struct param *param = &params->items[(*at)++];
        if (str_eq(param->name, wanted)) {
            *ret_value = param->value;
            return true;
        }
    }
    return false;
}
