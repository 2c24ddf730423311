#pragma once

#include "http/client.h"
#include "http/transfer.h"

/*
 * Asks other servers without a thread for each ask: one thread moves the bytes of all, over
 * connections that are kept.
 *
 * Thread: any; what an ask is told, it is told on the loop's thread.
 */
struct client_loop;

/* One ask on its way. */
struct client_ask;

/* What one makes of a piece of its answer's body. */
enum client_taken {
    CLIENT_TAKEN,
    CLIENT_LATER, /* not now: the same bytes come again after client_ask_resume */
    CLIENT_ENOUGH /* no more is wanted: the ask ends with an error */
};

/* What an ask is told. None of these may wait: all others would wait with it. */
struct client_ask_class {
    /* The answer begins: its status and headers can be read, here and now. */
    void (*head)(void *context, struct client_ask *ask);
    /* The next bytes, as they came: packed if transfer_is_packed. */
    enum client_taken (*body)(void *context, const char *bytes, size_t size);
    /* Once and last. NULL: the answer is complete. Errors as client_open's. */
    void (*end)(void *context, const struct err *err);
};

/* At most `idle_max` connections wait for a next request. ERR_IO: no thread, or no descriptors. */
bool client_loop_create(size_t idle_max, struct client_loop **ret_loop, struct err *err) MUST_CHECK;

/* All its asks have ended. */
void client_loop_destroy(struct client_loop *loop);

/* Never waits, and always ends, by the request's deadline. The request lives until then. */
void client_loop_ask(struct client_loop *loop, const struct client_request *request,
                     const struct client_ask_class *class, void *context);
const struct transfer *client_ask_transfer(const struct client_ask *ask);

/* After CLIENT_LATER, and before `end` has returned. */
void client_ask_resume(struct client_ask *ask);

DEFINE_AUTO(struct client_loop *, client_loop_destroy)
