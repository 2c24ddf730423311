#include "server/api.h"

#include <stdio.h>

#include "base/test.h"

static void check_body(struct answer *answer, int status, const char *expected)
{
    ck_assert_int_eq(answer->status, status);
    ck_assert_str_eq(buf_terminated(&answer->body), expected);
    answer_done(answer);
}

START_TEST(gives_each_fault_its_status)
{
    static const struct {
        enum err_kind kind;
        int status;
        const char *type;
    } cases[] = {
        {ERR_BAD_DATA, 400, "bad_data"}, {ERR_EXECUTION, 422, "execution"},
        {ERR_LIMIT, 422, "execution"},   {ERR_UNSUPPORTED, 422, "execution"},
        {ERR_CANCELED, 499, "canceled"}, {ERR_TIMEOUT, 503, "timeout"},
        {ERR_CORRUPT, 500, "internal"},  {ERR_IO, 500, "internal"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct err err;
        struct answer answer = {0};
        char expected[200];
        err_set(&err, cases[i].kind, "a < b");
        api_fail_err(&answer, &err);
        snprintf(expected, sizeof expected,
                 "{\"status\":\"error\",\"errorType\":\"%s\",\"error\":\"a \\u003c b\"}",
                 cases[i].type);
        check_body(&answer, cases[i].status, expected);
    }
}
END_TEST

START_TEST(names_the_parameter)
{
    struct answer answer = {0};
    api_fail_param(&answer, "limit", "limit must be non-negative");
    check_body(&answer, 400,
               "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":"
               "\"invalid parameter \\\"limit\\\": limit must be non-negative\"}");
}
END_TEST

START_TEST(shows_warnings_and_infos_apart)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct annotations annotations;
    annotations_init(&annotations, arena);
    annotations_add(&annotations, ANNOTATION_INFO, 2, "curious");
    annotations_add(&annotations, ANNOTATION_WARNING, SIZE_MAX, "plain");
    struct notes notes = {.annotations = &annotations, .query = STR("a\nb")};
    notes_add(&notes, "results truncated due to limit");
    struct answer answer = {0};
    struct json json = api_begin(&answer);
    json_int(&json, 1);
    api_end_notes(&json, &notes);
    check_body(&answer, 200,
               "{\"status\":\"success\",\"data\":1,"
               "\"warnings\":[\"results truncated due to limit\",\"plain\"],"
               "\"infos\":[\"PromQL info: curious (2:1)\"]}");
}
END_TEST

START_TEST(shows_ten_and_counts_the_rest)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct annotations annotations;
    annotations_init(&annotations, arena);
    for (int i = 0; i < 13; i++)
        annotations_add(&annotations, ANNOTATION_INFO, SIZE_MAX, "%d", i);
    struct notes notes = {.annotations = &annotations};
    struct answer answer = {0};
    struct json json = api_begin(&answer);
    json_int(&json, 1);
    api_end_notes(&json, &notes);
    check_body(&answer, 200,
               "{\"status\":\"success\",\"data\":1,\"infos\":[\"0\",\"1\",\"2\",\"3\",\"4\",\"5\","
               "\"6\",\"7\",\"8\",\"9\",\"3 more info annotations omitted\"]}");
}
END_TEST

TEST_MAIN("api", gives_each_fault_its_status, names_the_parameter, shows_warnings_and_infos_apart,
          shows_ten_and_counts_the_rest)
