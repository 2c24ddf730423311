#include "query-tee/incoming.h"

#include <string.h>
#include <strings.h>

#include "http/path.h"
#include "query-tee/time_text.h"

/* More headers than any client sends. */
#define HEADERS_MAX 200

/* Those that belong to the connection, and those that are made anew for each backend. */
static const char *const headers_left_out[] = {
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Proxy-Authenticate",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Host",
    "Content-Length",
    "Expect",
    "Accept-Encoding",
    "Proxy-Authorization",
    "Authorization",
};

struct header_list {
    struct arena *arena;
    struct client_header *items;
    size_t count;
    bool traced;
};

static void header_take(void *context, const char *name, const char *value)
{
    struct header_list *list = context;
    if (list->traced && trace_owns_header(name))
        return;
    for (size_t i = 0; i < ARRAY_COUNT(headers_left_out); i++)
        if (strcasecmp(headers_left_out[i], name) == 0)
            return;
    if (list->count == HEADERS_MAX)
        return;
    list->items[list->count++] = (struct client_header){arena_text(list->arena, str_of(name)),
                                                        arena_text(list->arena, str_of(value))};
}

static const char *header_copy(const struct request *request, const char *name, struct arena *arena)
{
    const char *value = request_header(request, name);
    return value ? arena_text(arena, str_of(value)) : NULL;
}

/*
 * The coding of answers: what is read here is unpacked by the client, which asks for gzip by
 * itself; so it does only where our own client would be glad of it. What is handed on unread comes
 * as the client wants it.
 */
static void headers_add_coding(struct header_list *list, const struct request *request,
                               bool unpacked)
{
    const char *accepted = header_copy(request, "Accept-Encoding", list->arena);
    if (unpacked && accepted && strstr(accepted, "gzip"))
        return;
    if (unpacked || !accepted)
        accepted = "identity";
    list->items[list->count++] = (struct client_header){"Accept-Encoding", accepted};
}

static struct str params_text(const struct params *params, struct arena *arena)
{
    AUTO(buf_done) struct buf out = {0};
    for (size_t i = 0; i < params->count; i++) {
        if (i)
            buf_byte(&out, '&');
        percent_encode(params->items[i].name, &out);
        buf_byte(&out, '=');
        percent_encode(params->items[i].value, &out);
    }
    return (struct str){arena_text(arena, buf_view(&out)), out.len};
}

static void read_times(const struct params *params, struct round_request *request)
{
    bool instant = request->route && route_is_instant(request->route);
    bool range = request->route && route_is_range(request->route);
    request->start_ms = INT64_MIN;
    request->end_ms = INT64_MAX;
    if (instant) {
        request->start_ms = request->now_ms;
        time_text_parse(params_get(params, "time"), &request->start_ms);
        request->end_ms = request->start_ms;
        return;
    }
    time_text_parse(params_get(params, "start"), &request->start_ms);
    time_text_parse(params_get(params, "end"), &request->end_ms);
    if (range &&
        (!step_text_parse(params_get(params, "step"), &request->step_ms) || request->step_ms < 0))
        request->step_ms = 0;
}

/* Path and query of the URL as they were sent, without the prefix. */
static void read_target(const struct request *from, struct str prefix, struct arena *arena,
                        struct round_request *request)
{
    struct str uri = from->uri, path = request_raw_path(uri), below;
    request->query = "";
    if (path.len < uri.len)
        request->query =
            arena_text(arena, (struct str){uri.ptr + path.len + 1, uri.len - path.len - 1});
    request->path = arena_text(arena, path_below(prefix, path, &below) ? below : path);
}

static void add_time(const struct request *from, struct arena *arena, struct round_request *request)
{
    struct str value;
    size_t at = 0;
    if (params_next(&from->params, "time", &at, &value))
        return;
    AUTO(buf_done) struct buf time = {0};
    time_text_append(request->now_ms, &time);
    request->query = arena_printf(arena, "%s%stime=%s", request->query, *request->query ? "&" : "",
                                  buf_terminated(&time));
    request->params = str_of(arena_printf(arena, "%.*s%stime=%s", STR_ARGS(request->params),
                                          request->params.len ? "&" : "", buf_terminated(&time)));
}

