#include "query-tee/tracing.h"

#include <stdlib.h>

#include "base/clock.h"
#include "query-tee/tee.h"
#include "query-tee/tracer.h"

static bool tracing_wants(const struct tee *tee, const struct round_request *request)
{
    return tee->tracer && request->trace.on && request->trace.sampled;
}

static struct span span_of(const struct trace *trace, const char *name, enum span_kind kind)
{
    return (struct span){.trace_id = trace->trace_id, .name = name, .kind = kind};
}

static void span_describe(struct span *span, const struct round_request *request)
{
    span_text(span, "http.request.method", str_of(request->method));
    span_text(span, "url.path", str_of(request->path));
    span_text(span, "querytee.route", str_of(tee_route_name(request->route)));
}

void tracing_request(struct tee *tee, const struct round *round, const struct exchange_end *end)
{
    const struct round_request *request = &round->request;
    const struct trace *trace = &request->trace;
    if (!tracing_wants(tee, request))
        return;
    struct span span = span_of(trace, tee_route_name(request->route), SPAN_SERVER);
    span.id = trace->span_id;
    span.parent_id = trace->has_parent ? trace->parent_id : NULL;
    span.begin_ns = request->now_ms * 1000000;
    span.end_ns = span.begin_ns + end->duration_ns;
    span.failed = !end->complete || end->answer->status >= 500;
    span.failure = end->complete ? NULL : "the client left, or the answer broke off";
    span_describe(&span, request);
    if (request->promql.len)
        span_text(&span, "querytee.query", request->promql);
    if (request->tenant)
        span_text(&span, "querytee.user", str_of(request->tenant));
    if (request->user_agent)
        span_text(&span, "user_agent.original", str_of(request->user_agent));
    span_number(&span, "http.response.status_code", end->answer->status);
    span_number(&span, "http.response.body.size", (int64_t)end->bytes);
    tracer_take(tee->tracer, &span);
}

static void tracing_ask(struct tee *tee, const struct round *round, size_t index)
{
    const struct round_request *request = &round->request;
    const struct ask *ask = &round->asks[index];
    struct span span = span_of(&request->trace, ask->backend->name, SPAN_CLIENT);
    uint8_t id[SPAN_ID_SIZE];
    trace_ask_id(&request->trace, index, id);
    span.id = id;
    span.parent_id = request->trace.span_id;
    span.begin_ns = request->now_ms * 1000000; /* all are asked at once */
    span.end_ns = span.begin_ns + ask->duration_ns;
    span.failed = ask->failure != ERR_NONE || ask->status >= 400;
    span.failure = ask->failure_text;
    span_describe(&span, request);
    span_text(&span, "querytee.backend", str_of(ask->backend->name));
    span_text(&span, "querytee.preferred", ask->backend->preferred ? STR("true") : STR("false"));
    if (ask->status)
        span_number(&span, "http.response.status_code", ask->status);
    span_number(&span, "http.response.body.size", (int64_t)ask->size);
    tracer_take(tee->tracer, &span);
}

void tracing_asks(struct tee *tee, const struct round *round)
{
    if (!tracing_wants(tee, &round->request))
        return;
    for (size_t i = 0; i < round->ask_count; i++)
        tracing_ask(tee, round, i);
}

void tracing_verdict(struct tee *tee, const struct round_request *request,
                     const struct backend *other, const char *result, const char *detail)
{
    if (!tracing_wants(tee, request))
        return;
    struct span span = span_of(&request->trace, "compare", SPAN_INTERNAL);
    uint8_t id[SPAN_ID_SIZE];
    arc4random_buf(id, sizeof id);
    span.id = id;
    span.parent_id = request->trace.span_id;
    span.begin_ns = span.end_ns = clock_now_ms() * 1000000;
    span_text(&span, "querytee.route", str_of(tee_route_name(request->route)));
    span_text(&span, "querytee.backend", str_of(other->name));
    span_text(&span, "querytee.comparison.result", str_of(result));
    if (detail)
        span_text(&span, "querytee.comparison.detail", str_of(detail));
    tracer_take(tee->tracer, &span);
}
