#include "http/client.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/test.h"
#include "http/coding.h"
#include "http/listen.h"
#include "http/test_http.h"

static _Atomic size_t sent; /* by all streams */

static void answer_stream(const struct request *request, struct answer *answer)
{
    struct test_bytes bytes = {
        .size = (size_t)3 << 20,
        .breaks = str_eq(request->path, STR("/break")),
        .endless = str_eq(request->path, STR("/endless")),
        .stalls = str_eq(request->path, STR("/stall")) ? request->cancel : NULL,
        .sent = &sent,
    };
    test_answer_bytes(answer, bytes);
}

/* "/echo": what was asked; else a stream. */
static void handle(void *context, const struct request *request, struct answer *answer)
{
    answer->status = 200;
    answer->content_type = "text/plain";
    if (!str_eq(request->path, STR("/echo"))) {
        answer_stream(request, answer);
        return;
    }
    const char *authorization = request_header(request, "Authorization");
    const char *mark = request_header(request, "X-Mark");
    struct str said = params_get(&request->params, "say");
    answer->status = 203;
    answer->compress = true;
    answer_header(answer, "X-Answered", "yes");
    buf_printf(&answer->body, "%s %.*s %s %s", request->method, STR_ARGS(said),
               authorization ? authorization : "-", mark ? mark : "-");
}

/* A server, and a client that asks it. */
struct fixture {
    struct listener *listener;
    struct client *client;
    struct buf url;
};

static const char *fixture_url(struct fixture *fixture, const char *path)
{
    buf_clear(&fixture->url);
    buf_printf(&fixture->url, "http://%s%s", listener_address(fixture->listener), path);
    return buf_terminated(&fixture->url);
}

static void fixture_done_auto(struct fixture *fixture)
{
    client_destroy(fixture->client);
    listener_close(fixture->listener);
    buf_done(&fixture->url);
}

static struct fixture fixture_make(void)
{
    struct listen_options options = {.address = "127.0.0.1:0", .connection_max = 8};
    options.handle = handle;
    struct fixture fixture = {.client = client_create(4)};
    struct err err;
    ck_assert_msg(listener_open(&options, &fixture.listener, &err), "%s", err.msg);
    return fixture;
}

static void check_says(struct client *client, const struct client_request *request,
                       const char *expected)
{
    AUTO(client_answer_done) struct client_answer answer = {0};
    struct err err;
    ck_assert_msg(client_ask(client, request, &answer, &err), "%s", err.msg);
    ck_assert_int_eq(answer.status, 203);
    ck_assert_str_eq(buf_terminated(&answer.body), expected);
}

START_TEST(asks_in_every_way)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    struct client_request request = {.url = fixture_url(&fixture, "/echo?say=hello%20you")};
    check_says(fixture.client, &request, "GET hello you - -");
    request.method = "DELETE";
    check_says(fixture.client, &request, "DELETE hello you - -");
    request.method = NULL;
    request.body = STR("say=form");
    check_says(fixture.client, &request, "POST form - -");
    request.method = "PUT";
    check_says(fixture.client, &request, "PUT form - -");

    struct client_header header = {"X-Mark", "seven"};
    struct client_access access = {.authorization = "Bearer key"};
    struct client_request marked = {
        .url = request.url, .headers = &header, .header_count = 1, .access = &access};
    check_says(fixture.client, &marked, "GET hello you Bearer key seven");
    access = (struct client_access){.user = "ann", .password = "b"};
    check_says(fixture.client, &marked, "GET hello you Basic YW5uOmI= seven");
    marked.method = "HEAD";
    check_says(fixture.client, &marked, "");
}
END_TEST

/* What it means is the server's to say; here, that it is not /echo. */
START_TEST(asks_for_the_path_as_it_is_written)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    AUTO(buf_done) struct buf url = {0};
    static const char *const users[] = {"", "ann@"}; /* without parts, and with */
    for (size_t i = 0; i < ARRAY_COUNT(users); i++) {
        buf_clear(&url);
        buf_printf(&url, "http://%s%s/x/../echo", users[i], listener_address(fixture.listener));
        struct client_request request = {.url = buf_terminated(&url)};
        AUTO(client_answer_done) struct client_answer answer = {0};
        struct err err;
        ck_assert_msg(client_ask(fixture.client, &request, &answer, &err), "%s", err.msg);
        ck_assert_int_eq(answer.status, 200);
    }
}
END_TEST

START_TEST(keeps_its_connections)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    struct client_request request = {.url = fixture_url(&fixture, "/echo?say=a")};
    for (int i = 0; i < 5; i++)
        check_says(fixture.client, &request, "GET a - -");
    ck_assert_uint_eq(listener_connection_count(fixture.listener), 1);

    /* Of a body that is not wanted whole the connection goes. */
    request.url = fixture_url(&fixture, "/endless");
    struct client_stream *stream;
    struct err err;
    ck_assert(client_open(fixture.client, &request, &stream, &err));
    client_stream_close(stream);
    for (int i = 0; i < 2000 && listener_connection_count(fixture.listener) > 0; i++)
        usleep(1000);
    ck_assert_uint_eq(listener_connection_count(fixture.listener), 0);
}
END_TEST

