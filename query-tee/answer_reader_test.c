#include "query-tee/answer_reader.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/test.h"
#include "query-tee/spool.h"

#define ITEM_SIZE_MAX (1u << 20)

static void put_texts(struct buf *out, const char *name, const struct str *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s %.*s\n", name, STR_ARGS(texts[i]));
}

static void put_envelope(struct buf *out, const struct answer_envelope *envelope)
{
    put_texts(out, "status", &envelope->status, envelope->status.ptr != NULL);
    put_texts(out, "type", &envelope->result_type, envelope->result_type.ptr != NULL);
    put_texts(out, "errorType", &envelope->error_type, envelope->error_type.ptr != NULL);
    put_texts(out, "error", &envelope->error, envelope->error.ptr != NULL);
    put_texts(out, "warning", envelope->warnings, envelope->warning_count);
    put_texts(out, "info", envelope->infos, envelope->info_count);
    if (envelope->pair)
        buf_text(out, "pair\n");
}

static void put_item(struct buf *out, const struct answer_item *item)
{
    buf_printf(out, "item %.*s", STR_ARGS(item->labels));
    for (size_t i = 0; i < item->point_count; i++) {
        const struct answer_point *point = &item->points[i];
        buf_printf(out, " %" PRId64 ":%.*s", point->time_ms, STR_ARGS(answer_point_text(point)));
    }
    buf_byte(out, '\n');
}

/* What the reader makes of a body: its items, then the envelope or the error. */
static void read_all(struct buf *out, struct str body, enum answer_kind kind, size_t size_max)
{
    AUTO(spool_destroy) struct spool *spool = spool_of(body.ptr, body.len);
    AUTO(answer_reader_destroy)
    struct answer_reader *reader = answer_reader_create(spool, kind, size_max);
    struct err err;
    enum answer_pull pull;
    while ((pull = answer_reader_next(reader, &err)) == ANSWER_ITEM)
        put_item(out, answer_reader_item(reader));
    if (pull == ANSWER_END)
        put_envelope(out, answer_reader_envelope(reader));
    else
        buf_printf(out, "%s\n", err.msg);
}

static void check_kind(enum answer_kind kind, const char *body, const char *wanted)
{
    AUTO(buf_done) struct buf out = {0};
    read_all(&out, str_of(body), kind, ITEM_SIZE_MAX);
    ck_assert_str_eq(buf_terminated(&out), wanted);
}

static void check(const char *body, const char *wanted)
{
    check_kind(ANSWER_QUERY, body, wanted);
}

START_TEST(reads_a_matrix)
{
    check(
        "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
        "{\"metric\":{\"__name__\":\"up\",\"job\":\"a\"},"
        "\"values\":[[1,\"1\"],[1.5,\"NaN\"],[2.000,\"+Inf\"]]},"
        "{\"metric\":{},\"values\":[[-1.5,\"-0\"]],"
        "\"histograms\":[[-2,{\"count\":\"1\"}],[1.001,{}]]}]},\"warnings\":[\"w\"]}",
        "item {\"__name__\":\"up\",\"job\":\"a\"} 1000:1 1500:NaN 2000:+Inf\n"
        "item {} -2000:{\"count\":\"1\"} -1500:-0 1001:{}\n"
        "status success\ntype matrix\nwarning w\n");
}
END_TEST

START_TEST(reads_a_vector)
{
    check(
        "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
        "{\"metric\":{\"a\":\"b\"},\"value\":[1.781,\"1e-07\"]},"
        "{\"metric\":{\"a\":\"c\"},\"histogram\":[1e3,{\"sum\":\"1\"}]}]}}",
        "item {\"a\":\"b\"} 1781:1e-07\nitem {\"a\":\"c\"} 1000000:{\"sum\":\"1\"}\n"
        "status success\ntype vector\n");
}
END_TEST

START_TEST(reads_scalars_and_strings)
{
    check("{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1.5,\"2\"]}}",
          "item  1500:2\nstatus success\ntype scalar\npair\n");
    check(
        "{\"status\":\"success\",\"data\":{\"resultType\":\"string\",\"result\":[1,\"\\u003c\"]}}",
        "item  1000:<\nstatus success\ntype string\npair\n");
}
END_TEST

