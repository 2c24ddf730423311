#pragma once

#include "query-tee/round.h"

/*
 * How a backend is asked: by the loop, or on the thread of whoever waits for the answer. Either way
 * its body goes into the ask's spool, and the round is told; the round's count of running asks is
 * what keeps both there.
 */

/* The loop asks it; what would make all others wait is left to the crew. Never waits. */
void asking_run(struct ask *ask);

/*
 * On this thread: sends the request, and then reads until there is a first piece of the answer, or
 * all of it. The crew reads what is behind that. NULL: it has failed, and that was told. It is
 * given up once `gone` is true, which is not looked at any more when asking_read has returned; from
 * then on, once the ask is deserted.
 */
struct asking;
struct asking *asking_send(struct ask *ask, const _Atomic bool *gone);
void asking_read(struct asking *asking);

/* What asks tell their round, on any thread (round.c): there is a piece of the answer; it has
 * ended, NULL: completely. The ask may be gone when that returns. */
void ask_announce(struct ask *ask);
void ask_end(struct ask *ask, int64_t duration_ns, const struct err *err);
