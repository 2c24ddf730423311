/*
 * Rules, alerts and the like: there are none here, and clients that look for them go on
 * when they get well-formed empty answers.
 */
#include <strings.h>

#include "base/quote.h"
#include "server/api.h"
#include "server/param.h"
#include "server/routes.h"

static void answer_raw(struct answer *answer, struct str data)
{
    struct json json = api_begin(answer);
    json_raw(&json, data);
    api_end(&json);
}

/* False: the answer says what is wrong with it. */
static bool rules_check_type(const struct request *request, struct answer *answer)
{
    struct str type = params_get(&request->url_params, "type");
    bool known = type.len == 0 || (type.len == 5 && strncasecmp(type.ptr, "alert", 5) == 0) ||
                 (type.len == 6 && strncasecmp(type.ptr, "record", 6) == 0);
    if (known)
        return true;
    AUTO(buf_done) struct buf text = {0};
    buf_text(&text, "not supported value ");
    quote_append(&text, type);
    api_fail_param(answer, "type", buf_terminated(&text));
    return false;
}

void route_rules(struct server *server, const struct request *request, struct answer *answer)
{
    if (request->params.fault)
        api_fail(answer, FAULT_BAD_DATA, "error parsing form values: %s", request->params.fault);
    else if (rules_check_type(request, answer))
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

void route_notifications(struct server *server, const struct request *request,
                         struct answer *answer)
{
    answer_raw(answer, STR("[]"));
}
