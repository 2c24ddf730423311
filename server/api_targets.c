/*
 * /api/v1/targets and /api/v1/scrape_pools, with what lies below them: the one target there may be
 * is this server itself, self_monitor.h. Nobody has configured it, and nothing relabels it.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/quote.h"
#include "model/duration.h"
#include "model/matcher.h"
#include "parser/parse.h"
#include "server/api.h"
#include "server/exposition.h"
#include "server/label_object.h"
#include "server/param.h"
#include "server/routes.h"
#include "server/self_monitor.h"
#include "server/server.h"
#include "storage/remote/write_request.h"

#define TIMEOUT_MS_MAX 10000

static bool is_own_pool(const struct request *request)
{
    struct str pool = params_get(&request->url_params, "scrapePool");
    return pool.len == 0 || str_eq(pool, STR(SELF_MONITOR_JOB));
}

static bool state_is(struct str state, const char *name)
{
    return state.len == strlen(name) && strncasecmp(state.ptr, name, state.len) == 0;
}

static void put_text(struct json *json, const char *key, const char *value)
{
    json_key(json, key);
    json_text(json, value);
}

static void put_duration(struct json *json, const char *key, int64_t ms)
{
    AUTO(buf_done) struct buf text = {0};
    duration_print(ms, &text);
    put_text(json, key, buf_terminated(&text));
}

/* Where the target is found from elsewhere: loopback addresses are told by the machine's name. */
static void put_global_url(struct json *json, const char *instance)
{
    static const char *const loopbacks[] = {"127.0.0.1:", "localhost:", "[::1]:"};
    AUTO(buf_done) struct buf url = {0};
    const char *port = NULL;
    for (size_t i = 0; i < ARRAY_COUNT(loopbacks); i++)
        if (strncmp(instance, loopbacks[i], strlen(loopbacks[i])) == 0)
            port = instance + strlen(loopbacks[i]);
    char host[256] = "";
    if (port && gethostname(host, sizeof host - 1) == 0)
        buf_printf(&url, "http://%s:%s/metrics", host, port);
    else
        buf_printf(&url, "http://%s/metrics", instance);
    put_text(json, "globalUrl", buf_terminated(&url));
}

static void put_labels(struct json *json, const char *key, const char *instance)
{
    json_key(json, key);
    json_object(json);
    put_text(json, "instance", instance);
    put_text(json, "job", SELF_MONITOR_JOB);
    json_object_end(json);
}

static void put_last_scrape(struct json *json, const struct self_monitor_state *state)
{
    bool scraped = state->t_ms != INT64_MIN;
    put_text(json, "lastError", state->fault);
    json_key(json, "lastScrape");
    if (scraped)
        json_time(json, state->t_ms);
    else
        json_text(json, "0001-01-01T00:00:00Z");
    json_key(json, "lastScrapeDuration");
    json_double(json, (double)state->duration_ns / 1e9);
    put_text(json, "health", !scraped ? "unknown" : state->fault[0] ? "down" : "up");
}

static void put_target(struct json *json, struct server *server, struct self_monitor *monitor)
{
    const char *instance = self_monitor_instance(monitor);
    int64_t interval_ms = server->options.self_monitor_interval_ms;
    int64_t timeout_ms = interval_ms < TIMEOUT_MS_MAX ? interval_ms : TIMEOUT_MS_MAX;
    struct self_monitor_state state;
    self_monitor_state(monitor, &state);

    json_object(json);
    json_key(json, "discoveredLabels");
    json_object(json);
    put_text(json, "__address__", instance);
    put_text(json, "__metrics_path__", "/metrics");
    put_text(json, "__scheme__", "http");
    put_duration(json, "__scrape_interval__", interval_ms);
    put_duration(json, "__scrape_timeout__", timeout_ms);
    put_text(json, "job", SELF_MONITOR_JOB);
    json_object_end(json);
    put_labels(json, "labels", instance);
    put_text(json, "scrapePool", SELF_MONITOR_JOB);
    AUTO(buf_done) struct buf url = {0};
    buf_printf(&url, "http://%s/metrics", instance);
    put_text(json, "scrapeUrl", buf_terminated(&url));
    put_global_url(json, instance);
    put_last_scrape(json, &state);
    put_duration(json, "scrapeInterval", interval_ms);
    put_duration(json, "scrapeTimeout", timeout_ms);
    json_object_end(json);
}

void route_targets(struct server *server, const struct request *request, struct answer *answer)
{
    struct self_monitor *monitor = atomic_load(&server->self_monitor);
    struct str state = params_get(&request->url_params, "state");
    bool all = state.len == 0 || state_is(state, "any");
    struct json json = api_begin(answer);
    json_object(&json);
    json_key(&json, "activeTargets");
    json_array(&json);
    if (monitor && (all || state_is(state, "active")) && is_own_pool(request))
        put_target(&json, server, monitor);
    json_array_end(&json);
    json_key(&json, "droppedTargets");
    json_raw(&json, STR("[]"));
    json_key(&json, "droppedTargetCounts");
    if (!all && !state_is(state, "dropped"))
        json_null(&json);
    else
        json_raw(&json, monitor ? STR("{\"" SELF_MONITOR_JOB "\":0}") : STR("{}"));
    json_object_end(&json);
    api_end(&json);
}

