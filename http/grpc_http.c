#include "http/grpc_http.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/proto_reader.h"
#include "base/proto_writer.h"

/* More headers than any client sends. */
#define HEADERS_MAX ((size_t)1000)

#define METHOD_SIZE_MAX ((size_t)32)

/* So much of an answer is held at first; its room doubles from there. */
#define HOLD_SIZE_FIRST ((size_t)64 << 10)

static const char *grpc_header(const struct request *request, const char *name)
{
    const struct grpc_request *self = CONTAINER_CONST(struct grpc_request, request, request);
    for (size_t i = 0; i < self->header_count; i++)
        if (strcasecmp(self->headers[i].name, name) == 0)
            return self->headers[i].value;
    return NULL;
}

static void grpc_each_header(const struct request *request,
                             void (*header)(void *context, const char *name, const char *value),
                             void *context)
{
    const struct grpc_request *self = CONTAINER_CONST(struct grpc_request, request, request);
    for (size_t i = 0; i < self->header_count; i++)
        header(context, self->headers[i].name, self->headers[i].value);
}

static void grpc_client(const struct request *request, char *out, size_t out_size)
{
    const struct grpc_request *self = CONTAINER_CONST(struct grpc_request, request, request);
    snprintf(out, out_size, "%s", self->client);
}

static const struct request_class grpc_class = {grpc_header, grpc_each_header, grpc_client};

/* Text without a zero inside, that would hide what is behind it. */
static char *read_text(struct str text, struct arena *arena, struct proto_reader *r)
{
    if (text.len > 0 && memchr(text.ptr, '\0', text.len)) {
        if (!r->failed)
            err_set(r->err, ERR_BAD_DATA, "%s: there is a zero in a text", r->message);
        r->failed = true;
    }
    return arena_text(arena, text);
}

static void read_header(struct proto_reader *outer, struct arena *arena,
                        struct grpc_request *request)
{
    struct proto_reader r = proto_message(outer, "Headers", "Header");
    size_t begin = request->header_count;
    const char *name = "";
    while (proto_next(&r)) {
        if (r.number == 1) {
            name = read_text(proto_bytes(&r, "Key"), arena, &r);
        } else if (r.number != 2) {
            proto_skip(&r);
        } else if (request->header_count == HEADERS_MAX) {
            err_set(r.err, ERR_BAD_DATA, "there are more than %zu headers", HEADERS_MAX);
            r.failed = true;
        } else {
            const char *value = read_text(proto_bytes(&r, "Values"), arena, &r);
            request->headers[request->header_count++].value = value;
        }
    }
    for (size_t i = begin; i < request->header_count; i++)
        request->headers[i].name = name;
    outer->failed |= r.failed;
}

bool grpc_request_read(struct str message, struct arena *arena, struct grpc_request *ret_request,
                       struct err *err)
{
    struct proto_reader r = proto_reader_of(message, "HTTPRequest", err);
    struct grpc_request request = {
        .request = {.class = &grpc_class, .method = "", .arena = arena, .uri = {"", 0}},
        .client = "",
        .headers = arena_array(arena, struct grpc_http_header, HEADERS_MAX),
    };
    while (proto_next(&r)) {
        switch (r.number) {
        case 1:
            request.request.method = read_text(proto_bytes(&r, "Method"), arena, &r);
            break;
        case 2:
            request.request.uri = proto_bytes(&r, "Url");
            break;
        case 3:
            read_header(&r, arena, &request);
            break;
        case 4:
            request.request.body = proto_bytes(&r, "Body");
            break;
        default:
            proto_skip(&r);
        }
    }
    *ret_request = request;
    return proto_good(&r);
}

/* The characters of methods and of headers' names. */
static bool is_token(const char *text, size_t size_max)
{
    static const char more[] = "!#$%&'*+-.^_`|~";
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && !strchr(more, c))
            return false;
    }
    return size > 0 && size <= size_max;
}

static bool is_header_value(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
            return false;
    return true;
}

static bool is_target(struct str uri)
{
    if (uri.len == 0 || uri.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < uri.len; i++)
        if ((unsigned char)uri.ptr[i] <= ' ' || uri.ptr[i] == 0x7f || uri.ptr[i] == '#')
            return false;
    return true;
}

