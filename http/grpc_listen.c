/*
 * The loop's thread owns connections and sessions, and is the only one that touches them. A call
 * leaves it as work for another thread and comes back through the list `ended`.
 */
#include "http/grpc_listen.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cond.h"
#include "base/mem.h"
#include "base/obj.h"
#include "http/acceptor.h"
#include "http/socket.h"

/* How often timeouts are looked at. */
#define LOOP_PERIOD_MS 250

/* A client that has been told goodbye has so long to close the connection. */
#define OVER_TIMEOUT_MS 1000

#define READ_SIZE ((size_t)64 << 10)

struct peer {
    struct grpc_listener *listener;
    struct peer *next;
    int fd;
    char client[INET6_ADDRSTRLEN];
    struct grpc_session *session;
    struct buf out;
    size_t sent;
    bool waits_to_send; /* for the socket */
    bool over;          /* all is said; the client is to close */
    bool dead;
    int64_t called_ns; /* when there was a call last */
    int64_t sent_ns;   /* when the client took some bytes last, or there were none for it */
};

struct work {
    struct grpc_listener *listener;
    struct grpc_call *call;
    struct work *next; /* that has ended too */
    char client[INET6_ADDRSTRLEN];
    struct grpc_reply reply;
};

struct grpc_listener {
    unsigned magic;
    struct grpc_listen_options options;
    struct acceptor acceptor; /* woken to look at the flags and at `ended` */
    bool running;
    pthread_t loop;
    struct peer *peers; /* the loop's */
    int64_t looked_ns;  /* the loop's */
    _Atomic bool stopping;
    _Atomic bool closing;

    pthread_mutex_t mutex;
    pthread_cond_t changed; /* one of the counts became 0 */
    struct work *ended;
    size_t work_count; /* on other threads */
    size_t peer_count;
};

#define GRPC_LISTENER_MAGIC 0x47525043u

static void work_run(void *item)
{
    struct work *work = item;
    struct grpc_listener *listener = work->listener;
    grpc_http_serve(&listener->options.http, work->call, work->client,
                    atomic_load(&listener->stopping), &work->reply);
    pthread_mutex_lock(&listener->mutex);
    work->next = listener->ended;
    listener->ended = work;
    if (--listener->work_count == 0)
        pthread_cond_broadcast(&listener->changed);
    acceptor_wake(&listener->acceptor);
    pthread_mutex_unlock(&listener->mutex);
}

static void peer_called(void *context, struct grpc_call *call)
{
    const struct peer *peer = context;
    struct grpc_listener *listener = peer->listener;
    struct work *work = mem_new(struct work);
    work->listener = listener;
    work->call = call;
    memcpy(work->client, peer->client, sizeof work->client);
    pthread_mutex_lock(&listener->mutex);
    listener->work_count++;
    pthread_mutex_unlock(&listener->mutex);
    listener->options.run(listener->options.run_context, work_run, work);
}

static void peer_watch(struct peer *peer, bool send)
{
    if (peer->waits_to_send == send)
        return;
    peer->waits_to_send = send;
    struct epoll_event event = {.events = EPOLLIN | (send ? EPOLLOUT : 0), .data.ptr = peer};
    epoll_ctl(peer->listener->acceptor.epoll_fd, EPOLL_CTL_MOD, peer->fd, &event);
}

/* All that the session has, as far as the socket takes it. */
static void peer_send(struct peer *peer)
{
    struct err unused;
    while (!peer->dead && !peer->over) {
        if (peer->sent == peer->out.len) {
            buf_clear(&peer->out);
            peer->sent = 0;
            peer->sent_ns = clock_monotonic_ns();
            peer->dead = !grpc_session_give(peer->session, &peer->out, &unused);
            if (peer->out.len == 0)
                break;
        }
        ssize_t size =
            send(peer->fd, peer->out.ptr + peer->sent, peer->out.len - peer->sent, MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            peer_watch(peer, true);
            return;
        }
        if (size < 0) {
            peer->dead = true;
            return;
        }
        peer->sent += (size_t)size;
        peer->sent_ns = clock_monotonic_ns();
    }
    peer_watch(peer, false);
    if (!peer->over && grpc_session_is_over(peer->session)) {
        /* A socket closed with bytes unread would take back what the client has not read yet. */
        peer->over = true;
        shutdown(peer->fd, SHUT_WR);
    }
}

