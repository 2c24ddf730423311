#include "server/fallback.h"

#include <string.h>

#include "http/client.h"
#include "http/params.h"
#include "server/api.h"
#include "server/server.h"

bool fallback_read(const char *text, enum engine_fallback *ret_fallback, const char **ret_url,
                   struct err *err)
{
    struct str value = str_of(text);
    *ret_url = NULL;
    *ret_fallback = FALLBACK_NONE;
    if (str_eq(value, STR("reference")))
        *ret_fallback = FALLBACK_REFERENCE;
    else if (str_starts(value, STR("http://")) || str_starts(value, STR("https://")))
        *ret_url = text;
    else if (!str_eq(value, STR("none")))
        return err_set(err, ERR_BAD_DATA,
                       "flag --engine.fallback: \"%s\" is not reference, none or the URL of a "
                       "Prometheus",
                       text);
    return true;
}

bool disabled_read(const char *text, bool disabled[FN_COUNT], struct err *err)
{
    for (;;) {
        struct str name = {text, strcspn(text, ",")};
        const struct function *function = function_find(name);
        if (name.len > 0 && !function)
            return err_set(err, ERR_BAD_DATA,
                           "flag --engine.disable: no function is called \"%.*s\"", STR_ARGS(name));
        if (function)
            disabled[function->id] = true;
        if (text[name.len] == '\0')
            return true;
        text += name.len + 1;
    }
}

bool engine_kind_parse(const char *text, enum engine_kind *ret_kind)
{
    bool reference = strcmp(text, "reference") == 0;
    *ret_kind = reference ? ENGINE_REFERENCE : ENGINE_STREAMING;
    return reference || strcmp(text, "streaming") == 0;
}

/* URL, path and parameters of the request, as the other server is to get them. */
static void forward_target(const char *url, struct str path, const struct request *request,
                           struct buf *out_url, struct buf *out_form)
{
    size_t len = strlen(url);
    buf_append(out_url, url, url[len - 1] == '/' ? len - 1 : len);
    buf_str(out_url, path);
    for (size_t i = 0; i < request->params.count; i++) {
        if (i)
            buf_byte(out_form, '&');
        percent_encode(request->params.items[i].name, out_form);
        buf_byte(out_form, '=');
        percent_encode(request->params.items[i].value, out_form);
    }
}

void fallback_forward(struct server *server, const char *url, const struct request *request,
                      struct answer *answer)
{
    AUTO(buf_done) struct buf target = {0};
    AUTO(buf_done) struct buf form = {0};
    AUTO(client_answer_done) struct client_answer theirs = {0};
    forward_target(url, prefix_below(&server->prefix, request->path), request, &target, &form);
    struct client_request ask = {
        .url = buf_terminated(&target),
        .body = buf_view(&form),
        .timeout_ms = server->options.timeout_ms,
        .size_max = (size_t)server->options.memory_limit,
        .cancel = request->cancel,
    };
    struct err err;
    if (!client_ask(server->client, &ask, &theirs, &err)) {
        err_wrap(&err, "--engine.fallback");
        api_fail_err(answer, &err);
        return;
    }
    answer->status = theirs.status;
    answer->content_type = "application/json";
    answer->body = theirs.body;
    theirs.body = (struct buf){0};
}
