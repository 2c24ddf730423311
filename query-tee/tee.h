#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/budget.h"
#include "http/grpc_listen.h"
#include "http/listen.h"
#include "query-tee/backend.h"
#include "query-tee/options.h"
#include "query-tee/round.h"
#include "query-tee/shapes.h"
#include "query-tee/summary.h"
#include "query-tee/tally.h"

struct judge;
struct ledger;
struct tracer;

/*
 * The running proxy: what its parts share.
 *
 * Thread: any, but tee_open and tee_close; what changes has its own locks or is atomic.
 */
struct tee {
    struct tee_options options;
    struct arena *arena; /* texts of the backends */
    struct backends backends;
    struct budget request_budget; /* copies of requests */
    struct budget memory_budget;  /* bodies of answers, in memory */
    struct budget disk_budget;    /* and on disk */
    struct tally *tally;
    struct shapes *shapes;
    struct summary *summary;
    struct round_options rounds;
    struct judge *judge;   /* NULL: nothing is compared */
    struct tracer *tracer; /* NULL: there is no tracing */
    struct ledger *ledger; /* counts rounds */
    struct listener *proxy;
    struct listener *metrics;
    struct grpc_listener *grpc; /* NULL: there is none */
    struct crew *grpc_crew;     /* the threads that answer it */
    _Atomic bool cancel;        /* nothing is waited for any more */
    _Atomic uint64_t random;
    int64_t start_ms;
};

/* From options and backends that have been read: listens and serves. What is open after an error
 * tee_close closes as well; it also frees the tee. */
bool tee_open(struct tee *tee, struct err *err) MUST_CHECK;
void tee_close(struct tee *tee);

/* The place of a backend in all tables. */
static inline size_t tee_backend_index(const struct tee *tee, const struct backend *backend)
{
    return (size_t)(backend - tee->backends.items);
}

/* The name of a route in metrics. */
static inline const char *tee_route_name(const struct route *route)
{
    return route ? route->name : "passthrough";
}

/* What the proxy and the listener of metrics answer. */
void proxy_handle(void *context, const struct request *request, struct answer *answer);
void proxy_finished(void *context, const struct exchange_end *end);
void metrics_handle(void *context, const struct request *request, struct answer *answer);

/* The name of a method in metrics: one of few. */
const char *tee_method_label(const char *method);