START_TEST(tells_headers_in_front_of_the_body)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    struct client_request request = {.url = fixture_url(&fixture, "/echo?say=a")};
    AUTO(client_stream_close) struct client_stream *stream = NULL;
    struct err err;
    ck_assert(client_open(fixture.client, &request, &stream, &err));
    ck_assert_int_eq(client_stream_status(stream), 203);
    ck_assert_str_eq(client_stream_header(stream, "x-answered"), "yes");
    ck_assert_str_eq(client_stream_header(stream, "Content-Type"), "text/plain");
    ck_assert_ptr_null(client_stream_header(stream, "X-Other"));
}
END_TEST

/* Reads to the end; false as soon as that fails. *ret_size: what was read. */
static bool stream_drain(struct client_stream *stream, size_t *ret_size, struct err *err)
{
    char piece[4096];
    size_t got;
    *ret_size = 0;
    do {
        if (!client_stream_read(stream, piece, sizeof piece, &got, err))
            return false;
        ck_assert_uint_le(got, sizeof piece);
        *ret_size += got;
    } while (got > 0);
    return true;
}

/* What becomes of a request whose answer is a stream. */
static enum err_kind drain_kind(struct fixture *fixture, const struct client_request *request,
                                size_t *ret_size)
{
    AUTO(client_stream_close) struct client_stream *stream = NULL;
    struct err err;
    err_clear(&err);
    *ret_size = 0;
    if (!client_open(fixture->client, request, &stream, &err) ||
        !stream_drain(stream, ret_size, &err))
        ck_assert_ptr_nonnull(strstr(err.msg, request->url));
    return err.kind;
}

START_TEST(reads_a_body_to_its_end)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    struct client_request request = {.url = fixture_url(&fixture, "/stream")};
    size_t size;
    ck_assert_int_eq(drain_kind(&fixture, &request, &size), ERR_NONE);
    ck_assert_uint_eq(size, (size_t)3 << 20);

    request.url = fixture_url(&fixture, "/break");
    ck_assert_int_eq(drain_kind(&fixture, &request, &size), ERR_IO);
}
END_TEST

START_TEST(bounds_the_answer)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    struct client_request request = {.url = fixture_url(&fixture, "/endless"),
                                     .size_max = (size_t)5 << 20};
    size_t size;
    ck_assert_int_eq(drain_kind(&fixture, &request, &size), ERR_LIMIT);
    ck_assert_uint_le(size, (size_t)5 << 20);
}
END_TEST

START_TEST(lets_a_server_wait_for_its_reader)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    struct client_request request = {.url = fixture_url(&fixture, "/endless")};
    AUTO(client_stream_close) struct client_stream *stream = NULL;
    struct err err;
    ck_assert(client_open(fixture.client, &request, &stream, &err));
    char byte;
    size_t got = 0, begin = atomic_load(&sent);
    for (int i = 0; i < 300; i++) {
        ck_assert(client_stream_read(stream, &byte, 1, &got, &err));
        usleep(1000);
    }
    /* The rest is what the sockets hold. */
    ck_assert_uint_lt(atomic_load(&sent) - begin, (size_t)32 << 20);
}
END_TEST

START_TEST(gives_up_in_time)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    struct client_request request = {.url = fixture_url(&fixture, "/stall"), .timeout_ms = 100};
    int64_t begin_ns = clock_monotonic_ns();
    size_t size;
    ck_assert_int_eq(drain_kind(&fixture, &request, &size), ERR_TIMEOUT);
    int64_t took_ms = (clock_monotonic_ns() - begin_ns) / 1000000;
    ck_assert_int_ge(took_ms, 100);
    ck_assert_int_lt(took_ms, 5000);
}
END_TEST

struct wish {
    _Atomic bool cancel;
};

static void *set_soon(void *context)
{
    struct wish *wish = context;
    usleep(50000);
    atomic_store(&wish->cancel, true);
    return NULL;
}

START_TEST(ends_when_nobody_wants_it)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    struct wish wish = {false};
    struct client_request request = {.url = fixture_url(&fixture, "/stall"),
                                     .cancel = &wish.cancel};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, set_soon, &wish), 0);
    int64_t begin_ns = clock_monotonic_ns();
    size_t size;
    ck_assert_int_eq(drain_kind(&fixture, &request, &size), ERR_CANCELED);
    ck_assert_int_lt((clock_monotonic_ns() - begin_ns) / 1000000, 5000);
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(says_what_was_wrong_with_the_url)
{
    AUTO(client_destroy) struct client *client = client_create(1);
    static const char *const bad[] = {"gopher://x", "http://", "words", "http://a b/"};
    struct client_answer answer = {0};
    struct err err;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        ck_assert(!client_ask(client, &(struct client_request){.url = bad[i]}, &answer, &err));
        ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    }
    struct client_request request = {.url = "http://ann:secret@127.0.0.1:1/x?key=hidden"};
    ck_assert(!client_ask(client, &request, &answer, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.msg, "http://127.0.0.1:1/x: "));
    ck_assert_ptr_null(strstr(err.msg, "secret"));
    ck_assert_ptr_null(strstr(err.msg, "hidden"));
}
END_TEST