static void peer_receive(struct peer *peer)
{
    char bytes[READ_SIZE];
    struct err unused;
    ssize_t size = recv(peer->fd, bytes, sizeof bytes, 0);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    peer->dead = size <= 0 ||
                 (!peer->over &&
                  !grpc_session_take(peer->session, (struct str){bytes, (size_t)size}, &unused));
    if (!peer->dead && !peer->waits_to_send)
        peer_send(peer);
}

static void peer_open(struct grpc_listener *listener, int fd,
                      const struct sockaddr_storage *address)
{
    const struct grpc_listen_options *options = &listener->options;
    struct peer *peer = mem_new(struct peer);
    peer->listener = listener;
    peer->fd = fd;
    peer->called_ns = peer->sent_ns = clock_monotonic_ns();
    socket_address_text((const struct sockaddr *)address, peer->client, sizeof peer->client);
    struct grpc_session_options session = {
        .path = GRPC_HTTP_PATH,
        .message_size_max = options->request_size_max,
        .call_max = options->call_max,
        .read_timeout_ms = options->read_timeout_ms,
        .write_timeout_ms = options->write_timeout_ms,
        .budget = options->request_budget,
        .called = peer_called,
        .context = peer,
    };
    peer->session = grpc_session_create(&session);
    peer->next = listener->peers;
    listener->peers = peer;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    peer->dead = epoll_ctl(listener->acceptor.epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0;
    pthread_mutex_lock(&listener->mutex);
    listener->peer_count++;
    pthread_mutex_unlock(&listener->mutex);
    peer_send(peer); /* our settings */
}

static void peer_close(struct peer *peer)
{
    struct grpc_listener *listener = peer->listener;
    grpc_session_destroy(peer->session);
    close(peer->fd);
    buf_done(&peer->out);
    free(peer);
    pthread_mutex_lock(&listener->mutex);
    if (--listener->peer_count == 0)
        pthread_cond_broadcast(&listener->changed);
    pthread_mutex_unlock(&listener->mutex);
}

/* Takes who waits; at the limit the socket is left alone until a connection closes. */
static void listener_accept(struct grpc_listener *listener)
{
    while (!atomic_load(&listener->stopping)) {
        bool full = grpc_listener_connection_count(listener) >= listener->options.connection_max;
        acceptor_pause(&listener->acceptor, full);
        if (full)
            return;

        struct sockaddr_storage address;
        int fd = acceptor_take(&listener->acceptor, &address);
        if (fd < 0)
            return;
        peer_open(listener, fd, &address);
    }
}

/* Calls that others have worked on go back to their sessions. */
static void listener_answer(struct grpc_listener *listener)
{
    pthread_mutex_lock(&listener->mutex);
    struct work *ended = listener->ended;
    listener->ended = NULL;
    pthread_mutex_unlock(&listener->mutex);
    while (ended) {
        struct work *work = ended;
        struct grpc_reply *reply = &work->reply;
        bool good = reply->status == GRPC_OK;
        struct peer *peer = grpc_call_context(work->call);
        ended = work->next;
        grpc_call_answer(work->call, reply->status, good ? NULL : reply->err.msg,
                         good ? &reply->head : NULL, good ? &reply->body : NULL);
        if (peer && !peer->waits_to_send)
            peer_send(peer);
        free(work);
    }
}

static void peer_check_times(struct peer *peer, int64_t now_ns)
{
    const struct grpc_listen_options *options = &peer->listener->options;
    grpc_session_check_times(peer->session, now_ns);
    if (grpc_session_call_count(peer->session) > 0)
        peer->called_ns = now_ns;
    if ((now_ns - peer->called_ns) / 1000000 > options->read_timeout_ms ||
        atomic_load(&peer->listener->stopping))
        grpc_session_stop(peer->session);
    if (peer->over)
        peer->dead |= (now_ns - peer->sent_ns) / 1000000 > OVER_TIMEOUT_MS;
    else if (peer->waits_to_send)
        peer->dead |= (now_ns - peer->sent_ns) / 1000000 > options->write_timeout_ms;
    else
        peer_send(peer);
}

/* What is looked at now and then; all at once when it is about to stop. */
static void listener_check(struct grpc_listener *listener, bool woken)
{
    int64_t now_ns = clock_monotonic_ns();
    bool stopping = woken && atomic_load(&listener->stopping);
    if (!stopping && now_ns - listener->looked_ns < INT64_C(1000000) * LOOP_PERIOD_MS)
        return;
    listener->looked_ns = now_ns;
    if (atomic_load(&listener->acceptor.paused))
        listener_accept(listener);
    for (struct peer *peer = listener->peers; peer; peer = peer->next)
        if (!peer->dead)
            peer_check_times(peer, now_ns);
}

static void listener_close_dead(struct grpc_listener *listener, bool all)
{
    bool closed = false;
    for (struct peer **at = &listener->peers; *at;) {
        struct peer *peer = *at;
        if (peer->dead || all) {
            *at = peer->next;
            peer_close(peer);
            closed = true;
        } else {
            at = &peer->next;
        }
    }
    if (closed && atomic_load(&listener->acceptor.paused))
        listener_accept(listener);
}

/* True: it was woken to look at what others have to say. */
static bool listener_event(struct grpc_listener *listener, const struct epoll_event *event)
{
    if (event->data.u64 == ACCEPTOR_CLIENT) {
        listener_accept(listener);
    } else if (event->data.u64 == ACCEPTOR_WAKE) {
        acceptor_take_wake(&listener->acceptor);
        return true;
    } else {
        struct peer *peer = event->data.ptr;
        if (!peer->dead && (event->events & EPOLLOUT))
            peer_send(peer);
        if (!peer->dead && (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
            peer_receive(peer);
    }
    return false;
}

static void *loop_run(void *context)
{
    struct grpc_listener *listener = OBJ_FROM(struct grpc_listener, GRPC_LISTENER_MAGIC, context);
    pthread_setname_np(pthread_self(), "grpc");
    while (!atomic_load(&listener->closing)) {
        struct epoll_event events[64];
        bool woken = false;
        int count = epoll_wait(listener->acceptor.epoll_fd, events, (int)ARRAY_COUNT(events),
                               LOOP_PERIOD_MS);
        for (int i = 0; i < count; i++)
            woken |= listener_event(listener, &events[i]);
        listener_answer(listener);
        listener_check(listener, woken);
        listener_close_dead(listener, false);
    }
    atomic_store(&listener->stopping, true);
    listener_close_dead(listener, true);
    return NULL;
}

static bool listener_start(struct grpc_listener *listener, struct err *err)
{
    if (pthread_create(&listener->loop, NULL, loop_run, listener) != 0)
        return err_set(err, ERR_IO, "cannot start a thread: %s", strerror(errno));
    listener->running = true;
    return true;
}

bool grpc_listener_open(const struct grpc_listen_options *options,
                        struct grpc_listener **ret_listener, struct err *err)
{
    struct grpc_listener *listener = mem_new(struct grpc_listener);
    listener->magic = GRPC_LISTENER_MAGIC;
    listener->options = *options;
    listener->looked_ns = clock_monotonic_ns();
    pthread_mutex_init(&listener->mutex, NULL);
    pthread_cond_init(&listener->changed, NULL);

    if (!acceptor_init(&listener->acceptor, options->address, err) ||
        !listener_start(listener, err)) {
        grpc_listener_close(listener);
        return false;
    }
    *ret_listener = listener;
    return true;
}

const char *grpc_listener_address(const struct grpc_listener *listener)
{
    return listener->acceptor.address;
}

size_t grpc_listener_connection_count(struct grpc_listener *listener)
{
    pthread_mutex_lock(&listener->mutex);
    size_t count = listener->peer_count;
    pthread_mutex_unlock(&listener->mutex);
    return count;
}

void grpc_listener_stop(struct grpc_listener *listener)
{
    atomic_store(&listener->stopping, true);
    acceptor_stop(&listener->acceptor);
    acceptor_wake(&listener->acceptor);
}

bool grpc_listener_wait(struct grpc_listener *listener, int64_t wait_ms)
{
    int64_t until_ns = clock_deadline_ns(clock_monotonic_ns(), wait_ms);
    bool early = true;
    pthread_mutex_lock(&listener->mutex);
    while (listener->peer_count > 0 && early)
        early = cond_wait_until(&listener->changed, &listener->mutex, until_ns);
    bool gone = listener->peer_count == 0;
    pthread_mutex_unlock(&listener->mutex);
    return gone;
}

void grpc_listener_close(struct grpc_listener *listener)
{
    if (!listener)
        return;
    atomic_store(&listener->closing, true);
    if (listener->running) {
        acceptor_wake(&listener->acceptor);
        pthread_join(listener->loop, NULL);
    }
    pthread_mutex_lock(&listener->mutex);
    while (listener->work_count > 0)
        pthread_cond_wait(&listener->changed, &listener->mutex);
    pthread_mutex_unlock(&listener->mutex);
    listener_answer(listener); /* nobody waits for them: they are freed */
    acceptor_done(&listener->acceptor);
    pthread_cond_destroy(&listener->changed);
    pthread_mutex_destroy(&listener->mutex);
    listener->magic = 0;
    free(listener);
}
