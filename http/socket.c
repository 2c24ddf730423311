#include "http/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define BACKLOG_MAX 511

/* getaddrinfo would take 99999 for 34463. A name of a service is left to it. */
static bool port_fits(const char *port)
{
    return port[strspn(port, "0123456789")] != '\0' || strtol(port, NULL, 10) <= UINT16_MAX;
}

/* "host:port", "[v6]:port", ":port" into two texts. */
static bool address_split(const char *address, char host[256], char port[16], struct err *err)
{
    const char *colon = strrchr(address, ':');
    if (!colon || strlen(colon + 1) >= 16 || (size_t)(colon - address) >= 256)
        return err_set(err, ERR_BAD_DATA, "%s is no address: host:port is wanted", address);
    size_t len = (size_t)(colon - address);
    const char *begin = address;
    if (len >= 2 && begin[0] == '[' && begin[len - 1] == ']') {
        begin++;
        len -= 2;
    }
    memcpy(host, begin, len);
    host[len] = '\0';
    snprintf(port, 16, "%s", colon + 1);
    if (!port_fits(port))
        return err_set(err, ERR_BAD_DATA, "%s is no address: there is no port above 65535",
                       address);
    return true;
}

static int socket_bind(const struct addrinfo *info)
{
    int one = 1, zero = 0;
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (info->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG_MAX) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* The address with the port that the kernel chose for port 0. */
static char *address_of_socket(int fd, const char *host)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char port[NI_MAXSERV] = "?";
    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0)
        getnameinfo((struct sockaddr *)&address, size, NULL, 0, port, sizeof port, NI_NUMERICSERV);
    AUTO(buf_done) struct buf text = {0};
    buf_printf(&text, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
    return mem_strdup(buf_terminated(&text));
}

bool socket_listen(const char *address, int *ret_fd, char **ret_text, struct err *err)
{
    char host[256], port[16];
    if (!address_split(address, host, port, err))
        return false;

    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int got = getaddrinfo(*host ? host : NULL, port, &hints, &found);
    if (got != 0)
        return err_set(err, ERR_BAD_DATA, "%s is no address: %s", address, gai_strerror(got));
    int fd = -1;
    for (const struct addrinfo *info = found; info && fd < 0; info = info->ai_next)
        fd = socket_bind(info);
    freeaddrinfo(found);
    if (fd < 0)
        return err_set(err, ERR_IO, "cannot listen on %s: %s", address, strerror(errno));
    *ret_fd = fd;
    *ret_text = address_of_socket(fd, host);
    return true;
}

void socket_address_text(const struct sockaddr *address, char *out, size_t out_size)
{
    *out = '\0';
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        inet_ntop(AF_INET, &in.sin_addr, out, (socklen_t)out_size);
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof in6);
        inet_ntop(AF_INET6, &in6.sin6_addr, out, (socklen_t)out_size);
    }
}
