#include "http/grpc_http.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/proto_writer.h"
#include "base/test.h"
#include "http/test_http.h"

static struct arena *arena;
static struct grpc_request got;
static struct err err;

static void put_header(struct buf *out, const char *name, const char *one, const char *two)
{
    AUTO(buf_done) struct buf header = {0};
    put_bytes(&header, 2, str_of(one)); /* the name may come behind */
    put_bytes(&header, 1, str_of(name));
    if (two)
        put_bytes(&header, 2, str_of(two));
    put_bytes(out, 3, buf_view(&header));
}

static void put_request(struct buf *out, const char *method, const char *uri)
{
    put_bytes(out, 1, str_of(method));
    put_bytes(out, 2, str_of(uri));
}

static bool read_message(const struct buf *message)
{
    arena_destroy(arena);
    arena = arena_create(NULL);
    return grpc_request_read(buf_view(message), arena, &got, &err);
}

static void end(void)
{
    arena_destroy(TAKE(arena));
}

static void append_header(void *context, const char *name, const char *value)
{
    buf_printf(context, "%s=%s;", name, value);
}

START_TEST(reads_a_request)
{
    AUTO(buf_done) struct buf message = {0};
    AUTO(buf_done) struct buf headers = {0};
    char client[INET6_ADDRSTRLEN];
    put_request(&message, "POST", "/api/v1/query?a=%20b");
    put_header(&message, "Content-Type", "application/x-www-form-urlencoded", NULL);
    put_header(&message, "X-One", "1", "2");
    put_bytes(&message, 4, STR("query=up"));
    put_number(&message, 99, 1); /* nobody knows it */

    ck_assert_msg(read_message(&message), "%s", err.msg);
    ck_assert_ptr_null(grpc_request_fault(&got));
    const struct request *request = &got.request;
    ck_assert(request_read_uri(&got.request));
    ck_assert_str_eq(request->method, "POST");
    ck_assert(str_eq(request->path, STR("/api/v1/query")));
    ck_assert(str_eq(params_get(&request->params, "query"), STR("up")));
    ck_assert(str_eq(params_get(&request->params, "a"), STR(" b")));
    ck_assert_str_eq(request_header(request, "x-ONE"), "1");
    ck_assert_ptr_null(request_header(request, "X-Two"));
    request_each_header(request, append_header, &headers);
    ck_assert_str_eq(buf_terminated(&headers),
                     "Content-Type=application/x-www-form-urlencoded;X-One=1;X-One=2;");
    got.client = "192.0.2.1";
    request_client(request, client, sizeof client);
    ck_assert_str_eq(client, "192.0.2.1");
    end();
}
END_TEST

START_TEST(refuses_what_is_no_message)
{
    AUTO(buf_done) struct buf message = {0};
    put_number(&message, 1, 7);
    ck_assert(!read_message(&message));
    ck_assert_str_eq(err.msg, "proto: wrong wireType = 0 for field Method");

    buf_clear(&message);
    put_bytes(&message, 1, STR("GET\0 "));
    ck_assert(!read_message(&message));
    ck_assert_str_eq(err.msg, "HTTPRequest: there is a zero in a text");

    buf_clear(&message);
    for (int i = 0; i < 1001; i++)
        put_header(&message, "a", "b", NULL);
    ck_assert(!read_message(&message));
    ck_assert_str_eq(err.msg, "there are more than 1000 headers");
    end();
}
END_TEST