bool incoming_read(const struct request *from, const struct route *route,
                   const struct incoming_options *options, struct arena *arena,
                   struct round_request *ret_request, struct err *err)
{
    struct round_request request = {
        .route = route,
        .method = arena_text(arena, str_of(from->method)),
        .unpacked = route && route->compared,
        .now_ms = options->now_ms,
        .promql = arena_str(arena, params_get(&from->params, "query")),
        .authorization = header_copy(from, "Authorization", arena),
        .tenant = header_copy(from, "X-Scope-OrgID", arena),
        .user_agent = header_copy(from, "User-Agent", arena),
    };
    if (from->body.len > 0) {
        char *body = arena_try(arena, from->body.len + 1, 1, err);
        if (!body)
            return false;
        memcpy(body, from->body.ptr, from->body.len);
        request.body = (struct str){body, from->body.len};
    }
    read_target(from, options->prefix, arena, &request);
    request.params = params_text(&from->params, arena);
    read_times(&from->params, &request);
    if (options->add_time && route && route_is_instant(route))
        add_time(from, arena, &request);

    if (options->sampler)
        trace_begin(options->sampler, from, &request.trace);
    struct header_list list = {.arena = arena,
                               .traced = request.trace.on,
                               .items = arena_array(arena, struct client_header, HEADERS_MAX + 1)};
    request_each_header(from, header_take, &list);
    headers_add_coding(&list, from, request.unpacked);
    request.headers = list.items;
    request.header_count = list.count;
    *ret_request = request;
    return arena_check(arena, err);
}

/* A parameter whose value is a time, moved back. */
static struct str shift_value(struct param param, int64_t shift_ms, struct arena *arena)
{
    static const char *const names[] = {"time", "start", "end"};
    int64_t time_ms;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (!str_eq(param.name, str_of(names[i])) || !time_text_parse(param.value, &time_ms))
            continue;
        AUTO(buf_done) struct buf out = {0};
        time_text_append(time_ms - shift_ms, &out);
        return arena_str(arena, buf_view(&out));
    }
    return param.value;
}

static void shift_request(struct round_request *request, int64_t shift_ms, struct arena *arena)
{
    struct params params = {0};
    params_parse(&params, request->params, arena);
    for (size_t i = 0; i < params.count; i++)
        params.items[i].value = shift_value(params.items[i], shift_ms, arena);
    request->params = params_text(&params, arena);
    request->start_ms -= shift_ms;
    request->end_ms -= shift_ms;
    if (strcmp(request->method, "POST") == 0) {
        request->query = "";
        request->body = request->params;
    } else {
        request->query = request->params.ptr;
    }
}

static const char *text_copy(const char *text, struct arena *arena)
{
    return text ? arena_text(arena, str_of(text)) : NULL;
}

bool incoming_copy(const struct round_request *from, int64_t shift_ms, struct arena *arena,
                   struct round_request *ret_request, struct err *err)
{
    struct round_request request = *from;
    request.trace.again = true;
    request.method = text_copy(from->method, arena);
    request.path = text_copy(from->path, arena);
    request.query = text_copy(from->query, arena);
    request.body.ptr = from->body.len ? arena_text(arena, from->body) : NULL;
    request.authorization = text_copy(from->authorization, arena);
    request.tenant = text_copy(from->tenant, arena);
    request.user_agent = text_copy(from->user_agent, arena);
    request.params.ptr = arena_text(arena, from->params);
    request.promql = arena_str(arena, from->promql);
    struct client_header *headers = arena_array(arena, struct client_header, from->header_count);
    for (size_t i = 0; i < from->header_count; i++)
        headers[i] = (struct client_header){text_copy(from->headers[i].name, arena),
                                            text_copy(from->headers[i].value, arena)};
    request.headers = headers;
    bool query = from->route && (route_is_instant(from->route) || route_is_range(from->route));
    if (shift_ms && query)
        shift_request(&request, shift_ms, arena);
    *ret_request = request;
    return arena_check(arena, err);
}
