#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * Lets so many in at once; more wait for one to leave. Thread: any; who entered may leave on
 * another one.
 */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t turn;
    size_t limit; /* 0: none */
    size_t inside;
    size_t waiting;
};

void gate_init(struct gate *gate, size_t limit);
void gate_done(struct gate *gate);

/* ERR_CANCELED: the flag, which there must be, became true while waiting; nobody is inside. */
bool gate_enter(struct gate *gate, const _Atomic bool *cancel, struct err *err) MUST_CHECK;
void gate_leave(struct gate *gate);

/* Those inside and those that wait. */
size_t gate_count(struct gate *gate);
