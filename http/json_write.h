#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * Writes JSON as Go's encoding/json would: no spaces, <, > and & escaped. Commas come by
 * themselves:
 *
 *     struct json json = {.out = &buf};
 *     json_object(&json);
 *     json_key(&json, "name");
 *     json_string(&json, STR("up"));
 *     json_object_end(&json);
 */
struct json {
    struct buf *out;
    bool comma; /* something stands in front of the next value */
};

void json_object(struct json *json);
void json_object_end(struct json *json);
void json_array(struct json *json);
void json_array_end(struct json *json);
void json_key(struct json *json, const char *key);
void json_string(struct json *json, struct str text);
void json_text(struct json *json, const char *text);
void json_int(struct json *json, int64_t v);
void json_uint(struct json *json, uint64_t v);
void json_bool(struct json *json, bool v);
void json_null(struct json *json);
void json_double(struct json *json, double v); /* finite, as a number */

/* RFC 3339 with milliseconds, in quotes. */
void json_time(struct json *json, int64_t time_ms);

/* Text that is JSON already. */
void json_raw(struct json *json, struct str text);
