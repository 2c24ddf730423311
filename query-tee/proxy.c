/*
 * The life of a request, on its connection's thread:
 *
 *     proxy_handle      finds the route, copies the request, picks backends
 *       round_start       all of them are asked at once, the preferred one here, the others by
 *                         the loop
 *       round_choose      waits until it is certain whose answer goes on
 *     body_next         hands its body on while it comes
 *
 * and on the ledger's thread once all backends have ended, maybe long after the client has gone:
 *
 *     ledger_count      counts, and gives pairs of answers to the judge
 */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/path.h"
#include "query-tee/incoming.h"
#include "query-tee/ledger.h"
#include "query-tee/page.h"
#include "query-tee/reach.h"
#include "query-tee/tee.h"
#include "query-tee/tracer.h"
#include "query-tee/tracing.h"

/* A body on its way to the client. */
struct body_stream {
    struct stream stream;
    struct round *round; /* a reference: the stream may outlive the answer's notice */
    struct ask *ask;
    uint64_t offset;
    struct arena *arena;      /* of the client's request, */
    const _Atomic bool *gone; /* as is this */
};

static bool body_next(struct stream *stream, struct buf *out, bool *ret_more, struct err *err)
{
    struct body_stream *self = CONTAINER(struct body_stream, stream, stream);
    uint64_t left;
    size_t size;
    if (!spool_await(self->ask->body, self->offset, self->gone, &left, err))
        return false;
    *ret_more = left > 0;
    if (left == 0)
        return true;
    if (left > STREAM_PIECE_SIZE)
        left = STREAM_PIECE_SIZE;
    if (!spool_read(self->ask->body, self->offset, buf_reserve(out, left), left, &size, err))
        return false;
    self->offset += size;
    spool_followed(self->ask->body, self->offset);
    out->len += size;
    return true;
}

/* Of an answer in whose place there is an error; 499 as the server has it, for a log alone. */
static int failure_status(enum err_kind kind)
{
    return kind == ERR_CANCELED ? 499 : kind == ERR_TIMEOUT ? 504 : 502;
}

static void body_fail(struct stream *stream, struct answer *answer, const struct err *err)
{
    struct body_stream *self = CONTAINER(struct body_stream, stream, stream);
    answer->content_type = NULL;
    answer->header_count = 0;
    const char *text = arena_printf(self->arena, "%s: %s", self->ask->backend->name, err->msg);
    answer_error_text(answer, failure_status(err->kind), text);
}

static void body_close(struct stream *stream)
{
    struct body_stream *self = CONTAINER(struct body_stream, stream, stream);
    ask_desert(self->ask);
    round_unref(self->round);
    free(self);
}

static const struct stream_class body_class = {body_next, body_fail, body_close};

