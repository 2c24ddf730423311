/*
 * Any bytes as a client of HTTP over gRPC: no crash, nothing grows beyond its limit, and all that
 * was charged is given back. The first byte says in which pieces the others come, and when calls
 * are answered.
 */
#include <assert.h>
#include <stdint.h>

#include "http/grpc_http.h"

#define SIZE_LIMIT ((size_t)64 << 10)
#define CALL_MAX 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct budget budget;
static struct grpc_call *running[CALL_MAX];
static size_t running_count;

static void remember(void *context, struct grpc_call *call)
{
    assert(running_count < CALL_MAX && call->message.len <= SIZE_LIMIT);
    running[running_count++] = call;
}

/* What goes on to a backend is HTTP, whatever came. */
static void check_header(void *context, const char *name, const char *value)
{
    assert(*name && !strpbrk(name, ": \r\n") && !strpbrk(value, "\r\n"));
}

static void handle(void *context, const struct request *request, struct answer *answer)
{
    assert(request->uri.len > 0 && !memchr(request->uri.ptr, ' ', request->uri.len));
    request_each_header(request, check_header, NULL);
    answer->status = 200;
    buf_str(&answer->body, request->body);
}

static void answer_all(void)
{
    static const struct grpc_http_options options = {.answer_size_max = SIZE_LIMIT,
                                                     .handle = handle};
    while (running_count > 0) {
        struct grpc_call *call = running[--running_count];
        struct grpc_reply reply;
        grpc_http_serve(&options, call, "", false, &reply);
        bool good = reply.status == GRPC_OK;
        grpc_call_answer(call, reply.status, good ? NULL : reply.err.msg, good ? &reply.head : NULL,
                         good ? &reply.body : NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct grpc_session_options options = {
        .path = GRPC_HTTP_PATH,
        .message_size_max = SIZE_LIMIT,
        .call_max = CALL_MAX,
        .read_timeout_ms = 1000,
        .write_timeout_ms = 1000,
        .budget = &budget,
        .called = remember,
    };
    if (size == 0)
        return 0;
    budget_init(&budget, NULL, "--limit", 8 * SIZE_LIMIT);
    struct grpc_session *session = grpc_session_create(&options);
    size_t piece = data[0] & 1 ? 7 : size;
    bool at_once = data[0] & 2;
    bool good = true;
    for (size_t at = 1; at < size && good; at += piece) {
        struct str bytes = {(const char *)data + at, piece < size - at ? piece : size - at};
        AUTO(buf_done) struct buf out = {0};
        struct err err;
        good = grpc_session_take(session, bytes, &err);
        if (at_once)
            answer_all();
        good = good && grpc_session_give(session, &out, &err);
    }
    if (!(data[0] & 4))
        answer_all();
    grpc_session_destroy(session);
    answer_all();
    assert(budget.used_bytes == 0);
    return 0;
}
