#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Asks other servers, one request at a time. Answers may come packed; they are unpacked here.
 *
 * Thread: any.
 */
struct client_request {
    const char *url;
    const char *form;           /* sent as a POST, already encoded; NULL: a GET */
    int64_t timeout_ms;         /* 0: none */
    size_t size_max;            /* of the body; a longer one is ERR_LIMIT; 0: none */
    const _Atomic bool *cancel; /* set by whoever no longer wants the answer; NULL: never */
};

struct client_answer {
    int status;
    struct buf body;
};

/* ERR_BAD_DATA: no such URL. ERR_TIMEOUT. ERR_CANCELED. ERR_IO: no answer, or one that broke off.
 */
bool client_ask(const struct client_request *request, struct client_answer *ret_answer,
                struct err *err) MUST_CHECK;
void client_answer_done(struct client_answer *answer);

static inline void client_answer_done_auto(struct client_answer *answer)
{
    client_answer_done(answer);
}
