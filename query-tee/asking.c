/*
 * Two ways for a body into its spool:
 *
 *     here        asking_send, asking_read -> spool          on the thread of whoever waits for it,
 *                                                            and follows it: so it must not wait;
 *                   asking_go_on          -> spool           behind the first piece, or what there
 *                                                            is no room for, on the crew's
 *     the loop    asking_body             -> spool           as long as that takes no waiting
 *                   held -> asking_write  -> spool           else, on the crew's
 *
 * What the loop must not do is to write to the disk, to wait for a follower, and to unpack much.
 * From then on it only puts bytes into `held`, and a job of the crew's, for as long as there are
 * any, takes all that have come by then. Who is last, the transfer's end or the job, ends the ask.
 */
#include "query-tee/asking.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/unpacker.h"

/* A first piece, with which an answer is announced; and what is read at once behind it. */
#define PIECE_SIZE ((size_t)64 << 10)

/* Of a transfer's bytes what is moved at once, on the stack. */
#define PART_SIZE ((size_t)16 << 10)

/* Bytes that wait for the crew before the backend has to. */
#define HELD_SIZE_MAX ((size_t)256 << 10)

/* Packed bytes that the loop unpacks by itself. */
#define UNPACKED_BY_LOOP_MAX ((size_t)32 << 10)

/* Of an answer's headers these go on to the client. Its coding does only where it was kept. */
static const char *const headers_kept[] = {
    "Cache-Control", "Content-Encoding", "Retry-After",           "WWW-Authenticate",
    "Warning",       "Location",         "X-Prometheus-Stopping",
};

static_assert(ARRAY_COUNT(headers_kept) <= ASK_HEADERS_MAX, "each has its place");

/* One ask on its way. */
struct asking {
    struct ask *ask;
    struct arena *arena;
    struct client_request request;
    int64_t begin_ns;
    struct client_stream *stream; /* on a thread of its own; NULL: the loop has it */

    /* The loop's or asking_read's, while no job writes; then the job's. */
    struct unpacker *unpacker; /* NULL: the body comes as it is */
    struct buf rest;           /* unpacked, and for the job: it goes in front of what comes next */
    size_t put_size;           /* into the spool so far */
    bool announced;

    size_t came_size; /* the loop's */
    struct client_ask *wire;

    pthread_mutex_t mutex;
    struct buf held; /* as it came, for the job */
    bool writing;    /* there is a job */
    bool late;       /* the loop was told to come again */
    bool ended;      /* the transfer has */
    int64_t duration_ns;
    struct err *failure; /* the first there was */
};

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
        arena_array(arena, struct client_header,
                    request->header_count + backend->header_count + TRACE_HEADERS_MAX + 3);
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
    made.header_count += trace_headers(&request->trace, (size_t)(ask - ask->round->asks), arena,
                                       headers + made.header_count);
    *ret_request = made;
}

/* Nobody looks at these before the ask has its turn. */
static void ask_take_head(struct ask *ask, const struct transfer *transfer)
{
    struct round *round = ask->round;
    const char *type = transfer_header(transfer, "Content-Type");
    pthread_mutex_lock(&round->mutex); /* for the arena */
    ask->status = transfer_status(transfer);
    ask->content_type = type ? arena_text(round->arena, str_of(type)) : NULL;
    for (size_t i = 0; i < ARRAY_COUNT(headers_kept); i++) {
        const char *name = headers_kept[i];
        const char *value = transfer_header(transfer, name);
        bool coding = strcasecmp(name, "Content-Encoding") == 0;
        if (!value || (coding && transfer_is_packed(transfer)))
            continue; /* it is unpacked here */
        ask->packed |= coding;
        ask->headers[ask->header_count++] =
            (struct client_header){name, arena_text(round->arena, str_of(value))};
    }
    pthread_mutex_unlock(&round->mutex);
}

static struct asking *asking_create(struct ask *ask)
{
    struct arena *arena = arena_create(NULL);
    struct asking *asking = arena_new(arena, struct asking);
    asking->ask = ask;
    asking->arena = arena;
    asking->begin_ns = clock_monotonic_ns();
    pthread_mutex_init(&asking->mutex, NULL);
    ask_make(ask, arena, &asking->request);
    return asking;
}