void route_scrape_pools(struct server *server, const struct request *request, struct answer *answer)
{
    struct json json = api_begin(answer);
    json_raw(&json, atomic_load(&server->self_monitor)
                        ? STR("{\"scrapePools\":[\"" SELF_MONITOR_JOB "\"]}")
                        : STR("{\"scrapePools\":[]}"));
    api_end(&json);
}

/* The pool that a request is about; false: it is told why there is none. */
static bool pool_find(struct server *server, struct str name, struct answer *answer)
{
    if (name.len == 0) {
        api_fail(answer, FAULT_BAD_DATA, "no scrapePool parameter provided");
        return false;
    }
    if (atomic_load(&server->self_monitor) && str_eq(name, STR(SELF_MONITOR_JOB)))
        return true;
    AUTO(buf_done) struct buf quoted = {0};
    quote_append(&quoted, name);
    api_fail(answer, FAULT_BAD_DATA, "error retrieving scrape config: scrape pool %s not found",
             buf_terminated(&quoted));
    return false;
}

void route_scrape_pool_config(struct server *server, const struct request *request,
                              struct answer *answer)
{
    if (!pool_find(server, params_get(&request->params, "scrapePool"), answer))
        return;
    int64_t interval_ms = server->options.self_monitor_interval_ms;
    AUTO(buf_done) struct buf yaml = {0};
    buf_text(&yaml, "job_name: " SELF_MONITOR_JOB "\nscrape_interval: ");
    duration_print(interval_ms, &yaml);
    buf_text(&yaml, "\nscrape_timeout: ");
    duration_print(interval_ms < TIMEOUT_MS_MAX ? interval_ms : TIMEOUT_MS_MAX, &yaml);
    buf_printf(&yaml,
               "\nmetrics_path: /metrics\nscheme: http\n"
               "static_configs:\n- targets:\n  - %s\n",
               self_monitor_instance(atomic_load(&server->self_monitor)));
    struct json json = api_begin(answer);
    json_object(&json);
    put_text(&json, "yaml", buf_terminated(&yaml));
    json_object_end(&json);
    api_end(&json);
}

void route_relabel_steps(struct server *server, const struct request *request,
                         struct answer *answer)
{
    struct str pool = params_get(&request->params, "scrapePool");
    struct str labels = params_get(&request->params, "labels");
    struct err err;
    if (pool.len && labels.len == 0)
        api_fail(answer, FAULT_BAD_DATA, "no labels parameter provided");
    else if (pool.len && !label_object_check(labels, &err))
        api_fail(answer, FAULT_BAD_DATA, "%s", err.msg);
    else if (pool_find(server, pool, answer)) {
        struct json json = api_begin(answer);
        json_raw(&json, STR("{\"steps\":[]}"));
        api_end(&json);
    }
}

/* Do the matchers of match_target take our target? An empty selector takes all. */
static bool target_is_meant(struct str selector, const struct self_monitor *monitor,
                            struct arena *arena, bool *ret_meant, struct err *err)
{
    struct matcher **matchers = NULL;
    size_t count = 0;
    *ret_meant = monitor != NULL;
    if (selector.len == 0)
        return true;
    if (!parse_selector(selector, arena, &matchers, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct str value = STR("");
        if (monitor && str_eq(matchers[i]->name, STR("instance")))
            value = str_of(self_monitor_instance(monitor));
        else if (str_eq(matchers[i]->name, STR("job")))
            value = STR(SELF_MONITOR_JOB);
        *ret_meant &= matcher_matches(matchers[i], value);
        matcher_done(matchers[i]);
    }
    return true;
}

static void put_metadata(struct json *json, const char *instance,
                         const struct exposition_family *family, bool named)
{
    json_object(json);
    put_labels(json, "target", instance);
    if (!named) {
        json_key(json, "metric");
        json_string(json, family->name);
    }
    put_text(json, "type", write_metric_name(family->type));
    json_key(json, "help");
    json_string(json, family->help);
    put_text(json, "unit", "");
    json_object_end(json);
}

void route_targets_metadata(struct server *server, const struct request *request,
                            struct answer *answer)
{
    struct self_monitor *monitor = atomic_load(&server->self_monitor);
    struct str limit_text = params_get(&request->params, "limit");
    struct str metric = params_get(&request->params, "metric");
    int64_t limit = -1;
    bool meant;
    struct err err;
    if (limit_text.len && !number_parse(limit_text, &limit, &err)) {
        api_fail(answer, FAULT_BAD_DATA, "limit must be a number");
        return;
    }
    if (!target_is_meant(params_get(&request->params, "match_target"), monitor, request->arena,
                         &meant, &err)) {
        api_fail_param(answer, "match_target", err.msg);
        return;
    }
    AUTO(buf_done) struct buf text = {0};
    struct exposition shown = {0};
    if (meant && limit != 0) {
        metrics_print(server, &text);
        if (!exposition_read(buf_view(&text), request->arena, &shown, &err)) {
            api_fail(answer, FAULT_INTERNAL, "%s", err.msg);
            return;
        }
    }
    struct json json = api_begin(answer);
    json_array(&json);
    for (size_t i = 0; i < shown.family_count; i++)
        if (metric.len == 0 || str_eq(metric, shown.families[i].name))
            put_metadata(&json, self_monitor_instance(monitor), &shown.families[i], metric.len > 0);
    json_array_end(&json);
    api_end(&json);
}
