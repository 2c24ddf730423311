#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/err.h"
#include "http/grpc_http.h"

/*
 * A server of HTTP over gRPC: HTTP/2 without TLS, from its first byte on. One thread moves the
 * bytes of all connections; what is asked is answered on threads of the caller's. Limits are those
 * of the sessions (grpc_session.h), and these:
 *
 *   - over `connection_max` clients wait to be accepted;
 *   - a connection without a call for `read_timeout_ms` is told goodbye, and one whose client takes
 *     no byte in `write_timeout_ms` is closed.
 *
 * Thread: any, but open and close.
 */
struct grpc_listener;

struct grpc_listen_options {
    const char *address; /* "127.0.0.1:9095": as listen_options has it */
    size_t connection_max;
    size_t call_max; /* of one connection, at once */
    size_t request_size_max;
    struct budget *request_budget; /* what requests hold; NULL: no limit */
    int64_t read_timeout_ms;
    int64_t write_timeout_ms;
    struct grpc_http_options http;
    /* Calls work(item) on some other thread, soon. */
    void (*run)(void *context, void (*work)(void *item), void *item);
    void *run_context;
};

/* ERR_BAD_DATA: no such address. ERR_IO: it cannot be listened on. */
bool grpc_listener_open(const struct grpc_listen_options *options,
                        struct grpc_listener **ret_listener, struct err *err) MUST_CHECK;

/* Where it listens, with the real port. Borrowed. */
const char *grpc_listener_address(const struct grpc_listener *listener);

/* Connections there are. */
size_t grpc_listener_connection_count(struct grpc_listener *listener);

/* Takes no connection and no call any more, and says so to all clients. */
void grpc_listener_stop(struct grpc_listener *listener);

/* Behind grpc_listener_stop: waits until all clients have their answers; false: not in time. */
bool grpc_listener_wait(struct grpc_listener *listener, int64_t wait_ms);

/* Closes all connections, and waits for the handlers that run. */
void grpc_listener_close(struct grpc_listener *listener);
