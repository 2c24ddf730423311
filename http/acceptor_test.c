#include "http/acceptor.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/test.h"
#include "http/test_http.h"

static struct acceptor acceptor;
static int refusal; /* errno of each accept; 0: it is the system's */

/* In the place of the C library's. */
int accept4(int fd, __SOCKADDR_ARG address, socklen_t *restrict size, int flags)
{
    if (refusal) {
        errno = refusal;
        return -1;
    }
    return (int)syscall(SYS_accept4, fd, address.__sockaddr__, size, flags);
}

static void open_one(void)
{
    struct err err;
    refusal = 0;
    ck_assert_msg(acceptor_init(&acceptor, "127.0.0.1:0", &err), "%s", err.msg);
}

/* Is this what the thread would be told, and nothing else? ACCEPTOR_OTHERS: nothing. */
static bool tells(uint64_t what)
{
    struct epoll_event events[4];
    int count = epoll_wait(acceptor.epoll_fd, events, 4, what == ACCEPTOR_OTHERS ? 0 : 1000);
    return what == ACCEPTOR_OTHERS ? count == 0 : count == 1 && events[0].data.u64 == what;
}

START_TEST(takes_who_waits)
{
    struct sockaddr_storage address;
    open_one();
    ck_assert(tells(ACCEPTOR_OTHERS));
    ck_assert_int_eq(acceptor_take(&acceptor, &address), -1);
    ck_assert(!acceptor.paused); /* nobody is there: that is no reason */

    int client = test_connect(acceptor.address);
    ck_assert(tells(ACCEPTOR_CLIENT));
    int fd = acceptor_take(&acceptor, &address);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(address.ss_family, AF_INET);
    ck_assert(tells(ACCEPTOR_OTHERS));
    close(fd);
    close(client);
    acceptor_done(&acceptor);
}
END_TEST

START_TEST(lets_clients_wait_while_there_is_no_room)
{
    static const int reasons[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
    struct sockaddr_storage address;
    for (size_t i = 0; i < ARRAY_COUNT(reasons); i++) {
        open_one();
        int client = test_connect(acceptor.address);
        refusal = reasons[i];
        ck_assert(tells(ACCEPTOR_CLIENT));
        ck_assert_int_eq(acceptor_take(&acceptor, &address), -1);
        ck_assert(acceptor.paused);
        ck_assert(tells(ACCEPTOR_OTHERS)); /* who waits for events does not spin */

        refusal = 0;
        acceptor_pause(&acceptor, false);
        ck_assert(tells(ACCEPTOR_CLIENT));
        int fd = acceptor_take(&acceptor, &address);
        ck_assert_int_ge(fd, 0);
        close(fd);
        close(client);
        acceptor_done(&acceptor);
    }
}
END_TEST

START_TEST(wakes_once_for_many)
{
    open_one();
    acceptor_wake(&acceptor);
    acceptor_wake(&acceptor);
    ck_assert(tells(ACCEPTOR_WAKE));
    acceptor_take_wake(&acceptor);
    ck_assert(tells(ACCEPTOR_OTHERS));
    acceptor_take_wake(&acceptor); /* in vain, and without waiting */
    acceptor_done(&acceptor);
}
END_TEST

START_TEST(turns_clients_away_when_it_has_stopped)
{
    struct sockaddr_storage address;
    open_one();
    int client = test_connect(acceptor.address);
    acceptor_stop(&acceptor);
    ck_assert(tells(ACCEPTOR_OTHERS));
    ck_assert_int_eq(acceptor_take(&acceptor, &address), -1);
    char byte;
    ck_assert_int_le(recv(client, &byte, 1, 0), 0);
    close(client);
    acceptor_done(&acceptor);
}
END_TEST

START_TEST(says_where_it_cannot_listen)
{
    struct err err;
    ck_assert(!acceptor_init(&acceptor, "nowhere", &err));
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    acceptor_done(&acceptor);
    open_one();
    struct acceptor second;
    ck_assert(!acceptor_init(&second, acceptor.address, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    acceptor_done(&second);
    acceptor_done(&acceptor);
}
END_TEST

TEST_MAIN("acceptor", takes_who_waits, lets_clients_wait_while_there_is_no_room,
          wakes_once_for_many, turns_clients_away_when_it_has_stopped, says_where_it_cannot_listen)
