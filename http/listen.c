/*
 * The daemon of libmicrohttpd runs one thread a connection and gets its sockets from us: accepting
 * by hand leaves a client over the limit waiting in the kernel's queue instead of turning it away,
 * and tells us of each socket, so that one watcher can see its client leave while the connection's
 * own thread computes.
 */
#include "http/listen.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cond.h"
#include "base/mem.h"
#include "base/obj.h"
#include "http/exchange.h"

/* How often timeouts are looked at. */
#define WATCH_PERIOD_MS 250

/* How long answers get to end once they are cancelled. */
#define CANCEL_GRACE_MS 2000

/* The library counts connections down a little later than we: it may have yet to do so for all. */
#define CONNECTION_SLACK 64

/*
 * Room for the request's line and headers, and for what is on its way to the socket. The library
 * clears all of it between two requests, so more would cost time and memory on every connection.
 */
#define CONNECTION_MEMORY_SIZE ((size_t)64 << 10)

void connection_enter(struct connection *connection, enum phase phase)
{
    atomic_store(&connection->phase_ns, clock_monotonic_ns());
    atomic_store(&connection->phase, (int)phase);
}

void connection_busy(struct connection *connection)
{
    struct listener *listener = connection->listener;
    atomic_fetch_add(&listener->busy_count, 1);
    atomic_store(&connection->cancel, false);
    if (atomic_load(&connection->left) || atomic_load(&listener->closing))
        atomic_store(&connection->cancel, true);
}

void connection_rest(struct connection *connection)
{
    struct listener *listener = connection->listener;
    connection_enter(connection, PHASE_READING);
    if (atomic_fetch_sub(&listener->busy_count, 1) > 1 || !atomic_load(&listener->stopping))
        return;
    pthread_mutex_lock(&listener->mutex);
    pthread_cond_broadcast(&listener->idle);
    pthread_mutex_unlock(&listener->mutex);
}

static void connection_open(struct listener *listener, struct MHD_Connection *mhd, void **slot)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct connection *connection = mem_new(struct connection);
    connection->magic = CONNECTION_MAGIC;
    connection->listener = listener;
    connection->fd = info->connect_fd;
    connection_enter(connection, PHASE_READING);

    pthread_mutex_lock(&listener->mutex);
    connection->id = listener->next_id++;
    connection->next = listener->connections;
    connection->link = &listener->connections;
    if (connection->next)
        connection->next->link = &connection->next;
    listener->connections = connection;
    listener->connection_count++;
    listener->handed_count--;
    pthread_mutex_unlock(&listener->mutex);

    /* Once for all its requests: bytes that come do not wake the watcher. */
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.u64 = connection->id};
    epoll_ctl(listener->acceptor.epoll_fd, EPOLL_CTL_ADD, connection->fd, &event);
    *slot = connection;
}

static void connection_close(struct listener *listener, void **slot)
{
    struct connection *connection = OBJ_FROM(struct connection, CONNECTION_MAGIC, *slot);
    epoll_ctl(listener->acceptor.epoll_fd, EPOLL_CTL_DEL, connection->fd, NULL);
    pthread_mutex_lock(&listener->mutex);
    *connection->link = connection->next;
    if (connection->next)
        connection->next->link = connection->link;
    listener->connection_count--;
    pthread_mutex_unlock(&listener->mutex);
    connection->magic = 0;
    free(connection);
    *slot = NULL;
    if (atomic_load(&listener->acceptor.paused))
        acceptor_wake(&listener->acceptor);
}

static void connection_notice(void *context, struct MHD_Connection *mhd, void **slot,
                              enum MHD_ConnectionNotificationCode what)
{
    struct listener *listener = OBJ_FROM(struct listener, LISTENER_MAGIC, context);
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        connection_open(listener, mhd, slot);
    else if (*slot)
        connection_close(listener, slot);
}

/* The library begins a connection on a thread of its own, some time behind MHD_add_connection. */
static void listener_count_handed(struct listener *listener, int more)
{
    pthread_mutex_lock(&listener->mutex);
    listener->handed_count += (size_t)more;
    pthread_mutex_unlock(&listener->mutex);
}

/* Takes who waits; at the limit the socket is left alone until a connection closes. */
static void listener_accept(struct listener *listener)
{
    for (;;) {
        pthread_mutex_lock(&listener->mutex);
        size_t count = listener->connection_count + listener->handed_count;
        bool full = count >= listener->options.connection_max;
        acceptor_pause(&listener->acceptor, full); /* who closes a connection then looks at it */
        pthread_mutex_unlock(&listener->mutex);
        if (full)
            return;

        struct sockaddr_storage address;
        int fd = acceptor_take(&listener->acceptor, &address);
        if (fd < 0)
            return;
        listener_count_handed(listener, 1);
        /* It closes the socket if it fails. */
        if (MHD_add_connection(listener->daemon, fd, (struct sockaddr *)&address, sizeof address) !=
            MHD_YES)
            listener_count_handed(listener, -1);
    }
}

static void watch_event(struct listener *listener, const struct epoll_event *event)
{
    pthread_mutex_lock(&listener->mutex);
    for (struct connection *c = listener->connections; c; c = c->next) {
        if (c->id != event->data.u64)
            continue;
        atomic_store(&c->left, true); /* in this order: the next request may begin now */
        atomic_store(&c->cancel, true);
    }
    pthread_mutex_unlock(&listener->mutex);
}

