/*
 * One request and its answer, over libmicrohttpd's callbacks, all on the connection's thread:
 *
 *     exchange_begin       the request line is there: the raw URI is kept, since the library's own
 *                          decoding would lose what Go tells apart
 *     exchange_access      once for the headers, once for each part of the body, once at its end:
 *                          then the handler runs, and what it begins is held back up to 1 MiB
 *     exchange_read        the answer's further bytes, as the socket takes them
 *     exchange_complete    the answer has gone, or the client has
 */
#include "http/exchange.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/obj.h"
#include "http/coding.h"
#include "http/socket.h"

struct exchange {
    unsigned magic;
    struct listener *listener;
    struct connection *connection;
    struct MHD_Connection *mhd;
    struct arena *arena;
    struct str uri;
    struct buf body; /* of the request */
    size_t body_size_max;
    size_t body_charged;
    bool headers_seen;
    bool body_ambiguous; /* it has two lengths */
    bool body_refused;   /* it is too large */
    bool body_unwelcome; /* there is no memory for it, just now */
    bool busy;
    bool deserted; /* the client left before all of the answer was made */
    struct request request;
    struct answer answer;
    enum coding coding;
    struct packer *packer;
    struct buf plain; /* the stream's next piece before it is packed */
    size_t sent;      /* of the answer's body */
    bool ended;       /* nothing will come behind the body */
    uint64_t bytes;
    int64_t begin_ns;
};

#define EXCHANGE_MAGIC 0x45584348u

/* HTTP/1.0 has no chunks: an answer that breaks off would look complete. It is held whole. */
#define HELD_WHOLE_SIZE_MAX ((size_t)64 << 20)

/* So much a body is given at first; buffers double from there. */
#define BODY_SIZE_FIRST ((size_t)4096)

static const char *exchange_header(const struct request *request, const char *name)
{
    const struct exchange *exchange = CONTAINER_CONST(struct exchange, request, request);
    return MHD_lookup_connection_value(exchange->mhd, MHD_HEADER_KIND, name);
}

struct header_visit {
    void (*header)(void *context, const char *name, const char *value);
    void *context;
};

static enum MHD_Result header_visited(void *context, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    const struct header_visit *visit = context;
    visit->header(visit->context, name, value ? value : "");
    return MHD_YES;
}

static void exchange_each_header(const struct request *request,
                                 void (*header)(void *context, const char *name, const char *value),
                                 void *context)
{
    const struct exchange *exchange = CONTAINER_CONST(struct exchange, request, request);
    struct header_visit visit = {header, context};
    MHD_get_connection_values(exchange->mhd, MHD_HEADER_KIND, header_visited, &visit);
}

static void exchange_client(const struct request *request, char *out, size_t out_size)
{
    const struct exchange *exchange = CONTAINER_CONST(struct exchange, request, request);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info && info->client_addr)
        socket_address_text(info->client_addr, out, out_size);
}

static const struct request_class exchange_class = {exchange_header, exchange_each_header,
                                                    exchange_client};

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return OBJ_FROM(struct connection, CONNECTION_MAGIC, info->socket_context);
}

void *exchange_begin(void *context, const char *uri, struct MHD_Connection *mhd)
{
    struct exchange *exchange = mem_new(struct exchange);
    exchange->magic = EXCHANGE_MAGIC;
    exchange->listener = OBJ_FROM(struct listener, LISTENER_MAGIC, context);
    exchange->connection = connection_of(mhd);
    exchange->arena = arena_create(NULL);
    exchange->uri = arena_str(exchange->arena, request_line_uri(str_of(uri)));
    exchange->mhd = mhd;
    exchange->request.class = &exchange_class;
    return exchange;
}

/* False: the path is not decodable. */
static bool exchange_read_request(struct exchange *exchange)
{
    struct request *request = &exchange->request;
    request->arena = exchange->arena;
    request->uri = exchange->uri;
    request->body = buf_view(&exchange->body);
    request->cancel = &exchange->connection->cancel;
    request->stopping = atomic_load(&exchange->listener->stopping);
    return request_read_uri(request);
}

static size_t exchange_body_size_max(const struct exchange *exchange)
{
    const struct listen_options *options = &exchange->listener->options;
    return options->body_size_max
               ? options->body_size_max(options->context, request_raw_path(exchange->uri))
               : REQUEST_BODY_SIZE_MAX;
}

static void length_visited(void *context, const char *name, const char *value)
{
    const char **lengths = context;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) != 0)
        return;
    if (!lengths[0])
        lengths[0] = value;
    else if (strcmp(lengths[0], value) != 0)
        lengths[1] = value;
}

