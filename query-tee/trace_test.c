#include "query-tee/trace.h"

#include <strings.h>

#include "base/test.h"

/* A request with these headers, in pairs of name and value. */
struct headed {
    struct request request;
    const char *const *headers;
};

static const char *headed_header(const struct request *request, const char *name)
{
    const struct headed *self = CONTAINER_CONST(struct headed, request, request);
    for (const char *const *at = self->headers; *at; at += 2)
        if (strcasecmp(at[0], name) == 0)
            return at[1];
    return NULL;
}

static const struct request_class headed_class = {.header = headed_header};

static struct arena *arena;

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

static struct trace begin_with(struct trace_sampler sampler, const char *const *headers)
{
    if (!arena)
        arena = arena_create(NULL);
    struct headed headed = {{.class = &headed_class, .arena = arena}, headers};
    struct trace trace;
    trace_begin(&sampler, &headed.request, &trace);
    return trace;
}

#define BEGIN(...) \
    begin_with((struct trace_sampler){true, 1}, (const char *const[]){__VA_ARGS__, NULL})

/* The header that the n-th backend gets, or "". */
static const char *told(const struct trace *trace, size_t ask, const char *name)
{
    struct client_header headers[TRACE_HEADERS_MAX];
    size_t count = trace_headers(trace, ask, arena, headers);
    for (size_t i = 0; i < count; i++) {
        ck_assert(trace_owns_header(headers[i].name));
        if (strcasecmp(headers[i].name, name) == 0)
            return headers[i].value;
    }
    return "";
}

static void end(void)
{
    arena_destroy(TAKE(arena));
}

static void check_parent(const struct trace *trace, bool sampled)
{
    char text[2 * TRACE_ID_SIZE + 1];
    ck_assert(trace->has_parent);
    trace_id_text(trace->trace_id, TRACE_ID_SIZE, text);
    ck_assert_str_eq(text, TRACE);
    trace_id_text(trace->parent_id, SPAN_ID_SIZE, text);
    ck_assert_str_eq(text, SPAN);
    ck_assert_int_eq(trace->sampled, sampled);
}

START_TEST(reads_what_clients_write)
{
    struct trace trace = BEGIN("Traceparent", "00-" TRACE "-" SPAN "-01");
    check_parent(&trace, true);
    trace = BEGIN("traceparent", "00-" TRACE "-" SPAN "-02");
    check_parent(&trace, false);
    trace = BEGIN("traceparent", "cc-" TRACE "-" SPAN "-01-what-will-be");
    check_parent(&trace, true);
    trace = BEGIN("b3", TRACE "-" SPAN "-0");
    check_parent(&trace, false);
    trace = BEGIN("b3", TRACE "-" SPAN "-d-05e3ac9a4f6e3b90");
    check_parent(&trace, true);
    trace = BEGIN("X-B3-TraceId", TRACE, "X-B3-SpanId", SPAN, "X-B3-Sampled", "0");
    check_parent(&trace, false);
    trace = BEGIN("X-B3-TraceId", TRACE, "X-B3-SpanId", SPAN, "X-B3-Flags", "1");
    check_parent(&trace, true);
    trace = BEGIN("uber-trace-id", "af7651916cd43dd8448eb211c80319c:" SPAN ":0:3");
    check_parent(&trace, true);
    trace = BEGIN("uber-trace-id", TRACE "%3A" SPAN "%3a0%3A2");
    check_parent(&trace, false);
    end();
}
END_TEST

START_TEST(begins_a_trace_where_nothing_good_came)
{
    static const char *const bad[] = {
        "",
        "00",
        "00-" TRACE "-" SPAN,
        "00-" TRACE "-" SPAN "-0",
        "00-" TRACE "-" SPAN "-01-more",
        "ff-" TRACE "-" SPAN "-01",
        "00-" TRACE "0-" SPAN "-01",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-" TRACE "-b7ad6b716920333g-01",
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct trace trace = BEGIN("traceparent", bad[i]);
        ck_assert_msg(!trace.has_parent, "%s", bad[i]);
        ck_assert(trace.on && trace.sampled);
    }
    struct trace a = BEGIN("b3", "0"), b = BEGIN("uber-trace-id", "1:2");
    ck_assert(!a.has_parent && !b.has_parent);
    ck_assert_int_ne(memcmp(a.trace_id, b.trace_id, TRACE_ID_SIZE), 0);
    end();
}
END_TEST

