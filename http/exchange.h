#pragma once

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/acceptor.h"
#include "http/listen.h"

/* What listen.c and exchange.c know of each other. */
struct listener {
    unsigned magic;
    struct listen_options options;
    struct acceptor acceptor; /* woken to look at the flags below, and where it is paused */
    struct MHD_Daemon *daemon;
    pthread_t watcher;
    _Atomic bool closing;
    _Atomic bool stopping;

    pthread_mutex_t mutex;
    pthread_cond_t idle;            /* busy_count became 0, while it stops */
    struct connection *connections; /* a list */
    size_t connection_count;
    size_t handed_count; /* to the library, which has not yet begun them */
    uint64_t next_id;
    _Atomic size_t busy_count; /* exchanges between their request and their end */
};

#define LISTENER_MAGIC 0x4c53544eu

/* Who is waited for on a connection. */
enum phase {
    PHASE_READING,   /* the client: for a request, or the rest of one */
    PHASE_COMPUTING, /* we */
    PHASE_SENDING,   /* the client: to take what we have */
};

struct connection {
    unsigned magic;
    struct listener *listener;
    struct connection *next;
    struct connection **link; /* what points to it */
    uint64_t id;
    int fd;
    _Atomic int phase;
    _Atomic int64_t phase_ns; /* since when */
    _Atomic bool left;        /* the client sends no more */
    _Atomic bool cancel;      /* of its last request */
};

#define CONNECTION_MAGIC 0x434f4e4eu

void connection_enter(struct connection *connection, enum phase phase);

/* Around the answer to a request: it is cancelled if its client leaves, or has left. */
void connection_busy(struct connection *connection);
void connection_rest(struct connection *connection);

/* Callbacks of libmicrohttpd: a request's first line, its parts, its end. */
void *exchange_begin(void *context, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result exchange_access(void *context, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_size, void **slot);
void exchange_complete(void *context, struct MHD_Connection *mhd, void **slot,
                       enum MHD_RequestTerminationCode why);
