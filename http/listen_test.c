#include "http/listen.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/test.h"
#include "http/test_http.h"

/*
 * A server for the tests: /echo says what was asked, /stream/N sends N bytes as a stream,
 * /break/N breaks off there, /compute computes until it is cancelled, /body sends back what it got,
 * SMALL_BODY bytes at most.
 */
#define SMALL_BODY 10

static _Atomic int64_t cancelled_ns; /* when /compute saw it */
static _Atomic int computing;
static _Atomic int finished_count;
static _Atomic int incomplete_count;

static void handle_compute(const struct request *request)
{
    atomic_fetch_add(&computing, 1);
    int64_t end_ns = clock_monotonic_ns() + INT64_C(10000000000);
    while (!atomic_load(request->cancel) && clock_monotonic_ns() < end_ns)
        usleep(500);
    atomic_store(&cancelled_ns, clock_monotonic_ns());
    atomic_fetch_sub(&computing, 1);
}

static void append_header(void *context, const char *name, const char *value)
{
    buf_printf(context, "%s=%s;", name, value);
}

static void handle(void *context, const struct request *request, struct answer *answer)
{
    answer->status = 200;
    answer->content_type = "text/plain";
    answer->compress = true;
    char path[256];
    snprintf(path, sizeof path, "%.*s", STR_ARGS(request->path));
    bool breaks = strncmp(path, "/break/", 7) == 0;
    if (breaks || strncmp(path, "/stream/", 8) == 0) {
        size_t size = strtoul(strrchr(path, '/') + 1, NULL, 10);
        test_answer_bytes(answer, (struct test_bytes){.size = size, .breaks = breaks});
        return;
    }
    if (strcmp(path, "/compute") == 0)
        handle_compute(request);
    if (strcmp(path, "/raw ") == 0) {
        buf_str(&answer->body, request->uri);
        request_each_header(request, append_header, &answer->body);
        return;
    }
    if (strcmp(path, "/body") == 0) {
        buf_str(&answer->body, request->body);
        return;
    }
    char client[INET6_ADDRSTRLEN];
    request_client(request, client, sizeof client);
    buf_printf(&answer->body, "%s %s from %s", request->method, path, client);
    for (size_t i = 0; i < request->params.count; i++)
        buf_printf(&answer->body, " %.*s=%.*s", STR_ARGS(request->params.items[i].name),
                   STR_ARGS(request->params.items[i].value));
    answer_header(answer, "X-Test", request->stopping ? "stopping" : "running");
}

static size_t body_size_max(void *context, struct str path)
{
    return str_eq(path, STR("/body")) ? SMALL_BODY : REQUEST_BODY_SIZE_MAX;
}

static void finished(void *context, const struct exchange_end *end)
{
    atomic_fetch_add(&finished_count, 1);
    if (!end->complete)
        atomic_fetch_add(&incomplete_count, 1);
}

static struct listener *listener;

static void open_with(struct listen_options options)
{
    atomic_store(&finished_count, 0);
    atomic_store(&incomplete_count, 0);
    options.address = "127.0.0.1:0";
    options.body_size_max = body_size_max;
    options.handle = handle;
    options.finished = finished;
    if (!options.connection_max)
        options.connection_max = 16;
    struct err err;
    ck_assert_msg(listener_open(&options, &listener, &err), "%s", err.msg);
}