START_TEST(reads_members_in_any_order)
{
    check(
        " {\"infos\" : [\"i\", \"j\"], \"extra\":{\"x\":[1]}, \"data\": {\"stats\":{\"a\":1},\n"
        "\"result\": [ { \"values\" : [ [ 1 , \"1\" ] ] , \"metric\" : { \"b\" : \"2\" ,"
        " \"a\" : \"\\u0031\" } } ] , \"resultType\" : \"matrix\" } , \"status\":\"success\" } ",
        "item {\"a\":\"1\",\"b\":\"2\"} 1000:1\n"
        "status success\ntype matrix\ninfo i\ninfo j\n");
}
END_TEST

START_TEST(reads_errors)
{
    check("{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"a \\\"b\\\"\"}",
          "status error\nerrorType bad_data\nerror a \"b\"\n");
}
END_TEST

START_TEST(reads_lists)
{
    check_kind(ANSWER_STRINGS, "{\"status\":\"success\",\"data\":[\"a\",\"\\u00e9\"]}",
               "item a\nitem \xc3\xa9\nstatus success\n");
    check_kind(ANSWER_STRINGS, "{\"status\":\"success\",\"data\":[]}", "status success\n");
    check_kind(ANSWER_STRINGS, "{\"status\":\"success\",\"data\":null}", "status success\n");
    check_kind(ANSWER_SERIES, "{\"status\":\"success\",\"data\":[{\"b\":\"\",\"a\":\"\\\"\"}]}",
               "item {\"a\":\"\\\"\",\"b\":\"\"}\nstatus success\n");
}
END_TEST

START_TEST(reads_metadata_and_exemplars)
{
    check_kind(
        ANSWER_METADATA,
        "{\"status\":\"success\",\"data\":{\"up\":[{\"type\":\"gauge\",\"help\":\"h\"},"
        "{\"help\":\"g\",\"type\":\"gauge\"}]}}",
        "item up 0:{\"help\":\"g\",\"type\":\"gauge\"} 0:{\"help\":\"h\",\"type\":\"gauge\"}\n"
        "status success\n");
    check_kind(ANSWER_EXEMPLARS,
               "{\"status\":\"success\",\"data\":[{\"seriesLabels\":{\"a\":\"b\"},\"exemplars\":["
               "{\"labels\":{\"id\":\"x\"},\"value\":\"6\",\"timestamp\":1.5}]}]}",
               "item {\"a\":\"b\"} 1500:6 {\"id\":\"x\"}\nstatus success\n");
}
END_TEST

START_TEST(reads_times_in_every_form)
{
#define TIMED(time) \
    "{\"data\":{\"result\":[{\"metric\":{},\"value\":[" time ",\"a value that is long\"]}]}}"
#define AT(time) "item {} " time ":a value that is long\n"
    check(TIMED("1700000000"), AT("1700000000000"));
    check(TIMED("1700000000.007"), AT("1700000000007"));
    check(TIMED("1700000000.5"), AT("1700000000500"));
    check(TIMED("1700000000.0004"), AT("1700000000000"));
    check(TIMED("0.25"), AT("250"));
    check(TIMED("-1700000000.007"), AT("-1700000000007"));
    check(TIMED("17e8"), AT("1700000000000"));
    check(TIMED("1234567890123.456 "), AT("1234567890123456"));
    check(TIMED(".123"), "byte 41: a bad number\n");
    check(TIMED("1.123."), "byte 46: no comma\n");
    check(TIMED("01"), "byte 43: a number that begins with 0\n");
}
END_TEST

START_TEST(says_where_a_body_is_broken)
{
    check("", "byte 0: the body ends too early\n");
    check("<html>", "byte 0: no object\n");
    check("{\"status\":\"success\"", "byte 19: the body ends too early\n");
    check("{\"status\":\"success\"}x", "byte 20: bytes behind the answer\n");
    check("{\"data\":[]}", "byte 8: no object\n");
    check("{\"data\":{},\"data\":{}}", "byte 18: data stands twice\n");
    check("{\"data\":{\"result\":[{\"values\":[]}]}}", "byte 32: a series without labels\n");
    check("{\"data\":{\"result\":[{\"metric\":{},\"values\":[[2,\"1\"],[1,\"1\"]]}]}}",
          "byte 59: points are not in the order of their times\n");
    check("{\"data\":{\"result\":[{\"metric\":{\"a\":\"1\",\"a\":\"2\"}}]}}",
          "byte 46: a label stands twice\n");
    check("{\"data\":{\"result\":[{\"metric\":{},\"value\":[1e300,\"1\"]}]}}",
          "byte 46: a time out of range\n");
    check("{\"data\":{\"result\":[{\"metric\":{},\"value\":[1,1]}]}}", "byte 43: no string\n");
}
END_TEST

