#include "server/lifecycle.h"

#include <poll.h>

#include "base/test.h"

static bool wakes(const struct lifecycle *lifecycle)
{
    struct pollfd fd = {.fd = lifecycle->wake_fd, .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

START_TEST(becomes_ready_once_it_is_opened)
{
    struct lifecycle lifecycle;
    lifecycle_init(&lifecycle);
    ck_assert_int_eq(lifecycle_phase(&lifecycle), PHASE_STARTING);
    ck_assert(!wakes(&lifecycle));
    lifecycle_opened(&lifecycle, true);
    ck_assert(lifecycle_is_ready(&lifecycle));
    ck_assert(wakes(&lifecycle));
    lifecycle_stop(&lifecycle);
    ck_assert(!lifecycle_is_ready(&lifecycle));
    lifecycle_done(&lifecycle);
}
END_TEST

START_TEST(what_is_stopping_does_not_become_ready)
{
    struct lifecycle lifecycle;
    lifecycle_init(&lifecycle);
    lifecycle_stop(&lifecycle);
    lifecycle_opened(&lifecycle, true);
    ck_assert_int_eq(lifecycle_phase(&lifecycle), PHASE_STOPPING);
    ck_assert(lifecycle_is_open(&lifecycle));
    lifecycle_done(&lifecycle);
}
END_TEST

START_TEST(the_end_is_wanted_once)
{
    struct lifecycle lifecycle;
    lifecycle_init(&lifecycle);
    ck_assert(lifecycle_quit(&lifecycle));
    ck_assert(wakes(&lifecycle));
    ck_assert(!lifecycle_quit(&lifecycle));
    lifecycle_done(&lifecycle);
}
END_TEST

struct waiter {
    struct lifecycle lifecycle;
    _Atomic bool cancel;
    bool ready;
    pthread_t thread;
};

static void *wait_ready(void *context)
{
    struct waiter *waiter = context;
    waiter->ready = lifecycle_wait_ready(&waiter->lifecycle, &waiter->cancel);
    return NULL;
}

static void begin(struct waiter *waiter)
{
    lifecycle_init(&waiter->lifecycle);
    ck_assert_int_eq(pthread_create(&waiter->thread, NULL, wait_ready, waiter), 0);
}

static bool end(struct waiter *waiter)
{
    pthread_join(waiter->thread, NULL);
    lifecycle_done(&waiter->lifecycle);
    return waiter->ready;
}

START_TEST(who_waits_for_the_start_is_told)
{
    struct waiter waiter = {0};
    begin(&waiter);
    lifecycle_opened(&waiter.lifecycle, true);
    ck_assert(end(&waiter));

    waiter = (struct waiter){0};
    begin(&waiter);
    lifecycle_opened(&waiter.lifecycle, false);
    ck_assert(!end(&waiter));

    waiter = (struct waiter){0};
    begin(&waiter);
    atomic_store(&waiter.cancel, true);
    ck_assert(!end(&waiter));
}
END_TEST

TEST_MAIN("lifecycle", becomes_ready_once_it_is_opened, what_is_stopping_does_not_become_ready,
          the_end_is_wanted_once, who_waits_for_the_start_is_told)
