#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/err.h"
#include "http/grpc_session.h"
#include "http/listen.h"

/*
 * HTTP requests as messages of gRPC, as the service httpgrpc.HTTP takes them in its one method:
 *
 *     HTTPRequest    1 method   2 url   3 headers ...   4 body
 *     HTTPResponse   1 code     2 headers ...   3 body
 *     Header         1 key   2 values ...
 */
#define GRPC_HTTP_PATH "/httpgrpc.HTTP/Handle"

struct grpc_http_header {
    const char *name;
    const char *value;
};

/* What a message asks, as a request like any other. */
struct grpc_request {
    struct request request;
    const char *client; /* its address */
    struct grpc_http_header *headers;
    size_t header_count;
};

/*
 * Texts of headers are in the arena, all others stay in the message. ERR_BAD_DATA: this is no such
 * message.
 */
bool grpc_request_read(struct str message, struct arena *arena, struct grpc_request *ret_request,
                       struct err *err) MUST_CHECK;

/* Why it could be no request of HTTP, or NULL: what came so may go on to servers that take HTTP. */
const char *grpc_request_fault(const struct grpc_request *request);

/* The answer as a message, prefix and all, up to its body, which stands behind that. */
void grpc_response_write(const struct answer *answer, struct buf *out);

struct grpc_http_options {
    size_t answer_size_max;
    struct budget *answer_budget; /* what answers hold; NULL: no limit */
    /* As listen_options has them. Both on the thread of grpc_http_serve: what the client has taken
     * of the answer is not known yet. */
    void (*handle)(void *context, const struct request *request, struct answer *answer);
    void (*finished)(void *context, const struct exchange_end *end);
    void *context;
};

/* What to end a call with: see grpc_call_answer. */
struct grpc_reply {
    enum grpc_status status;
    struct err err; /* its text, where it is not GRPC_OK */
    struct buf head;
    struct buf body;
};

/*
 * Asks the handler. An answer too long for a message is GRPC_RESOURCE_EXHAUSTED.
 *
 * Thread: any, as the handler allows.
 */
void grpc_http_serve(const struct grpc_http_options *options, struct grpc_call *call,
                     const char *client, bool stopping, struct grpc_reply *ret_reply);
