/* What is not the API: health, metrics, and a page for people. */
#include <string.h>

#include "http/html.h"
#include "server/routes.h"
#include "server/server.h"

static void answer_plain(struct answer *answer, const char *text)
{
    answer->status = 200;
    answer->content_type = "text/plain; charset=utf-8";
    buf_text(&answer->body, text);
}

void route_healthy(struct server *server, const struct request *request, struct answer *answer)
{
    answer_plain(answer, "Prometheus Server is Healthy.\n");
}

static void answer_refused(struct answer *answer, int status, const char *text)
{
    answer_plain(answer, text);
    answer->status = status;
}

/* False: it is said why not. */
static bool lifecycle_allowed(const struct server *server, const struct request *request,
                              struct answer *answer)
{
    if (strcmp(request->method, "GET") == 0)
        answer_refused(answer, 405, "Only POST or PUT requests allowed");
    else if (!server->options.lifecycle)
        answer_refused(answer, 403, "Lifecycle API is not enabled.");
    else
        return true;
    return false;
}

/* Asked before the database is open, it waits for that. */
void route_reload(struct server *server, const struct request *request, struct answer *answer)
{
    if (!lifecycle_allowed(server, request, answer) ||
        (!lifecycle_wait_ready(&server->lifecycle, request->cancel) &&
         !routes_ready(server, request, answer)))
        return;
    struct err err;
    err_clear(&err);
    answer->status = 200;
    if (settings_reload(server, &err))
        return;
    AUTO(buf_done) struct buf text = {0};
    buf_printf(&text, "failed to reload config: %s", err.msg);
    answer_error_text(answer, 500, buf_terminated(&text));
}

void route_quit(struct server *server, const struct request *request, struct answer *answer)
{
    if (!lifecycle_allowed(server, request, answer))
        return;
    bool first = lifecycle_quit(&server->lifecycle);
    answer_plain(answer,
                 first ? "Requesting termination... Goodbye!" : "Termination already in progress.");
}

void route_ready(struct server *server, const struct request *request, struct answer *answer)
{
    if (routes_ready(server, request, answer))
        answer_plain(answer, "Prometheus Server is Ready.\n");
}

void route_metrics(struct server *server, const struct request *request, struct answer *answer)
{
    answer->status = 200;
    answer->content_type = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
    answer->compress = true;
    atomic_fetch_add(&server->metrics.scrapes_running, 1);
    metrics_print(server, &answer->body);
    atomic_fetch_sub(&server->metrics.scrapes_running, 1);
}

/* Where links of Grafana and of alerts lead. */
void route_graph(struct server *server, const struct request *request, struct answer *answer)
{
    AUTO(buf_done) struct buf path = {0};
    buf_printf(&path, "%squery", server->prefix.home);
    answer->status = 302;
    answer_header(answer, "Location", route_location(request, buf_view(&path)));
}

void route_home(struct server *server, const struct request *request, struct answer *answer)
{
    static const char head[] =
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<title>Millrace</title>\n<style>body{font:16px/1.5 sans-serif;max-width:44em;"
        "margin:2em auto;padding:0 1em}code{background:#8882;padding:.1em .3em}</style></head>\n"
        "<body><h1>Millrace</h1>\n<p>PromQL over Prometheus's HTTP API. Point Grafana's Prometheus "
        "data source at this address, or ask by hand:</p>\n"
        "<form action=\"api/v1/query\"><input name=\"query\" size=\"60\" "
        "aria-label=\"PromQL expression\" value=\"";
    struct str asked = params_get(&request->params, "g0.expr");
    answer->status = 200;
    answer->content_type = "text/html; charset=utf-8";
    buf_text(&answer->body, head);
    html_text(&answer->body, asked.len ? asked : STR("up"));
    buf_text(&answer->body, "\"> <button>Query</button></form>\n<ul>\n");
    for (size_t i = 0; route_path(i); i++)
        buf_printf(&answer->body, "<li><code>%s</code></li>\n", route_path(i));
    buf_printf(&answer->body, "</ul>\n<p>Version %s</p></body></html>\n", server_version);
}
