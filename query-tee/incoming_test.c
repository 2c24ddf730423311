#include "query-tee/incoming.h"

#include "base/test.h"

static struct arena *arena;
static struct request http;

/* A client that sends two headers with every request. */
static const char traceparent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

static const char *traced_header(const struct request *request, const char *name)
{
    return strcmp(name, "traceparent") == 0 ? traceparent : NULL;
}

static void traced_each_header(const struct request *request,
                               void (*header)(void *context, const char *name, const char *value),
                               void *context)
{
    header(context, "traceparent", traceparent);
    header(context, "tracestate", "a=b");
}

static const struct request_class traced_class = {.header = traced_header,
                                                  .each_header = traced_each_header};
static struct round_request got;
static struct err err;

/* As the listener would make it. */
static void make(const char *method, const char *uri, const char *form)
{
    arena = arena_create(NULL);
    const char *mark = strchr(uri, '?');
    struct str query = str_of(mark ? mark + 1 : "");
    http = (struct request){
        .method = method,
        .uri = str_of(uri),
        .path = {uri, mark ? (size_t)(mark - uri) : strlen(uri)},
        .body = str_of(form),
        .arena = arena,
    };
    params_parse(&http.params, http.body, arena);
    params_parse(&http.params, query, arena);
}

static void read_with(struct incoming_options options)
{
    struct str path = {http.path.ptr + options.prefix.len, http.path.len - options.prefix.len};
    options.now_ms = 1760002400500;
    ck_assert_msg(incoming_read(&http, route_find(path), &options, arena, &got, &err), "%s",
                  err.msg);
}

START_TEST(keeps_the_target_as_it_was_sent)
{
    make("GET", "/p/api/v1/label/a%2Fb/values?match[]=%7Bx%3D%22y%22%7D&&a", "");
    read_with((struct incoming_options){.prefix = STR("/p")});
    ck_assert_str_eq(got.path, "/api/v1/label/a%2Fb/values");
    ck_assert_str_eq(got.query, "match[]=%7Bx%3D%22y%22%7D&&a");
    ck_assert_str_eq(got.params.ptr, "match%5B%5D=%7Bx%3D%22y%22%7D&a=");
    ck_assert(got.start_ms == INT64_MIN && got.end_ms == INT64_MAX && got.unpacked);
    arena_destroy(arena);
}
END_TEST

