#include "http/acceptor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "http/socket.h"

static bool acceptor_watch(struct acceptor *acceptor, int fd, uint64_t what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = what};
    return fd >= 0 && epoll_ctl(acceptor->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool acceptor_init(struct acceptor *acceptor, const char *address, struct err *err)
{
    *acceptor = (struct acceptor){.listen_fd = -1, .epoll_fd = -1, .wake_fd = -1};
    if (!socket_listen(address, &acceptor->listen_fd, &acceptor->address, err))
        return false;
    acceptor->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    acceptor->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return (acceptor_watch(acceptor, acceptor->listen_fd, ACCEPTOR_CLIENT) &&
            acceptor_watch(acceptor, acceptor->wake_fd, ACCEPTOR_WAKE)) ||
           err_set(err, ERR_IO, "cannot watch connections: %s", strerror(errno));
}

void acceptor_done(struct acceptor *acceptor)
{
    int fds[] = {acceptor->listen_fd, acceptor->epoll_fd, acceptor->wake_fd};
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(acceptor->address);
}

void acceptor_wake(struct acceptor *acceptor)
{
    uint64_t one = 1;
    ssize_t put = write(acceptor->wake_fd, &one, sizeof one);
    (void)put; /* full: it is awake anyway */
}

void acceptor_take_wake(struct acceptor *acceptor)
{
    uint64_t woken;
    ssize_t got = read(acceptor->wake_fd, &woken, sizeof woken);
    (void)got; /* nothing: somebody else's wake took it along */
}

void acceptor_pause(struct acceptor *acceptor, bool paused)
{
    if (atomic_exchange(&acceptor->paused, paused) == paused)
        return;
    struct epoll_event event = {.events = paused ? 0 : EPOLLIN, .data.u64 = ACCEPTOR_CLIENT};
    epoll_ctl(acceptor->epoll_fd, EPOLL_CTL_MOD, acceptor->listen_fd, &event);
}

void acceptor_stop(struct acceptor *acceptor)
{
    epoll_ctl(acceptor->epoll_fd, EPOLL_CTL_DEL, acceptor->listen_fd, NULL);
    shutdown(acceptor->listen_fd, SHUT_RDWR);
}

int acceptor_take(struct acceptor *acceptor, struct sockaddr_storage *ret_address)
{
    socklen_t size = sizeof *ret_address;
    *ret_address = (struct sockaddr_storage){0};
    int fd = accept4(acceptor->listen_fd, (struct sockaddr *)ret_address, &size,
                     SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
        acceptor_pause(acceptor, true); /* who waits keeps waiting; do not spin meanwhile */
    return fd;
}
