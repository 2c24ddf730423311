#include "query-tee/judge.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/test.h"
#include "query-tee/test_tee.h"

static struct test_tee self;

#define QUERY "/api/v1/query?query=up&time=100"
#define ONE \
    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[" \
    "{\"metric\":{},\"value\":[100,\"1\"]}]}}"
#define TWO \
    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[" \
    "{\"metric\":{},\"value\":[100,\"2\"]}]}}"

static void open_with(const char *flag)
{
    TEST_TEE_OPEN(&self, 2, "--proxy.compare-responses", "--proxy.confirm-delay=1ms", flag);
    test_backend_say(&self.backends[0], 200, ONE);
    test_backend_say(&self.backends[1], 200, ONE);
}

/* A line of /metrics about the second backend. */
static void wait_for(const char *metric, const char *labels, int value)
{
    AUTO(buf_done) struct buf line = {0};
    buf_printf(&line, "%s{%sroute=\"api_v1_query\",secondary_backend=\"%s\"} %d", metric, labels,
               self.backends[1].name, value);
    test_tee_wait_for(&self, buf_terminated(&line));
}

static void wait_for_result(const char *result, int count)
{
    AUTO(buf_done) struct buf labels = {0};
    buf_printf(&labels, "result=\"%s\",", result);
    wait_for("cortex_querytee_responses_compared_total", buf_terminated(&labels), count);
}

START_TEST(says_that_answers_are_alike)
{
    open_with("--proxy.confirm-mismatches");
    ck_assert_int_eq(test_tee_get(&self, QUERY), 200);
    wait_for_result("success", 1);
    ck_assert_uint_eq(test_backend_asked(&self.backends[0]), 1);
    test_tee_close(&self);
}
END_TEST

START_TEST(asks_both_again_before_it_tells_of_a_difference)
{
    open_with("--proxy.confirm-mismatches");
    test_backend_say(&self.backends[1], 200, TWO);
    ck_assert_int_eq(test_tee_get(&self, QUERY), 200);
    wait_for_result("fail", 1);
    ck_assert_uint_eq(test_backend_asked(&self.backends[0]), 2);
    ck_assert_uint_eq(test_backend_asked(&self.backends[1]), 2);
    wait_for("millrace_querytee_differences_total", "class=\"value\",", 1);
    test_tee_close(&self);
}
END_TEST

START_TEST(tells_of_no_difference_that_has_gone)
{
    open_with("--proxy.confirm-mismatches");
    test_backend_say(&self.backends[1], 200, TWO);
    test_backend_say_then(&self.backends[1], ONE);
    ck_assert_int_eq(test_tee_get(&self, QUERY), 200);
    wait_for_result("success", 1);
    wait_for("millrace_querytee_mismatches_not_confirmed_total", "", 1);
    test_tee_close(&self);
}
END_TEST

START_TEST(tells_at_once_where_that_is_wished)
{
    open_with("--proxy.confirm-mismatches=false");
    test_backend_say(&self.backends[1], 200, TWO);
    ck_assert_int_eq(test_tee_get(&self, QUERY), 200);
    wait_for_result("fail", 1);
    ck_assert_uint_eq(test_backend_asked(&self.backends[1]), 1);
    test_tee_close(&self);
}
END_TEST

START_TEST(skips_what_it_has_no_room_for)
{
    open_with("--proxy.compare-queue-size=0");
    ck_assert_int_eq(test_tee_get(&self, QUERY), 200);
    wait_for("millrace_querytee_comparisons_skipped_total", "reason=\"queue_full\",", 1);
    wait_for_result("skip", 1);
    ck_assert_uint_eq(judge_waiting_count(self.tee->judge), 0);
    test_tee_close(&self);
}
END_TEST

START_TEST(skips_what_nobody_answered)
{
    open_with("--backend.read-timeout=50ms");
    test_backend_delay(&self.backends[0], 20000);
    test_backend_delay(&self.backends[1], 20000);
    ck_assert_int_eq(test_tee_get(&self, QUERY), 504);
    wait_for("millrace_querytee_comparisons_skipped_total", "reason=\"no_answer\",", 1);
    test_tee_close(&self);
}
END_TEST

/* One that answered and one that did not are different. */
START_TEST(tells_of_one_that_did_not_answer)
{
    open_with("--proxy.confirm-mismatches");
    listener_close(TAKE(self.backends[1].listener));
    ck_assert_int_eq(test_tee_get(&self, QUERY), 200);
    wait_for_result("fail", 1);
    wait_for("millrace_querytee_differences_total", "class=\"status\",", 1);
    test_tee_close(&self);
}
END_TEST

START_TEST(compares_fresh_data_at_another_time)
{
    open_with("--proxy.shift-comparison-queries-by=1h");
    AUTO(buf_done) struct buf uri = {0}, moved = {0};
    long long now_s = clock_now_ms() / 1000;
    buf_printf(&uri, "/api/v1/query?query=up&time=%lld", now_s);
    buf_printf(&moved, "/api/v1/query?query=up&time=%lld", now_s - 3600);
    ck_assert_int_eq(test_tee_get(&self, buf_terminated(&uri)), 200);
    wait_for_result("success", 1);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(test_backend_asked(&self.backends[i]), 2);
        ck_assert(test_backend_got(&self.backends[i], buf_terminated(&moved)));
    }
    ck_assert_int_eq(test_tee_get(&self, QUERY), 200); /* 1970 is not fresh */
    wait_for_result("success", 2);
    ck_assert_uint_eq(test_backend_asked(&self.backends[1]), 3);
    test_tee_close(&self);
}
END_TEST

/* At the end nothing waits for its time. */
START_TEST(hurries_at_the_end)
{
    open_with("--proxy.confirm-delay=1h");
    test_backend_say(&self.backends[1], 200, TWO);
    ck_assert_int_eq(test_tee_get(&self, QUERY), 200);
    int64_t begin_ns = clock_monotonic_ns();
    while (judge_is_idle(self.tee->judge) || test_backend_asked(&self.backends[1]) < 1)
        usleep(1000);
    usleep(20000);
    ck_assert(!judge_is_idle(self.tee->judge)); /* to be asked has changed nothing */
    ck_assert_uint_eq(test_backend_asked(&self.backends[1]), 1);
    judge_hurry(self.tee->judge);
    while (!judge_is_idle(self.tee->judge) || test_backend_asked(&self.backends[1]) < 2) {
        ck_assert_int_lt(clock_monotonic_ns() - begin_ns, INT64_C(60000000000));
        usleep(1000);
    }
    wait_for_result("fail", 1);
    test_tee_close(&self);
}
END_TEST

TEST_MAIN("judge", says_that_answers_are_alike, asks_both_again_before_it_tells_of_a_difference,
          tells_of_no_difference_that_has_gone, tells_at_once_where_that_is_wished,
          skips_what_it_has_no_room_for, skips_what_nobody_answered,
          tells_of_one_that_did_not_answer, compares_fresh_data_at_another_time, hurries_at_the_end)
