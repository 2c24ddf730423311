#include "query-tee/span.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "http/json_write.h"

#define STATUS_ERROR 2

static struct span_attribute *span_add(struct span *span, const char *key)
{
    assert(span->attribute_count < SPAN_ATTRIBUTES_MAX);
    struct span_attribute *attribute = &span->attributes[span->attribute_count++];
    *attribute = (struct span_attribute){.key = key};
    return attribute;
}

void span_text(struct span *span, const char *key, struct str text)
{
    span_add(span, key)->text = (struct str){text.ptr ? text.ptr : "", text.len};
}

void span_number(struct span *span, const char *key, int64_t number)
{
    span_add(span, key)->number = number;
}

static void put_id(struct json *json, const char *key, const uint8_t *id, size_t size)
{
    char text[2 * TRACE_ID_SIZE + 1];
    trace_id_text(id, size, text);
    json_key(json, key);
    json_text(json, text);
}

/* Numbers of 64 bits are texts in JSON. */
static void put_long(struct json *json, const char *key, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    json_key(json, key);
    json_text(json, text);
}

/* Text of at most so many bytes, that does not end within a character. */
static struct str cut(struct str text)
{
    if (text.len <= SPAN_TEXT_SIZE_MAX)
        return text;
    text.len = SPAN_TEXT_SIZE_MAX;
    while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80)
        text.len--;
    return text;
}

static void put_attribute(struct json *json, const struct span_attribute *attribute)
{
    json_object(json);
    json_key(json, "key");
    json_text(json, attribute->key);
    json_key(json, "value");
    json_object(json);
    if (attribute->text.ptr) {
        json_key(json, "stringValue");
        json_string(json, cut(attribute->text));
    } else {
        put_long(json, "intValue", attribute->number);
    }
    json_object_end(json);
    json_object_end(json);
}

void span_append(const struct span *span, struct buf *out)
{
    struct json json = {.out = out};
    json_object(&json);
    put_id(&json, "traceId", span->trace_id, TRACE_ID_SIZE);
    put_id(&json, "spanId", span->id, SPAN_ID_SIZE);
    if (span->parent_id)
        put_id(&json, "parentSpanId", span->parent_id, SPAN_ID_SIZE);
    json_key(&json, "name");
    json_string(&json, cut(str_of(span->name)));
    json_key(&json, "kind");
    json_int(&json, span->kind);
    put_long(&json, "startTimeUnixNano", span->begin_ns);
    put_long(&json, "endTimeUnixNano", span->end_ns);
    json_key(&json, "attributes");
    json_array(&json);
    for (size_t i = 0; i < span->attribute_count; i++)
        put_attribute(&json, &span->attributes[i]);
    json_array_end(&json);
    if (span->failed) {
        json_key(&json, "status");
        json_object(&json);
        json_key(&json, "code");
        json_int(&json, STATUS_ERROR);
        if (span->failure) {
            json_key(&json, "message");
            json_string(&json, cut(str_of(span->failure)));
        }
        json_object_end(&json);
    }
    json_object_end(&json);
}
