#include "query-tee/replay/query_line.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/float_text.h"
#include "http/params.h"
#include "query-tee/time_text.h"

static void form_add(struct buf *form, const char *name, struct str value)
{
    if (form->len > 0)
        buf_byte(form, '&');
    percent_encode(str_of(name), form);
    buf_byte(form, '=');
    percent_encode(value, form);
}

static void form_add_ms(struct buf *form, const char *name, int64_t ms)
{
    char text[32];
    int64_t rest = ms % 1000;
    const char *sign = ms < 0 ? "-" : "";
    int len = snprintf(text, sizeof text, "%s%lld.%03lld", sign,
                       (long long)(ms < 0 ? -(ms / 1000) : ms / 1000),
                       (long long)(rest < 0 ? -rest : rest));
    form_add(form, name, (struct str){text, (size_t)len});
}

static void json_free_auto(json_t **json)
{
    json_decref(*json);
}

static struct str json_text(const json_t *text)
{
    return (struct str){json_string_value(text), json_string_length(text)};
}

/* A parameter's text: strings as they stand, numbers as JSON has them. */
static bool json_param(const json_t *value, char *room, size_t size, struct str *ret_text)
{
    if (json_is_string(value)) {
        *ret_text = json_text(value);
        return true;
    }
    size_t len = json_is_number(value) ? json_dumpb(value, room, size, JSON_ENCODE_ANY) : 0;
    *ret_text = (struct str){room, len};
    return len > 0 && len <= size;
}

static bool form_add_json(struct buf *form, const char *name, const json_t *value, struct err *err)
{
    char room[64];
    struct str text;
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (!json_param(json_array_get(value, i), room, sizeof room, &text))
                return err_set(err, ERR_BAD_DATA, "\"%s\" has a member that is no text", name);
            form_add(form, name, text);
        }
        return true;
    }
    if (!json_param(value, room, sizeof room, &text))
        return err_set(err, ERR_BAD_DATA, "\"%s\" is neither text nor number", name);
    form_add(form, name, text);
    return true;
}

/* A longer one is asked as it stands: both should refuse it alike. */
#define STEP_S_MAX 1e15

/* The parameters that a line of Prometheus's query log has; an instant query has no step there. */
static bool logged_read(const json_t *params, struct arena *arena,
                        struct query_request *ret_request, struct err *err)
{
    AUTO(buf_done) struct buf form = {0};
    const json_t *query = json_object_get(params, "query");
    const json_t *step = json_object_get(params, "step");
    if (!json_is_string(query))
        return err_set(err, ERR_BAD_DATA, "\"params\" has no \"query\"");
    double step_s = json_number_value(step);
    bool range = step_s > 0;
    if (!form_add_json(&form, "query", query, err))
        return false;
    if (!range) {
        if (json_object_get(params, "end") &&
            !form_add_json(&form, "time", json_object_get(params, "end"), err))
            return false;
    } else if (!form_add_json(&form, "start", json_object_get(params, "start"), err) ||
               !form_add_json(&form, "end", json_object_get(params, "end"), err) ||
               !form_add_json(&form, "step", step, err)) {
        return false;
    }
    *ret_request = (struct query_request){
        .path = range ? "/api/v1/query_range" : "/api/v1/query",
        .params = arena_text(arena, buf_view(&form)),
        .query = arena_str(arena, json_text(query)),
        .step_ms = range && step_s < STEP_S_MAX ? (int64_t)(step_s * 1000) : 0,
    };
    return true;
}

/* Members are parameters, but for the path. */
static bool object_read(const json_t *object, struct arena *arena,
                        struct query_request *ret_request, struct err *err)
{
    AUTO(buf_done) struct buf form = {0};
    const json_t *query = json_object_get(object, "query");
    const char *path = json_string_value(json_object_get(object, "path"));
    const json_t *step = json_object_get(object, "step");
    int64_t step_ms = 0;
    char room[64];
    struct str text;
    if (!path && !json_is_string(query))
        return err_set(err, ERR_BAD_DATA, "neither \"query\" nor \"path\" is a text");
    /* A step that is none is asked as it stands: both should refuse it alike. */
    if (step && json_param(step, room, sizeof room, &text) && !step_text_parse(text, &step_ms))
        step_ms = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (strcmp(name, "path") != 0 && !form_add_json(&form, name, value, err))
            return false;
    }
    if (!path)
        path = step ? "/api/v1/query_range" : "/api/v1/query";
    *ret_request = (struct query_request){
        .path = arena_text(arena, str_of(path)),
        .params = arena_text(arena, buf_view(&form)),
        .query = arena_str(arena, json_text(query)),
        .step_ms = step_ms,
    };
    return true;
}

static bool json_read(struct str line, struct arena *arena, struct query_request *ret_request,
                      struct err *err)
{
    json_error_t fault;
    __attribute__((cleanup(json_free_auto))) json_t *object =
        json_loadb(line.ptr, line.len, JSON_ALLOW_NUL, &fault);
    if (!json_is_object(object))
        return err_set(err, ERR_BAD_DATA, "no JSON object: %s", object ? "" : fault.text);
    const json_t *params = json_object_get(object, "params");
    if (json_is_object(params))
        return logged_read(params, arena, ret_request, err);
    return object_read(object, arena, ret_request, err);
}