/* Chance decides; shares of requests come out right, without a lock. */
static bool tee_chance(struct tee *tee, double share)
{
    uint64_t n =
        atomic_fetch_add_explicit(&tee->random, UINT64_C(0x9E3779B97F4A7C15), memory_order_relaxed);
    n = (n ^ n >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    n = (n ^ n >> 27) * UINT64_C(0x94D049BB133111EB);
    n ^= n >> 31;
    return (double)(n >> 11) * 0x1p-53 < share;
}

/* Does the request touch data of that age? What bounds nothing touches all there is. */
static bool request_is_old_enough(const struct tee *tee, const struct round_request *request,
                                  int64_t min_age_ms)
{
    int64_t oldest_ms = request->start_ms;
    struct reach reach;
    bool query =
        request->route && (route_is_instant(request->route) || route_is_range(request->route));
    if (query && oldest_ms != INT64_MIN &&
        reach_of_query(request->promql, request->start_ms, request->end_ms,
                       tee->options.lookback_ms, &reach))
        oldest_ms = reach.oldest_ms;
    return oldest_ms <= request->now_ms - min_age_ms;
}

/* Why a backend is not asked, or NULL. */
static const char *backend_refusal(struct tee *tee, const struct round_request *request,
                                   struct backend *backend)
{
    if (backend->preferred)
        return NULL;
    if (!request->route)
        return "passthrough";
    if (backend->min_age_ms > 0 && !request_is_old_enough(tee, request, backend->min_age_ms))
        return "min_data_queried_age";
    if (backend->proportion < 1 && !tee_chance(tee, backend->proportion))
        return "proportion";
    if (tee->backends.preferred && atomic_load(&backend->in_flight) >= tee->options.in_flight_max)
        return "too_many_in_flight";
    return NULL;
}

static size_t proxy_pick(struct tee *tee, const struct round_request *request,
                         struct backend *ret_backends[BACKENDS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < tee->backends.count; i++) {
        struct backend *backend = &tee->backends.items[i];
        const char *refusal = backend_refusal(tee, request, backend);
        if (!refusal)
            ret_backends[count++] = backend;
        else if (request->route)
            tally_add(tee->tally, TALLY_NOT_ASKED, 1, "backend=\"%s\",reason=\"%s\"", backend->name,
                      refusal);
    }
    if (count == 0) /* all are for older data: somebody must answer */
        ret_backends[count++] = &tee->backends.items[0];
    return count;
}

/* The chosen backend's answer; without one, what went wrong. NULL: the client has left. */
static void proxy_hand_on(struct tee *tee, struct round *round, struct ask *ask,
                          const struct request *request, struct answer *answer)
{
    struct arena *arena = request->arena;
    answer->tag = round;
    if (!ask) {
        answer_error_text(answer, failure_status(ERR_CANCELED), "canceled");
        return;
    }
    tally_add(tee->tally, TALLY_RESPONSES, 1, "backend=\"%s\",method=\"%s\",route=\"%s\"",
              ask->backend->name, tee_method_label(round->request.method),
              tee_route_name(round->request.route));
    if (ask->status == 0) {
        ask_desert(ask);
        const char *text = arena_printf(arena, "%s: %s", ask->backend->name, ask->failure_text);
        answer_error_text(answer, failure_status(ask->failure), text);
        return;
    }
    struct body_stream *body = mem_new(struct body_stream);
    *body = (struct body_stream){
        .stream.class = &body_class,
        .round = round_ref(round),
        .ask = ask,
        .arena = arena,
        .gone = request->cancel,
    };
    answer->status = ask->status;
    answer->content_type = ask->content_type ? ask->content_type : "application/octet-stream";
    answer->compress = round->request.unpacked && !ask->packed;
    for (size_t i = 0; i < ask->header_count; i++)
        answer_header(answer, ask->headers[i].name, ask->headers[i].value);
    answer->stream = &body->stream;
}

static void proxy_round_done(struct round *round, void *context)
{
    struct tee *tee = context;
    ledger_take(tee->ledger, round);
}

/* As a folder: without the slash that may stand at its end. */
static struct str proxy_prefix(const struct tee *tee)
{
    struct str prefix = str_of(tee->options.path_prefix);
    while (prefix.len > 0 && prefix.ptr[prefix.len - 1] == '/')
        prefix.len--;
    return prefix;
}

static void proxy_ask(struct tee *tee, const struct request *request, const struct route *route,
                      struct answer *answer)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(&tee->request_budget);
    struct incoming_options options = {
        .prefix = proxy_prefix(tee),
        .add_time = tee->options.add_time,
        .now_ms = clock_now_ms(),
        .sampler = tee->tracer ? tracer_sampler(tee->tracer) : NULL,
    };
    struct round_request asked;
    struct err err;
    if (!incoming_read(request, route, &options, arena, &asked, &err)) {
        answer_error_text(answer, 503, "too many large requests at once; try again later");
        return;
    }
    struct backend *backends[BACKENDS_MAX];
    size_t count = proxy_pick(tee, &asked, backends);
    struct round *round = round_create(&tee->rounds, TAKE(arena), &asked, backends, count,
                                       (struct round_notice){proxy_round_done, tee});
    round_start(round, request->cancel);
    proxy_hand_on(tee, round, round_choose(round, request->cancel), request, answer);
}

/* The paths that are answered here; false: it is none of them. */
static bool proxy_answer_own(struct tee *tee, struct str path, struct answer *answer)
{
    if (str_eq(path, STR("/"))) {
        answer->status = 200;
        answer->content_type = "text/html; charset=utf-8";
        answer->compress = true;
        page_print(tee, &answer->body);
    } else if (str_eq(path, STR("/api/v1/tee"))) {
        answer->status = 200;
        answer->content_type = "application/json";
        answer->compress = true;
        page_print_json(tee, &answer->body);
    } else if (str_eq(path, STR("/ready"))) {
        answer->status = 200;
        answer->content_type = "text/plain; charset=utf-8";
        buf_text(&answer->body, "ready\n");
    } else {
        return false;
    }
    return true;
}

static const char *route_allowed(const struct route *route)
{
    return route->get ? (route->post ? "GET, POST" : "GET") : "POST";
}

void proxy_handle(void *context, const struct request *request, struct answer *answer)
{
    struct tee *tee = context;
    struct str path = request->path, below;
    bool get = strcmp(request->method, "GET") == 0;
    if (request->stopping) {
        answer_error_text(answer, 503, "Service Unavailable");
        return;
    }
    if (get && proxy_answer_own(tee, path, answer))
        return;
    if (!path_below(proxy_prefix(tee), path, &below)) {
        answer_error_text(answer, 404, "404 page not found");
        return;
    }
    const struct route *route = route_find(below);
    if (route && !(get && route->get) && !(strcmp(request->method, "POST") == 0 && route->post)) {
        answer_error_text(answer, 405, "Method Not Allowed");
        answer_header(answer, "Allow", route_allowed(route));
    } else if (!route && below.len < path.len && get && proxy_answer_own(tee, below, answer)) {
        return;
    } else if (!route && !tee->options.passthrough) {
        answer_error_text(answer, 404, "404 page not found");
    } else {
        proxy_ask(tee, request, route, answer);
    }
}

void proxy_finished(void *context, const struct exchange_end *end)
{
    struct tee *tee = context;
    struct round *round = end->answer->tag;
    if (!round)
        return;
    const char *route = tee_route_name(round->request.route);
    tally_observe(tee->tally, TALLY_CLIENT_SECONDS, (double)end->duration_ns / 1e9, "route=\"%s\"",
                  route);
    if (!end->complete)
        tally_add(tee->tally, TALLY_CLIENTS_GONE, 1, "route=\"%s\"", route);
    tracing_request(tee, round, end);
    round_unref(round);
}