/* What stands behind the body could be its rest as well. */
static bool exchange_is_ambiguous(const struct exchange *exchange)
{
    const char *lengths[2] = {NULL, NULL}; /* the first, and another */
    exchange_each_header(&exchange->request, length_visited, lengths);
    return lengths[1] != NULL;
}

static void exchange_drop_body(struct exchange *exchange)
{
    buf_done(&exchange->body);
    budget_release(exchange->listener->options.body_budget, exchange->body_charged);
    exchange->body_charged = 0;
}

/* Room for more of the body, charged before it is taken. */
static bool exchange_grow_body(struct exchange *exchange, size_t more)
{
    struct buf *body = &exchange->body;
    size_t size = body->cap ? body->cap : BODY_SIZE_FIRST;
    struct err unused;
    while (size - body->len < more)
        size *= 2;
    if (size == body->cap)
        return true;
    if (!budget_charge(exchange->listener->options.body_budget, size - body->cap, &unused))
        return false;
    exchange->body_charged += size - body->cap;
    buf_reserve(body, size - body->len);
    return true;
}

static void exchange_take_body(struct exchange *exchange, const char *upload, size_t size)
{
    if (exchange->body_refused || exchange->body_unwelcome)
        return; /* what is still to come is read and dropped */
    exchange->body_refused = exchange->body.len + size > exchange->body_size_max;
    exchange->body_unwelcome = !exchange->body_refused && !exchange_grow_body(exchange, size);
    if (exchange->body_refused || exchange->body_unwelcome)
        exchange_drop_body(exchange);
    else
        buf_append(&exchange->body, upload, size);
}

/* The stream's next bytes into the answer's body, packed if the client takes that. */
static bool exchange_refill(struct exchange *exchange)
{
    struct answer *answer = &exchange->answer;
    struct buf *plain = exchange->packer ? &exchange->plain : &answer->body;
    struct err err;
    bool more = true;

    buf_clear(&answer->body);
    exchange->sent = 0;
    while (more && answer->body.len == 0) {
        buf_clear(plain);
        err_clear(&err);
        if (!answer->stream->class->next(answer->stream, plain, &more, &err))
            return false;
        if (exchange->packer)
            packer_append(exchange->packer, buf_view(plain), !more, &answer->body);
    }
    exchange->ended = !more;
    return true;
}

