#include "query-tee/report.h"

#include "base/test.h"
#include "query-tee/spool.h"

/* The line for two bodies. */
static void put_report(struct buf *out, enum answer_kind kind, const char *a, const char *b)
{
    AUTO(spool_destroy) struct spool *left = spool_of(a, strlen(a));
    AUTO(spool_destroy) struct spool *right = spool_of(b, strlen(b));
    struct compare_options options = COMPARE_DEFAULTS;
    options.skip_recent_ms = 0;
    options.examples_max = 1;
    struct compare_request request = {.kind = kind, .query = STR("x"), .step_ms = 1000};
    AUTO(comparison_done) struct comparison comparison;
    compare_answers(&request, &options, &(struct compare_side){left, 200, "application/json"},
                    &(struct compare_side){right, 200, "application/json"}, &comparison);
    report_append(
        &(struct report){
            .time_ms = 1700000000123,
            .route = "api_v1_query_range",
            .path = "/api/v1/query_range",
            .params = STR("query=up%7B%7D&step=1"),
            .query = STR("up{}"),
            .start_ms = 0,
            .end_ms = 60000,
            .step_ms = 1000,
            .preferred = {"a:1", 200, 1500000, 10},
            .other = {"b:2", 200, 2000000000, 20},
            .comparison = &comparison,
        },
        out);
}

#define FRONT \
    "{\"time\":\"2023-11-14T22:13:20.123Z\",\"route\":\"api_v1_query_range\"," \
    "\"request\":\"/api/v1/query_range?query=up%7B%7D\\u0026step=1\",\"query\":\"up{}\"," \
    "\"shape\":\"m{}\",\"range\":\"1h\",\"steps\":\"100\"," \
    "\"preferred\":{\"backend\":\"a:1\",\"status\":200,\"seconds\":0.0015,\"bytes\":10}," \
    "\"other\":{\"backend\":\"b:2\",\"status\":200,\"seconds\":2,\"bytes\":20},\"classes\":"

START_TEST(tells_classes_and_examples)
{
    AUTO(buf_done) struct buf out = {0};
    put_report(
        &out, ANSWER_QUERY,
        "{\"data\":{\"result\":[{\"metric\":{\"a\":\"\\\"\"},\"values\":[[1,\"1\"],[2.5,\"2\"]]},"
        "{\"metric\":{},\"values\":[[1,\"0\"]]}]}}",
        "{\"data\":{\"result\":[{\"metric\":{\"a\":\"\\\"\"},\"values\":[[1,\"3\"],[2.5,\"4\"]]}]}"
        ",\"infos\":[\"<\"]}");
    ck_assert_str_eq(buf_terminated(&out), FRONT
                     "{\"missing_series\":{\"count\":1,\"examples\":[{\"series\":{},\"time\":1,"
                     "\"preferred\":\"0\",\"other\":null}]},"
                     "\"value\":{\"count\":2,\"examples\":[{\"series\":{\"a\":\"\\\"\"},\"time\":1,"
                     "\"preferred\":\"1\",\"other\":\"3\"}]},"
                     "\"annotation\":{\"count\":1,\"examples\":[{\"preferred\":null,"
                     "\"other\":\"\\u003c\"}]}},\"series\":2,\"points\":2,\"points_skipped\":0}\n");
}
END_TEST

START_TEST(writes_names_and_bad_labels_as_texts)
{
    AUTO(buf_done) struct buf out = {0};
    put_report(&out, ANSWER_STRINGS, "{\"data\":[\"{}\"]}", "{\"data\":[]}");
    ck_assert_str_eq(buf_terminated(&out), FRONT
                     "{\"string\":{\"count\":1,\"examples\":[{\"series\":\"{}\","
                     "\"preferred\":\"\",\"other\":null}]}},"
                     "\"series\":1,\"points\":0,\"points_skipped\":0}\n");
    buf_clear(&out);
    put_report(&out, ANSWER_SERIES, "{\"data\":[{\"a\":\"\xff\"}]}", "{\"data\":[]}");
    ck_assert_str_eq(buf_terminated(&out), FRONT
                     "{\"missing_series\":{\"count\":1,\"examples\":[{\"series\":"
                     "\"{\\\"a\\\":\\\"\\ufffd\\\"}\",\"preferred\":\"\",\"other\":null}]}},"
                     "\"series\":1,\"points\":0,\"points_skipped\":0}\n");
}
END_TEST

START_TEST(says_why_not_all_was_compared)
{
    AUTO(buf_done) struct buf out = {0};
    struct comparison comparison = {.skip_reason = "why"};
    struct report report = {.route = "r",
                            .path = "/p",
                            .params = STR(""),
                            .query = STR(""),
                            .preferred = {"a", 200, 0, 0},
                            .other = {"b", 200, 0, 0},
                            .comparison = &comparison};
    report_append(&report, &out);
    ck_assert_str_eq(buf_terminated(&out),
                     "{\"time\":\"1970-01-01T00:00:00.000Z\",\"route\":\"r\",\"request\":\"/p\","
                     "\"preferred\":{\"backend\":\"a\",\"status\":200,\"seconds\":0,\"bytes\":0},"
                     "\"other\":{\"backend\":\"b\",\"status\":200,\"seconds\":0,\"bytes\":0},"
                     "\"classes\":{},\"series\":0,\"points\":0,\"points_skipped\":0,"
                     "\"partial\":\"why\"}\n");
}
END_TEST

TEST_MAIN("report", tells_classes_and_examples, writes_names_and_bad_labels_as_texts,
          says_why_not_all_was_compared)
