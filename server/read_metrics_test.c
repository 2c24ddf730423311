#include "server/read_metrics.h"

#include <string.h>

#include "base/test.h"

static struct read_metrics metrics;

static bool shows(const char *line)
{
    AUTO(buf_done) struct buf out = {0};
    read_metrics_print(&metrics, &out);
    return strstr(buf_terminated(&out), line) != NULL;
}

START_TEST(shows_nothing_without_servers)
{
    AUTO(buf_done) struct buf out = {0};
    read_metrics_init(&metrics);
    read_metrics_print(&metrics, &out);
    ck_assert_uint_eq(out.len, 0);
    read_metrics_done(&metrics);
}
END_TEST

START_TEST(counts_by_kind_and_end)
{
    read_metrics_init(&metrics);
    struct read_counters *one = read_metrics_of(&metrics, "one", "http://a/\"");
    struct read_counters *other = read_metrics_of(&metrics, "", "http://a/\"");
    ck_assert_ptr_ne(one, other);
    ck_assert_ptr_eq(one, read_metrics_of(&metrics, "one", "http://a/\""));
    read_counters_begun(one, READ_KIND_CHUNKED, 300000000);
    read_counters_begun(one, READ_KIND_SAMPLED, 1);
    read_counters_ended(one, READ_KIND_SAMPLED, true);
    ck_assert(
        !shows("response_type=\"chunked\",url=\"http://a/\\\"\"} 1\n"
               "prometheus_remote_read_client_queries_total"));
    read_counters_ended(one, READ_KIND_CHUNKED, true);
    read_counters_begun(one, READ_KIND_CHUNKED, 300000000);
    read_counters_ended(one, READ_KIND_CHUNKED, false);
    other->asking = 3;
    ck_assert(
        shows("prometheus_remote_read_client_queries_total{remote_name=\"one\",code=\"200\","
              "response_type=\"sampled\",url=\"http://a/\\\"\"} 1\n"));
    ck_assert(
        shows("prometheus_remote_read_client_queries_total{remote_name=\"one\",code=\"200\","
              "response_type=\"chunked\",url=\"http://a/\\\"\"} 1\n"));
    ck_assert(
        shows("{remote_name=\"one\",code=\"aborted_stream\",response_type=\"chunked\","
              "url=\"http://a/\\\"\"} 1\n"));
    ck_assert(shows("_queries{remote_name=\"\",url=\"http://a/\\\"\"} 3\n"));
    ck_assert(
        shows("_bucket{remote_name=\"one\",response_type=\"chunked\",url=\"http://a/\\\"\","
              "le=\"0.25\"} 0\n"));
    ck_assert(
        shows("_bucket{remote_name=\"one\",response_type=\"chunked\",url=\"http://a/\\\"\","
              "le=\"0.5\"} 2\n"));
    ck_assert(
        shows("_seconds_sum{remote_name=\"one\",response_type=\"chunked\","
              "url=\"http://a/\\\"\"} 0.6\n"));
    read_metrics_done(&metrics);
}
END_TEST

START_TEST(knows_kinds_by_their_types)
{
    ck_assert_int_eq(read_kind_of("application/x-protobuf"), READ_KIND_SAMPLED);
    ck_assert_int_eq(read_kind_of("text/html"), READ_KIND_UNSUPPORTED);
    ck_assert_int_eq(
        read_kind_of("application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"),
        READ_KIND_CHUNKED);
}
END_TEST

TEST_MAIN("read_metrics", shows_nothing_without_servers, counts_by_kind_and_end,
          knows_kinds_by_their_types)
