#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/err.h"

/*
 * A socket that listens, and does not block. The text is the address with the real port, where the
 * kernel chose one for port 0; it is to be freed. ERR_BAD_DATA: this is no address. ERR_IO: it
 * cannot be listened on.
 */
bool socket_listen(const char *address, int *ret_fd, char **ret_text, struct err *err) MUST_CHECK;

/* "192.0.2.1" or "2001:db8::1"; "" if it is neither. `out` has room for INET6_ADDRSTRLEN. */
void socket_address_text(const struct sockaddr *address, char *out, size_t out_size);