START_TEST(tells_each_backend_a_span_of_its_own)
{
    struct trace trace = BEGIN("traceparent", "00-" TRACE "-" SPAN "-01");
    char own[2 * SPAN_ID_SIZE + 1], child[2 * SPAN_ID_SIZE + 1];
    uint8_t id[SPAN_ID_SIZE];
    trace_id_text(trace.span_id, SPAN_ID_SIZE, own);
    trace_ask_id(&trace, 1, id);
    trace_id_text(id, SPAN_ID_SIZE, child);
    AUTO(buf_done) struct buf wanted = {0};
    buf_printf(&wanted, "00-" TRACE "-%s-01", child);
    ck_assert_str_eq(told(&trace, 1, "traceparent"), buf_terminated(&wanted));
    ck_assert_str_ne(told(&trace, 0, "traceparent"), told(&trace, 1, "traceparent"));
    ck_assert_ptr_null(strstr(told(&trace, 0, "traceparent"), own));
    ck_assert_ptr_null(strstr(told(&trace, 0, "traceparent"), SPAN));
    ck_assert_str_eq(told(&trace, 0, "b3"), "");
    trace.again = true;
    ck_assert_ptr_nonnull(strstr(told(&trace, 1, "traceparent"), own));
    trace.on = false;
    ck_assert_str_eq(told(&trace, 1, "traceparent"), "");
    end();
}
END_TEST

START_TEST(tells_it_in_the_clients_words_too)
{
    struct trace trace = BEGIN("b3", TRACE "-" SPAN "-1", "X-B3-TraceId", TRACE, "X-B3-SpanId",
                               SPAN, "uber-trace-id", TRACE ":" SPAN ":0:1");
    char own[2 * SPAN_ID_SIZE + 1], child[2 * SPAN_ID_SIZE + 1];
    uint8_t id[SPAN_ID_SIZE];
    AUTO(buf_done) struct buf b3 = {0}, jaeger = {0};
    trace_id_text(trace.span_id, SPAN_ID_SIZE, own);
    trace_ask_id(&trace, 0, id);
    trace_id_text(id, SPAN_ID_SIZE, child);
    buf_printf(&b3, TRACE "-%s-1-%s", child, own);
    buf_printf(&jaeger, TRACE ":%s:%s:1", child, own);
    ck_assert_str_eq(told(&trace, 0, "b3"), buf_terminated(&b3));
    ck_assert_str_eq(told(&trace, 0, "uber-trace-id"), buf_terminated(&jaeger));
    ck_assert_str_eq(told(&trace, 0, "X-B3-TraceId"), TRACE);
    ck_assert_str_eq(told(&trace, 0, "X-B3-SpanId"), child);
    ck_assert_str_eq(told(&trace, 0, "X-B3-Sampled"), "1");
    end();
}
END_TEST

START_TEST(samples_as_it_is_told)
{
    static const char *const none[] = {NULL};
    static const char *const unsampled[] = {"traceparent", "00-" TRACE "-" SPAN "-00", NULL};
    static const char *const undecided[] = {"b3", TRACE "-" SPAN, NULL};
    struct trace_sampler never = {true, 0}, always = {false, 1}, half = {true, 0.5};
    ck_assert(!begin_with(never, none).sampled);
    ck_assert(begin_with(always, unsampled).sampled);
    ck_assert(!begin_with(half, unsampled).sampled);
    ck_assert(!begin_with(never, undecided).sampled);
    /* The digits decide: 8448... is beyond a half of all there are. */
    ck_assert(!begin_with(half, undecided).sampled);
    ck_assert(begin_with((struct trace_sampler){true, 0.52}, undecided).sampled);
    struct trace trace = begin_with(never, none);
    ck_assert(strstr(told(&trace, 0, "traceparent"), "-00"));
    end();
}
END_TEST

TEST_MAIN("trace", reads_what_clients_write, begins_a_trace_where_nothing_good_came,
          tells_each_backend_a_span_of_its_own, tells_it_in_the_clients_words_too,
          samples_as_it_is_told)
