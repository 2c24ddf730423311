#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * From the first request to the last: what the server is doing, and who wants that changed. It
 * listens while the database is being opened, so that somebody who asks learns that much.
 *
 *     PHASE_STARTING   the database is being opened    -> PHASE_READY, PHASE_FAILED
 *     PHASE_READY      all is answered                 -> PHASE_STOPPING, as any other
 *
 * What is made while it starts may be used by who has seen PHASE_READY, or lifecycle_is_open.
 *
 * Thread: any; one waits on `wake_fd`.
 */
enum phase { PHASE_STARTING, PHASE_READY, PHASE_FAILED, PHASE_STOPPING };

struct lifecycle {
    _Atomic int phase;
    _Atomic bool open; /* what was opened is there, until the end */
    _Atomic bool quit_wanted;
    _Atomic int64_t stop_ms; /* when PHASE_STOPPING came */
    int wake_fd; /* readable: the phase has changed, or the end is wanted; -1: there is none */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* the phase */
};

void lifecycle_init(struct lifecycle *lifecycle);
void lifecycle_done(struct lifecycle *lifecycle);

enum phase lifecycle_phase(const struct lifecycle *lifecycle);

static inline bool lifecycle_is_ready(const struct lifecycle *lifecycle)
{
    return lifecycle_phase(lifecycle) == PHASE_READY;
}

static inline bool lifecycle_is_open(const struct lifecycle *lifecycle)
{
    return atomic_load(&lifecycle->open);
}

/* For who waits on `wake_fd`, once it is readable. */
void lifecycle_take_wake(struct lifecycle *lifecycle);

/* From PHASE_STARTING; from another, the phase stays as it is. */
void lifecycle_opened(struct lifecycle *lifecycle, bool good);

/* From any. */
void lifecycle_stop(struct lifecycle *lifecycle);

/* The end is wanted; false: it was wanted already. */
bool lifecycle_quit(struct lifecycle *lifecycle);

/* Waits while it starts. False: it does not become ready, or *cancel became true. */
bool lifecycle_wait_ready(struct lifecycle *lifecycle, const _Atomic bool *cancel);
