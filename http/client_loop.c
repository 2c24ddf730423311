/*
 * libcurl's multi interface over epoll. Whoever asks puts the ask into a queue, and wakes the loop
 * only if it sleeps, so that under load one wake-up serves many:
 *
 *     client_loop_ask -> queue -> loop_take_new -> libcurl -> ask_take_body -> class->body
 *                                                          -> loop_take_ended -> class->end
 *
 * A connection's socket stays registered from its making to its closing, while libcurl forgets it
 * between two transfers: no system call is spent on that. When such a socket has something to say
 * while no transfer uses it, the server has closed it; then it is left alone, and libcurl finds out
 * by itself before it uses it again.
 */
#include "http/client_loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define EVENTS_MAX 64

/* Handles that wait for a next ask. */
#define HANDLES_MAX 64

struct client_ask {
    struct client_loop *loop;
    const struct client_request *request;
    const struct client_ask_class *class;
    void *context;
    struct transfer transfer;
    bool head_told;
    struct client_ask *next_new;
    struct client_ask *next; /* of those under way */
    struct client_ask **link;
    struct client_ask *next_resumed; /* under the mutex, as `resumed` */
    bool resumed;
};

struct loop_socket {
    bool kept;       /* a connection's, and so registered until it is closed */
    uint32_t wanted; /* EPOLLIN, EPOLLOUT: what libcurl waits for */
    uint32_t registered;
};

struct client_loop {
    pthread_t thread;
    bool thread_there;
    int epoll_fd;
    int wake_fd;

    pthread_mutex_t mutex;
    struct client_ask *queue; /* not yet begun, in the order they came */
    struct client_ask **queue_end;
    struct client_ask *resumed;
    bool sleeping;
    bool ending;

    /* The loop's own. */
    CURLM *multi;
    struct client_ask *asks;
    struct loop_socket *sockets; /* by their number */
    size_t socket_cap;
    CURL *handles[HANDLES_MAX];
    size_t handle_count;
    int64_t due_ns;  /* libcurl's timer; INT64_MAX: it has none */
    int64_t look_ns; /* when deadlines and cancellation are looked at next */
};

/* Whoever puts something under the mutex for the loop; with the mutex held: must it be woken? */
static bool loop_must_wake(struct client_loop *loop)
{
    bool sleeps = loop->sleeping;
    loop->sleeping = false;
    return sleeps;
}

static void loop_wake(struct client_loop *loop)
{
    uint64_t one = 1;
    ssize_t put = write(loop->wake_fd, &one, sizeof one);
    (void)put; /* full: it is awake anyway */
}

void client_loop_ask(struct client_loop *loop, const struct client_request *request,
                     const struct client_ask_class *class, void *context)
{
    struct client_ask *ask = mem_new(struct client_ask);
    ask->loop = loop;
    ask->request = request;
    ask->class = class;
    ask->context = context;
    pthread_mutex_lock(&loop->mutex);
    *loop->queue_end = ask;
    loop->queue_end = &ask->next_new;
    bool wake = loop_must_wake(loop);
    pthread_mutex_unlock(&loop->mutex);
    if (wake)
        loop_wake(loop);
}

const struct transfer *client_ask_transfer(const struct client_ask *ask)
{
    return &ask->transfer;
}

void client_ask_resume(struct client_ask *ask)
{
    struct client_loop *loop = ask->loop;
    pthread_mutex_lock(&loop->mutex);
    if (!ask->resumed) {
        ask->resumed = true;
        ask->next_resumed = loop->resumed;
        loop->resumed = ask;
    }
    bool wake = loop_must_wake(loop);
    pthread_mutex_unlock(&loop->mutex);
    if (wake)
        loop_wake(loop);
}

static void ask_tell_head(struct client_ask *ask)
{
    if (ask->head_told)
        return;
    ask->head_told = true;
    ask->class->head(ask->context, ask);
}

static size_t ask_take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct client_ask *ask = context;
    ask->transfer.opened = true;
    ask_tell_head(ask);
    switch (ask->class->body(ask->context, bytes, size * count)) {
    case CLIENT_TAKEN:
        break;
    case CLIENT_LATER:
        return CURL_WRITEFUNC_PAUSE;
    case CLIENT_ENOUGH:
        return 0;
    }
    return size * count;
}

static struct loop_socket *loop_socket(struct client_loop *loop, int fd)
{
    size_t index = (size_t)fd, old = loop->socket_cap;
    if (index >= old) {
        loop->socket_cap = index + index / 2 + 16;
        loop->sockets = mem_resize(loop->sockets, struct loop_socket, loop->socket_cap);
        memset(loop->sockets + old, 0, (loop->socket_cap - old) * sizeof *loop->sockets);
    }
    return &loop->sockets[index];
}

