#include "query-tee/round.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"

#define PIECE_SIZE ((size_t)64 << 10)

/* Of an answer's headers these go on to the client. Its coding does only where it was kept. */
static const char *const headers_kept[] = {
    "Cache-Control", "Content-Encoding", "Retry-After",           "WWW-Authenticate",
    "Warning",       "Location",         "X-Prometheus-Stopping",
};

static_assert(ARRAY_COUNT(headers_kept) <= ASK_HEADERS_MAX, "each has its place");

struct round *round_create(struct round_options *options, struct arena *arena,
                           const struct round_request *request, struct backend *const *backends,
                           size_t count, struct round_notice notice)
{
    struct round *round = arena_new(arena, struct round);
    atomic_init(&round->ref_count, 1);
    round->options = options;
    round->arena = arena;
    round->request = *request;
    round->asks = arena_array(arena, struct ask, count);
    round->ask_count = count;
    round->running = count;
    round->notice = notice;
    pthread_mutex_init(&round->mutex, NULL);
    pthread_cond_init(&round->changed, NULL);
    for (size_t i = 0; i < count; i++)
        round->asks[i] = (struct ask){
            .round = round,
            .backend = backends[i],
            .body = spool_create(&options->spool),
        };
    return round;
}

struct round *round_ref(struct round *round)
{
    atomic_fetch_add_explicit(&round->ref_count, 1, memory_order_relaxed);
    return round;
}

