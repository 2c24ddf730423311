#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/*
 * How a remote read request travels to another server, and its answer back: whoever has a network
 * implements it.
 */
struct read_body;

struct read_ask {
    struct str message;         /* packed */
    const _Atomic bool *cancel; /* NULL: never */
    int64_t deadline_ns;        /* of who asks; clock_monotonic_ns; 0: none */
};

struct read_transport {
    /*
     * Asks, and returns once status and content type are known. Errors name the server. Thread:
     * any, several at once.
     */
    bool (*open)(struct read_transport *transport, const struct read_ask *ask,
                 struct read_body **ret_body, struct err *err);
};

/*
 * The body of an answer, front to back; first member of each implementation.
 *
 *     read    some bytes, `cap` at most; *ret_got 0: that was all, and it was complete
 *     close   once, from any state
 */
struct read_body {
    const struct read_body_class *class;
    int status;
    const char *content_type; /* "" if there is none */
};

struct read_body_class {
    bool (*read)(struct read_body *body, void *bytes, size_t cap, size_t *ret_got, struct err *err);
    void (*close)(struct read_body *body);
};

static inline void read_body_close(struct read_body *body)
{
    if (body)
        body->class->close(body);
}

DEFINE_AUTO(struct read_body *, read_body_close)