static void client_send(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* All that comes until the server closes the connection. */
static void client_read(int fd, struct buf *out)
{
    for (;;) {
        ssize_t got = recv(fd, buf_reserve(out, 65536), 65536, 0);
        if (got <= 0)
            break;
        out->len += (size_t)got;
    }
    close(fd);
}

static const char *ask(const char *request)
{
    static struct buf answer;
    buf_clear(&answer);
    int fd = test_connect(listener_address(listener));
    client_send(fd, request);
    client_read(fd, &answer);
    return buf_terminated(&answer);
}

#define CLOSE "Host: x\r\nConnection: close\r\n\r\n"

START_TEST(answers_with_decoded_path_and_parameters)
{
    open_with((struct listen_options){0});
    const char *answer = ask("GET /a%20b?x=1%2B1&y=c+d HTTP/1.1\r\n" CLOSE);
    ck_assert_int_eq(strncmp(answer, "HTTP/1.1 200 OK\r\n", 17), 0);
    ck_assert_ptr_nonnull(strstr(answer, "\r\nVary: Accept-Encoding\r\n"));
    ck_assert_ptr_nonnull(strstr(answer, "\r\nX-Test: running\r\n"));
    ck_assert_ptr_nonnull(strstr(answer, "\r\n\r\nGET /a b from 127.0.0.1 x=1+1 y=c d"));

    answer = ask("GET /%zz HTTP/1.1\r\n" CLOSE);
    ck_assert_int_eq(strncmp(answer, "HTTP/1.1 400 ", 13), 0);
    listener_close(listener);
}
END_TEST

START_TEST(takes_a_path_with_a_slash_in_front_and_no_other)
{
    open_with((struct listen_options){0});
    const char *answer = ask("GET http://x:80/raw%20?a HTTP/1.1\r\n" CLOSE);
    ck_assert_ptr_nonnull(strstr(answer, "\r\n\r\n/raw%20?aHost=x;"));

    static const char *const others[] = {"raw", "@x/raw", "*", "http://x", "https://x?/raw"};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        AUTO(buf_done) struct buf request = {0};
        buf_printf(&request, "GET %s HTTP/1.1\r\n" CLOSE, others[i]);
        answer = ask(buf_terminated(&request));
        ck_assert_int_eq(strncmp(answer, "HTTP/1.1 400 ", 13), 0);
    }
    listener_close(listener);
}
END_TEST

START_TEST(tells_the_request_as_it_was_sent)
{
    open_with((struct listen_options){0});
    const char *answer = ask("GET /raw%20?x=1%2B1 HTTP/1.1\r\nX-One: 1\r\nX-One: 2\r\n" CLOSE);
    ck_assert_ptr_nonnull(
        strstr(answer, "\r\n\r\n/raw%20?x=1%2B1X-One=1;X-One=2;Host=x;Connection=close;"));
    listener_close(listener);
}
END_TEST

START_TEST(refuses_a_key_that_is_none)
{
    struct listen_options options = {
        .address = "127.0.0.1:0", .tls_cert = "x", .tls_key = "y", .connection_max = 1};
    struct err err;
    ck_assert(!listener_open(&options, &listener, &err));
    ck_assert_ptr_nonnull(strstr(err.msg, "with this certificate and key"));
}
END_TEST

START_TEST(reads_forms_before_the_url)
{
    open_with((struct listen_options){0});
    const char *answer =
        ask("POST /f?x=url HTTP/1.1\r\n"
            "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
            "Content-Length: 6\r\n" CLOSE "x=form");
    ck_assert_ptr_nonnull(strstr(answer, "POST /f from 127.0.0.1 x=form x=url"));

    answer = ask("POST /f HTTP/1.1\r\nContent-Length: 3\r\n" CLOSE "x=1");
    ck_assert_ptr_nonnull(strstr(answer, "\r\n\r\nPOST /f from 127.0.0.1"));
    ck_assert_ptr_null(strstr(answer, "x=1"));
    listener_close(listener);
}
END_TEST

START_TEST(refuses_a_body_that_is_too_large)
{
    open_with((struct listen_options){0});
    AUTO(buf_done) struct buf request = {0};
    buf_printf(&request,
               "POST /f HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
               "Content-Length: %zu\r\n" CLOSE,
               REQUEST_BODY_SIZE_MAX + 100);
    memset(buf_reserve(&request, REQUEST_BODY_SIZE_MAX + 100), 'x', REQUEST_BODY_SIZE_MAX + 100);
    request.len += REQUEST_BODY_SIZE_MAX + 100;
    const char *answer = ask(buf_terminated(&request));
    ck_assert_int_eq(strncmp(answer, "HTTP/1.1 413 ", 13), 0);
    listener_close(listener);
}
END_TEST

START_TEST(takes_a_body_as_it_was_sent_within_the_limit_of_its_path)
{
    open_with((struct listen_options){0});
    const char *answer =
        ask("POST /body?x=1 HTTP/1.1\r\nContent-Length: 10\r\n" CLOSE "a=%31&\1\2\3+");
    ck_assert_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\na=%31&\1\2\3+");

    answer = ask("POST /body HTTP/1.1\r\nContent-Length: 11\r\n" CLOSE "0123456789a");
    ck_assert_int_eq(strncmp(answer, "HTTP/1.1 413 ", 13), 0);
    listener_close(listener);
}
END_TEST