/* What would be another request, or none, once it is written out as HTTP. */
START_TEST(refuses_what_is_no_http)
{
    static const struct {
        const char *method;
        const char *uri;
        const char *name;
        const char *value;
        const char *fault;
    } cases[] = {
        {"GET", "/x?y=z", "a-b", "c\t\xc3\xa4", NULL},
        {"", "/", "a", "b", "this is no method of HTTP"},
        {"GET /x HTTP/1.1\r\n", "/", "a", "b", "this is no method of HTTP"},
        {"GET", "", "a", "b", "this is no path of a URL"},
        {"GET", "http://other/", "a", "b", "this is no path of a URL"},
        {"GET", "/a b", "a", "b", "this is no path of a URL"},
        {"GET", "/a\r\nHost: x", "a", "b", "this is no path of a URL"},
        {"GET", "/a#b", "a", "b", "this is no path of a URL"},
        {"GET", "/", "a:", "b", "this is no header of HTTP"},
        {"GET", "/", "", "b", "this is no header of HTTP"},
        {"GET", "/", "a", "b\r\nc: d", "this is no header of HTTP"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        AUTO(buf_done) struct buf message = {0};
        put_request(&message, cases[i].method, cases[i].uri);
        put_header(&message, cases[i].name, cases[i].value, NULL);
        ck_assert(read_message(&message));
        const char *fault = grpc_request_fault(&got);
        ck_assert_msg((fault == NULL) == (cases[i].fault == NULL), "case %zu", i);
        if (fault)
            ck_assert_str_eq(fault, cases[i].fault);
    }
    end();
}
END_TEST

START_TEST(writes_an_answer)
{
    AUTO(buf_done) struct buf out = {0};
    struct answer answer = {.status = 503, .content_type = "text/plain"};
    answer_header(&answer, "Retry-After", "1");
    buf_text(&answer.body, "body");
    grpc_response_write(&answer, &out);
    buf_str(&out, buf_view(&answer.body));
    static const char wanted[] =
        "\0\0\0\0\x37"
        "\x08\xf7\x03"
        "\x12\x1a\x0a\x0c"
        "Content-Type\x12\x0atext/plain"
        "\x12\x10\x0a\x0bRetry-After\x12\x01"
        "1"
        "\x1a\x04"
        "body";
    ck_assert(str_eq(buf_view(&out), (struct str){wanted, sizeof wanted - 1}));
    answer_done(&answer);
}
END_TEST

static bool breaks;
static bool complete;
static char *header_text; /* freed when the answer has gone */
static size_t asked;

static void handle(void *context, const struct request *request, struct answer *answer)
{
    answer->status = 200;
    test_answer_bytes(answer, (struct test_bytes){.size = *(size_t *)context, .breaks = breaks});
    header_text = mem_strdup("a text that does not stay");
    answer_header(answer, "X-Text", header_text);
    asked++;
}

static void finished(void *context, const struct exchange_end *end_of)
{
    complete = end_of->complete;
    free(TAKE(header_text));
}

/* Serves one request for so many bytes. */
static struct grpc_reply serve(const char *uri, size_t size, size_t size_max, struct budget *budget)
{
    AUTO(buf_done) struct buf message = {0};
    struct grpc_call call = {0};
    struct grpc_reply reply;
    struct grpc_http_options options = {
        .answer_size_max = size_max,
        .answer_budget = budget,
        .handle = handle,
        .finished = finished,
        .context = &size,
    };
    put_request(&message, "GET", uri);
    call.message = buf_view(&message);
    grpc_http_serve(&options, &call, "192.0.2.1", false, &reply);
    budget_release(call.answer_budget, call.answer_charged);
    return reply;
}

static void reply_done(struct grpc_reply *reply)
{
    buf_done(&reply->head);
    buf_done(&reply->body);
}

START_TEST(holds_an_answer_up_to_its_limit)
{
    static const size_t limit = 300000;
    struct grpc_reply reply = serve("/", limit, limit, NULL);
    ck_assert_int_eq(reply.status, GRPC_OK);
    ck_assert_uint_eq(reply.body.len, limit);
    ck_assert(complete);
    ck_assert_ptr_nonnull(memmem(reply.head.ptr, reply.head.len, "a text that does not stay", 25));
    reply_done(&reply);

    reply = serve("/", limit + 1, limit, NULL);
    ck_assert_int_eq(reply.status, GRPC_RESOURCE_EXHAUSTED);
    ck_assert_str_eq(reply.err.msg, "trying to send message larger than max (300000 bytes)");
    ck_assert(!complete);
    reply_done(&reply);
}
END_TEST

START_TEST(charges_answers_before_they_are_held)
{
    struct budget budget;
    budget_init(&budget, NULL, "--limit", (size_t)1 << 20);
    struct grpc_reply reply = serve("/", (size_t)900 << 10, SIZE_MAX / 2, &budget);
    ck_assert_int_eq(reply.status, GRPC_OK);
    ck_assert_uint_ge(budget.peak_bytes, (size_t)900 << 10);
    reply_done(&reply);

    reply = serve("/", (size_t)2 << 20, SIZE_MAX / 2, &budget);
    ck_assert_int_eq(reply.status, GRPC_RESOURCE_EXHAUSTED);
    ck_assert_uint_eq(budget.used_bytes, 0);
    reply_done(&reply);
}
END_TEST

START_TEST(answers_failures_in_http)
{
    breaks = true;
    struct grpc_reply reply = serve("/", 200000, SIZE_MAX / 2, NULL);
    breaks = false;
    ck_assert_int_eq(reply.status, GRPC_OK);
    ck_assert(str_eq(buf_view(&reply.body), STR("broken\n")));
    ck_assert_int_eq(memcmp(reply.head.ptr + 5, "\x08\xa6\x03", 3), 0); /* 422 */
    reply_done(&reply);

    asked = 0;
    reply = serve("/%zz", 1, 1000, NULL);
    ck_assert_int_eq(memcmp(reply.head.ptr + 5, "\x08\x90\x03", 3), 0); /* 400 */
    reply_done(&reply);
    reply = serve("no path", 1, 1000, NULL);
    ck_assert_int_eq(memcmp(reply.head.ptr + 5, "\x08\x90\x03", 3), 0);
    ck_assert_uint_eq(asked, 0);
    reply_done(&reply);
}
END_TEST

TEST_MAIN("grpc_http", reads_a_request, refuses_what_is_no_message, refuses_what_is_no_http,
          writes_an_answer, holds_an_answer_up_to_its_limit, charges_answers_before_they_are_held,
          answers_failures_in_http)
