/*
 * Any bytes as a text that is written into JSON or in quotes: other readers must find the same text
 * in it.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/quote.h"
#include "parser/literal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text as encoding/json leaves it: U+FFFD for each byte that is no UTF-8. */
static void repair(struct str text, struct buf *out)
{
    while (text.len) {
        size_t len;
        utf8_append(out, utf8_decode(text, &len));
        text.ptr += len;
        text.len -= len;
    }
}

static void compare_json(const struct buf *inside, struct str wanted)
{
    AUTO(buf_done) struct buf whole = {0};
    buf_byte(&whole, '"');
    buf_str(&whole, buf_view(inside));
    buf_byte(&whole, '"');
    json_error_t fault;
    json_t *json =
        json_loadb(buf_terminated(&whole), whole.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &fault);
    if (!json || !str_eq((struct str){json_string_value(json), json_string_length(json)}, wanted))
        abort();
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(buf_done) struct buf repaired = {0};
    AUTO(buf_done) struct buf json = {0};
    AUTO(buf_done) struct buf quoted = {0};
    repair(text, &repaired);
    if (!utf8_valid(buf_view(&repaired)) || utf8_valid(text) != str_eq(text, buf_view(&repaired)))
        abort();

    json_escape_html(&json, text);
    compare_json(&json, buf_view(&repaired));
    json.len = 0;
    json_escape(&json, buf_view(&repaired));
    compare_json(&json, buf_view(&repaired));

    quote_append(&quoted, text);
    if (!str_eq(literal_string(buf_view(&quoted), arena), text))
        abort();
    return 0;
}
