#include "base/test.h"
#include "query-tee/test_tee.h"

static struct test_tee self;
static struct test_answer answer;

#define QUERY "/api/v1/query?query=up&time=100"

START_TEST(hands_on_what_the_preferred_backend_says)
{
    TEST_TEE_OPEN(&self, 2, "--proxy.compare-responses=false");
    test_backend_say(&self.backends[0], 422, "{\"status\":\"error\"}");
    test_tee_ask(&self, "GET", QUERY, "X-One: 1", &answer);
    ck_assert_int_eq(answer.status, 422);
    ck_assert_str_eq(answer.body.ptr, "{\"status\":\"error\"}");
    ck_assert(test_answer_says(&answer, "Content-Type: application/json"));
    ck_assert(test_answer_says(&answer, "Retry-After: 7"));
    test_answer_done(&answer);

    ck_assert(test_tee_tells(
        &self, "millrace_querytee_request_duration_seconds_count{route=\"api_v1_query\"} 1"));
    AUTO(buf_done) struct buf line = {0};
    buf_printf(
        &line,
        "cortex_querytee_backend_request_duration_seconds_count{backend=\"%s\",method=\"GET\","
        "route=\"api_v1_query\",status_code=\"200\"} 1",
        self.backends[1].name);
    test_tee_wait_for(&self, buf_terminated(&line));
    for (size_t i = 0; i < 2; i++) {
        ck_assert(test_backend_got(&self.backends[i], QUERY));
        ck_assert(test_backend_was_told(&self.backends[i], "X-One: 1"));
    }
    test_tee_close(&self);
}
END_TEST

START_TEST(refuses_what_is_no_route)
{
    TEST_TEE_OPEN(&self, 1, "--server.path-prefix=/p");
    ck_assert_int_eq(test_tee_get(&self, "/p/api/v1/nothing"), 404);
    ck_assert_int_eq(test_tee_get(&self, QUERY), 404); /* it lies below the prefix */
    test_tee_ask(&self, "DELETE", "/p/api/v1/query", NULL, &answer);
    ck_assert_int_eq(answer.status, 405);
    ck_assert(test_answer_says(&answer, "Allow: GET, POST"));
    test_answer_done(&answer);
    test_tee_ask(&self, "GET", "/p/api/v1/read", NULL, &answer);
    ck_assert_int_eq(answer.status, 405);
    ck_assert(test_answer_says(&answer, "Allow: POST"));
    test_answer_done(&answer);
    ck_assert_uint_eq(test_backend_asked(&self.backends[0]), 0);

    ck_assert_int_eq(test_tee_get(&self, "/p" QUERY), 200);
    ck_assert(test_backend_got(&self.backends[0], QUERY));
    test_tee_close(&self);
}
END_TEST

START_TEST(asks_for_nothing_beside_its_prefix)
{
    TEST_TEE_OPEN(&self, 1, "--server.path-prefix=/p/",
                  "--proxy.passthrough-non-registered-routes");
    static const char *const beside[] = {"/p@127.0.0.1:1/x", "/p.x/y", "/px"};
    for (size_t i = 0; i < ARRAY_COUNT(beside); i++)
        ck_assert_int_eq(test_tee_get(&self, beside[i]), 404);
    ck_assert_uint_eq(test_backend_asked(&self.backends[0]), 0);
    ck_assert_int_eq(test_tee_get(&self, "/p/x"), 200);
    ck_assert(test_backend_got(&self.backends[0], "/x"));
    test_tee_close(&self);
}
END_TEST

START_TEST(answers_for_itself)
{
    TEST_TEE_OPEN(&self, 1, "--server.path-prefix=/p");
    static const char *const own[] = {"/", "/ready", "/api/v1/tee", "/p/", "/p/ready"};
    for (size_t i = 0; i < ARRAY_COUNT(own); i++)
        ck_assert_int_eq(test_tee_get(&self, own[i]), 200);
    ck_assert_uint_eq(test_backend_asked(&self.backends[0]), 0);
    test_tee_close(&self);
}
END_TEST

START_TEST(passes_through_what_it_does_not_know)
{
    TEST_TEE_OPEN(&self, 2, "--proxy.passthrough-non-registered-routes");
    test_tee_ask(&self, "DELETE", "/api/v1/other?x=1", NULL, &answer);
    ck_assert_int_eq(answer.status, 200);
    test_answer_done(&answer);
    test_tee_wait_for(&self,
                      "millrace_querytee_request_duration_seconds_count{route=\"passthrough\"} 1");
    ck_assert(test_backend_got(&self.backends[0], "/api/v1/other?x=1"));
    ck_assert_uint_eq(test_backend_asked(&self.backends[1]), 0);
    test_tee_close(&self);
}
END_TEST

/* A line of /metrics about requests that the second backend did not get. */
static const char *not_sent(const char *reason)
{
    static char line[200];
    snprintf(line, sizeof line,
             "millrace_querytee_requests_not_sent_total{backend=\"%s\",reason=\"%s\"} 1",
             self.backends[1].name, reason);
    return line;
}

