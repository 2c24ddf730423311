#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/err.h"

/*
 * Where clients come in: a socket that listens, the epoll that watches it and all else that its
 * thread waits for, and what wakes that thread. Events of its own have one of these two in
 * `data.u64`; the thread's own have anything else there, as an address is.
 */
enum { ACCEPTOR_CLIENT, ACCEPTOR_WAKE, ACCEPTOR_OTHERS };

/* Thread: the one that waits; acceptor_wake and `paused`: any. */
struct acceptor {
    char *address; /* with the real port */
    int listen_fd;
    int epoll_fd;
    int wake_fd;         /* an eventfd */
    _Atomic bool paused; /* who comes waits in the kernel's queue */
};

/* Errors as socket_listen's. acceptor_done also then. */
bool acceptor_init(struct acceptor *acceptor, const char *address, struct err *err) MUST_CHECK;
void acceptor_done(struct acceptor *acceptor);

/* ACCEPTOR_WAKE comes, once for any number of these. */
void acceptor_wake(struct acceptor *acceptor);

/* For the event ACCEPTOR_WAKE: it will not come again by itself. */
void acceptor_take_wake(struct acceptor *acceptor);

void acceptor_pause(struct acceptor *acceptor, bool paused);

/* No client comes in any more; those that wait are turned away. Any thread. */
void acceptor_stop(struct acceptor *acceptor);

/*
 * The next client that waits, or -1. Where the system has no room for one it is paused: it is to be
 * tried again after a while.
 */
int acceptor_take(struct acceptor *acceptor, struct sockaddr_storage *ret_address);