const char *grpc_request_fault(const struct grpc_request *request)
{
    if (!is_token(request->request.method, METHOD_SIZE_MAX))
        return "this is no method of HTTP";
    if (!is_target(request->request.uri))
        return "this is no path of a URL";
    for (size_t i = 0; i < request->header_count; i++)
        if (!is_token(request->headers[i].name, SIZE_MAX) ||
            !is_header_value(request->headers[i].value))
            return "this is no header of HTTP";
    return NULL;
}

static void put_header(struct buf *out, const char *name, const char *value)
{
    struct str key = str_of(name), text = str_of(value);
    put_tag(out, 2, PROTO_BYTES);
    put_uvarint(out, put_bytes_size(key.len) + put_bytes_size(text.len));
    put_bytes(out, 1, key);
    put_bytes(out, 2, text);
}

void grpc_response_write(const struct answer *answer, struct buf *out)
{
    AUTO(buf_done) struct buf fields = {0};
    put_number(&fields, 1, (uint64_t)answer->status);
    if (answer->content_type)
        put_header(&fields, "Content-Type", answer->content_type);
    for (size_t i = 0; i < answer->header_count; i++)
        put_header(&fields, answer->headers[i].name, answer->headers[i].value);
    if (answer->body.len > 0) {
        put_tag(&fields, 3, PROTO_BYTES);
        put_uvarint(&fields, answer->body.len);
    }
    grpc_prefix_append(fields.len + answer->body.len, out);
    buf_str(out, buf_view(&fields));
}

static void serve_request(const struct grpc_http_options *options, struct grpc_request *request,
                          struct answer *answer)
{
    const char *fault = grpc_request_fault(request);
    if (fault)
        answer_error_text(answer, 400, fault);
    else if (!request_read_uri(&request->request))
        answer_error_text(answer, 400, "400 Bad Request");
    else
        options->handle(options->context, &request->request, answer);
}

/* All of the answer, charged before it is taken. */
static bool serve_hold(const struct grpc_http_options *options, struct grpc_call *call,
                       struct answer *answer, struct err *err)
{
    size_t size = 0, size_max = options->answer_size_max;
    call->answer_budget = options->answer_budget;
    while (answer->stream && answer->body.len <= size_max) {
        size_t next = size ? 2 * size : HOLD_SIZE_FIRST;
        if (!budget_charge(options->answer_budget, next - size, err))
            return err_set(err, ERR_LIMIT, "too many large answers at once; try again later");
        call->answer_charged += next - size;
        size = next;
        /* One piece more than is held: a stream hands out whole pieces. */
        answer_hold(answer, size - STREAM_PIECE_SIZE < size_max ? size - STREAM_PIECE_SIZE + 1
                                                                : size_max + 1);
    }
    if (answer->stream || answer->body.len > size_max)
        return err_set(err, ERR_LIMIT, "trying to send message larger than max (%zu bytes)",
                       size_max);
    return true;
}

void grpc_http_serve(const struct grpc_http_options *options, struct grpc_call *call,
                     const char *client, bool stopping, struct grpc_reply *ret_reply)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct grpc_reply reply = {0};
    struct grpc_request request;
    struct answer answer = {0};
    int64_t begin_ns = clock_monotonic_ns();
    reply.status = grpc_call_unpack(call, &reply.err);
    if (reply.status == GRPC_OK && !grpc_request_read(call->message, arena, &request, &reply.err))
        reply.status = GRPC_INTERNAL;
    if (reply.status != GRPC_OK) {
        *ret_reply = reply;
        return;
    }
    request.client = client;
    request.request.cancel = &call->cancel;
    request.request.stopping = stopping;
    serve_request(options, &request, &answer);
    if (!serve_hold(options, call, &answer, &reply.err))
        reply.status = GRPC_RESOURCE_EXHAUSTED;
    else
        grpc_response_write(&answer, &reply.head);
    if (options->finished) { /* the answer's texts may be gone then */
        struct exchange_end end = {
            .request = &request.request,
            .answer = &answer,
            .bytes = answer.body.len,
            .duration_ns = clock_monotonic_ns() - begin_ns,
            .complete = reply.status == GRPC_OK && !atomic_load(&call->cancel),
        };
        options->finished(options->context, &end);
    }
    if (reply.status == GRPC_OK) {
        reply.body = answer.body;
        answer.body = (struct buf){0};
    }
    answer_done(&answer);
    *ret_reply = reply;
}