static void watch_timeouts(struct listener *listener)
{
    int64_t now_ns = clock_monotonic_ns();
    pthread_mutex_lock(&listener->mutex);
    for (struct connection *c = listener->connections; c; c = c->next) {
        int64_t limit_ms = 0;
        if (atomic_load(&c->phase) == PHASE_READING)
            limit_ms = listener->options.read_timeout_ms;
        else if (atomic_load(&c->phase) == PHASE_SENDING)
            limit_ms = listener->options.write_timeout_ms;
        if (limit_ms > 0 && (now_ns - atomic_load(&c->phase_ns)) / 1000000 > limit_ms)
            shutdown(c->fd, SHUT_RDWR); /* its thread wakes up and closes it */
    }
    pthread_mutex_unlock(&listener->mutex);
}

static void *watch(void *context)
{
    struct listener *listener = OBJ_FROM(struct listener, LISTENER_MAGIC, context);
    int64_t looked_ns = clock_monotonic_ns();
    while (!atomic_load(&listener->closing)) {
        struct epoll_event events[64];
        int count = epoll_wait(listener->acceptor.epoll_fd, events, (int)ARRAY_COUNT(events),
                               WATCH_PERIOD_MS);
        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 >= ACCEPTOR_OTHERS)
                watch_event(listener, &events[i]);
            else if (events[i].data.u64 == ACCEPTOR_WAKE)
                acceptor_take_wake(&listener->acceptor);
        }
        if (!atomic_load(&listener->stopping))
            listener_accept(listener);
        if (clock_monotonic_ns() - looked_ns > INT64_C(1000000) * WATCH_PERIOD_MS) {
            watch_timeouts(listener);
            looked_ns = clock_monotonic_ns();
        }
    }
    return NULL;
}

static unsigned library_connection_max(const struct listen_options *options)
{
    return options->connection_max < UINT_MAX / 4
               ? 2 * (unsigned)options->connection_max + CONNECTION_SLACK
               : UINT_MAX;
}

static bool listener_start(struct listener *listener, struct err *err)
{
    const struct listen_options *options = &listener->options;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->tls_cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->tls_key},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem plain = {MHD_OPTION_END, 0, NULL};
    listener->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
            MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET | (options->tls_cert ? MHD_USE_TLS : 0),
        0, NULL, NULL, exchange_access, listener, MHD_OPTION_URI_LOG_CALLBACK, exchange_begin,
        listener, MHD_OPTION_NOTIFY_COMPLETED, exchange_complete, listener,
        MHD_OPTION_NOTIFY_CONNECTION, connection_notice, listener,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_SIZE, MHD_OPTION_CONNECTION_LIMIT,
        library_connection_max(options), MHD_OPTION_CONNECTION_TIMEOUT, 0u,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, options->tls_cert ? tls : &plain,
        MHD_OPTION_END);
    if (!listener->daemon)
        return err_set(err, ERR_IO, "cannot start the HTTP server%s: %s",
                       options->tls_cert ? " with this certificate and key" : "", strerror(errno));
    if (pthread_create(&listener->watcher, NULL, watch, listener) != 0) {
        MHD_stop_daemon(listener->daemon);
        listener->daemon = NULL;
        return err_set(err, ERR_IO, "cannot start a thread: %s", strerror(errno));
    }
    return true;
}

bool listener_open(const struct listen_options *options, struct listener **ret_listener,
                   struct err *err)
{
    struct listener *listener = mem_new(struct listener);
    listener->magic = LISTENER_MAGIC;
    listener->options = *options;
    listener->next_id = ACCEPTOR_OTHERS;
    pthread_mutex_init(&listener->mutex, NULL);
    pthread_cond_init(&listener->idle, NULL);

    if (!acceptor_init(&listener->acceptor, options->address, err) ||
        !listener_start(listener, err)) {
        listener_close(listener);
        return false;
    }
    *ret_listener = listener;
    return true;
}

const char *listener_address(const struct listener *listener)
{
    return listener->acceptor.address;
}

size_t listener_connection_count(struct listener *listener)
{
    pthread_mutex_lock(&listener->mutex);
    size_t count = listener->connection_count;
    pthread_mutex_unlock(&listener->mutex);
    return count;
}

/* Waits until no answer is under way, for so long at most. */
static bool listener_wait_idle(struct listener *listener, int64_t wait_ms)
{
    int64_t until_ns = clock_deadline_ns(clock_monotonic_ns(), wait_ms);
    bool early = true;
    pthread_mutex_lock(&listener->mutex);
    while (atomic_load(&listener->busy_count) > 0 && early)
        early = cond_wait_until(&listener->idle, &listener->mutex, until_ns);
    bool idle = atomic_load(&listener->busy_count) == 0;
    pthread_mutex_unlock(&listener->mutex);
    return idle;
}

static void listener_cancel(struct listener *listener)
{
    pthread_mutex_lock(&listener->mutex);
    for (struct connection *c = listener->connections; c; c = c->next)
        atomic_store(&c->cancel, true);
    pthread_mutex_unlock(&listener->mutex);
}

void listener_drain(struct listener *listener, int64_t grace_ms)
{
    atomic_store(&listener->stopping, true);
    acceptor_stop(&listener->acceptor);
    if (listener_wait_idle(listener, grace_ms))
        return;
    listener_cancel(listener);
    listener_wait_idle(listener, CANCEL_GRACE_MS);
}

void listener_close(struct listener *listener)
{
    if (!listener)
        return;
    atomic_store(&listener->stopping, true);
    atomic_store(&listener->closing, true);
    if (listener->daemon) {
        acceptor_wake(&listener->acceptor);
        pthread_join(listener->watcher, NULL);
        listener_cancel(listener);
        MHD_stop_daemon(listener->daemon);
    }
    acceptor_done(&listener->acceptor);
    pthread_cond_destroy(&listener->idle);
    pthread_mutex_destroy(&listener->mutex);
    listener->magic = 0;
    free(listener);
}
