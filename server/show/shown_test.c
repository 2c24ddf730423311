#include "server/show/shown.h"

#include "base/test.h"

static const struct shown_style style = {.width = 44, .height = 14};

static struct shown shown;
static struct buf out;

static void begin(enum result_kind kind)
{
    struct ask_range range = {.start_ms = 0, .end_ms = 4000, .step_ms = 1000};
    shown_init(&shown, &range);
    shown.kind = kind;
}

static void add(const char *name, size_t count, const double *values)
{
    struct shown_series *series = shown_add(&shown, str_of(name), count);
    for (size_t i = 0; i < count; i++) {
        series->times_ms[i] = (int64_t)i * 1000;
        series->values[i] = values[i];
    }
    series->count = count;
}

static void check(const char *expected)
{
    ck_assert_str_eq(buf_terminated(&out), expected);
    buf_done(&out);
    shown_done(&shown);
}

START_TEST(aligns_an_instant)
{
    begin(RESULT_VECTOR);
    add("up{job=\"a\"}", 1, (double[]){1});
    add("up{job=\"\xc3\xa9\xc3\xa9\xc3\xa9\"}", 1, (double[]){0.5});
    shown_table(&shown, &style, &out);
    check("up{job=\"a\"}    1\nup{job=\"\xc3\xa9\xc3\xa9\xc3\xa9\"}  0.5\n");
}
END_TEST

START_TEST(puts_series_side_by_side)
{
    begin(RESULT_MATRIX);
    add("a", 2, (double[]){1, 22222});
    add("b", 1, (double[]){3});
    add("c", 1, (double[]){1234567890123.25});
    shown_table(&shown, &style, &out);
    check(
        "[1] a\n[2] b\n"
        "1970-01-01 00:00:00      1     3\n"
        "1970-01-01 00:00:01  22222      \n"
        "\n[3] c\n"
        "1970-01-01 00:00:00  1234567890123.25\n");
}
END_TEST

START_TEST(quotes_csv)
{
    begin(RESULT_MATRIX);
    add("up{a=\"b\",c=\"d\"}", 2, (double[]){1, 2.5});
    shown_csv(&shown, &out);
    check(
        "series,time,value\n"
        "\"up{a=\"\"b\"\",c=\"\"d\"\"}\",0.000,1\n"
        "\"up{a=\"\"b\"\",c=\"\"d\"\"}\",1.000,2.5\n");
}
END_TEST

START_TEST(draws_within_its_room)
{
    begin(RESULT_MATRIX);
    add("rise", 5, (double[]){0, 25, 50, 75, 100});
    shown_graph(&shown, &style, &out);
    const char *text = buf_terminated(&out);
    size_t lines = 0, width = 0;
    for (const char *at = text; *at; at++) {
        if (*at == '\n') {
            ck_assert_uint_le(width, style.width);
            lines++;
            width = 0;
        } else if ((*at & 0xC0) != 0x80) {
            width++;
        }
    }
    ck_assert_uint_eq(lines, style.height - 1);
    ck_assert_ptr_nonnull(strstr(text, "100 ┤"));
    ck_assert_ptr_nonnull(strstr(text, "  0 ┤"));
    ck_assert_ptr_nonnull(strstr(text, "00:00:04\n"));
    ck_assert_ptr_nonnull(strstr(text, "■ rise  100\n"));
    ck_assert_ptr_null(strchr(text, '\x1b'));
    buf_done(&out);
    shown_done(&shown);
}
END_TEST

START_TEST(draws_what_is_flat_or_nothing)
{
    begin(RESULT_MATRIX);
    add("flat", 5, (double[]){7, 7, 7, 7, 7});
    shown_graph(&shown, &style, &out);
    ck_assert_ptr_nonnull(strstr(buf_terminated(&out), "7 ┤"));
    buf_clear(&out);
    shown_done(&shown);
    begin(RESULT_MATRIX);
    shown_graph(&shown, &style, &out);
    check("nothing to draw\n");
}
END_TEST