START_TEST(asks_others_for_a_share)
{
    TEST_TEE_OPEN(&self, 2, "--proxy.secondary-backends-request-proportion=0");
    ck_assert_int_eq(test_tee_get(&self, QUERY), 200);
    ck_assert(test_tee_tells(&self, not_sent("proportion")));
    ck_assert_uint_eq(test_backend_asked(&self.backends[1]), 0);
    test_tee_close(&self);
}
END_TEST

START_TEST(asks_others_only_so_much_at_once)
{
    TEST_TEE_OPEN(&self, 2, "--proxy.secondary-max-in-flight=0");
    ck_assert_int_eq(test_tee_get(&self, QUERY), 200);
    ck_assert(test_tee_tells(&self, not_sent("too_many_in_flight")));
    test_tee_close(&self);
}
END_TEST

/* 1970 is old enough, and now is not; what has no bounds is as old as can be. */
START_TEST(asks_others_for_old_data)
{
    TEST_TEE_OPEN(&self, 2, "--proxy.backends-lookback-delta=5m");
    self.tee->backends.items[1].min_age_ms = 3600000;
    ck_assert_int_eq(test_tee_get(&self, QUERY), 200);
    ck_assert_int_eq(test_tee_get(&self, "/api/v1/labels"), 200);
    ck_assert(!test_tee_tells(&self, not_sent("min_data_queried_age")));
    ck_assert_int_eq(test_tee_get(&self, "/api/v1/query?query=up"), 200);
    ck_assert(test_tee_tells(&self, not_sent("min_data_queried_age")));
    ck_assert_int_eq(test_tee_get(&self, "/api/v1/query?query=up%20offset%202h"), 200);
    ck_assert(test_tee_tells(&self, not_sent("min_data_queried_age")));
    test_tee_close(&self);
}
END_TEST

START_TEST(says_which_backend_failed)
{
    AUTO(buf_done) struct buf line = {0};
    TEST_TEE_OPEN(&self, 2, "--backend.read-timeout=100ms");
    test_backend_delay(&self.backends[0], 20000);
    test_tee_ask(&self, "GET", QUERY, NULL, &answer);
    ck_assert_int_eq(answer.status, 504);
    ck_assert_ptr_nonnull(strstr(answer.body.ptr, self.backends[0].name));
    test_answer_done(&answer);
    buf_printf(&line,
               "millrace_querytee_backend_failures_total{backend=\"%s\",reason=\"timeout\"} 1",
               self.backends[0].name);
    test_tee_wait_for(&self, buf_terminated(&line));

    test_tee_close(&self);
}
END_TEST

START_TEST(says_which_backend_is_not_there)
{
    AUTO(buf_done) struct buf line = {0};
    TEST_TEE_OPEN(&self, 2, "--proxy.compare-responses=false");
    listener_close(TAKE(self.backends[0].listener));
    ck_assert_int_eq(test_tee_get(&self, QUERY), 502);
    buf_printf(&line,
               "millrace_querytee_backend_failures_total{backend=\"%s\",reason=\"no_answer\"} 1",
               self.backends[0].name);
    test_tee_wait_for(&self, buf_terminated(&line));
    test_tee_close(&self);
}
END_TEST

START_TEST(takes_the_first_good_answer_where_none_is_preferred)
{
    TEST_TEE_OPEN(&self, 2, "--backend.preferred=");
    test_backend_say(&self.backends[0], 500, "{}");
    test_backend_delay(&self.backends[1], 50);
    ck_assert_int_eq(test_tee_get(&self, QUERY), 200);
    listener_close(TAKE(self.backends[1].listener));
    ck_assert_int_eq(test_tee_get(&self, QUERY), 500); /* better than none */
    test_tee_close(&self);
}
END_TEST

START_TEST(refuses_requests_there_is_no_memory_for)
{
    TEST_TEE_OPEN(&self, 1, "--proxy.bodies-memory=200KiB");
    AUTO(buf_done) struct buf uri = {0};
    buf_text(&uri, "/api/v1/query?query=");
    for (int i = 0; i < 150000; i++)
        buf_byte(&uri, 'x');
    ck_assert_int_eq(test_tee_get(&self, buf_terminated(&uri)), 503);
    ck_assert_int_eq(test_tee_get(&self, QUERY), 200);
    test_tee_close(&self);
}
END_TEST

TEST_MAIN("proxy", hands_on_what_the_preferred_backend_says, refuses_what_is_no_route,
          asks_for_nothing_beside_its_prefix, answers_for_itself,
          passes_through_what_it_does_not_know, asks_others_for_a_share,
          asks_others_only_so_much_at_once, asks_others_for_old_data, says_which_backend_failed,
          says_which_backend_is_not_there, takes_the_first_good_answer_where_none_is_preferred,
          refuses_requests_there_is_no_memory_for)
