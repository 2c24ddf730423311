#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/err.h"
#include "http/answer.h"
#include "http/request.h"

/*
 * An HTTP server. Each connection has a thread, at most `connection_max` of them; more wait to be
 * accepted. One more thread accepts, and watches over the others:
 *
 *   - a client that leaves is noticed even while its answer is computed: request->cancel is true
 *     within some milliseconds;
 *   - a connection that sends no whole request for `read_timeout_ms`, or takes less than a socket
 *     buffer of its answer in `write_timeout_ms`, is closed, and gives its thread back.
 *
 * Thread: any, but open, drain and close. What the options point to outlives the listener.
 */
struct listener;

/* What became of one request. */
struct exchange_end {
    const struct request *request;
    const struct answer *answer;
    uint64_t bytes; /* of the body, as sent */
    int64_t duration_ns;
    bool complete; /* false: the client left, or a stream failed on its way */
};

struct listen_options {
    const char *address;  /* "127.0.0.1:9090", ":9090", "[::1]:0"; port 0: any free one */
    const char *tls_cert; /* PEM, with tls_key: HTTPS; NULL: plain HTTP */
    const char *tls_key;
    size_t connection_max;
    int64_t read_timeout_ms;
    int64_t write_timeout_ms;
    /* The largest body that a request to this path may have; NULL: REQUEST_BODY_SIZE_MAX. */
    size_t (*body_size_max)(void *context, struct str path);
    struct budget *body_budget; /* what bodies hold; over it they are answered 503. NULL: none */
    /* Fills in the answer. On the connection's thread. */
    void (*handle)(void *context, const struct request *request, struct answer *answer);
    /* The answer has gone, one way or another. On the connection's thread. May be NULL. */
    void (*finished)(void *context, const struct exchange_end *end);
    void *context;
};

/* ERR_BAD_DATA: no such address. ERR_IO: it cannot be listened on. */
bool listener_open(const struct listen_options *options, struct listener **ret_listener,
                   struct err *err) MUST_CHECK;

/* Where it listens, "127.0.0.1:9090", with the real port. Borrowed. */
const char *listener_address(const struct listener *listener);

/* Connections there are. */
size_t listener_connection_count(struct listener *listener);

/*
 * Takes no connection any more; requests on those there are see `stopping`. Waits for the answers
 * under way: those that take longer than `grace_ms` are cancelled.
 */
void listener_drain(struct listener *listener, int64_t grace_ms);

/* Ends whatever is under way, and waits for it. */
void listener_close(struct listener *listener);