static void socket_register(struct client_loop *loop, int fd, uint32_t events)
{
    struct loop_socket *socket = loop_socket(loop, fd);
    if (socket->registered == events)
        return;
    struct epoll_event event = {.events = events, .data.fd = fd};
    int what = !events ? EPOLL_CTL_DEL : socket->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    epoll_ctl(loop->epoll_fd, what, fd, &event);
    socket->registered = events;
}

/* libcurl says what it waits for. */
static int loop_want(CURL *easy, curl_socket_t fd, int what, void *context, void *slot)
{
    struct client_loop *loop = context;
    struct loop_socket *socket = loop_socket(loop, fd);
    socket->wanted = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (what == CURL_POLL_REMOVE)
        socket->wanted = 0;
    if (socket->wanted || !socket->kept)
        socket_register(loop, fd, socket->wanted);
    else if (socket->registered & EPOLLOUT)
        socket_register(loop, fd, EPOLLIN);
    return 0;
}

static curl_socket_t loop_open_socket(void *context, curlsocktype purpose,
                                      struct curl_sockaddr *address)
{
    struct client_loop *loop = context;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    *loop_socket(loop, fd) = (struct loop_socket){.kept = true};
    return fd;
}

static int loop_close_socket(void *context, curl_socket_t fd)
{
    struct client_loop *loop = context;
    *loop_socket(loop, fd) = (struct loop_socket){0};
    return close(fd);
}

static int loop_set_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct client_loop *loop = context;
    loop->due_ns =
        timeout_ms < 0 ? INT64_MAX : clock_monotonic_ns() + (int64_t)timeout_ms * 1000000;
    return 0;
}

/* The end of an ask, whose handle is for the next one. */
static void ask_end(struct client_ask *ask, const struct err *err)
{
    struct client_loop *loop = ask->loop;
    CURL *easy = ask->transfer.easy;
    ask->class->end(ask->context, err);
    if (easy) {
        curl_multi_remove_handle(loop->multi, easy);
        curl_easy_reset(easy);
        if (loop->handle_count < HANDLES_MAX)
            loop->handles[loop->handle_count++] = easy;
        else
            curl_easy_cleanup(easy);
        *ask->link = ask->next;
        if (ask->next)
            ask->next->link = ask->link;
    }
    pthread_mutex_lock(&loop->mutex);
    if (ask->resumed)
        for (struct client_ask **at = &loop->resumed; *at; at = &(*at)->next_resumed)
            if (*at == ask) {
                *at = ask->next_resumed;
                break;
            }
    pthread_mutex_unlock(&loop->mutex);
    transfer_done(&ask->transfer);
    free(ask);
}

/* libcurl is through with it. */
static void ask_take_result(struct client_ask *ask, CURLcode result)
{
    struct err err;
    transfer_end(&ask->transfer, result);
    bool good = ask->transfer.code == CURLE_OK || transfer_fail(&ask->transfer, &err);
    if (good)
        ask_tell_head(ask);
    ask_end(ask, good ? NULL : &err);
}

static void ask_begin(struct client_ask *ask)
{
    struct client_loop *loop = ask->loop;
    struct err err;
    if (!transfer_init(&ask->transfer, ask->request, &err)) {
        ask_end(ask, &err);
        return;
    }
    CURL *easy = loop->handle_count ? loop->handles[--loop->handle_count] : curl_easy_init();
    if (!easy) {
        err_set(&err, ERR_IO, "%s: the HTTP client does not start", transfer_shown(&ask->transfer));
        ask_end(ask, &err);
        return;
    }
    transfer_begin(&ask->transfer, easy);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, ask);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ask_take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, ask);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, loop_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, loop);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, loop_close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, loop);
    ask->next = loop->asks;
    ask->link = &loop->asks;
    if (ask->next)
        ask->next->link = &ask->next;
    loop->asks = ask;
    curl_multi_add_handle(loop->multi, easy);
}

/* What others have put down for the loop; false: there is nothing more to come. */
static bool loop_take_new(struct client_loop *loop)
{
    pthread_mutex_lock(&loop->mutex);
    loop->sleeping = false;
    while (loop->resumed) {
        struct client_ask *ask = loop->resumed;
        loop->resumed = ask->next_resumed;
        ask->resumed = false;
        pthread_mutex_unlock(&loop->mutex);
        /* What had come already is taken in there; if that fails, libcurl tells it nowhere else. */
        CURLcode result = curl_easy_pause(ask->transfer.easy, CURLPAUSE_CONT);
        if (result != CURLE_OK)
            ask_take_result(ask, result);
        pthread_mutex_lock(&loop->mutex);
    }
    struct client_ask *new = loop->queue;
    loop->queue = NULL;
    loop->queue_end = &loop->queue;
    bool ending = loop->ending;
    pthread_mutex_unlock(&loop->mutex);
    while (new) {
        struct client_ask *ask = new;
        new = ask->next_new;
        ask_begin(ask);
    }
    return !ending;
}