static ssize_t exchange_read(void *context, uint64_t position, char *out, size_t size_max)
{
    struct exchange *exchange = OBJ_FROM(struct exchange, EXCHANGE_MAGIC, context);
    struct buf *body = &exchange->answer.body;
    if (exchange->sent == body->len) {
        if (exchange->ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        connection_enter(exchange->connection, PHASE_COMPUTING);
        if (!exchange_refill(exchange))
            return MHD_CONTENT_READER_END_WITH_ERROR;
        exchange->deserted = atomic_load(&exchange->connection->cancel);
    }
    size_t size = body->len - exchange->sent;
    if (size > size_max)
        size = size_max;
    if (size == 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    memcpy(out, body->ptr + exchange->sent, size);
    exchange->sent += size;
    exchange->bytes += size;
    connection_enter(exchange->connection, PHASE_SENDING);
    return (ssize_t)size;
}

/* Packs what is held; a stream's packing goes on with its next bytes. */
static void exchange_pack(struct exchange *exchange)
{
    struct answer *answer = &exchange->answer;
    exchange->packer = packer_create(exchange->coding);
    if (!exchange->packer)
        return;
    struct buf packed = {0};
    packer_append(exchange->packer, buf_view(&answer->body), answer->stream == NULL, &packed);
    buf_done(&exchange->plain);
    exchange->plain = answer->body;
    answer->body = packed;
}

static struct MHD_Response *exchange_response(struct exchange *exchange)
{
    struct answer *answer = &exchange->answer;
    struct MHD_Response *response;
    exchange->ended = answer->stream == NULL;
    if (exchange->ended && answer->body.len <= STREAM_PIECE_SIZE) {
        response = MHD_create_response_from_buffer(answer->body.len, answer->body.ptr,
                                                   MHD_RESPMEM_PERSISTENT);
        exchange->bytes = answer->body.len;
    } else {
        uint64_t size = exchange->ended ? answer->body.len : MHD_SIZE_UNKNOWN;
        response = MHD_create_response_from_callback(size, STREAM_PIECE_SIZE, exchange_read,
                                                     exchange, NULL);
    }
    if (answer->content_type)
        MHD_add_response_header(response, "Content-Type", answer->content_type);
    if (answer->compress)
        MHD_add_response_header(response, "Vary", "Accept-Encoding");
    if (exchange->packer)
        MHD_add_response_header(response, "Content-Encoding", coding_name(exchange->coding));
    for (size_t i = 0; i < answer->header_count; i++)
        MHD_add_response_header(response, answer->headers[i].name, answer->headers[i].value);
    return response;
}

/* The handler's answer, as far as it is held back. */
static void exchange_compute(struct exchange *exchange, const char *version)
{
    struct answer *answer = &exchange->answer;
    const struct listen_options *options = &exchange->listener->options;
    if (exchange->body_ambiguous)
        answer_error_text(answer, MHD_HTTP_BAD_REQUEST, "400 Bad Request");
    else if (exchange->body_refused)
        answer_error_text(answer, MHD_HTTP_CONTENT_TOO_LARGE,
                          arena_printf(exchange->arena, "request body exceeds the %zu bytes limit",
                                       exchange->body_size_max));
    else if (exchange->body_unwelcome)
        answer_error_text(answer, MHD_HTTP_SERVICE_UNAVAILABLE,
                          "too many large requests at once; try again later");
    else if (!exchange_read_request(exchange))
        answer_error_text(answer, MHD_HTTP_BAD_REQUEST, "400 Bad Request");
    else
        options->handle(options->context, &exchange->request, answer);

    bool chunks = strcmp(version, MHD_HTTP_VERSION_1_1) == 0;
    answer_hold(answer, chunks ? ANSWER_HELD_SIZE : HELD_WHOLE_SIZE_MAX);
    if (answer->stream && !chunks) {
        answer_done(answer);
        answer_error_text(answer, MHD_HTTP_INSUFFICIENT_STORAGE,
                          "the answer is too large for HTTP/1.0");
    }
    const char *accepted = request_header(&exchange->request, "Accept-Encoding");
    if (answer->compress && answer->content_type && accepted)
        exchange->coding = coding_choose(str_of(accepted));
    exchange_pack(exchange);
}

static enum MHD_Result exchange_answer(struct exchange *exchange, const char *method,
                                       const char *version)
{
    exchange->begin_ns = clock_monotonic_ns();
    exchange->request.method = method;
    exchange->busy = true;
    connection_busy(exchange->connection);
    connection_enter(exchange->connection, PHASE_COMPUTING);
    exchange_compute(exchange, version);
    exchange->deserted = atomic_load(&exchange->connection->cancel);
    connection_enter(exchange->connection, PHASE_SENDING);

    struct MHD_Response *response = exchange_response(exchange);
    if (exchange->request.stopping)
        MHD_add_response_header(response, "Connection", "close");
    enum MHD_Result queued =
        MHD_queue_response(exchange->mhd, (unsigned)exchange->answer.status, response);
    MHD_destroy_response(response);
    return queued;
}

/* NOLINTNEXTLINE(readability-function-size): the library's signature */
enum MHD_Result exchange_access(void *context, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_size, void **slot)
{
    struct exchange *exchange = OBJ_FROM(struct exchange, EXCHANGE_MAGIC, *slot);
    if (!exchange->headers_seen) {
        exchange->headers_seen = true;
        exchange->body_size_max = exchange_body_size_max(exchange);
        exchange->body_ambiguous = exchange_is_ambiguous(exchange);
        /* An answer at this point is the connection's last. */
        return exchange->body_ambiguous ? exchange_answer(exchange, method, version) : MHD_YES;
    }
    if (*upload_size > 0) {
        exchange_take_body(exchange, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    return exchange_answer(exchange, method, version);
}

void exchange_complete(void *context, struct MHD_Connection *mhd, void **slot,
                       enum MHD_RequestTerminationCode why)
{
    if (!*slot)
        return;
    struct exchange *exchange = OBJ_FROM(struct exchange, EXCHANGE_MAGIC, *slot);
    const struct listen_options *options = &exchange->listener->options;
    if (exchange->busy && options->finished) {
        struct exchange_end end = {
            .request = &exchange->request,
            .answer = &exchange->answer,
            .bytes = exchange->bytes,
            .duration_ns = clock_monotonic_ns() - exchange->begin_ns,
            .complete = why == MHD_REQUEST_TERMINATED_COMPLETED_OK && !exchange->deserted,
        };
        options->finished(options->context, &end);
    }
    answer_done(&exchange->answer);
    packer_destroy(exchange->packer);
    buf_done(&exchange->plain);
    exchange_drop_body(exchange);
    arena_destroy(exchange->arena);
    if (exchange->busy)
        connection_rest(exchange->connection);
    exchange->magic = 0;
    free(exchange);
    *slot = NULL;
}
