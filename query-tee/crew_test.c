#include "query-tee/crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/test.h"

static _Atomic int done_count;
static _Atomic int running;
static _Atomic int running_max;

static void work(void *context)
{
    int now = atomic_fetch_add(&running, 1) + 1;
    int most = atomic_load(&running_max);
    while (now > most && !atomic_compare_exchange_weak(&running_max, &most, now))
        ;
    usleep(5000);
    atomic_fetch_sub(&running, 1);
    atomic_fetch_add(&done_count, 1);
}

START_TEST(does_all_with_no_more_threads_than_it_may)
{
    struct crew *crew = crew_create(4);
    for (int i = 0; i < 40; i++)
        crew_run(crew, work, NULL);
    ck_assert_uint_le(crew_thread_count(crew), 4);
    crew_destroy(crew);
    ck_assert_int_eq(done_count, 40);
    ck_assert_int_le(running_max, 4);
}
END_TEST

static pthread_barrier_t barrier;

static void meet(void *context)
{
    pthread_barrier_wait(&barrier);
    atomic_fetch_add(&done_count, 1);
}

START_TEST(runs_as_much_at_once_as_it_may)
{
    struct crew *crew = crew_create(8);
    pthread_barrier_init(&barrier, NULL, 8);
    for (int round = 0; round < 20; round++)
        for (int i = 0; i < 8; i++)
            crew_run(crew, meet, NULL); /* hangs if there are fewer threads */
    crew_destroy(crew);
    pthread_barrier_destroy(&barrier);
    ck_assert_int_eq(done_count, 160);
}
END_TEST

START_TEST(uses_a_thread_again)
{
    struct crew *crew = crew_create(100);
    for (int i = 1; i <= 20; i++) {
        crew_run(crew, work, NULL);
        while (atomic_load(&done_count) < i)
            usleep(1000);
        usleep(1000);
    }
    ck_assert_uint_lt(crew_thread_count(crew), 20);
    crew_destroy(crew);
}
END_TEST

TEST_MAIN("crew", does_all_with_no_more_threads_than_it_may, runs_as_much_at_once_as_it_may,
          uses_a_thread_again)