static void loop_take_ended(struct client_loop *loop)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(loop->multi, &left))) {
        void *context = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&context);
        ask_take_result(context, message->data.result);
    }
}

/* Ends what nobody wants any more, or what took too long. */
static void loop_look(struct client_loop *loop)
{
    int64_t now_ns = clock_monotonic_ns();
    if (now_ns < loop->look_ns)
        return;
    loop->look_ns = now_ns + INT64_C(1000000) * TRANSFER_LOOK_MS;
    struct client_ask *next;
    for (struct client_ask *ask = loop->asks; ask; ask = next) {
        struct err err;
        next = ask->next;
        if (!transfer_look(&ask->transfer, &err))
            ask_end(ask, &err);
    }
}

/* How long nothing is due, at most until the next look; -1: until somebody wakes it. */
static int loop_wait_ms(struct client_loop *loop)
{
    pthread_mutex_lock(&loop->mutex);
    bool nothing = !loop->queue && !loop->resumed && !loop->ending;
    loop->sleeping = nothing;
    pthread_mutex_unlock(&loop->mutex);
    if (!nothing)
        return 0;
    int64_t end_ns = loop->asks && loop->look_ns < loop->due_ns ? loop->look_ns : loop->due_ns;
    if (end_ns == INT64_MAX)
        return -1;
    int64_t left_ms = (end_ns - clock_monotonic_ns() + 999999) / 1000000;
    return left_ms < 0 ? 0 : left_ms > TRANSFER_LOOK_MS ? TRANSFER_LOOK_MS : (int)left_ms;
}

static void loop_move(struct client_loop *loop, const struct epoll_event *event)
{
    int fd = event->data.fd, running;
    if (fd == loop->wake_fd) {
        uint64_t woken;
        ssize_t got = read(fd, &woken, sizeof woken);
        (void)got;
        return;
    }
    if (!loop_socket(loop, fd)->wanted) {
        socket_register(loop, fd, 0); /* its server has closed it */
        return;
    }
    int what = (event->events & EPOLLIN ? CURL_CSELECT_IN : 0) |
               (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(loop->multi, fd, what, &running);
}

static void *loop_run(void *context)
{
    struct client_loop *loop = context;
    pthread_setname_np(pthread_self(), "asks");
    while (loop_take_new(loop)) {
        int running;
        if (loop->due_ns <= clock_monotonic_ns()) {
            loop->due_ns = INT64_MAX; /* libcurl sets it anew if it has more to do */
            curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        loop_take_ended(loop);
        loop_look(loop);
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, loop_wait_ms(loop));
        for (int i = 0; i < count; i++)
            loop_move(loop, &events[i]);
    }
    return NULL;
}

static void loop_open_multi(struct client_loop *loop, size_t idle_max)
{
    loop->multi = curl_multi_init();
    if (!loop->multi)
        return;
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, loop_want);
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, loop_set_timer);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, (long)idle_max);
}

bool client_loop_create(size_t idle_max, struct client_loop **ret_loop, struct err *err)
{
    AUTO(client_loop_destroy) struct client_loop *loop = mem_new(struct client_loop);
    transfer_library_start();
    loop->queue_end = &loop->queue;
    loop->due_ns = INT64_MAX;
    pthread_mutex_init(&loop->mutex, NULL);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop_open_multi(loop, idle_max);
    struct epoll_event wake = {.events = EPOLLIN, .data.fd = loop->wake_fd};
    if (!loop->multi || loop->epoll_fd < 0 || loop->wake_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &wake) != 0 ||
        pthread_create(&loop->thread, NULL, loop_run, loop) != 0)
        return err_set(err, ERR_IO, "cannot start the HTTP client: %s", strerror(errno));
    loop->thread_there = true;
    *ret_loop = TAKE(loop);
    return true;
}

void client_loop_destroy(struct client_loop *loop)
{
    if (!loop)
        return;
    if (loop->thread_there) {
        pthread_mutex_lock(&loop->mutex);
        loop->ending = true;
        pthread_mutex_unlock(&loop->mutex);
        loop_wake(loop);
        pthread_join(loop->thread, NULL);
    }
    for (size_t i = 0; i < loop->handle_count; i++)
        curl_easy_cleanup(loop->handles[i]);
    curl_multi_cleanup(loop->multi);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    free(loop->sockets);
    pthread_mutex_destroy(&loop->mutex);
    free(loop);
}