START_TEST(draws_what_doubles_can_hardly_tell)
{
    begin(RESULT_MATRIX);
    add("near", 2, (double[]){1e16, 1e16 + 2});
    shown_graph(&shown, &style, &out);
    ck_assert_ptr_nonnull(strstr(buf_terminated(&out), "10000T ┤"));
    buf_clear(&out);
    shown_done(&shown);
    begin(RESULT_MATRIX);
    add("far", 2, (double[]){-1.7e308, 1.7e308});
    add("small", 2, (double[]){-0x1p-1074, 0x1p-1074});
    shown_graph(&shown, &style, &out);
    ck_assert_ptr_nonnull(strstr(buf_terminated(&out), "0 ┤"));
    buf_done(&out);
    shown_done(&shown);
}
END_TEST

START_TEST(refuses_times_that_are_none)
{
    struct err err;
    begin(RESULT_VECTOR);
    ck_assert(!shown_read_json(
        &shown,
        STR("{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":"
            "{},\"value\":[1e300,\"1\"]}]}}"),
        &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    shown_done(&shown);
}
END_TEST

START_TEST(refuses_an_instant_s_series_without_a_value)
{
    struct err err;
    begin(RESULT_VECTOR);
    ck_assert(!shown_read_json(
        &shown,
        STR("{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":"
            "{},\"values\":[]}]}}"),
        &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    shown_done(&shown);
}
END_TEST

START_TEST(reads_and_shows_histograms_among_values)
{
    struct err err;
    begin(RESULT_VECTOR);
    ck_assert(shown_read_json(
        &shown,
        STR("{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":"
            "{},\"values\":[[2,\"7\"]],\"histograms\":[[1,{\"count\":\"5\",\"sum\":\"2\","
            "\"buckets\":[[1,\"-2\",\"-1\",\"1\"],[3,\"-1\",\"1\",\"4\"]]}]]}]}}"),
        &err));
    shown_csv(&shown, &out);
    check(
        "series,time,value\n"
        "{},1.000,\"{count:5, sum:2, [-2,-1):1, [-1,1]:4}\"\n"
        "{},2.000,7\n");
}
END_TEST

START_TEST(reads_a_server_s_answer)
{
    struct err err;
    begin(RESULT_VECTOR);
    ck_assert(shown_read_json(
        &shown,
        STR("{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":"
            "{\"job\":\"x\",\"__name__\":\"up\"},\"values\":[[1.5,\"1\"],[2,\"NaN\"]]}]},"
            "\"warnings\":[\"w\"]}"),
        &err));
    ck_assert_uint_eq(shown.count, 1);
    ck_assert(str_eq(shown.items[0].name, STR("up{job=\"x\"}")));
    ck_assert_int_eq(shown.items[0].times_ms[0], 1500);
    ck_assert_uint_eq(shown.items[0].count, 2);
    ck_assert_uint_eq(shown.note_count, 1);
    shown_done(&shown);
}
END_TEST

START_TEST(tells_a_server_s_error)
{
    struct err err;
    begin(RESULT_VECTOR);
    ck_assert(!shown_read_json(
        &shown,
        STR("{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"1:1: parse error\"}"),
        &err));
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    ck_assert_str_eq(err.msg, "1:1: parse error");
    static const char *const broken[] = {
        "",
        "<html>",
        "[]",
        "{\"status\":\"success\"}",
        "{\"data\":{\"resultType\":\"vector\",\"result\":[{\"value\":[1]}]}}",
        "{\"data\":{\"resultType\":\"scalar\",\"result\":[]}}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
        ck_assert(!shown_read_json(&shown, str_of(broken[i]), &err));
        ck_assert_int_eq(err.kind, ERR_IO);
    }
    shown_done(&shown);
}
END_TEST

TEST_MAIN("shown", aligns_an_instant, puts_series_side_by_side, quotes_csv, draws_within_its_room,
          draws_what_is_flat_or_nothing, draws_what_doubles_can_hardly_tell,
          refuses_times_that_are_none, refuses_an_instant_s_series_without_a_value,
          reads_and_shows_histograms_among_values, reads_a_server_s_answer, tells_a_server_s_error)