/* Else what one takes for the body's rest is another's next request. */
START_TEST(refuses_a_body_of_two_lengths)
{
    open_with((struct listen_options){0});
    AUTO(buf_done) struct buf answer = {0};
    int fd = test_connect(listener_address(listener));
    client_send(fd,
                "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 36\r\n"
                "\r\naGET /body HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read(fd, &answer); /* it is closed */
    const char *text = buf_terminated(&answer);
    ck_assert_int_eq(strncmp(text, "HTTP/1.1 400 ", 13), 0);
    ck_assert_ptr_null(strstr(text + 1, "HTTP/1.1 "));

    text = ask("POST /body HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n" CLOSE "a");
    ck_assert_int_eq(strncmp(text, "HTTP/1.1 200 ", 13), 0);
    listener_close(listener);
}
END_TEST

START_TEST(charges_bodies_while_they_are_there)
{
    struct budget budget;
    budget_init(&budget, NULL, "--limit", 8192);
    open_with((struct listen_options){.body_budget = &budget});
    const char *answer = ask("POST /body HTTP/1.1\r\nContent-Length: 10\r\n" CLOSE "0123456789");
    ck_assert_int_eq(strncmp(answer, "HTTP/1.1 200 ", 13), 0);
    ck_assert_uint_eq(budget.peak_bytes, 4096);

    AUTO(buf_done) struct buf request = {0};
    buf_printf(&request, "POST /f HTTP/1.1\r\nContent-Length: 20000\r\n" CLOSE);
    memset(buf_reserve(&request, 20000), 'x', 20000);
    request.len += 20000;
    answer = ask(buf_terminated(&request));
    ck_assert_int_eq(strncmp(answer, "HTTP/1.1 503 ", 13), 0);
    listener_close(listener);
    ck_assert_uint_eq(budget.used_bytes, 0);
    ck_assert_uint_le(budget.peak_bytes, 8192);
}
END_TEST

START_TEST(knows_the_length_of_what_it_held)
{
    open_with((struct listen_options){0});
    const char *answer = ask("GET /stream/200000 HTTP/1.1\r\n" CLOSE);
    ck_assert_ptr_nonnull(strstr(answer, "\r\nContent-Length: 200000\r\n"));
    const char *body = strstr(answer, "\r\n\r\n") + 4;
    ck_assert_uint_eq(strlen(body), 200000);

    answer = ask("HEAD /stream/200000 HTTP/1.1\r\n" CLOSE);
    ck_assert_ptr_nonnull(strstr(answer, "\r\nContent-Length: 200000\r\n"));
    ck_assert_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    listener_close(listener);
}
END_TEST

START_TEST(streams_in_chunks_to_the_last)
{
    open_with((struct listen_options){0});
    const char *answer = ask("GET /stream/3000000 HTTP/1.1\r\n" CLOSE);
    ck_assert_ptr_nonnull(strstr(answer, "\r\nTransfer-Encoding: chunked\r\n"));
    size_t len = strlen(answer);
    ck_assert_uint_gt(len, 3000000);
    ck_assert_str_eq(answer + len - 7, "\r\n0\r\n\r\n");
    listener_close(listener);
}
END_TEST

START_TEST(breaks_the_chunks_when_a_stream_fails)
{
    open_with((struct listen_options){0});
    const char *answer = ask("GET /break/3000000 HTTP/1.1\r\n" CLOSE);
    ck_assert_int_eq(strncmp(answer, "HTTP/1.1 200 ", 13), 0);
    ck_assert_str_ne(answer + strlen(answer) - 5, "0\r\n\r\n");

    answer = ask("GET /break/1000 HTTP/1.1\r\n" CLOSE);
    ck_assert_int_eq(strncmp(answer, "HTTP/1.1 422 ", 13), 0);

    answer = ask("GET /break/3000000 HTTP/1.0\r\n\r\n");
    ck_assert_ptr_nonnull(strstr(answer, " 422 "));
    listener_close(listener);
}
END_TEST

START_TEST(tells_a_handler_that_its_client_left)
{
    open_with((struct listen_options){0});
    int fd = test_connect(listener_address(listener));
    client_send(fd, "GET /compute HTTP/1.1\r\nHost: x\r\n\r\n");
    while (atomic_load(&computing) == 0)
        usleep(1000);
    usleep(20000);
    int64_t left_ns = clock_monotonic_ns();
    close(fd);
    while (atomic_load(&computing) > 0)
        usleep(1000);
    ck_assert_int_lt((atomic_load(&cancelled_ns) - left_ns) / 1000000, 8000);
    listener_close(listener);
    ck_assert_int_eq(atomic_load(&finished_count), 1);
    ck_assert_int_eq(atomic_load(&incomplete_count), 1);
}
END_TEST

START_TEST(tells_a_later_handler_that_its_client_had_left)
{
    open_with((struct listen_options){0});
    int fd = test_connect(listener_address(listener));
    client_send(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    while (atomic_load(&finished_count) == 0)
        usleep(1000);
    client_send(fd, "GET /compute HTTP/1.1\r\nHost: x\r\n\r\n");
    shutdown(fd, SHUT_WR); /* it may be seen before the request is read */
    while (atomic_load(&finished_count) == 1)
        usleep(1000);
    close(fd);
    listener_close(listener);
    ck_assert_int_eq(atomic_load(&incomplete_count), 1);
}
END_TEST

START_TEST(knows_that_who_leaves_with_the_answer_has_it)
{
    open_with((struct listen_options){0});
    for (int i = 1; i <= 300; i++) {
        char answer[1000];
        int fd = test_connect(listener_address(listener));
        client_send(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
        ck_assert_int_gt(recv(fd, answer, sizeof answer, 0), 0);
        close(fd);
        while (atomic_load(&finished_count) < i)
            usleep(50);
    }
    listener_close(listener);
    ck_assert_int_eq(atomic_load(&incomplete_count), 0);
}
END_TEST

START_TEST(closes_who_never_asks)
{
    open_with((struct listen_options){.read_timeout_ms = 300});
    int fd = test_connect(listener_address(listener));
    client_send(fd, "GET / HTTP/1.1\r\nHost");
    struct pollfd poll_fd = {.fd = fd, .events = POLLRDHUP};
    ck_assert_int_eq(poll(&poll_fd, 1, 20000), 1);
    close(fd);
    while (listener_connection_count(listener) > 0)
        usleep(1000);
    listener_close(listener);
}
END_TEST

START_TEST(closes_who_does_not_take_the_answer)
{
    open_with((struct listen_options){.write_timeout_ms = 300});
    int fd = test_connect(listener_address(listener));
    client_send(fd, "GET /stream/100000000 HTTP/1.1\r\nHost: x\r\n\r\n");
    /* The client itself hears of it only when it reads on: what counts is that its thread is free.
     */
    while (atomic_load(&finished_count) == 0 || listener_connection_count(listener) > 0)
        usleep(1000);
    ck_assert_int_eq(atomic_load(&incomplete_count), 1);
    close(fd);
    listener_close(listener);
}
END_TEST

START_TEST(lets_clients_wait_at_the_limit)
{
    open_with((struct listen_options){.connection_max = 1});
    int first = test_connect(listener_address(listener));
    client_send(first, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    char byte;
    ck_assert_int_eq(recv(first, &byte, 1, 0), 1);
    int second = test_connect(listener_address(listener));
    client_send(second, "GET /b HTTP/1.1\r\n" CLOSE);
    struct pollfd poll_fd = {.fd = second, .events = POLLIN};
    ck_assert_int_eq(poll(&poll_fd, 1, 400), 0);
    close(first);
    AUTO(buf_done) struct buf answer = {0};
    client_read(second, &answer);
    ck_assert_ptr_nonnull(strstr(buf_terminated(&answer), "GET /b from"));
    listener_close(listener);
}
END_TEST

/* They come faster than the library begins with them. */
START_TEST(turns_nobody_of_a_crowd_away)
{
    int fds[300];
    open_with((struct listen_options){.connection_max = 2});
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
        fds[i] = test_connect(listener_address(listener));
        client_send(fds[i], "GET /a HTTP/1.1\r\n" CLOSE);
    }
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
        AUTO(buf_done) struct buf answer = {0};
        client_read(fds[i], &answer);
        ck_assert_ptr_nonnull(strstr(buf_terminated(&answer), "GET /a from"));
    }
    listener_close(listener);
}
END_TEST

START_TEST(drains_and_then_cancels)
{
    open_with((struct listen_options){0});
    int fd = test_connect(listener_address(listener));
    client_send(fd, "GET /compute HTTP/1.1\r\n" CLOSE);
    while (atomic_load(&computing) == 0)
        usleep(1000);
    int64_t begin_ns = clock_monotonic_ns();
    listener_drain(listener, 200);
    int64_t took_ms = (clock_monotonic_ns() - begin_ns) / 1000000;
    ck_assert_int_ge(took_ms, 190);
    ck_assert_int_lt(took_ms, 8000);
    AUTO(buf_done) struct buf answer = {0};
    client_read(fd, &answer);
    ck_assert_ptr_nonnull(strstr(buf_terminated(&answer), "GET /compute from"));
    listener_close(listener);
}
END_TEST

static void *ask_often(void *context)
{
    for (int i = 0; i < 20; i++) {
        int fd = test_connect(listener_address(listener));
        client_send(fd, "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\n" CLOSE);
        AUTO(buf_done) struct buf answer = {0};
        client_read(fd, &answer);
        const char *text = buf_terminated(&answer);
        ck_assert_ptr_nonnull(strstr(text, "GET /a from"));
        ck_assert_ptr_nonnull(strstr(text, "GET /b from"));
    }
    return NULL;
}

START_TEST(serves_many_at_once)
{
    open_with((struct listen_options){.connection_max = 4});
    pthread_t threads[8];
    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_often, NULL), 0);
    for (size_t i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    listener_close(listener);
    ck_assert_int_eq(atomic_load(&finished_count), 8 * 20 * 2);
    ck_assert_int_eq(atomic_load(&incomplete_count), 0);
}
END_TEST

START_TEST(survives_requests_that_are_none)
{
    open_with((struct listen_options){0});
    static const char *const requests[] = {
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/1.1\r\nbroken header\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET /x HTTP/1.1\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
        int fd = test_connect(listener_address(listener));
        client_send(fd, requests[i]);
        shutdown(fd, SHUT_WR);
        AUTO(buf_done) struct buf answer = {0};
        client_read(fd, &answer);
    }
    ck_assert_ptr_nonnull(strstr(ask("GET /ok HTTP/1.1\r\n" CLOSE), "GET /ok from"));
    listener_close(listener);
}
END_TEST

START_TEST(says_where_it_cannot_listen)
{
    struct err err;
    struct listener *none = NULL;
    struct listen_options options = {.address = "nowhere", .handle = handle};
    ck_assert(!listener_open(&options, &none, &err));
    ck_assert_str_eq(err.msg, "nowhere is no address: host:port is wanted");
    options.address = "127.0.0.1:65536";
    ck_assert(!listener_open(&options, &none, &err));
    ck_assert_str_eq(err.msg, "127.0.0.1:65536 is no address: there is no port above 65535");

    open_with((struct listen_options){0});
    options.address = listener_address(listener);
    ck_assert(!listener_open(&options, &none, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.msg, "cannot listen on 127.0.0.1:"));
    listener_close(listener);
}
END_TEST

TEST_MAIN("listen", answers_with_decoded_path_and_parameters,
          takes_a_path_with_a_slash_in_front_and_no_other, tells_the_request_as_it_was_sent,
          refuses_a_key_that_is_none, reads_forms_before_the_url, refuses_a_body_that_is_too_large,
          takes_a_body_as_it_was_sent_within_the_limit_of_its_path, refuses_a_body_of_two_lengths,
          charges_bodies_while_they_are_there, knows_the_length_of_what_it_held,
          streams_in_chunks_to_the_last, breaks_the_chunks_when_a_stream_fails,
          tells_a_handler_that_its_client_left, tells_a_later_handler_that_its_client_had_left,
          knows_that_who_leaves_with_the_answer_has_it, closes_who_never_asks,
          closes_who_does_not_take_the_answer, lets_clients_wait_at_the_limit,
          turns_nobody_of_a_crowd_away, drains_and_then_cancels, serves_many_at_once,
          survives_requests_that_are_none, says_where_it_cannot_listen)
