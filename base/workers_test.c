#include "base/workers.h"

#include <stdatomic.h>

#include "base/mem.h"
#include "base/test.h"

struct squares {
    struct work_queue queue;
    _Atomic size_t running;
    _Atomic size_t running_most;
    _Atomic uint64_t lanes;
    uint64_t results[WORK_AHEAD_MAX];
};

static void squares_run(struct work_queue *queue, size_t task, size_t lane)
{
    struct squares *self = CONTAINER(struct squares, queue, queue);
    size_t running = atomic_fetch_add(&self->running, 1) + 1;
    size_t most = self->running_most;
    while (running > most && !atomic_compare_exchange_weak(&self->running_most, &most, running))
        ;
    uint64_t bit = UINT64_C(1) << lane;
    ck_assert_msg((atomic_fetch_or(&self->lanes, bit) & bit) == 0, "lane used twice");
    self->results[task % WORK_AHEAD_MAX] = task * task;
    atomic_fetch_and(&self->lanes, ~bit);
    atomic_fetch_sub(&self->running, 1);
}

static void squares_of(struct workers *workers, size_t lanes_max, size_t count)
{
    struct squares *self = mem_new(struct squares);
    work_queue_init(&self->queue, workers, lanes_max, squares_run);
    size_t added = 0;
    for (size_t task = 0; task < count; task++) {
        for (; added < count && added < task + 8; added++)
            work_queue_add(&self->queue, 1);
        work_queue_wait(&self->queue, task);
        ck_assert_uint_eq(self->results[task % WORK_AHEAD_MAX], task * task);
    }
    work_queue_done(&self->queue);
    ck_assert_uint_le(self->running_most, lanes_max);
    free(self);
}

START_TEST(runs_all_tasks_in_at_most_so_many_lanes)
{
    AUTO(workers_destroy) struct workers *workers = workers_create(4);
    squares_of(workers, 1, 1000);
    squares_of(workers, 3, 5000);
    squares_of(workers, 8, 5000);
}
END_TEST

START_TEST(runs_without_workers)
{
    squares_of(NULL, 1, 100);
    AUTO(workers_destroy) struct workers *none = workers_create(0);
    squares_of(none, 2, 100);
}
END_TEST

static void *squares_thread(void *workers)
{
    squares_of(workers, 2, 3000);
    return NULL;
}

START_TEST(serves_several_queues)
{
    AUTO(workers_destroy) struct workers *workers = workers_create(3);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, squares_thread, workers), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

START_TEST(forgets_what_was_not_begun)
{
    AUTO(workers_destroy) struct workers *workers = workers_create(2);
    for (int i = 0; i < 200; i++) {
        struct squares *self = mem_new(struct squares);
        work_queue_init(&self->queue, workers, 2, squares_run);
        work_queue_add(&self->queue, 50);
        work_queue_done(&self->queue);
        free(self);
    }
}
END_TEST

TEST_MAIN("workers", runs_all_tasks_in_at_most_so_many_lanes, runs_without_workers,
          serves_several_queues, forgets_what_was_not_begun)
