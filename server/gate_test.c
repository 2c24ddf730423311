#include "server/gate.h"

#include <unistd.h>

#include "base/test.h"

static struct gate gate;
static _Atomic bool cancel;
static _Atomic int entered;

static void *enter(void *context)
{
    struct err err = {0};
    if (gate_enter(&gate, &cancel, &err))
        atomic_fetch_add(&entered, 1);
    else if (err.kind == ERR_CANCELED)
        atomic_fetch_sub(&entered, 1);
    return NULL;
}

static pthread_t wait_for(size_t count)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, enter, NULL), 0);
    for (int i = 0; i < 5000 && gate_count(&gate) < count; i++)
        usleep(1000);
    ck_assert_uint_eq(gate_count(&gate), count);
    return thread;
}

START_TEST(lets_so_many_in)
{
    struct err err = {0};
    gate_init(&gate, 2);
    ck_assert(gate_enter(&gate, &cancel, &err));
    ck_assert(gate_enter(&gate, &cancel, &err));
    pthread_t third = wait_for(3);
    ck_assert_int_eq(atomic_load(&entered), 0);
    gate_leave(&gate);
    pthread_join(third, NULL);
    ck_assert_int_eq(atomic_load(&entered), 1);
    ck_assert_uint_eq(gate_count(&gate), 2);
    gate_done(&gate);
}
END_TEST

START_TEST(lets_those_go_who_do_not_want_any_more)
{
    struct err err = {0};
    gate_init(&gate, 1);
    ck_assert(gate_enter(&gate, &cancel, &err));
    pthread_t second = wait_for(2);
    atomic_store(&cancel, true);
    pthread_join(second, NULL);
    ck_assert_int_eq(atomic_load(&entered), -1);
    ck_assert_uint_eq(gate_count(&gate), 1);
    gate_done(&gate);
}
END_TEST

START_TEST(without_a_limit_all_enter)
{
    struct err err = {0};
    gate_init(&gate, 0);
    for (size_t i = 0; i < 100; i++)
        ck_assert(gate_enter(&gate, &cancel, &err));
    gate_done(&gate);
}
END_TEST

TEST_MAIN("gate", lets_so_many_in, lets_those_go_who_do_not_want_any_more,
          without_a_limit_all_enter)
