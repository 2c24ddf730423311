#include "server/routes.h"

#include <assert.h>
#include <string.h>

#include "http/listen.h"
#include "http/path.h"
#include "server/api.h"
#include "server/server.h"

enum method { GET = 1, POST = 2, PUT = 4, HEAD = 8, OPTIONS = 16 };

/* What comes with every answer of a route. */
enum {
    PLAIN = 0,
    API = 1,   /* CORS, compression; only once it is ready */
    EARLY = 2, /* before that, too */
    RAW = 4,   /* once it is ready, and nothing else: bodies are packed, answers no JSON */
};

/* Prometheus's limit for both of remote read and write, packed or not. */
#define RAW_BODY_SIZE_MAX ((size_t)32 << 20)

struct route {
    const char *path; /* ":name" stands for any one part */
    unsigned methods;
    unsigned kind;
    void (*handle)(struct server *server, const struct request *request, struct answer *answer);
};

/* clang-format off */
static const struct route routes[] = {
    {"/api/v1/query", GET | POST, API, route_query},
    {"/api/v1/query_range", GET | POST, API, route_query_range},
    {"/api/v1/query_exemplars", GET | POST, API, route_query_exemplars},
    {"/api/v1/format_query", GET | POST, API, route_format_query},
    {"/api/v1/parse_query", GET | POST, API, route_parse_query},
    {"/api/v1/labels", GET | POST, API, route_labels},
    {"/api/v1/label/:name/values", GET, API, route_label_values},
    {"/api/v1/series", GET | POST, API, route_series},
    {"/api/v1/read", POST, RAW, route_read},
    {"/api/v1/metadata", GET, API, route_metadata},
    {"/api/v1/write", POST, RAW, route_write},
    {"/api/v1/targets", GET, API, route_targets},
    {"/api/v1/targets/metadata", GET, API, route_targets_metadata},
    {"/api/v1/targets/relabel_steps", GET, API, route_relabel_steps},
    {"/api/v1/scrape_pools", GET, API, route_scrape_pools},
    {"/api/v1/scrape_pools/config", GET, API, route_scrape_pool_config},
    {"/api/v1/rules", GET, API, route_rules},
    {"/api/v1/alerts", GET, API, route_alerts},
    {"/api/v1/alertmanagers", GET, API, route_alertmanagers},
    {"/api/v1/notifications", GET, API | EARLY, route_notifications},
    {"/api/v1/notifications/live", GET, API | EARLY, route_notifications_live},
    {"/api/v1/features", GET, API, route_features},
    {"/api/v1/status/buildinfo", GET, API, route_buildinfo},
    {"/api/v1/status/runtimeinfo", GET, API, route_runtimeinfo},
    {"/api/v1/status/flags", GET, API, route_flags},
    {"/api/v1/status/config", GET, API, route_config},
    {"/api/v1/status/tsdb", GET, API, route_tsdb},
    {"/api/v1/status/tsdb/blocks", GET, API, route_tsdb_blocks},
    {"/api/v1/status/self_metrics", GET, API, route_self_metrics},
    {"/api/v1/status/walreplay", GET, API | EARLY, route_walreplay},
    {"/api/v1/search/metric_names", GET | POST, API, route_search},
    {"/api/v1/search/label_names", GET | POST, API, route_search},
    {"/api/v1/search/label_values", GET | POST, API, route_search},
    {"/api/v1/admin/tsdb/delete_series", POST | PUT, API, route_delete_series},
    {"/api/v1/admin/tsdb/clean_tombstones", POST | PUT, API, route_clean_tombstones},
    {"/api/v1/admin/tsdb/snapshot", POST | PUT, API, route_snapshot},
    {"/-/reload", GET | POST | PUT, PLAIN, route_reload},
    {"/-/quit", GET | POST | PUT, PLAIN, route_quit},
    {"/-/healthy", GET | HEAD, PLAIN, route_healthy},
    {"/-/ready", GET | HEAD, PLAIN, route_ready},
    {"/federate", GET, RAW, route_federate},
    {"/metrics", GET, PLAIN, route_metrics},
    {"/version", GET, PLAIN, route_version},
    {"/graph", GET, PLAIN, route_graph},
    {"/query", GET, PLAIN, route_home},
    {"/", GET, PLAIN, route_home},
};
/* clang-format on */

static_assert(ARRAY_COUNT(routes) <= METRICS_HANDLERS_MAX, "each route has its counters");

#define API_PREFIX "/api/v1/"

static enum method method_of(const char *name)
{
    static const struct {
        const char *name;
        enum method method;
    } methods[] = {
        {"GET", GET}, {"POST", POST}, {"PUT", PUT}, {"HEAD", HEAD}, {"OPTIONS", OPTIONS},
    };
    for (size_t i = 0; i < ARRAY_COUNT(methods); i++)
        if (strcmp(methods[i].name, name) == 0)
            return methods[i].method;
    return 0;
}