/* Else it would end up in the backend's host, or make another of it. */
START_TEST(gives_every_path_a_slash_in_front)
{
    static const char *const uris[][2] = {
        {"/p", ""},
        {"/p?a=b", ""},
        {"/p%2F@x:1/y", "/p%2F@x:1/y"},
        {"/p@x:1/y", "/p@x:1/y"},
        {"/%70/api/v1/query", "/%70/api/v1/query"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(uris); i++) {
        make("GET", uris[i][0], "");
        struct incoming_options options = {.prefix = STR("/p")};
        ck_assert(incoming_read(&http, NULL, &options, arena, &got, &err));
        ck_assert_str_eq(got.path, uris[i][1]);
        ck_assert_str_eq(got.query, i == 1 ? "a=b" : "");
        arena_destroy(arena);
    }
}
END_TEST

START_TEST(takes_the_place_of_the_clients_span)
{
    static const struct trace_sampler sampler = {true, 1};
    make("GET", "/api/v1/query?query=up", "");
    http.class = &traced_class;
    read_with((struct incoming_options){.sampler = &sampler});
    ck_assert(got.trace.on && got.trace.has_parent && got.trace.sampled);
    ck_assert_uint_eq(got.header_count, 2); /* and Accept-Encoding */
    ck_assert_str_eq(got.headers[0].name, "tracestate");
    struct round_request copy;
    ck_assert(incoming_copy(&got, 0, arena, &copy, &err));
    ck_assert(copy.trace.again && !got.trace.again);

    read_with((struct incoming_options){0});
    ck_assert(!got.trace.on);
    ck_assert_uint_eq(got.header_count, 3);
    ck_assert_str_eq(got.headers[0].value, traceparent);
    arena_destroy(arena);
}
END_TEST

START_TEST(reads_times_and_queries)
{
    make("POST", "/api/v1/query_range?step=30s", "query=up&start=10&end=70.5");
    read_with((struct incoming_options){.add_time = true});
    ck_assert_int_eq(got.start_ms, 10000);
    ck_assert_int_eq(got.end_ms, 70500);
    ck_assert_int_eq(got.step_ms, 30000);
    ck_assert_str_eq(got.promql.ptr, "up");
    ck_assert_str_eq(got.body.ptr, "query=up&start=10&end=70.5");
    ck_assert_str_eq(got.query, "step=30s");
    arena_destroy(arena);
}
END_TEST

START_TEST(adds_a_time_where_there_is_none)
{
    make("GET", "/api/v1/query?query=up", "");
    read_with((struct incoming_options){.add_time = true});
    ck_assert_str_eq(got.query, "query=up&time=1760002400.500");
    ck_assert_int_eq(got.start_ms, 1760002400500);
    arena_destroy(arena);

    make("POST", "/api/v1/query", "query=up");
    read_with((struct incoming_options){.add_time = true});
    ck_assert_str_eq(got.query, "time=1760002400.500");
    ck_assert_str_eq(got.params.ptr, "query=up&time=1760002400.500");
    arena_destroy(arena);

    make("GET", "/api/v1/query?query=up&time=", "");
    read_with((struct incoming_options){.add_time = true});
    ck_assert_str_eq(got.query, "query=up&time=");
    arena_destroy(arena);

    make("GET", "/api/v1/query?query=up", "");
    read_with((struct incoming_options){.add_time = false});
    ck_assert_str_eq(got.query, "query=up");
    arena_destroy(arena);
}
END_TEST

START_TEST(moves_times_back)
{
    struct round_request moved;
    make("GET", "/api/v1/query_range?query=up&start=100&end=200.5&step=15", "");
    read_with((struct incoming_options){0});
    ck_assert(incoming_copy(&got, 60000, arena, &moved, &err));
    ck_assert_str_eq(moved.query, "query=up&start=40&end=140.500&step=15");
    ck_assert_int_eq(moved.start_ms, 40000);
    ck_assert_int_eq(moved.end_ms, 140500);
    arena_destroy(arena);

    make("POST", "/api/v1/query?time=1970-01-01T00:02:00Z", "query=up%20offset%201m");
    read_with((struct incoming_options){.add_time = true});
    ck_assert(incoming_copy(&got, 60000, arena, &moved, &err));
    ck_assert_str_eq(moved.query, "");
    ck_assert_str_eq(moved.body.ptr, "query=up%20offset%201m&time=60");
    arena_destroy(arena);
}
END_TEST

START_TEST(leaves_other_requests_where_they_are)
{
    struct round_request copied;
    make("GET", "/api/v1/series?match[]=up&start=100&end=200", "");
    read_with((struct incoming_options){0});
    ck_assert(incoming_copy(&got, 60000, arena, &copied, &err));
    ck_assert_str_eq(copied.query, "match[]=up&start=100&end=200");
    ck_assert_int_eq(copied.start_ms, 100000);
    arena_destroy(arena);
}
END_TEST

START_TEST(says_that_there_is_no_memory)
{
    struct budget budget;
    char form[5000];
    memset(form, 'x', sizeof form - 1);
    form[sizeof form - 1] = '\0';
    make("POST", "/api/v1/query", form);
    budget_init(&budget, NULL, "--limit", 6000);
    struct arena *small = arena_create(&budget);
    struct incoming_options options = {0};
    ck_assert(!incoming_read(&http, route_find(http.path), &options, small, &got, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    arena_destroy(small);
    arena_destroy(arena);
    ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

TEST_MAIN("incoming", keeps_the_target_as_it_was_sent, gives_every_path_a_slash_in_front,
          takes_the_place_of_the_clients_span, reads_times_and_queries,
          adds_a_time_where_there_is_none, moves_times_back, leaves_other_requests_where_they_are,
          says_that_there_is_no_memory)
