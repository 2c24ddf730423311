#include "query-tee/replay/queries.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/test.h"

static char file_path[64];

/* A file of these bytes, whose name ends so. */
static struct query_file *open_text(const char *suffix, const char *text)
{
    struct err err = {0};
    struct query_file *file = NULL;
    snprintf(file_path, sizeof file_path, "/tmp/millrace-queries-%d%s", (int)getpid(), suffix);
    FILE *out = fopen(file_path, "w");
    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    fclose(out);
    ck_assert_msg(query_file_open(file_path, 1000000, &file, &err), "%s", err.msg);
    unlink(file_path);
    return file;
}

static void expect_next(struct query_file *file, struct arena *arena, const char *path,
                        const char *params, const char *query, int64_t step_ms)
{
    struct err err = {0};
    struct query_request request;
    bool more;
    ck_assert_msg(query_file_next(file, arena, &request, &more, &err), "%s", err.msg);
    ck_assert(more);
    ck_assert_str_eq(request.path, path);
    ck_assert_str_eq(request.params, params);
    ck_assert(str_eq(request.query, str_of(query)));
    ck_assert_int_eq(request.step_ms, step_ms);
}

static void expect_fault(struct query_file *file, struct arena *arena, const char *words)
{
    struct err err = {0};
    struct query_request request;
    bool more;
    ck_assert(!query_file_next(file, arena, &request, &more, &err));
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    ck_assert_msg(strstr(err.msg, words) != NULL, "%s", err.msg);
}

static void expect_end(struct query_file *file, struct arena *arena)
{
    struct err err = {0};
    struct query_request request;
    bool more;
    ck_assert(query_file_next(file, arena, &request, &more, &err));
    ck_assert(!more);
    ck_assert(query_file_progress(file) == 1);
}

START_TEST(objects_are_requests)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(query_file_close)
    struct query_file *file =
        open_text(".jsonl",
                  "# a comment\n\n"
                  "{\"query\": \"a + b\", \"time\": 1.5}\n"
                  "{\"query\": \"a\", \"start\": \"0\", \"end\": 60, \"step\": \"1m\"}\n"
                  "{\"path\": \"/api/v1/series\", \"match[]\": [\"a\", \"b\"]}");
    expect_next(file, arena, "/api/v1/query", "query=a%20%2B%20b&time=1.5", "a + b", 0);
    expect_next(file, arena, "/api/v1/query_range", "query=a&start=0&end=60&step=1m", "a", 60000);
    expect_next(file, arena, "/api/v1/series", "match%5B%5D=a&match%5B%5D=b", "", 0);
    expect_end(file, arena);
}
END_TEST

START_TEST(query_logs_are_requests)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(query_file_close)
    struct query_file *file = open_text(
        ".log",
        "{\"params\":{\"end\":\"2026-01-01T00:00:00.000Z\",\"query\":\"up\","
        "\"start\":\"2026-01-01T00:00:00.000Z\",\"step\":0},\"ts\":\"2026\"}\n"
        "{\"params\":{\"end\":\"b\",\"query\":\"up\",\"start\":\"a\",\"step\":15},\"stats\":{}}\n"
        "{\"params\":{\"end\":\"b\",\"query\":\"up\",\"start\":\"a\",\"step\":1e22}}\n");
    expect_next(file, arena, "/api/v1/query", "query=up&time=2026-01-01T00%3A00%3A00.000Z", "up",
                0);
    expect_next(file, arena, "/api/v1/query_range", "query=up&start=a&end=b&step=15", "up", 15000);
    expect_next(file, arena, "/api/v1/query_range", "query=up&start=a&end=b&step=1e22", "up", 0);
    expect_end(file, arena);
}
END_TEST

START_TEST(urls_are_requests)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(query_file_close)
    struct query_file *file = open_text(".txt",
                                        "http://host:1/api/v1/query_range?query=a%2Bb&step=0.5\n"
                                        "/api/v1/query_range?query=a&step=x\n"
                                        "/api/v1/labels\n");
    expect_next(file, arena, "/api/v1/query_range", "query=a%2Bb&step=0.5", "a+b", 500);
    expect_next(file, arena, "/api/v1/query_range", "query=a&step=x", "a", 0);
    expect_next(file, arena, "/api/v1/labels", "", "", 0);
    expect_end(file, arena);
}
END_TEST

START_TEST(evals_of_scripts_are_requests)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(query_file_close)
    struct query_file *file = open_text(".test",
                                        "load 5m\n  a 1 2\n"
                                        "eval instant at 50m  sum(a)\n  {} 1\n"
                                        "eval_fail instant a and\n"
                                        "eval range from -10s to 1h step 30s a == 1\n");
    expect_next(file, arena, "/api/v1/query", "time=4000.000&query=sum%28a%29", "sum(a)", 0);
    expect_next(file, arena, "/api/v1/query", "time=1000.000&query=a%20and", "a and", 0);
    expect_next(file, arena, "/api/v1/query_range",
                "start=990.000&end=4600.000&step=30.000&query=a%20%3D%3D%201", "a == 1", 30000);
    expect_end(file, arena);
}
END_TEST

START_TEST(faults_name_the_line)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(query_file_close)
    struct query_file *file =
        open_text(".txt",
                  "up\n{\"query\": 1}\n{\n{\"query\": \"a\", \"time\": {}}\n"
                  "eval range from x to 1 step 1 a\nhttp://host\n/api/v1/labels\n");
    expect_fault(file, arena, ".txt:1: neither a JSON object");
    expect_fault(file, arena, ".txt:2: neither \"query\" nor \"path\"");
    expect_fault(file, arena, ".txt:3: no JSON object");
    expect_fault(file, arena, ".txt:4: \"time\" is neither text nor number");
    expect_fault(file, arena, ".txt:5: \"x\" is no time");
    expect_fault(file, arena, ".txt:6: the URL has no path");
    expect_next(file, arena, "/api/v1/labels", "", "", 0);
    expect_end(file, arena);
}
END_TEST

START_TEST(lines_have_a_limit)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(buf_done) struct buf text = {0};
    buf_text(&text, "{\"query\": \"");
    for (size_t i = 0; i < QUERY_LINE_SIZE_MAX; i++)
        buf_byte(&text, 'a');
    buf_text(&text, "\"}\n/api/v1/labels\n");
    AUTO(query_file_close) struct query_file *file = open_text(".txt", buf_terminated(&text));
    expect_fault(file, arena, ".txt:1: the line is longer than");
    expect_next(file, arena, "/api/v1/labels", "", "", 0);
    expect_end(file, arena);
}
END_TEST

TEST_MAIN("queries", objects_are_requests, query_logs_are_requests, urls_are_requests,
          evals_of_scripts_are_requests, faults_name_the_line, lines_have_a_limit)
