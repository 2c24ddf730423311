#include "server/api.h"

#include <assert.h>
#include <stdarg.h>

#define NOTES_SHOWN_MAX 10

static const struct {
    const char *name;
    int status;
} faults[] = {
    [FAULT_BAD_DATA] = {"bad_data", 400},   [FAULT_EXECUTION] = {"execution", 422},
    [FAULT_CANCELED] = {"canceled", 499},   [FAULT_TIMEOUT] = {"timeout", 503},
    [FAULT_INTERNAL] = {"internal", 500},   [FAULT_UNAVAILABLE] = {"unavailable", 500},
    [FAULT_NOT_FOUND] = {"not_found", 404},
};

void api_fail(struct answer *answer, enum fault fault, const char *fmt, ...)
{
    AUTO(buf_done) struct buf text = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);

    answer->status = faults[fault].status;
    answer->content_type = "application/json";
    buf_clear(&answer->body);
    struct json json = {.out = &answer->body};
    json_object(&json);
    json_key(&json, "status");
    json_text(&json, "error");
    json_key(&json, "errorType");
    json_text(&json, faults[fault].name);
    json_key(&json, "error");
    json_string(&json, buf_view(&text));
    json_object_end(&json);
}

enum fault api_fault(const struct err *err)
{
    switch (err->kind) {
    case ERR_BAD_DATA:
        return FAULT_BAD_DATA;
    case ERR_CANCELED:
        return FAULT_CANCELED;
    case ERR_TIMEOUT:
        return FAULT_TIMEOUT;
    case ERR_NOT_FOUND:
    case ERR_CORRUPT:
    case ERR_IO:
        return FAULT_INTERNAL;
    case ERR_NONE:
    case ERR_EXECUTION:
    case ERR_LIMIT:
    case ERR_UNSUPPORTED:
        return FAULT_EXECUTION;
    }
    return FAULT_EXECUTION;
}

const char *api_fault_name(enum fault fault)
{
    return faults[fault].name;
}

void api_fail_err(struct answer *answer, const struct err *err)
{
    api_fail(answer, api_fault(err), "%s", err->msg);
}

void api_fail_param(struct answer *answer, const char *name, const char *why)
{
    api_fail(answer, FAULT_BAD_DATA, "invalid parameter \"%s\": %s", name, why);
}

struct json api_begin(struct answer *answer)
{
    answer->status = 200;
    answer->content_type = "application/json";
    struct json json = {.out = &answer->body};
    json_object(&json);
    json_key(&json, "status");
    json_text(&json, "success");
    json_key(&json, "data");
    return json;
}

void api_end(struct json *json)
{
    json_object_end(json);
}

void notes_add(struct notes *notes, const char *text)
{
    assert(notes->plain_count < ARRAY_COUNT(notes->plain));
    notes->plain[notes->plain_count++] = text;
}

/* One note into its list, which is opened with the first. */
static void notes_put(struct json *json, const char *key, size_t *count, struct str text)
{
    if ((*count)++ == 0) {
        json_key(json, key);
        json_array(json);
    }
    if (*count <= NOTES_SHOWN_MAX)
        json_string(json, text);
}

static void notes_close(struct json *json, const char *kind, size_t count)
{
    if (count == 0)
        return;
    if (count > NOTES_SHOWN_MAX) {
        AUTO(buf_done) struct buf text = {0};
        buf_printf(&text, "%zu more %s annotations omitted", count - NOTES_SHOWN_MAX, kind);
        json_string(json, buf_view(&text));
    }
    json_array_end(json);
}

static size_t notes_put_level(struct json *json, const char *key, const struct notes *notes,
                              enum annotation_level level)
{
    size_t count = 0;
    for (size_t i = 0; i < notes->plain_count && level == ANNOTATION_WARNING; i++)
        notes_put(json, key, &count, str_of(notes->plain[i]));
    for (size_t i = 0; notes->annotations && i < notes->annotations->count; i++) {
        const struct annotation *annotation = &notes->annotations->items[i];
        if (annotation->level != level)
            continue;
        AUTO(buf_done) struct buf text = {0};
        annotation_print(annotation, notes->query, &text);
        notes_put(json, key, &count, buf_view(&text));
    }
    return count;
}

void api_end_notes(struct json *json, const struct notes *notes)
{
    notes_close(json, "warning", notes_put_level(json, "warnings", notes, ANNOTATION_WARNING));
    notes_close(json, "info", notes_put_level(json, "infos", notes, ANNOTATION_INFO));
    json_object_end(json);
}

void api_no_content(struct answer *answer)
{
    answer->status = 204;
    answer->content_type = NULL;
    buf_clear(&answer->body);
}