static const struct route *route_find(struct str path)
{
    for (size_t i = 0; i < ARRAY_COUNT(routes); i++)
        if (path_matches(routes[i].path, path))
            return &routes[i];
    return NULL;
}

const char *route_path(size_t index)
{
    return index < ARRAY_COUNT(routes) ? routes[index].path : NULL;
}

/* The methods of a 405, in the order of their names; any path of the API knows OPTIONS. */
static const char *route_allowed(const struct route *route)
{
    if (route->methods & PUT)
        return route->methods & GET ? "GET, OPTIONS, POST, PUT" : "OPTIONS, POST, PUT";
    if (route->methods & POST)
        return route->methods & GET ? "GET, OPTIONS, POST" : "OPTIONS, POST";
    return route->methods & HEAD ? "GET, HEAD, OPTIONS" : "GET, OPTIONS";
}

const char *route_location(const struct request *request, struct str path)
{
    struct str raw = request_raw_path(request->uri);
    size_t rest = request->uri.len - raw.len;
    char *location = arena_array(request->arena, char, path.len + rest + 1);
    memcpy(location, path.ptr, path.len);
    memcpy(location + path.len, raw.ptr + raw.len, rest);
    return location;
}

bool routes_ready(const struct server *server, const struct request *request, struct answer *answer)
{
    enum phase phase = lifecycle_phase(&server->lifecycle);
    if (phase == PHASE_READY && !request->stopping)
        return true;
    answer->status = 503;
    answer->content_type = "text/plain; charset=utf-8";
    buf_text(&answer->body, "Service Unavailable");
    answer_header(answer, "X-Prometheus-Stopping", phase == PHASE_STARTING ? "false" : "true");
    return false;
}

static void routes_options(struct server *server, const struct request *request,
                           const struct route *route, struct answer *answer)
{
    if (str_starts(prefix_below(&server->prefix, request->path), STR(API_PREFIX))) {
        answer->compress = true;
        cors_answer(&server->cors, request, answer);
        api_no_content(answer);
    } else if (route) {
        answer->status = 200;
        answer_header(answer, "Allow", route_allowed(route));
    } else {
        answer_error_text(answer, 404, "404 page not found");
    }
}

size_t routes_body_size_max(void *context, struct str path)
{
    struct server *server = context;
    const struct route *route = route_find(prefix_below(&server->prefix, path));
    if (route && route->handle == route_write)
        return (size_t)server->options.write_body_max;
    return route && (route->kind & RAW) ? RAW_BODY_SIZE_MAX : REQUEST_BODY_SIZE_MAX;
}

/* Who asks for the root, or for the prefix without a slash, is sent to the page at the prefix. */
static bool is_lost(const struct server *server, struct str path)
{
    return !str_eq(path, str_of(server->prefix.home)) &&
           (str_eq(path, STR("/")) || str_eq(path, str_of(server->prefix.path)));
}

/* Where a path leads that is written in a longer way, as "//api/v1/query/" is; NULL: nowhere. */
static const char *detour_end(const struct server *server, const struct request *request)
{
    struct str raw = request_raw_path(request->uri);
    AUTO(buf_done) struct buf path = {0};
    path_clean(raw, &path);
    struct str clean = buf_view(&path);
    if (str_eq(clean, raw) || memchr(clean.ptr, '%', clean.len) ||
        !route_find(prefix_below(&server->prefix, clean)))
        return NULL;
    return route_location(request, clean);
}

/* As Go does it: what is no GET keeps its method. */
static void routes_lost(const struct server *server, const struct request *request,
                        enum method method, struct answer *answer)
{
    const char *location = detour_end(server, request);
    if (!location) {
        answer_error_text(answer, 404, "404 page not found");
        return;
    }
    answer->status = method == GET ? 301 : 307;
    answer_header(answer, "Location", location);
}

void routes_handle(void *context, const struct request *request, struct answer *answer)
{
    struct server *server = context;
    const struct route *route = route_find(prefix_below(&server->prefix, request->path));
    enum method method = method_of(request->method);
    answer->tag = (void *)(uintptr_t)route;
    if (method == OPTIONS) {
        routes_options(server, request, route, answer);
    } else if (is_lost(server, request->path)) {
        answer->status = 302;
        answer_header(answer, "Location", server->prefix.home);
    } else if (!route) {
        routes_lost(server, request, method, answer);
    } else if (!(route->methods & method)) {
        answer_error_text(answer, 405, "Method Not Allowed");
        answer_header(answer, "Allow", route_allowed(route));
    } else {
        bool waits = (route->kind & (API | RAW)) && !(route->kind & EARLY);
        if (waits && !routes_ready(server, request, answer))
            return;
        if (route->kind & API) {
            answer->compress = true;
            cors_answer(&server->cors, request, answer);
        }
        route->handle(server, request, answer);
    }
}

void routes_finished(void *context, const struct exchange_end *end)
{
    struct server *server = context;
    const struct route *route = end->answer->tag;
    if (!route)
        return;
    metrics_request(&server->metrics, (size_t)(route - routes), end->answer->status,
                    end->duration_ns, end->bytes);
}