void round_unref(struct round *round)
{
    if (!round || atomic_fetch_sub_explicit(&round->ref_count, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < round->ask_count; i++)
        spool_unref(round->asks[i].body);
    pthread_cond_destroy(&round->changed);
    pthread_mutex_destroy(&round->mutex);
    arena_destroy(round->arena);
}

/* Is this one in the backend's own headers? */
static bool backend_has_header(const struct backend *backend, const char *name)
{
    for (size_t i = 0; i < backend->header_count; i++)
        if (strcasecmp(backend->headers[i].name, name) == 0)
            return true;
    return false;
}

static void header_add(struct client_request *to, struct client_header *headers, const char *name,
                       const char *value)
{
    headers[to->header_count++] = (struct client_header){name, value};
}

/* The request as this backend gets it; all of it in `arena`. */
static void ask_make(const struct ask *ask, struct arena *arena, struct client_request *ret_request)
{
    const struct round_request *request = &ask->round->request;
    const struct round_options *options = ask->round->options;
    const struct backend *backend = ask->backend;
    struct client_header *headers =
        arena_array(arena, struct client_header, request->header_count + backend->header_count + 3);
    struct client_request made = {
        .url = arena_printf(arena, "%s%s%s%s", backend->base, request->path,
                            *request->query ? "?" : "", request->query),
        .method = request->method,
        .body = request->body,
        .headers = headers,
        .access = &backend->access,
        .timeout_ms = options->timeout_ms,
        .cancel = options->cancel,
    };
    for (size_t i = 0; i < request->header_count; i++)
        if (!backend_has_header(backend, request->headers[i].name))
            header_add(&made, headers, request->headers[i].name, request->headers[i].value);
    for (size_t i = 0; i < backend->header_count; i++)
        header_add(&made, headers, backend->headers[i].name, backend->headers[i].value);
    const char *authorization =
        backend_authorization(backend, request->authorization, request->tenant, arena);
    if (authorization && !backend_has_header(backend, "Authorization"))
        header_add(&made, headers, "Authorization", authorization);
    if (*options->cluster_label)
        header_add(&made, headers, "X-Cluster", options->cluster_label);
    *ret_request = made;
}

/* Nobody looks at these before the ask has its turn. */
static void ask_take_head(struct ask *ask, struct client_stream *stream)
{
    struct round *round = ask->round;
    const char *type = client_stream_header(stream, "Content-Type");
    pthread_mutex_lock(&round->mutex); /* for the arena */
    ask->status = client_stream_status(stream);
    ask->content_type = type ? arena_text(round->arena, str_of(type)) : NULL;
    for (size_t i = 0; i < ARRAY_COUNT(headers_kept); i++) {
        const char *name = headers_kept[i];
        const char *value = client_stream_header(stream, name);
        if (!value || (round->request.unpacked && strcasecmp(name, "Content-Encoding") == 0))
            continue;
        ask->headers[ask->header_count++] =
            (struct client_header){name, arena_text(round->arena, str_of(value))};
    }
    pthread_mutex_unlock(&round->mutex);
}

static void ask_announce(struct ask *ask)
{
    struct round *round = ask->round;
    pthread_mutex_lock(&round->mutex);
    ask->turn = ++round->turns;
    ask->state = ASK_ANSWERING;
    pthread_cond_broadcast(&round->changed);
    pthread_mutex_unlock(&round->mutex);
}

/* Whole pieces, so that readers are not woken for each packet. *ret_size < PIECE_SIZE: the end. */
static bool ask_read_piece(struct client_stream *stream, char *piece, size_t *ret_size,
                           struct err *err)
{
    size_t got;
    *ret_size = 0;
    do {
        if (!client_stream_read(stream, piece + *ret_size, PIECE_SIZE - *ret_size, &got, err))
            return false;
        *ret_size += got;
    } while (got > 0 && *ret_size < PIECE_SIZE);
    return true;
}

static void ask_end(struct ask *ask, int64_t duration_ns, const struct err *err)
{
    struct round *round = ask->round;
    atomic_fetch_sub(&ask->backend->in_flight, 1);
    pthread_mutex_lock(&round->mutex);
    ask->duration_ns = duration_ns;
    ask->size = spool_size(ask->body);
    if (err) {
        ask->failure = err->kind;
        ask->failure_text = arena_text(round->arena, str_of(err->msg));
    }
    if (ask->turn == 0)
        ask->turn = ++round->turns;
    ask->state = ASK_DONE;
    bool last = --round->running == 0;
    pthread_cond_broadcast(&round->changed);
    pthread_mutex_unlock(&round->mutex);
    if (!last)
        return;
    if (round->notice.done)
        round->notice.done(round, round->notice.context);
    atomic_fetch_sub(&round->options->round_count, 1);
}

/* One ask on its way. */
struct asking {
    struct ask *ask;
    struct arena *arena;
    struct client_request request;
    struct client_stream *stream;
    char *piece;
    int64_t begin_ns;
};

/* `err` NULL: the answer is complete. All is freed. */
static void asking_end(struct asking *asking, const struct err *err)
{
    struct ask *ask = asking->ask;
    struct round *round = ask->round;
    int64_t duration_ns = clock_monotonic_ns() - asking->begin_ns;
    client_stream_close(asking->stream);
    if (err)
        spool_fail(ask->body, err);
    else
        spool_end(ask->body);
    arena_destroy(asking->arena);
    ask_end(ask, duration_ns, err);
    round_unref(round);
}

/* The next piece into the spool. False: that was the end, in one way or another. */
static bool asking_next(struct asking *asking)
{
    struct err err, unused;
    size_t size;
    bool good = ask_read_piece(asking->stream, asking->piece, &size, &err);
    good &= spool_append(asking->ask->body, asking->piece, size, good ? &err : &unused);
    if (good && size == PIECE_SIZE)
        return true;
    asking_end(asking, good ? NULL : &err);
    return false;
}

/*
 * Up to the first piece, with which the answer is announced; if there is no more than that, its end
 * announces it. NULL: it has ended.
 */
static struct asking *asking_begin(struct ask *ask)
{
    struct arena *arena = arena_create(NULL);
    struct asking *asking = arena_new(arena, struct asking);
    struct err err;
    *asking = (struct asking){.ask = ask, .arena = arena, .begin_ns = clock_monotonic_ns()};
    ask_make(ask, arena, &asking->request);
    if (!client_open(ask->round->options->client, &asking->request, &asking->stream, &err)) {
        asking_end(asking, &err);
        return NULL;
    }
    ask_take_head(ask, asking->stream);
    asking->piece = arena_alloc_uncleared(arena, PIECE_SIZE, 1);
    if (!asking_next(asking))
        return NULL;
    ask_announce(ask);
    return asking;
}

static void asking_go_on(void *context)
{
    while (asking_next(context))
        ;
}

static void ask_run(void *context)
{
    struct asking *asking = asking_begin(context);
    if (asking)
        asking_go_on(asking);
}

void round_start(struct round *round, bool here)
{
    struct crew *crew = round->options->crew;
    struct ask *own = NULL;
    atomic_fetch_add(&round->options->round_count, 1);
    for (size_t i = 0; i < round->ask_count; i++) {
        struct ask *ask = &round->asks[i];
        atomic_fetch_add(&ask->backend->in_flight, 1);
        round_ref(round);
        if (here && ask->backend->preferred)
            own = ask;
        else
            crew_run(crew, ask_run, ask);
    }
    if (!own)
        return;
    spool_follow(own->body);
    struct asking *asking = asking_begin(own);
    if (asking)
        crew_run(crew, asking_go_on, asking);
}

static bool status_is_good(int status)
{
    return (status >= 200 && status < 300) || (status >= 400 && status < 500 && status != 429);
}

/* With the mutex held: the answer to hand on, or NULL while that is open. */
static struct ask *round_look(struct round *round)
{
    struct ask *good = NULL, *first = NULL;
    bool all = true;
    for (size_t i = 0; i < round->ask_count; i++) {
        struct ask *ask = &round->asks[i];
        if (ask->backend->preferred)
            return ask->turn ? ask : NULL;
        all &= ask->turn != 0;
        if (ask->turn == 0)
            continue;
        if (status_is_good(ask->status) && (!good || ask->turn < good->turn))
            good = ask;
        /* One that answered badly is better than one that did not answer. */
        if (!first || (ask->status != 0) > (first->status != 0) ||
            ((ask->status != 0) == (first->status != 0) && ask->turn < first->turn))
            first = ask;
    }
    if (good)
        return good;
    return all ? first : NULL;
}

struct ask *round_choose(struct round *round)
{
    struct ask *chosen;
    for (size_t i = 0; i < round->ask_count; i++)
        if (round->asks[i].backend->preferred)
            spool_follow(round->asks[i].body);
    pthread_mutex_lock(&round->mutex);
    while (!(chosen = round_look(round)))
        pthread_cond_wait(&round->changed, &round->mutex);
    pthread_mutex_unlock(&round->mutex);
    spool_follow(chosen->body);
    return chosen;
}

void round_wait(struct round *round)
{
    pthread_mutex_lock(&round->mutex);
    while (round->running > 0)
        pthread_cond_wait(&round->changed, &round->mutex);
    pthread_mutex_unlock(&round->mutex);
}

struct ask *round_ask_of(struct round *round, const struct backend *backend)
{
    for (size_t i = 0; i < round->ask_count; i++)
        if (round->asks[i].backend == backend)
            return &round->asks[i];
    return NULL;
}
