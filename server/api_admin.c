/*
 * /api/v1/admin/tsdb/...: deleting series, cleaning tombstones, snapshots; where
 * --web.enable-admin-api switches them on.
 *
 * Unlike Prometheus, which deletes one selector's series before it reads the next one, all
 * selectors are read first: a request with a bad one deletes nothing.
 */
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "base/file.h"
#include "base/quote.h"
#include "server/api.h"
#include "server/routes.h"
#include "server/selectors.h"
#include "server/server.h"
#include "storage/db_admin.h"

static bool admin_is_enabled(const struct server *server, struct answer *answer)
{
    if (!server->options.admin_api)
        api_fail(answer, FAULT_UNAVAILABLE, "admin APIs disabled");
    return server->options.admin_api;
}

static void admin_log(struct server *server, const char *what, const struct err *err)
{
    struct log_line line = err ? log_begin(&server->log, LOG_LEVEL_ERROR, "Administration failed")
                               : log_begin(&server->log, LOG_LEVEL_INFO, "Administration done");
    log_text(&line, "what", what);
    if (err)
        log_text(&line, "err", err->msg);
    log_end(&line);
}

static bool delete_all(struct server *server, const struct selectors *selectors, struct err *err)
{
    struct time_range range = {selectors->begin_ms, selectors->end_ms};
    for (size_t i = 0; i < selectors->count; i++)
        if (!db_delete_series(server->db, selectors->sets[i], selectors->counts[i], range, err))
            return false;
    return true;
}

void route_delete_series(struct server *server, const struct request *request,
                         struct answer *answer)
{
    AUTO(selectors_done) struct selectors selectors = {.arena = request->arena};
    struct err err;
    struct str first;
    size_t at = 0;
    const char *param;
    if (!admin_is_enabled(server, answer))
        return;
    if (request->params.fault) {
        api_fail(answer, FAULT_BAD_DATA, "error parsing form values: %s", request->params.fault);
    } else if (!params_next(&request->params, "match[]", &at, &first)) {
        api_fail(answer, FAULT_BAD_DATA, "no match[] parameter provided");
    } else if (!selectors_read_times(&selectors, request, &param, &err)) {
        api_fail_param(answer, param, err.msg);
    } else if (!selectors_read_any(&selectors, request, &err)) {
        api_fail_param(answer, "match[]", err.msg);
    } else if (!delete_all(server, &selectors, &err)) {
        admin_log(server, "delete_series", &err);
        api_fail(answer, FAULT_INTERNAL, "%s", err.msg);
    } else {
        admin_log(server, "delete_series", NULL);
        api_no_content(answer);
    }
}

void route_clean_tombstones(struct server *server, const struct request *request,
                            struct answer *answer)
{
    struct err err;
    if (!admin_is_enabled(server, answer))
        return;
    if (!db_clean_tombstones(server->db, &err)) {
        admin_log(server, "clean_tombstones", &err);
        api_fail(answer, FAULT_INTERNAL, "%s", err.msg);
        return;
    }
    admin_log(server, "clean_tombstones", NULL);
    api_no_content(answer);
}

/* strconv.ParseBool; "" is false. */
static bool read_skip_head(struct str text, bool *ret_skip)
{
    static const char *const words[2][6] = {
        {"0", "f", "F", "false", "FALSE", "False"},
        {"1", "t", "T", "true", "TRUE", "True"},
    };
    *ret_skip = false;
    for (unsigned value = 0; value < 2; value++)
        for (size_t i = 0; i < ARRAY_COUNT(words[value]); i++)
            if (str_eq(text, str_of(words[value][i]))) {
                *ret_skip = value;
                return true;
            }
    return text.len == 0;
}

/* "20261122T103000Z-0123456789abcdef", as Prometheus calls them. */
static void snapshot_name(char *out, size_t out_size)
{
    uint64_t number = 0;
    time_t now = time(NULL);
    struct tm tm = {0};
    char text[32];
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        number = (uint64_t)now;
    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &tm);
    snprintf(out, out_size, "%s-%016llx", text, (unsigned long long)(number >> 1));
}

static bool take_snapshot(struct server *server, const char *name, bool skip_head, struct err *err)
{
    AUTO(buf_done) struct buf dir = {0};
    buf_printf(&dir, "%s/snapshots", server->options.path);
    if (!file_make_folder(buf_terminated(&dir), err))
        return err_wrap(err, "create snapshot directory");
    buf_printf(&dir, "/%s", name);
    return db_snapshot(server->db, buf_terminated(&dir), !skip_head, err) ||
           err_wrap(err, "create snapshot");
}

void route_snapshot(struct server *server, const struct request *request, struct answer *answer)
{
    struct err err;
    struct str text = params_get(&request->params, "skip_head");
    bool skip_head;
    char name[64];
    if (!admin_is_enabled(server, answer))
        return;
    if (!read_skip_head(text, &skip_head)) {
        AUTO(buf_done) struct buf why = {0};
        buf_text(&why, "unable to parse boolean: strconv.ParseBool: parsing ");
        quote_append(&why, text);
        buf_text(&why, ": invalid syntax");
        api_fail_param(answer, "skip_head", buf_terminated(&why));
        return;
    }
    snapshot_name(name, sizeof name);
    if (!take_snapshot(server, name, skip_head, &err)) {
        admin_log(server, "snapshot", &err);
        api_fail(answer, FAULT_INTERNAL, "%s", err.msg);
        return;
    }
    admin_log(server, "snapshot", NULL);
    struct json json = api_begin(answer);
    json_object(&json);
    json_key(&json, "name");
    json_text(&json, name);
    json_object_end(&json);
    api_end(&json);
}
