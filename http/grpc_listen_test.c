#include "http/grpc_listen.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/proto_writer.h"
#include "base/test.h"
#include "http/coding.h"
#include "http/test_grpc_client.h"
#include "http/test_http.h"

/* A server whose /wait answers when it is let go, and all else at once; and clients of it. */
static struct grpc_listener *listener;
static _Atomic bool let_go;
static _Atomic int waiting;
static _Atomic int cancelled;

#define PATIENCE_MS 20000

static _Atomic bool no_room; /* for another connection */
static _Atomic int accept_count;

/* In the place of the C library's. */
int accept4(int fd, __SOCKADDR_ARG address, socklen_t *restrict size, int flags)
{
    atomic_fetch_add(&accept_count, 1);
    if (!atomic_load(&no_room))
        return (int)syscall(SYS_accept4, fd, address.__sockaddr__, size, flags);
    errno = EMFILE;
    return -1;
}

struct link {
    int fd;
    struct test_client client;
    bool closed; /* by the server */
};

static void handle(void *context, const struct request *request, struct answer *answer)
{
    answer->status = 200;
    buf_text(&answer->body, "done");
    if (!str_eq(request->path, STR("/wait")))
        return;
    atomic_fetch_add(&waiting, 1);
    while (!atomic_load(&let_go) && !atomic_load(request->cancel))
        usleep(1000);
    if (atomic_load(request->cancel))
        atomic_fetch_add(&cancelled, 1);
}

struct job {
    void (*work)(void *item);
    void *item;
};

static void *job_run(void *context)
{
    struct job *job = context;
    job->work(job->item);
    free(job);
    return NULL;
}

static void run(void *context, void (*work)(void *item), void *item)
{
    pthread_t thread;
    struct job *job = mem_new(struct job);
    *job = (struct job){work, item};
    ck_assert_int_eq(pthread_create(&thread, NULL, job_run, job), 0);
    pthread_detach(thread);
}

static void open_with(struct grpc_listen_options options)
{
    struct err err;
    options.address = "127.0.0.1:0";
    options.connection_max = options.connection_max ? options.connection_max : 8;
    options.call_max = 4;
    options.request_size_max = 100000;
    options.read_timeout_ms = options.read_timeout_ms ? options.read_timeout_ms : PATIENCE_MS;
    options.write_timeout_ms = options.write_timeout_ms ? options.write_timeout_ms : PATIENCE_MS;
    options.http.answer_size_max =
        options.http.answer_size_max ? options.http.answer_size_max : 100000;
    options.http.handle = options.http.handle ? options.http.handle : handle;
    options.run = run;
    atomic_store(&let_go, false);
    atomic_store(&waiting, 0);
    atomic_store(&cancelled, 0);
    ck_assert_msg(grpc_listener_open(&options, &listener, &err), "%s", err.msg);
}

static struct link *link_open(int32_t window)
{
    struct link *link = mem_new(struct link);
    link->fd = test_connect(grpc_listener_address(listener));
    test_client_init(&link->client, window);
    return link;
}

static void link_close(struct link *link)
{
    close(link->fd);
    test_client_done(&link->client);
    free(link);
}

/* Sends what there is, and takes what comes within some milliseconds. */
static void link_talk(struct link *link)
{
    AUTO(buf_done) struct buf up = {0};
    test_client_give(&link->client, &up);
    size_t sent = 0;
    while (sent < up.len && !link->closed) {
        ssize_t size = send(link->fd, up.ptr + sent, up.len - sent, MSG_NOSIGNAL);
        link->closed = size < 0;
        sent += size > 0 ? (size_t)size : 0;
    }
    char bytes[4096];
    struct pollfd readable = {.fd = link->fd, .events = POLLIN};
    if (poll(&readable, 1, 5) <= 0)
        return;
    ssize_t size = recv(link->fd, bytes, sizeof bytes, 0);
    if (size <= 0)
        link->closed = true;
    else
        test_client_take(&link->client, (struct str){bytes, (size_t)size});
}

static void wait_for_stream(struct link *link, const struct test_stream *stream)
{
    int64_t end_ns = clock_monotonic_ns() + INT64_C(1000000) * PATIENCE_MS;
    while (!stream->closed && !link->closed) {
        ck_assert(clock_monotonic_ns() < end_ns);
        link_talk(link);
    }
}