static bool url_read(struct str line, struct arena *arena, struct query_request *ret_request,
                     struct err *err)
{
    if (line.ptr[0] != '/') {
        const char *host = memmem(line.ptr, line.len, "://", 3);
        const char *end = line.ptr + line.len;
        const char *path = host ? memchr(host + 3, '/', (size_t)(end - host) - 3) : NULL;
        if (!path)
            return err_set(err, ERR_BAD_DATA, "the URL has no path");
        line = (struct str){path, (size_t)(end - path)};
    }
    const char *mark = memchr(line.ptr, '?', line.len);
    size_t path_len = mark ? (size_t)(mark - line.ptr) : line.len;
    struct str text = mark ? (struct str){mark + 1, line.len - path_len - 1} : STR("");
    struct params params = {0};
    params_parse(&params, text, arena);
    int64_t step_ms = 0;
    struct str step = params_get(&params, "step");
    if (step.len > 0 && !step_text_parse(step, &step_ms))
        step_ms = 0;
    *ret_request = (struct query_request){
        .path = arena_text(arena, (struct str){line.ptr, path_len}),
        .params = arena_text(arena, text),
        .query = arena_str(arena, params_get(&params, "query")),
        .step_ms = step_ms,
    };
    return true;
}

static struct str str_skip_spaces(struct str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    return s;
}

/* The next word of a line. */
static struct str word_take(struct str *rest)
{
    *rest = str_skip_spaces(*rest);
    struct str word = {rest->ptr, 0};
    while (word.len < rest->len && word.ptr[word.len] != ' ' && word.ptr[word.len] != '\t')
        word.len++;
    rest->ptr += word.len;
    rest->len -= word.len;
    return word;
}

/* Behind `name`, a time: seconds, or a duration since the base, which may be negative. */
static bool eval_time(struct str *rest, const char *name, int64_t *ret_ms, struct err *err)
{
    struct str word = word_take(rest);
    if (!str_eq(word, str_of(name)))
        return err_set(err, ERR_BAD_DATA, "\"%s\" is missing", name);
    word = word_take(rest);
    bool negative = str_starts(word, STR("-"));
    struct str size = {word.ptr + negative, word.len - negative};
    if (!step_text_parse(size, ret_ms))
        return err_set(err, ERR_BAD_DATA, "\"%.*s\" is no time", STR_ARGS(word));
    if (negative)
        *ret_ms = -*ret_ms;
    return true;
}

static bool eval_read(struct str line, int64_t base_ms, struct arena *arena,
                      struct query_request *ret_request, struct err *err)
{
    AUTO(buf_done) struct buf form = {0};
    struct str rest = line;
    int64_t start_ms = 0, end_ms, step_ms = 0;
    word_take(&rest);
    struct str kind = word_take(&rest);
    bool range = str_eq(kind, STR("range"));
    if (!range && !str_eq(kind, STR("instant")))
        return err_set(err, ERR_BAD_DATA, "\"eval\" without \"instant\" or \"range\"");
    if (range) {
        if (!eval_time(&rest, "from", &start_ms, err) || !eval_time(&rest, "to", &end_ms, err) ||
            !eval_time(&rest, "step", &step_ms, err))
            return false;
        form_add_ms(&form, "start", base_ms + start_ms);
        form_add_ms(&form, "end", base_ms + end_ms);
        form_add_ms(&form, "step", step_ms);
    } else {
        struct str ahead = str_skip_spaces(rest);
        if (str_starts(ahead, STR("at ")) && !eval_time(&rest, "at", &start_ms, err))
            return false;
        form_add_ms(&form, "time", base_ms + start_ms);
    }
    struct str query = str_skip_spaces(rest);
    form_add(&form, "query", query);
    *ret_request = (struct query_request){
        .path = range ? "/api/v1/query_range" : "/api/v1/query",
        .params = arena_text(arena, buf_view(&form)),
        .query = arena_str(arena, query),
        .step_ms = step_ms,
    };
    return true;
}

/* Start and end, from the parameters, whichever form they came in. */
static void request_set_range(struct query_request *request, struct arena *arena)
{
    struct params params = {0};
    if (request->step_ms == 0)
        return;
    params_parse(&params, str_of(request->params), arena);
    if (!time_text_parse(params_get(&params, "start"), &request->start_ms) ||
        !time_text_parse(params_get(&params, "end"), &request->end_ms))
        request->start_ms = request->end_ms = 0;
}

static bool line_read(struct str line, int64_t time_base_ms, struct arena *arena,
                      struct query_request *ret_request, struct err *err)
{
    if (str_starts(line, STR("eval")))
        return eval_read(line, time_base_ms, arena, ret_request, err);
    if (line.ptr[0] == '{')
        return json_read(line, arena, ret_request, err);
    if (line.ptr[0] == '/' || str_starts(line, STR("http://")) || str_starts(line, STR("https://")))
        return url_read(line, arena, ret_request, err);
    return err_set(err, ERR_BAD_DATA, "neither a JSON object nor a URL nor an eval");
}

bool query_line_read(struct str line, bool is_test, int64_t time_base_ms, struct arena *arena,
                     struct query_request *ret_request, bool *ret_found, struct err *err)
{
    line = str_skip_spaces(line);
    while (line.len > 0 && strchr(" \t\r\n", line.ptr[line.len - 1]))
        line.len--;
    *ret_found = false;
    if (line.len == 0 || line.ptr[0] == '#')
        return true;
    if (memchr(line.ptr, '\0', line.len))
        return err_set(err, ERR_BAD_DATA, "there is a zero byte in it");
    bool is_eval = line.len > 4 && str_starts(line, STR("eval")) && strchr(" \t_", line.ptr[4]);
    if (is_test && !is_eval)
        return true;
    *ret_found = true;
    if (!line_read(line, time_base_ms, arena, ret_request, err))
        return false;
    request_set_range(ret_request, arena);
    return true;
}
