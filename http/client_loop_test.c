#include "http/client_loop.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/test.h"
#include "http/listen.h"
#include "http/test_http.h"

#define BODY_SIZE ((size_t)3 << 20)

/* "/echo": its parameters; else a stream. */
static void handle(void *context, const struct request *request, struct answer *answer)
{
    answer->status = 200;
    answer->content_type = "text/plain";
    if (str_eq(request->path, STR("/echo"))) {
        struct str say = params_get(&request->params, "say");
        answer->status = 203;
        answer_header(answer, "X-Answered", "yes");
        buf_printf(&answer->body, "%s %.*s", request->method, STR_ARGS(say));
        return;
    }
    struct test_bytes bytes = {
        .size = BODY_SIZE,
        .breaks = str_eq(request->path, STR("/break")),
        .stalls = str_eq(request->path, STR("/stall")) ? request->cancel : NULL,
    };
    test_answer_bytes(answer, bytes);
}

/* A server, and a loop that asks it. */
struct fixture {
    struct listener *listener;
    struct client_loop *loop;
};

static void fixture_done_auto(struct fixture *fixture)
{
    client_loop_destroy(fixture->loop);
    listener_close(fixture->listener);
}

static struct listener *serve(const char *address)
{
    struct listen_options options = {.address = address, .connection_max = 64};
    options.handle = handle;
    struct listener *listener;
    struct err err;
    ck_assert_msg(listener_open(&options, &listener, &err), "%s", err.msg);
    return listener;
}

static struct fixture fixture_make(void)
{
    struct fixture fixture = {.listener = serve("127.0.0.1:0")};
    struct err err;
    ck_assert_msg(client_loop_create(8, &fixture.loop, &err), "%s", err.msg);
    return fixture;
}

/* What one ask was told. */
struct told {
    struct client_request request;
    char url[200];
    int status;
    char header[8];
    char text[64]; /* the body's front */
    size_t size;
    struct err err;
    bool late;   /* says CLIENT_LATER, once */
    bool enough; /* says CLIENT_ENOUGH */
    struct client_ask *_Atomic ask;
    _Atomic bool ended;
};

static void told_head(void *context, struct client_ask *ask)
{
    struct told *told = context;
    const char *header = transfer_header(client_ask_transfer(ask), "x-answered");
    told->status = transfer_status(client_ask_transfer(ask));
    snprintf(told->header, sizeof told->header, "%s", header ? header : "");
    atomic_store(&told->ask, ask);
}

static enum client_taken told_body(void *context, const char *bytes, size_t size)
{
    struct told *told = context;
    if (told->late) {
        told->late = false;
        return CLIENT_LATER;
    }
    if (told->enough)
        return CLIENT_ENOUGH;
    for (size_t i = 0; i < size && told->size + i < sizeof told->text - 1; i++)
        told->text[told->size + i] = bytes[i];
    told->size += size;
    return CLIENT_TAKEN;
}

static void told_end(void *context, const struct err *err)
{
    struct told *told = context;
    if (err)
        told->err = *err;
    else
        err_clear(&told->err);
    atomic_store(&told->ended, true);
}

static const struct client_ask_class told_class = {told_head, told_body, told_end};

static void ask(struct fixture *fixture, const char *path, struct told *told)
{
    snprintf(told->url, sizeof told->url, "http://%s%s", listener_address(fixture->listener), path);
    told->request.url = told->url;
    client_loop_ask(fixture->loop, &told->request, &told_class, told);
}

static void await(struct told *told)
{
    while (!atomic_load(&told->ended))
        usleep(100);
}

START_TEST(tells_head_body_and_end)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    static struct told told;
    ask(&fixture, "/echo?say=hello", &told);
    await(&told);
    ck_assert_int_eq(told.err.kind, ERR_NONE);
    ck_assert_int_eq(told.status, 203);
    ck_assert_str_eq(told.header, "yes");
    ck_assert_str_eq(told.text, "GET hello");
}
END_TEST

START_TEST(asks_many_at_once_and_keeps_connections)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    static struct told told[40];
    for (int turn = 0; turn < 3; turn++) {
        memset(told, 0, sizeof told);
        for (size_t i = 0; i < ARRAY_COUNT(told); i++) {
            char path[40];
            snprintf(path, sizeof path, "/echo?say=%d.%zu", turn, i);
            ask(&fixture, path, &told[i]);
        }
        for (size_t i = 0; i < ARRAY_COUNT(told); i++) {
            char expected[40];
            snprintf(expected, sizeof expected, "GET %d.%zu", turn, i);
            await(&told[i]);
            ck_assert_msg(told[i].err.kind == ERR_NONE, "%s", told[i].err.msg);
            ck_assert_str_eq(told[i].text, expected);
        }
    }
    for (int i = 0; i < 2000 && listener_connection_count(fixture.listener) > 8; i++)
        usleep(1000);
    ck_assert_uint_le(listener_connection_count(fixture.listener), 8);
    ck_assert_uint_ge(listener_connection_count(fixture.listener), 1);
}
END_TEST