static void wait_for_close(struct link *link)
{
    int64_t end_ns = clock_monotonic_ns() + INT64_C(1000000) * PATIENCE_MS;
    while (!link->closed) {
        ck_assert(clock_monotonic_ns() < end_ns);
        link_talk(link);
    }
}

static void wait_for_number(_Atomic int *number, int wanted)
{
    int64_t end_ns = clock_monotonic_ns() + INT64_C(1000000) * PATIENCE_MS;
    while (atomic_load(number) != wanted) {
        ck_assert(clock_monotonic_ns() < end_ns);
        usleep(1000);
    }
}

static struct test_stream *ask(struct link *link, const char *path)
{
    AUTO(buf_done) struct buf message = {0};
    put_bytes(&message, 1, STR("GET"));
    put_bytes(&message, 2, str_of(path));
    struct test_stream *stream =
        test_client_call(&link->client, &(struct test_call){.message = buf_view(&message)});
    link_talk(link);
    return stream;
}

START_TEST(answers_calls_of_several_clients_side_by_side)
{
    open_with((struct grpc_listen_options){0});
    struct link *a = link_open(0), *b = link_open(0);
    struct test_stream *slow = ask(a, "/wait"), *fast = ask(a, "/"), *other = ask(b, "/");
    wait_for_stream(a, fast);
    wait_for_stream(b, other);
    ck_assert(test_stream_says(fast, "grpc-status: 0"));
    ck_assert(test_stream_says(other, "grpc-status: 0"));
    ck_assert(!slow->closed);
    atomic_store(&let_go, true);
    wait_for_stream(a, slow);
    ck_assert(str_ends(buf_view(&slow->body), STR("done")));
    link_close(a);
    link_close(b);
    grpc_listener_close(listener);
}
END_TEST

START_TEST(unpacks_a_message_for_its_handler)
{
    AUTO(buf_done) struct buf message = {0}, packed = {0};
    open_with((struct grpc_listen_options){0});
    struct link *link = link_open(0);
    put_bytes(&message, 1, STR("GET"));
    put_bytes(&message, 2, STR("/"));
    struct packer *packer = packer_create(CODING_GZIP);
    packer_append(packer, buf_view(&message), true, &packed);
    packer_destroy(packer);
    struct test_call call = {.message = buf_view(&packed), .packed = true, .encoding = "gzip"};
    struct test_stream *good = test_client_call(&link->client, &call);
    call.message.len -= 9;
    struct test_stream *cut = test_client_call(&link->client, &call);
    wait_for_stream(link, good);
    wait_for_stream(link, cut);
    ck_assert(test_stream_says(good, "grpc-status: 0"));
    ck_assert(str_ends(buf_view(&good->body), STR("done")));
    ck_assert(test_stream_says(cut, "grpc-status: 13"));
    ck_assert(test_stream_says(cut, "grpc-message: this is no gzip"));
    link_close(link);
    grpc_listener_close(listener);
}
END_TEST

START_TEST(lets_clients_over_the_limit_wait)
{
    open_with((struct grpc_listen_options){.connection_max = 1});
    struct link *a = link_open(0);
    wait_for_stream(a, ask(a, "/"));
    struct link *b = link_open(0);
    struct test_stream *stream = ask(b, "/");
    for (int i = 0; i < 20; i++)
        link_talk(b);
    ck_assert(!stream->closed && !b->closed);
    ck_assert_uint_eq(grpc_listener_connection_count(listener), 1);
    link_close(a);
    wait_for_stream(b, stream);
    ck_assert(test_stream_says(stream, "grpc-status: 0"));
    link_close(b);
    grpc_listener_close(listener);
}
END_TEST

START_TEST(goes_on_while_the_system_has_no_room_for_more)
{
    open_with((struct grpc_listen_options){0});
    struct link *a = link_open(0);
    wait_for_stream(a, ask(a, "/"));
    atomic_store(&no_room, true);
    struct link *b = link_open(0);
    struct test_stream *late = ask(b, "/");
    int64_t begin_ns = clock_monotonic_ns();
    atomic_store(&accept_count, 0);
    for (size_t i = 1; i < TEST_STREAMS_MAX; i++)
        wait_for_stream(a, ask(a, "/"));
    int tries_max = (int)((clock_monotonic_ns() - begin_ns) / 250000000) + 2;
    ck_assert_int_le(atomic_load(&accept_count), tries_max); /* and not with each call */
    ck_assert(!late->closed && !b->closed);
    atomic_store(&no_room, false);
    wait_for_stream(b, late);
    ck_assert(test_stream_says(late, "grpc-status: 0"));
    link_close(a);
    link_close(b);
    grpc_listener_close(listener);
}
END_TEST

