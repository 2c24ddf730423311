#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "http/answer.h"

/* For tests of servers and their clients. */

/* An answer's stream of so many bytes, each an 'x'. */
struct test_bytes {
    size_t size;
    bool breaks;                /* and then fails, with the status 422 where that can be said */
    bool endless;               /* never comes to that */
    const _Atomic bool *stalls; /* each piece waits until that is true; NULL: none does */
    _Atomic size_t *sent;       /* counts them; NULL: nobody does */
};

void test_answer_bytes(struct answer *answer, struct test_bytes bytes);

/* A connection to "127.0.0.1:PORT". */
int test_connect(const char *address);
