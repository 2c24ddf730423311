/* What is not the API: health, metrics, and a page for people. */
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

void route_ready(struct server *server, const struct request *request, struct answer *answer)
{
    if (request->stopping) {
        answer_error_text(answer, 503, "Service Unavailable");
        answer_header(answer, "X-Prometheus-Stopping", "true");
        return;
    }
    answer_plain(answer, "Prometheus Server is Ready.\n");
}

void route_metrics(struct server *server, const struct request *request, struct answer *answer)
{
    answer->status = 200;
    answer->content_type = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
    answer->compress = true;
    metrics_print(server, &answer->body);
}

void route_home(struct server *server, const struct request *request, struct answer *answer)
{
    static const char head[] =
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<title>Millrace</title>\n<style>body{font:16px/1.5 sans-serif;max-width:44em;"
        "margin:2em auto;padding:0 1em}code{background:#8882;padding:.1em .3em}</style></head>\n"
        "<body><h1>Millrace</h1>\n<p>PromQL over Prometheus's HTTP API. Point Grafana's Prometheus "
        "data source at this address, or ask by hand:</p>\n"
        "<form action=\"/api/v1/query\"><input name=\"query\" size=\"60\" value=\"up\" "
        "aria-label=\"PromQL expression\"> <button>Query</button></form>\n<ul>\n";
    answer->status = 200;
    answer->content_type = "text/html; charset=utf-8";
    buf_text(&answer->body, head);
    for (size_t i = 0; route_path(i); i++)
        buf_printf(&answer->body, "<li><code>%s</code></li>\n", route_path(i));
    buf_printf(&answer->body, "</ul>\n<p>Version %s</p></body></html>\n", server_version);
}
