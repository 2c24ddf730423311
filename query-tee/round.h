#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "http/client.h"
#include "http/client_loop.h"
#include "query-tee/backend.h"
#include "query-tee/crew.h"
#include "query-tee/route.h"
#include "query-tee/spool.h"
#include "query-tee/trace.h"

/*
 * A round: one request that goes to several backends at once, and what they answer. Each ask fills
 * a spool (asking.h); whoever wants an answer waits for its head and then reads along. The round
 * outlives the client that it was begun for: it is done when every backend has answered, or has
 * failed.
 *
 * Counted: the one who made it and each ask under way hold a reference.
 *
 * Thread: any; one starts it, and one chooses.
 */
struct round;

/* What every round needs; it outlives them all. */
struct round_options {
    struct client *client;
    struct client_loop *loop;
    struct crew *crew;
    struct spool_options spool;
    int64_t timeout_ms;
    const char *cluster_label;   /* "": none */
    const _Atomic bool *cancel;  /* the process ends: no answer is wanted any more */
    _Atomic int64_t round_count; /* that are not done */
};

struct round_request {
    const struct route *route; /* NULL: handed to the preferred backend alone */
    const char *method;
    const char *path;  /* as it was sent, from "/api" on */
    const char *query; /* of the URL, as it was sent; "": none */
    struct str body;
    const struct client_header *headers; /* that go on to the backends */
    size_t header_count;
    const char *authorization; /* NULL: not sent */
    const char *tenant;        /* NULL: not sent */
    const char *user_agent;    /* NULL: not sent */
    bool unpacked;             /* bodies are to be read, and not only handed on */
    struct str params;         /* form and URL together, as a form has them */
    struct str promql;         /* the parameter "query"; empty: none */
    int64_t start_ms;          /* what is evaluated, or looked through; */
    int64_t end_ms;            /* INT64_MIN and INT64_MAX: no bound was sent */
    int64_t step_ms;           /* 0: no range query */
    int64_t now_ms;            /* when it came */
    struct trace trace;
};

/* Headers of an answer that are kept, to be handed on. */
#define ASK_HEADERS_MAX 8

enum ask_state { ASK_ASKING, ASK_ANSWERING, ASK_DONE };

/* What one backend makes of it. Fixed from ASK_ANSWERING on, but for what stands behind the empty
 * line. */
struct ask {
    struct round *round;
    struct backend *backend;
    struct spool *body;
    enum ask_state state; /* under the round's mutex */
    size_t turn; /* its place among the answers, once there is a piece of it; 0: none yet */
    int status;  /* 0: there was no answer */
    const char *content_type; /* NULL: none */
    struct client_header headers[ASK_HEADERS_MAX];
    size_t header_count;
    bool packed;           /* as one of the headers says, and not to be packed again */
    _Atomic bool deserted; /* whoever followed the body reads no more of it */

    int64_t duration_ns;   /* set, as what follows, once it is ASK_DONE */
    uint64_t size;         /* of the body */
    enum err_kind failure; /* ERR_NONE: the answer is complete */
    const char *failure_text;
};

/* Called once, on the thread of the ask that ended last; `done` may be NULL. */
struct round_notice {
    void (*done)(struct round *round, void *context);
    void *context;
};

struct round {
    _Atomic unsigned ref_count;
    struct round_options *options;
    struct arena *arena; /* of the request, and under the mutex of what is kept of answers */
    struct round_request request;
    struct ask *asks;
    size_t ask_count;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t running;
    size_t turns;
    struct round_notice notice;
    struct round *next_done; /* of whom the notice went to */
};

/* The texts of the request are in the arena, which the round takes over. */
struct round *round_create(struct round_options *options, struct arena *arena,
                           const struct round_request *request, struct backend *const *backends,
                           size_t count, struct round_notice notice);

/*
 * Asks all. NULL: for nobody who waits. Else the preferred backend is asked on this thread, which
 * returns once there is a piece of its answer, or all of it, or `gone` is true: for whoever waits
 * for that answer anyway, and follows it. That ask is given up with ERR_CANCELED if its client has
 * gone by then, or deserts it later on; the others go on.
 */
void round_start(struct round *round, const _Atomic bool *gone);
struct round *round_ref(struct round *round);
void round_unref(struct round *round);

/*
 * Waits until it is certain which answer is the one to hand on: that of the preferred backend; or
 * else the first of a status 2xx or 4xx but not 429; or else the first of all. An ask with status 0
 * has failed. Its body is followed from then on: whoever chooses must read it, and then desert it.
 * NULL: `gone` became true while that was open.
 */
struct ask *round_choose(struct round *round, const _Atomic bool *gone);

/* The follower reads no more of the body; what the backend has not yet sent of it is given up. */
void ask_desert(struct ask *ask);

/* The ask of a backend, or NULL. */
struct ask *round_ask_of(struct round *round, const struct backend *backend);