/* `err` NULL: the answer is complete. All is freed. */
static void asking_end(struct asking *asking, int64_t duration_ns, const struct err *err)
{
    struct ask *ask = asking->ask;
    struct round *round = ask->round;
    client_stream_close(asking->stream);
    if (err)
        spool_fail(ask->body, err);
    else
        spool_end(ask->body);
    ask_end(ask, duration_ns, err);
    round_unref(round);
    unpacker_destroy(asking->unpacker);
    buf_done(&asking->rest);
    buf_done(&asking->held);
    free(asking->failure);
    pthread_mutex_destroy(&asking->mutex);
    arena_destroy(asking->arena);
}

static void asking_end_now(struct asking *asking, const struct err *err)
{
    asking_end(asking, clock_monotonic_ns() - asking->begin_ns, err);
}

struct asking *asking_send(struct ask *ask, const _Atomic bool *gone)
{
    struct asking *asking = asking_create(ask);
    asking->request.cancel = gone;
    struct err err;
    if (client_start(ask->round->options->client, &asking->request, &asking->stream, &err))
        return asking;
    asking_end_now(asking, &err);
    return NULL;
}

/* Whole pieces, so that readers are not woken for each packet. *ret_size < PIECE_SIZE: the end. */
static bool stream_read_piece(struct client_stream *stream, char *piece, size_t *ret_size,
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

/* Unpacked bytes into the spool. `at_once`: what would wait there becomes `rest`. */
static bool asking_put(struct asking *asking, const char *bytes, size_t size, bool at_once,
                       struct err *err)
{
    struct spool *body = asking->ask->body;
    size_t put = size;
    if (at_once) {
        put = spool_append_at_once(body, bytes, size);
        buf_append(&asking->rest, bytes + put, size - put);
    } else if (!spool_append(body, bytes, size, err)) {
        return false;
    }
    asking->put_size += put;
    if (asking->put_size >= PIECE_SIZE && !asking->announced) {
        asking->announced = true;
        ask_announce(asking->ask);
    }
    return true;
}

/* What is behind the first piece, on the crew's thread. */
static void asking_go_on(void *context)
{
    struct asking *asking = context;
    char *piece = arena_alloc_uncleared(asking->arena, PIECE_SIZE, 1);
    struct err err, unused;
    size_t size = PIECE_SIZE;
    bool good = spool_append(asking->ask->body, asking->rest.ptr, asking->rest.len, &err);
    while (good && size == PIECE_SIZE) {
        good = stream_read_piece(asking->stream, piece, &size, &err);
        good &= spool_append(asking->ask->body, piece, size, good ? &err : &unused);
    }
    asking_end_now(asking, good ? NULL : &err);
}

void asking_read(struct asking *asking)
{
    struct ask *ask = asking->ask;
    char part[PART_SIZE];
    size_t got = 0;
    struct err err;
    bool good = client_stream_await(asking->stream, &err);
    if (good)
        ask_take_head(ask, client_stream_transfer(asking->stream));
    do {
        good = good && client_stream_read(asking->stream, part, sizeof part, &got, &err) &&
               asking_put(asking, part, got, true, &err);
    } while (good && got > 0 && !asking->announced && asking->rest.len == 0);
    if (good && got > 0) {
        client_stream_cancel_by(asking->stream, &ask->deserted);
        if (!asking->announced)
            ask_announce(ask);
        crew_run(ask->round->options->crew, asking_go_on, asking);
    } else {
        asking_end_now(asking, good ? NULL : &err);
    }
}

/* The next bytes as they came. What is left of them when there is a rest is the job's. */
static bool asking_take(struct asking *asking, struct str bytes, bool at_once, struct err *err)
{
    if (!asking->unpacker)
        return asking_put(asking, bytes.ptr, bytes.len, at_once, err);
    char part[PART_SIZE];
    size_t got;
    do {
        if (!unpacker_read(asking->unpacker, &bytes, part, sizeof part, &got, err))
            return err_wrap(err, "%.*s", (int)strcspn(asking->request.url, "?"),
                            asking->request.url);
        if (!asking_put(asking, part, got, at_once, err))
            return false;
    } while (got > 0 && asking->rest.len == 0);
    if (at_once)
        buf_append(&asking->held, bytes.ptr, bytes.len);
    return true;
}

/* Nobody else has it any more. */
static void asking_finish(struct asking *asking)
{
    struct err err;
    if (asking->unpacker && !asking->failure && !unpacker_complete(asking->unpacker)) {
        err_set(&err, ERR_IO, "%.*s: the packed answer breaks off",
                (int)strcspn(asking->request.url, "?"), asking->request.url);
        asking_end(asking, asking->duration_ns, &err);
    } else {
        asking_end(asking, asking->duration_ns, asking->failure);
    }
}

/* With the mutex held. */
static void asking_note_failure(struct asking *asking, const struct err *err)
{
    if (asking->failure)
        return;
    asking->failure = mem_new(struct err);
    *asking->failure = *err;
}

/* With the mutex held: what the job takes next; false: nothing has come, and the job is over. */
static bool asking_take_held(struct asking *asking, struct buf *ret_bytes)
{
    struct buf empty = *ret_bytes;
    if (asking->held.len == 0 && asking->rest.len == 0) {
        asking->writing = false;
        return false;
    }
    *ret_bytes = asking->held;
    asking->held = empty;
    buf_clear(&asking->held);
    if (asking->late && !asking->ended)
        client_ask_resume(asking->wire);
    asking->late = false;
    return true;
}

/* The crew's job: all that is held, until nothing is. */
static void asking_write(void *context)
{
    struct asking *asking = context;
    AUTO(buf_done) struct buf bytes = {0};
    struct err err;
    bool good = true;
    pthread_mutex_lock(&asking->mutex);
    while (asking_take_held(asking, &bytes)) {
        pthread_mutex_unlock(&asking->mutex);
        struct str rest = buf_view(&asking->rest);
        good = good && asking_put(asking, rest.ptr, rest.len, false, &err);
        buf_clear(&asking->rest);
        good = good && asking_take(asking, buf_view(&bytes), false, &err);
        pthread_mutex_lock(&asking->mutex);
        if (!good)
            asking_note_failure(asking, &err); /* what still comes is dropped */
    }
    bool last = asking->ended;
    pthread_mutex_unlock(&asking->mutex);
    if (last)
        asking_finish(asking);
}

static void asking_head(void *context, struct client_ask *wire)
{
    struct asking *asking = context;
    const struct transfer *transfer = client_ask_transfer(wire);
    asking->wire = wire;
    ask_take_head(asking->ask, transfer);
    if (transfer_is_packed(transfer))
        asking->unpacker = unpacker_create();
}

/* With the mutex held. */
static enum client_taken asking_hold(struct asking *asking, const char *bytes, size_t size)
{
    if (asking->held.len > 0 && asking->held.len + size > HELD_SIZE_MAX) {
        asking->late = true;
        return CLIENT_LATER;
    }
    buf_append(&asking->held, bytes, size);
    return CLIENT_TAKEN;
}

static enum client_taken asking_body(void *context, const char *bytes, size_t size)
{
    struct asking *asking = context;
    enum client_taken taken = CLIENT_TAKEN;
    struct err err;
    asking->came_size += size;
    pthread_mutex_lock(&asking->mutex);
    bool job = asking->writing;
    if (asking->failure)
        taken = CLIENT_ENOUGH;
    else if (job || (asking->unpacker && asking->came_size > UNPACKED_BY_LOOP_MAX))
        taken = asking_hold(asking, bytes, size);
    else if (!asking_take(asking, (struct str){bytes, size}, true, &err)) {
        asking_note_failure(asking, &err);
        taken = CLIENT_ENOUGH;
    }
    asking->writing = job || asking->held.len > 0 || asking->rest.len > 0;
    bool begins = asking->writing && !job;
    pthread_mutex_unlock(&asking->mutex);
    if (begins)
        crew_run(asking->ask->round->options->crew, asking_write, asking);
    return taken;
}

static void asking_ended(void *context, const struct err *err)
{
    struct asking *asking = context;
    pthread_mutex_lock(&asking->mutex);
    asking->ended = true;
    asking->duration_ns = clock_monotonic_ns() - asking->begin_ns;
    if (err)
        asking_note_failure(asking, err);
    bool last = !asking->writing;
    pthread_mutex_unlock(&asking->mutex);
    if (last)
        asking_finish(asking);
}

static const struct client_ask_class asking_class = {asking_head, asking_body, asking_ended};

void asking_run(struct ask *ask)
{
    struct asking *asking = asking_create(ask);
    client_loop_ask(ask->round->options->loop, &asking->request, &asking_class, asking);
}