START_TEST(reads_a_long_body_to_its_end)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    static struct told told;
    ask(&fixture, "/bytes", &told);
    await(&told);
    ck_assert_int_eq(told.err.kind, ERR_NONE);
    ck_assert_uint_eq(told.size, BODY_SIZE);
}
END_TEST

START_TEST(comes_again_with_what_was_not_taken)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    static struct told told = {.late = true};
    static struct told other;
    ask(&fixture, "/echo?say=later", &told);
    ask(&fixture, "/echo?say=now", &other);
    await(&other); /* nobody waits for who is late */
    usleep(20000);
    ck_assert(!atomic_load(&told.ended));
    client_ask_resume(told.ask);
    await(&told);
    ck_assert_int_eq(told.err.kind, ERR_NONE);
    ck_assert_str_eq(told.text, "GET later");
}
END_TEST

START_TEST(ends_when_it_is_enough)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    static struct told told = {.enough = true};
    ask(&fixture, "/bytes", &told);
    await(&told);
    ck_assert_int_eq(told.err.kind, ERR_IO);
}
END_TEST

START_TEST(ends_when_what_came_late_is_enough)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    static struct told told = {.late = true, .enough = true, .request.timeout_ms = 3000};
    ask(&fixture, "/echo?say=x", &told);
    while (!atomic_load(&told.ask))
        usleep(100);
    client_ask_resume(told.ask);
    await(&told);
    ck_assert_int_eq(told.err.kind, ERR_IO);
}
END_TEST

START_TEST(tells_a_body_that_breaks_off)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    static struct told told;
    ask(&fixture, "/break", &told);
    await(&told);
    ck_assert_int_eq(told.err.kind, ERR_IO);
    ck_assert_int_eq(told.status, 200);
}
END_TEST

START_TEST(gives_up_in_time)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    static struct told told = {.request.timeout_ms = 100};
    int64_t begin_ns = clock_monotonic_ns();
    ask(&fixture, "/stall", &told);
    await(&told);
    ck_assert_int_eq(told.err.kind, ERR_TIMEOUT);
    ck_assert_int_ge(clock_monotonic_ns() - begin_ns, 100 * INT64_C(1000000));
}
END_TEST

START_TEST(ends_when_nobody_wants_it)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    static _Atomic bool cancel;
    static struct told told = {.request.cancel = &cancel};
    ask(&fixture, "/stall", &told);
    usleep(50000);
    ck_assert(!atomic_load(&told.ended));
    atomic_store(&cancel, true);
    await(&told);
    ck_assert_int_eq(told.err.kind, ERR_CANCELED);
}
END_TEST

START_TEST(asks_a_server_that_has_begun_anew)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    static struct told told[2];
    ask(&fixture, "/echo?say=1", &told[0]);
    await(&told[0]);
    char *address = mem_strdup(listener_address(fixture.listener));
    listener_close(fixture.listener); /* and with it the connection that was kept */
    usleep(20000);
    fixture.listener = serve(address);
    ask(&fixture, "/echo?say=2", &told[1]);
    await(&told[1]);
    ck_assert_msg(told[1].err.kind == ERR_NONE, "%s", told[1].err.msg);
    ck_assert_str_eq(told[1].text, "GET 2");
    free(address);
}
END_TEST

START_TEST(says_what_was_wrong_with_the_url)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    static struct told told = {.request.url = "ftp://127.0.0.1/"};
    client_loop_ask(fixture.loop, &told.request, &told_class, &told);
    await(&told);
    ck_assert_int_eq(told.err.kind, ERR_BAD_DATA);
}
END_TEST

TEST_MAIN("client_loop", tells_head_body_and_end, asks_many_at_once_and_keeps_connections,
          reads_a_long_body_to_its_end, comes_again_with_what_was_not_taken, ends_when_it_is_enough,
          ends_when_what_came_late_is_enough, tells_a_body_that_breaks_off, gives_up_in_time,
          ends_when_nobody_wants_it, asks_a_server_that_has_begun_anew,
          says_what_was_wrong_with_the_url)
