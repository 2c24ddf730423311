#include "http/json_write.h"

#include <time.h>

#include "base/float_text.h"
#include "base/quote.h"

static void json_value(struct json *json)
{
    if (json->comma)
        buf_byte(json->out, ',');
    json->comma = true;
}

void json_object(struct json *json)
{
    json_value(json);
    buf_byte(json->out, '{');
    json->comma = false;
}

void json_object_end(struct json *json)
{
    buf_byte(json->out, '}');
    json->comma = true;
}

void json_array(struct json *json)
{
    json_value(json);
    buf_byte(json->out, '[');
    json->comma = false;
}

void json_array_end(struct json *json)
{
    buf_byte(json->out, ']');
    json->comma = true;
}

void json_key(struct json *json, const char *key)
{
    json_string(json, str_of(key));
    buf_byte(json->out, ':');
    json->comma = false;
}

void json_string(struct json *json, struct str text)
{
    json_value(json);
    buf_byte(json->out, '"');
    json_escape_html(json->out, text);
    buf_byte(json->out, '"');
}

void json_text(struct json *json, const char *text)
{
    json_string(json, str_of(text));
}

void json_int(struct json *json, int64_t v)
{
    json_value(json);
    buf_printf(json->out, "%lld", (long long)v);
}

void json_uint(struct json *json, uint64_t v)
{
    json_value(json);
    buf_printf(json->out, "%llu", (unsigned long long)v);
}

void json_bool(struct json *json, bool v)
{
    json_value(json);
    buf_text(json->out, v ? "true" : "false");
}

void json_null(struct json *json)
{
    json_value(json);
    buf_text(json->out, "null");
}

void json_double(struct json *json, double v)
{
    json_value(json);
    json->out->len += float_text_gojson(buf_reserve(json->out, FLOAT_TEXT_SIZE), v);
}

void json_time(struct json *json, int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000 - (time_ms % 1000 < 0));
    struct tm tm = {0};
    char text[64];
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    json_value(json);
    buf_printf(json->out, "\"%s.%03dZ\"", text, (int)(time_ms - (int64_t)seconds * 1000));
}

void json_raw(struct json *json, struct str text)
{
    json_value(json);
    buf_str(json->out, text);
}