/* Gives the same bytes to whoever connects, and leaves. */
struct canned {
    int fd;
    pthread_t thread;
    struct str bytes;
    struct buf url;
};

static void *canned_serve(void *context)
{
    struct canned *canned = context;
    int fd;
    while ((fd = accept(canned->fd, NULL, NULL)) >= 0) {
        char asked[4096];
        ssize_t got = read(fd, asked, sizeof asked);
        for (struct str left = canned->bytes; got > 0 && left.len > 0;) {
            got = send(fd, left.ptr, left.len, MSG_NOSIGNAL);
            left.ptr += got > 0 ? got : 0;
            left.len -= got > 0 ? (size_t)got : 0;
        }
        close(fd);
    }
    return NULL;
}

static void canned_start(struct canned *canned, struct str bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *canned = (struct canned){.fd = socket(AF_INET, SOCK_STREAM, 0), .bytes = bytes};
    ck_assert_int_eq(bind(canned->fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(canned->fd, 8), 0);
    ck_assert_int_eq(getsockname(canned->fd, (struct sockaddr *)&address, &size), 0);
    buf_printf(&canned->url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    ck_assert_int_eq(pthread_create(&canned->thread, NULL, canned_serve, canned), 0);
}

static void canned_stop(struct canned *canned)
{
    shutdown(canned->fd, SHUT_RDWR);
    pthread_join(canned->thread, NULL);
    close(canned->fd);
    buf_done(&canned->url);
}

/* How a client takes these bytes; *ret_body what it made of them. */
static enum err_kind canned_ask(struct str bytes, const struct client_access *access,
                                struct buf *ret_body)
{
    struct canned canned;
    canned_start(&canned, bytes);
    AUTO(client_destroy) struct client *client = client_create(1);
    struct client_request request = {.url = buf_terminated(&canned.url), .access = access};
    struct client_answer answer = {0};
    struct err err;
    err_clear(&err);
    if (client_ask(client, &request, &answer, &err))
        *ret_body = answer.body;
    canned_stop(&canned);
    return err.kind;
}

START_TEST(tells_a_body_that_breaks_off)
{
    static const char *const broken[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "hello",
        "",
    };
    struct buf body = {0};
    for (size_t i = 0; i < ARRAY_COUNT(broken); i++)
        ck_assert_int_eq(canned_ask(str_of(broken[i]), NULL, &body), ERR_IO);
}
END_TEST

START_TEST(unpacks_and_tells_a_packed_body_that_breaks_off)
{
    AUTO(buf_done) struct buf packed = {0};
    AUTO(packer_destroy) struct packer *packer = packer_create(CODING_GZIP);
    packer_append(packer, STR("words that were packed"), true, &packed);
    for (size_t cut = 0; cut <= 8; cut += 4) {
        AUTO(buf_done) struct buf bytes = {0};
        AUTO(buf_done) struct buf body = {0};
        buf_printf(&bytes,
                   "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                   packed.len - cut);
        buf_append(&bytes, packed.ptr, packed.len - cut);
        ck_assert_int_eq(canned_ask(buf_view(&bytes), NULL, &body), cut ? ERR_IO : ERR_NONE);
        ck_assert_str_eq(buf_terminated(&body), cut ? "" : "words that were packed");
    }
}
END_TEST

START_TEST(bounds_the_headers)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct buf body = {0};
    buf_text(&bytes, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 30000; i++)
        buf_printf(&bytes, "X-Header-%d: some value\r\n", i);
    ck_assert_int_eq(canned_ask(buf_view(&bytes), NULL, &body), ERR_LIMIT);
}
END_TEST

START_TEST(follows_if_it_may)
{
    AUTO(fixture_done) struct fixture fixture = fixture_make();
    AUTO(buf_done) struct buf bytes = {0};
    buf_printf(&bytes,
               "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 4\r\n"
               "Connection: close\r\n\r\nhere",
               fixture_url(&fixture, "/echo?say=there"));
    AUTO(buf_done) struct buf stayed = {0};
    ck_assert_int_eq(canned_ask(buf_view(&bytes), NULL, &stayed), ERR_NONE);
    ck_assert_str_eq(buf_terminated(&stayed), "here");

    AUTO(buf_done) struct buf followed = {0};
    struct client_access access = {.follow_redirects = true, .authorization = "secret"};
    ck_assert_int_eq(canned_ask(buf_view(&bytes), &access, &followed), ERR_NONE);
    ck_assert_str_eq(buf_terminated(&followed), "GET there - -");
}
END_TEST

TEST_MAIN("client", asks_in_every_way, asks_for_the_path_as_it_is_written, keeps_its_connections,
          tells_headers_in_front_of_the_body, reads_a_body_to_its_end, bounds_the_answer,
          lets_a_server_wait_for_its_reader, gives_up_in_time, ends_when_nobody_wants_it,
          says_what_was_wrong_with_the_url, tells_a_body_that_breaks_off,
          unpacks_and_tells_a_packed_body_that_breaks_off, bounds_the_headers, follows_if_it_may)
