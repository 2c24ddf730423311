/*
 * A backend that answers every GET after a while, always the same, at next to no CPU time: what
 * stands in front of it is measured, and not the fight for the machine's cores.
 *
 *     still_backend DELAY_MS [SERIES]       says "127.0.0.1:PORT", and serves until it is killed
 *
 * One thread waits for sockets and for a timer. Answers take from three to five quarters of the
 * delay, or clients that were held up once would go on coming all together. There are some such
 * times, and a queue for each: there whoever asked first is answered first.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

#define REQUEST_SIZE_MAX 8192
#define CONNECTIONS_MAX 4096

/* Times that an answer may take. */
#define QUEUES 16

/* Of epoll's events that are not a connection's. */
static char listen_mark, timer_mark;

struct visitor {
    int fd;
    size_t len; /* of what has been read of its request */
    char request[REQUEST_SIZE_MAX + 1];
    int64_t due_ns; /* while it is in the queue */
    bool waiting;
    bool left;
    struct visitor *next;
};

struct queue {
    int64_t delay_ns;
    struct visitor *first;
    struct visitor **last;
};

struct backend {
    int epoll_fd;
    int listen_fd;
    int timer_fd;
    struct buf answer;
    struct queue queues[QUEUES];
    uint32_t random;
};

static void fail(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static void backend_make_answer(struct backend *backend, long series)
{
    AUTO(buf_done) struct buf body = {0};
    buf_text(&body, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[");
    for (long i = 0; i < series; i++)
        buf_printf(&body,
                   "%s{\"metric\":{\"__name__\":\"up\",\"instance\":\"10.0.%ld.%ld:9100\","
                   "\"job\":\"node\"},\"value\":[1700000000,\"%ld\"]}",
                   i ? "," : "", i / 250, i % 250, i);
    buf_text(&body, "]}}");
    buf_printf(&backend->answer,
               "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
               body.len);
    buf_str(&backend->answer, buf_view(&body));
}

static void backend_watch(struct backend *backend, int fd, void *mark)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = mark};
    if (epoll_ctl(backend->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        fail("epoll_ctl");
}

static void backend_open(struct backend *backend)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    backend->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    backend->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    backend->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (bind(backend->listen_fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(backend->listen_fd, CONNECTIONS_MAX) != 0 ||
        getsockname(backend->listen_fd, (struct sockaddr *)&address, &size) != 0)
        fail("listen");
    backend_watch(backend, backend->listen_fd, &listen_mark);
    backend_watch(backend, backend->timer_fd, &timer_mark);
    printf("127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
}

static void visitor_leave(struct visitor *visitor)
{
    close(visitor->fd);
    visitor->left = true;
    if (!visitor->waiting)
        free(visitor);
}

/* An answer is smaller than a socket's buffer: what does not fit is a visitor that does not read.
 */
static void visitor_answer(struct backend *backend, struct visitor *visitor)
{
    size_t size = backend->answer.len;
    if (send(visitor->fd, backend->answer.ptr, size, MSG_NOSIGNAL) != (ssize_t)size)
        visitor_leave(visitor);
}

/* For whoever is due next. */
static void backend_set_timer(struct backend *backend)
{
    int64_t due_ns = INT64_MAX;
    for (size_t i = 0; i < QUEUES; i++) {
        const struct visitor *first = backend->queues[i].first;
        if (first && first->due_ns < due_ns)
            due_ns = first->due_ns;
    }
    if (due_ns == INT64_MAX)
        return;
    struct itimerspec timer = {.it_value = {due_ns / 1000000000, due_ns % 1000000000}};
    timerfd_settime(backend->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

static void visitor_wait(struct backend *backend, struct visitor *visitor)
{
    backend->random = backend->random * 1664525 + 1013904223;
    struct queue *queue = &backend->queues[(backend->random >> 16) % QUEUES];
    visitor->len = 0;
    if (queue->delay_ns == 0) {
        visitor_answer(backend, visitor);
        return;
    }
    visitor->due_ns = clock_monotonic_ns() + queue->delay_ns;
    visitor->waiting = true;
    visitor->next = NULL;
    *queue->last = visitor;
    queue->last = &visitor->next;
    if (queue->first == visitor)
        backend_set_timer(backend);
}

static void visitor_read(struct backend *backend, struct visitor *visitor)
{
    ssize_t got =
        recv(visitor->fd, visitor->request + visitor->len, REQUEST_SIZE_MAX - visitor->len, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            visitor_leave(visitor);
        return;
    }
    visitor->len += (size_t)got;
    visitor->request[visitor->len] = '\0';
    if (strncmp(visitor->request, "GET ", 4) != 0 || visitor->len == REQUEST_SIZE_MAX)
        visitor_leave(visitor);
    else if (!visitor->waiting && strstr(visitor->request, "\r\n\r\n"))
        visitor_wait(backend, visitor);
}

static void backend_accept(struct backend *backend)
{
    int one = 1;
    int fd = accept4(backend->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct visitor *visitor = mem_new(struct visitor);
    visitor->fd = fd;
    backend_watch(backend, fd, visitor);
}

static void queue_answer_due(struct backend *backend, struct queue *queue)
{
    while (queue->first && queue->first->due_ns <= clock_monotonic_ns()) {
        struct visitor *visitor = queue->first;
        queue->first = visitor->next;
        if (!queue->first)
            queue->last = &queue->first;
        visitor->waiting = false;
        if (visitor->left)
            free(visitor);
        else
            visitor_answer(backend, visitor);
    }
}

/* Whose time has come; then the timer is for the next. */
static void backend_answer_due(struct backend *backend)
{
    uint64_t times;
    ssize_t got = read(backend->timer_fd, &times, sizeof times);
    (void)got; /* the clock says it */
    for (size_t i = 0; i < QUEUES; i++)
        queue_answer_due(backend, &backend->queues[i]);
    backend_set_timer(backend);
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: still_backend DELAY_MS [SERIES]\n");
        return EXIT_FAILURE;
    }
    struct backend backend = {0};
    double delay_ns = strtod(argv[1], NULL) * 1e6;
    for (size_t i = 0; i < QUEUES; i++) {
        struct queue *queue = &backend.queues[i];
        queue->delay_ns = (int64_t)(delay_ns * (0.75 + 0.5 * (double)i / (QUEUES - 1)));
        queue->last = &queue->first;
    }
    backend_make_answer(&backend, argc == 3 ? strtol(argv[2], NULL, 10) : 20);
    backend_open(&backend);
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(backend.epoll_fd, events, (int)ARRAY_COUNT(events), -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &listen_mark)
                backend_accept(&backend);
            else if (events[i].data.ptr == &timer_mark)
                backend_answer_due(&backend);
            else
                visitor_read(&backend, events[i].data.ptr);
        }
    }
}
