/*
 * Rules, alerts and the like: there are none here, and clients that look for them go on
 * when they get well-formed empty answers.
 */
#include "base/arena.h"
#include "base/quote.h"
#include "server/api.h"
#include "server/param.h"
#include "server/routes.h"
#include "server/selectors.h"
#include "server/server.h"

static void answer_raw(struct answer *answer, struct str data)
{
    struct json json = api_begin(answer);
    json_raw(&json, data);
    api_end(&json);
}

static void lower_append(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool upper = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z';
        buf_byte(out, (char)(upper ? text.ptr[i] | 0x20 : text.ptr[i]));
    }
}

static bool is_one_of(struct str text, const char *a, const char *b)
{
    return text.len == 0 || str_eq(text, str_of(a)) || str_eq(text, str_of(b));
}

/* The checks of the parameters of /rules: false, with ERR_BAD_DATA, for the one that is wrong. */
static bool rules_check_type(struct str type, struct err *err)
{
    if (is_one_of(type, "alert", "record"))
        return true;
    AUTO(buf_done) struct buf quoted = {0};
    quote_append(&quoted, type);
    return err_set(err, ERR_BAD_DATA, "not supported value %s", buf_terminated(&quoted));
}

static bool rules_check_exclude(struct str text, struct err *err)
{
    bool exclude;
    return text.len == 0 || bool_parse(text, &exclude, err) ||
           err_wrap(err, "error converting exclude_alerts");
}

static bool rules_check_limit(struct str text, struct err *err)
{
    int64_t limit;
    if (text.len == 0)
        return true;
    if (!int32_parse(text, &limit, err))
        return err_wrap(err, "group_limit needs to be a valid number");
    return limit > 0 || err_set(err, ERR_BAD_DATA, "group_limit needs to be greater than 0");
}

/* A token names the group at which the next page begins, and there is no group. */
static bool rules_check_token(struct str token, struct err *err)
{
    return token.len == 0 ||
           err_set(err, ERR_BAD_DATA, "invalid group_next_token '%.*s'. were rule groups changed?",
                   (int)token.len, token.ptr);
}

/* Checks all; *ret_param names the wrong one. */
static bool rules_check(const struct request *request, const char **ret_param, struct err *err)
{
    AUTO(buf_done) struct buf type = {0};
    AUTO(buf_done) struct buf exclude = {0};
    const struct params *params = &request->url_params;
    struct str limit = params_get(params, "group_limit");
    struct str token = params_get(params, "group_next_token");
    lower_append(&type, params_get(params, "type"));
    lower_append(&exclude, params_get(params, "exclude_alerts"));
    *ret_param = "type";
    if (!rules_check_type(buf_view(&type), err))
        return false;
    *ret_param = "exclude_alerts";
    if (!rules_check_exclude(buf_view(&exclude), err))
        return false;
    *ret_param = "group_next_token";
    if (token.len && limit.len == 0)
        return err_set(err, ERR_BAD_DATA,
                       "group_limit needs to be present in order to paginate over the groups");
    *ret_param = "group_limit";
    if (!rules_check_limit(limit, err))
        return false;
    *ret_param = "group_next_token";
    return rules_check_token(token, err);
}

void route_rules(struct server *server, const struct request *request, struct answer *answer)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(&server->listing_budget);
    AUTO(selectors_done) struct selectors selectors = {.arena = arena};
    const char *param;
    struct err err;
    err_clear(&err);
    if (request->params.fault)
        api_fail(answer, FAULT_BAD_DATA, "error parsing form values: %s", request->params.fault);
    else if (!selectors_read(&selectors, request, &err))
        api_fail(answer, FAULT_BAD_DATA, "%s", err.msg);
    else if (!rules_check(request, &param, &err))
        api_fail_param(answer, param, err.msg);
    else
        answer_raw(answer, STR("{\"groups\":[]}"));
}

void route_alerts(struct server *server, const struct request *request, struct answer *answer)
{
    answer_raw(answer, STR("{\"alerts\":[]}"));
}

void route_alertmanagers(struct server *server, const struct request *request,
                         struct answer *answer)
{
    answer_raw(answer, STR("{\"activeAlertmanagers\":[],\"droppedAlertmanagers\":[]}"));
}

static void put_notification(struct json *json, const char *text, int64_t since_ms)
{
    json_object(json);
    json_key(json, "text");
    json_text(json, text);
    json_key(json, "date");
    json_time(json, since_ms);
    json_key(json, "active");
    json_bool(json, true);
    json_object_end(json);
}

/* In Prometheus's words, so that what shows them knows them. */
void route_notifications(struct server *server, const struct request *request,
                         struct answer *answer)
{
    const struct settings_place *settings = &server->settings;
    struct json json = api_begin(answer);
    json_array(&json);
    if (lifecycle_phase(&server->lifecycle) == PHASE_STARTING)
        put_notification(&json, "Prometheus is starting and replaying the write-ahead log (WAL).",
                         server->start_ms);
    if (!atomic_load(&settings->good))
        put_notification(&json, "Configuration reload has failed.",
                         atomic_load(&settings->tried_ms));
    if (lifecycle_phase(&server->lifecycle) == PHASE_STOPPING)
        put_notification(&json,
                         "Prometheus is shutting down and gracefully stopping all operations.",
                         atomic_load(&server->lifecycle.stop_ms));
    json_array_end(&json);
    api_end(&json);
}

/* As a Prometheus that takes no subscribers: who asks is not to ask again, and looks now and then.
 */
void route_notifications_live(struct server *server, const struct request *request,
                              struct answer *answer)
{
    answer->status = 204;
    answer_header(answer, "Content-Type", "text/event-stream");
    answer_header(answer, "Cache-Control", "no-cache");
}

/* As a Prometheus without the feature. */
void route_search(struct server *server, const struct request *request, struct answer *answer)
{
    api_fail(answer, FAULT_UNAVAILABLE, "search API disabled");
}
