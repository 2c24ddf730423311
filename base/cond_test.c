#include "base/cond.h"

#include "base/test.h"

START_TEST(deadlines_end_where_time_does)
{
    ck_assert_int_eq(clock_deadline_ns(5, 2), 2000005);
    ck_assert_int_eq(clock_deadline_ns(0, INT64_MAX / 1000000), INT64_MAX / 1000000 * 1000000);
    ck_assert_int_eq(clock_deadline_ns(1000000000, INT64_MAX / 1000000), INT64_MAX);
    ck_assert_int_eq(clock_deadline_ns(0, INT64_MAX), INT64_MAX);
}
END_TEST

struct knock {
    pthread_mutex_t mutex;
    pthread_cond_t came;
    bool there;
};

static void *knock_now(void *context)
{
    struct knock *knock = context;
    pthread_mutex_lock(&knock->mutex);
    knock->there = true;
    pthread_cond_signal(&knock->came);
    pthread_mutex_unlock(&knock->mutex);
    return NULL;
}

START_TEST(waits_until_a_signal_or_the_time)
{
    struct knock knock = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    pthread_t thread;
    pthread_mutex_lock(&knock.mutex);
    int64_t until_ns = clock_deadline_ns(clock_monotonic_ns(), 20);
    while (cond_wait_until(&knock.came, &knock.mutex, until_ns))
        ck_assert(!knock.there);
    ck_assert_int_ge(clock_monotonic_ns(), until_ns);

    pthread_create(&thread, NULL, knock_now, &knock);
    bool early = true;
    while (!knock.there && early)
        early = cond_wait_until(&knock.came, &knock.mutex, INT64_MAX);
    pthread_mutex_unlock(&knock.mutex);
    pthread_join(thread, NULL);
    ck_assert(early && knock.there);
}
END_TEST

TEST_MAIN("cond", deadlines_end_where_time_does, waits_until_a_signal_or_the_time)
