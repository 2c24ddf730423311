#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"

struct server;

/*
 * Opens the database and what works on it, beside the requests that come meanwhile; tells the
 * server's lifecycle how it went.
 *
 * Thread: the one that began it.
 */
struct opening {
    struct server *server;
    pthread_t thread;
    struct err err; /* of a failure */
};

/* ERR_IO: there is no thread for it. */
bool opening_begin(struct opening *opening, struct server *server, struct err *err) MUST_CHECK;

/* Behind opening_begin. Waits for its end; soon, where `server->reading.cancel` is set. */
void opening_wait(struct opening *opening);
