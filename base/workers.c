/*
 * One lock for all: a task is some thousand values' work, so that it is taken a few thousand times
 * a second at most. Workers sleep until a queue has a task to begin.
 */
#include "base/workers.h"

#include <assert.h>
#include <signal.h>

#include "base/mem.h"

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t task_added;
    struct work_queue *turn; /* whose turn it is; NULL: no queue */
    pthread_t *threads;
    size_t thread_count;
    bool ending;
};

static size_t work_queue_begin(struct work_queue *queue, size_t *ret_lane)
{
    size_t lane = (size_t)__builtin_ctzll(~queue->lanes_used);
    queue->lanes_used |= UINT64_C(1) << lane;
    queue->running++;
    queue->ended[queue->begun % WORK_AHEAD_MAX] = false;
    *ret_lane = lane;
    return queue->begun++;
}

static void work_queue_end(struct work_queue *queue, size_t task, size_t lane)
{
    queue->lanes_used &= ~(UINT64_C(1) << lane);
    queue->running--;
    queue->ended[task % WORK_AHEAD_MAX] = true;
    pthread_cond_broadcast(&queue->task_ended);
}

/* The next queue in turn with a task to begin and a lane free. */
static struct work_queue *workers_next(struct workers *workers)
{
    struct work_queue *first = workers->turn;
    if (!first)
        return NULL;
    struct work_queue *queue = first;
    do {
        if (queue->begun < queue->added && queue->running < queue->lanes_max) {
            workers->turn = queue->next;
            return queue;
        }
        queue = queue->next;
    } while (queue != first);
    return NULL;
}

static void *workers_serve(void *context)
{
    struct workers *workers = context;
    pthread_mutex_lock(&workers->lock);
    while (!workers->ending) {
        struct work_queue *queue = workers_next(workers);
        if (!queue) {
            pthread_cond_wait(&workers->task_added, &workers->lock);
            continue;
        }
        size_t lane;
        size_t task = work_queue_begin(queue, &lane);
        pthread_mutex_unlock(&workers->lock);
        queue->run(queue, task, lane);
        pthread_mutex_lock(&workers->lock);
        work_queue_end(queue, task, lane);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

struct workers *workers_create(size_t thread_count)
{
    struct workers *workers = mem_new(struct workers);
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->task_added, NULL);
    workers->threads = mem_new_array(pthread_t, thread_count);

    /* Signals are for the threads that serve requests; a fault is for the thread that has it. */
    sigset_t others, before;
    sigfillset(&others);
    sigdelset(&others, SIGBUS); /* file_map.c goes on behind it */
    sigdelset(&others, SIGSEGV);
    sigdelset(&others, SIGFPE);
    sigdelset(&others, SIGILL);
    pthread_sigmask(SIG_SETMASK, &others, &before);
    for (size_t i = 0; i < thread_count; i++) {
        if (pthread_create(&workers->threads[i], NULL, workers_serve, workers) != 0)
            break;
        workers->thread_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return workers;
}

void workers_destroy(struct workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    assert(!workers->turn);
    workers->ending = true;
    pthread_cond_broadcast(&workers->task_added);
    pthread_mutex_unlock(&workers->lock);
    for (size_t i = 0; i < workers->thread_count; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_cond_destroy(&workers->task_added);
    pthread_mutex_destroy(&workers->lock);
    free(workers->threads);
    free(workers);
}

void work_queue_init(struct work_queue *queue, struct workers *workers, size_t lanes_max,
                     work_run_fn *run)
{
    assert(lanes_max > 0 && lanes_max <= WORK_LANES_MAX);
    *queue = (struct work_queue){.workers = workers, .run = run, .lanes_max = lanes_max};
    if (!workers)
        return;
    pthread_cond_init(&queue->task_ended, NULL);
    pthread_mutex_lock(&workers->lock);
    if (workers->turn) {
        queue->next = workers->turn;
        queue->prev = workers->turn->prev;
        queue->prev->next = queue;
        queue->next->prev = queue;
    } else {
        queue->next = queue->prev = workers->turn = queue;
    }
    pthread_mutex_unlock(&workers->lock);
}

void work_queue_add(struct work_queue *queue, size_t count)
{
    if (!queue->workers) {
        queue->added += count;
        return;
    }
    pthread_mutex_lock(&queue->workers->lock);
    queue->added += count;
    if (count == 1)
        pthread_cond_signal(&queue->workers->task_added);
    else
        pthread_cond_broadcast(&queue->workers->task_added);
    pthread_mutex_unlock(&queue->workers->lock);
}

void work_queue_wait(struct work_queue *queue, size_t task)
{
    assert(task < queue->added);
    if (!queue->workers) {
        assert(task == queue->begun);
        queue->begun++;
        queue->run(queue, task, 0);
        return;
    }
    pthread_mutex_lock(&queue->workers->lock);
    while (task >= queue->begun || !queue->ended[task % WORK_AHEAD_MAX]) {
        if (queue->begun < queue->added && queue->running < queue->lanes_max) {
            size_t lane;
            size_t begun = work_queue_begin(queue, &lane);
            pthread_mutex_unlock(&queue->workers->lock);
            queue->run(queue, begun, lane);
            pthread_mutex_lock(&queue->workers->lock);
            work_queue_end(queue, begun, lane);
        } else {
            pthread_cond_wait(&queue->task_ended, &queue->workers->lock);
        }
    }
    pthread_mutex_unlock(&queue->workers->lock);
}

void work_queue_done(struct work_queue *queue)
{
    struct workers *workers = queue->workers;
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    queue->added = queue->begun;
    while (queue->running > 0)
        pthread_cond_wait(&queue->task_ended, &workers->lock);
    if (queue->next == queue) {
        workers->turn = NULL;
    } else {
        queue->next->prev = queue->prev;
        queue->prev->next = queue->next;
        if (workers->turn == queue)
            workers->turn = queue->next;
    }
    pthread_mutex_unlock(&workers->lock);
    pthread_cond_destroy(&queue->task_ended);
    queue->workers = NULL;
}
