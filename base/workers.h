#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * The process's worker threads, and the queues of numbered tasks that they serve in turn: one task
 * of a queue, then one of the next, so that a long list of tasks does not hold up the others.
 *
 *     work_queue_init(&queue, workers, lanes_max, run);
 *     work_queue_add(&queue, count);      tasks next, next + 1, ... may start
 *     work_queue_wait(&queue, task);      done when this returns; until then works on tasks here
 *     work_queue_done(&queue);            forgets those not begun, waits for those that run
 *
 * At most `lanes_max` tasks of a queue run at once, each in a lane of its own: what a task needs
 * for itself is kept per lane. Tasks are begun in order and must not wait for anything; so whoever
 * waits for the oldest task runs it or a later one, or sees it end.
 *
 * Thread: `run` is called on the workers' threads and in work_queue_wait, in each lane by one at a
 * time. A queue's other functions are its owner's, one thread at a time.
 */
struct workers;

/* Fewer threads where the system gives no more, perhaps none: then tasks run in work_queue_wait. */
struct workers *workers_create(size_t thread_count);

/* No queue may be left. */
void workers_destroy(struct workers *workers);

#define WORK_LANES_MAX 64
#define WORK_AHEAD_MAX 256

struct work_queue;
typedef void work_run_fn(struct work_queue *queue, size_t task, size_t lane);

struct work_queue {
    struct workers *workers; /* NULL: every task runs in work_queue_wait */
    work_run_fn *run;
    size_t lanes_max;
    struct work_queue *next; /* ring of the queues that workers serve */
    struct work_queue *prev;
    size_t begun; /* tasks before this one have begun */
    size_t added; /* tasks before this one may begin */
    size_t running;
    uint64_t lanes_used;           /* bits */
    uint8_t ended[WORK_AHEAD_MAX]; /* by task modulo */
    pthread_cond_t task_ended;
};

/* `lanes_max`: 1 to WORK_LANES_MAX. The queue stays where it is until work_queue_done. */
void work_queue_init(struct work_queue *queue, struct workers *workers, size_t lanes_max,
                     work_run_fn *run);

/* At most WORK_AHEAD_MAX tasks may be between the oldest not yet waited for and the newest added.
 */
void work_queue_add(struct work_queue *queue, size_t count);

/* For every task that was added, once each and in order. */
void work_queue_wait(struct work_queue *queue, size_t task);
void work_queue_done(struct work_queue *queue);

DEFINE_AUTO(struct workers *, workers_destroy)