START_TEST(limits_the_size_of_an_item)
{
    AUTO(buf_done) struct buf body = {0};
    AUTO(buf_done) struct buf out = {0};
    buf_text(&body, "{\"data\":{\"result\":[{\"metric\":{},\"values\":[[0,\"0\"]");
    for (size_t i = 1; i < 50000; i++)
        buf_printf(&body, ",[%zu,\"0\"]", i);
    buf_text(&body, "]}]}}");
    read_all(&out, buf_view(&body), ANSWER_QUERY, 300000);
    ck_assert_str_eq(buf_terminated(&out),
                     "byte 19: a series, or a text, of more than 300000 bytes\n");
}
END_TEST

/* Series of all sizes, so that the window ends within everything somewhere. */
static void put_series(struct buf *out, size_t number)
{
    buf_printf(out, "%s{\"metric\":{\"n\":\"%zu\",\"x\":\"\\u00e9%*s\"},\"values\":[",
               number ? "," : "", number, (int)(number % 97), "");
    for (size_t i = 0; i < number * 7 % 500; i++)
        buf_printf(out, "%s[%zu.%zu,\"%zu\"]", i ? "," : "", i, i % 10, number * i);
    buf_text(out, "]}");
}

START_TEST(reads_on_where_its_window_ends)
{
    AUTO(buf_done) struct buf body = {0};
    struct err err;
    buf_text(&body, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[");
    size_t first = body.len;
    for (size_t i = 0; i < 3000; i++)
        put_series(&body, i);
    buf_text(&body, "]}}");

    AUTO(spool_destroy) struct spool *spool = spool_of(body.ptr, body.len);
    AUTO(answer_reader_destroy)
    struct answer_reader *reader = answer_reader_create(spool, ANSWER_QUERY, ITEM_SIZE_MAX);
    AUTO(answer_reader_destroy)
    struct answer_reader *again = answer_reader_create(spool, ANSWER_QUERY, ITEM_SIZE_MAX);
    uint64_t place = first;
    for (size_t i = 0; i < 3000; i++) {
        AUTO(buf_done) struct buf wanted = {0};
        AUTO(buf_done) struct buf there = {0};
        put_series(&wanted, i);
        ck_assert_int_eq(answer_reader_next(reader, &err), ANSWER_ITEM);
        ck_assert_uint_eq(answer_reader_item(reader)->point_count, i * 7 % 500);
        ck_assert_uint_eq(answer_reader_place(reader), place + (i > 0));
        ck_assert_uint_eq(answer_reader_item(reader)->size_bytes, wanted.len - (i > 0));
        place += wanted.len;

        buf_clear(&wanted);
        put_item(&wanted, answer_reader_item(reader));
        ck_assert(answer_reader_item_at(again, answer_reader_place(reader), &err));
        put_item(&there, answer_reader_item(again));
        ck_assert_str_eq(buf_terminated(&wanted), buf_terminated(&there));
    }
    ck_assert_int_eq(answer_reader_next(reader, &err), ANSWER_END);
}
END_TEST

START_TEST(hands_on_the_writers_error)
{
    AUTO(spool_destroy)
    struct spool *spool = spool_create(
        &(struct spool_options){.memory_max = 1000, .size_max = 1000, .folder = "/tmp"});
    struct err err;
    ck_assert(spool_append(spool, "{\"status\":", 10, &err));
    err_set(&err, ERR_IO, "connection lost");
    spool_fail(spool, &err);
    err_clear(&err);

    AUTO(answer_reader_destroy)
    struct answer_reader *reader = answer_reader_create(spool, ANSWER_QUERY, ITEM_SIZE_MAX);
    ck_assert_int_eq(answer_reader_next(reader, &err), ANSWER_ERR);
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_str_eq(err.msg, "connection lost");
}
END_TEST

TEST_MAIN("answer_reader", reads_a_matrix, reads_a_vector, reads_scalars_and_strings,
          reads_members_in_any_order, reads_errors, reads_lists, reads_metadata_and_exemplars,
          reads_times_in_every_form, says_where_a_body_is_broken, limits_the_size_of_an_item,
          reads_on_where_its_window_ends, hands_on_the_writers_error)