START_TEST(cancels_what_nobody_waits_for)
{
    open_with((struct grpc_listen_options){0});
    struct link *link = link_open(0);
    ask(link, "/wait");
    wait_for_number(&waiting, 1);
    ck_assert_int_eq(atomic_load(&cancelled), 0);
    link_close(link);
    wait_for_number(&cancelled, 1);
    grpc_listener_close(listener);
}
END_TEST

START_TEST(says_goodbye_to_who_has_nothing_to_ask)
{
    open_with((struct grpc_listen_options){.read_timeout_ms = 100});
    struct link *link = link_open(0), *silent = link_open(0);
    wait_for_stream(link, ask(link, "/"));
    wait_for_close(link);
    ck_assert(link->client.goodbye);
    wait_for_close(silent);
    link_close(link);
    link_close(silent);
    grpc_listener_close(listener);
}
END_TEST

static void handle_large(void *context, const struct request *request, struct answer *answer)
{
    answer->status = 200;
    memset(buf_reserve(&answer->body, (size_t)64 << 20), 'x', (size_t)64 << 20);
    answer->body.len = (size_t)64 << 20;
}

/* The window is open, and the socket is not read. */
START_TEST(closes_on_a_client_that_does_not_read)
{
    open_with((struct grpc_listen_options){
        .write_timeout_ms = 200,
        .http = {.answer_size_max = SIZE_MAX / 2, .handle = handle_large},
    });
    struct link *link = link_open(INT32_MAX);
    nghttp2_submit_window_update(link->client.http, 0, 0, INT32_MAX - 65535);
    ask(link, "/");
    int64_t end_ns = clock_monotonic_ns() + INT64_C(1000000) * PATIENCE_MS;
    while (grpc_listener_connection_count(listener) == 0)
        usleep(1000);
    while (grpc_listener_connection_count(listener) > 0) {
        ck_assert(clock_monotonic_ns() < end_ns);
        usleep(1000);
    }
    link_close(link);
    grpc_listener_close(listener);
}
END_TEST

START_TEST(finishes_what_is_under_way)
{
    open_with((struct grpc_listen_options){0});
    struct link *link = link_open(0), *idle = link_open(0);
    struct test_stream *stream = ask(link, "/wait");
    wait_for_number(&waiting, 1);
    grpc_listener_stop(listener);
    wait_for_close(idle);
    ck_assert(!grpc_listener_wait(listener, 1));
    while (!link->client.goodbye)
        link_talk(link);
    ck_assert(!stream->closed);
    atomic_store(&let_go, true);
    wait_for_stream(link, stream);
    ck_assert(test_stream_says(stream, "grpc-status: 0"));
    ck_assert(grpc_listener_wait(listener, PATIENCE_MS));
    link_close(link);
    link_close(idle);
    grpc_listener_close(listener);
}
END_TEST

START_TEST(waits_for_handlers_when_it_closes)
{
    open_with((struct grpc_listen_options){0});
    struct link *link = link_open(0);
    ask(link, "/wait");
    wait_for_number(&waiting, 1);
    grpc_listener_close(listener);
    ck_assert_int_eq(atomic_load(&cancelled), 1);
    link_close(link);
}
END_TEST

START_TEST(says_what_cannot_be_listened_on)
{
    struct err err;
    struct grpc_listen_options options = {.address = "nowhere"};
    ck_assert(!grpc_listener_open(&options, &listener, &err));
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    open_with((struct grpc_listen_options){0});
    struct grpc_listener *second = NULL;
    options.address = grpc_listener_address(listener);
    ck_assert(!grpc_listener_open(&options, &second, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_ptr_null(second);
    grpc_listener_close(listener);
}
END_TEST

TEST_MAIN("grpc_listen", answers_calls_of_several_clients_side_by_side,
          unpacks_a_message_for_its_handler, lets_clients_over_the_limit_wait,
          goes_on_while_the_system_has_no_room_for_more, cancels_what_nobody_waits_for,
          says_goodbye_to_who_has_nothing_to_ask, closes_on_a_client_that_does_not_read,
          finishes_what_is_under_way, waits_for_handlers_when_it_closes,
          says_what_cannot_be_listened_on)
