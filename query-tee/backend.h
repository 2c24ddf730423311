#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "http/client.h"
#include "query-tee/options.h"

/*
 * The servers that are asked, as --backend.endpoints and --backend.config-file name them.
 *
 * Thread: read-only once they are read, but for the counters.
 */
struct backend {
    const char *name; /* the host, or host:port where several have that host */
    const char *host;
    const char *host_port;
    const char *base;     /* "http://host:port/prefix", no slash at the end, no secrets */
    const char *user;     /* NULL: none in the URL */
    const char *password; /* NULL: none in the URL */
    struct client_access access;
    bool preferred;
    struct client_header *headers; /* of each request, in place of those that the client sent */
    size_t header_count;
    double proportion;  /* of the requests; 1 for the preferred one */
    int64_t min_age_ms; /* only requests that reach back so far; 0: all */
    _Atomic int64_t in_flight;
};

#define BACKENDS_MAX 16

struct backends {
    struct backend items[BACKENDS_MAX];
    size_t count;
    struct backend *preferred; /* NULL: the first good answer is handed on */
};

/*
 * All texts are in the arena, or the options'. ERR_BAD_DATA: one sentence that names the flag;
 * ERR_IO, ERR_NOT_FOUND, ERR_LIMIT: the file cannot be read.
 */
bool backends_read(const struct tee_options *options, struct arena *arena,
                   struct backends *ret_backends, struct err *err) MUST_CHECK;

/*
 * What a request is let in with, as Mimir does it: user and password of the URL; its user with the
 * password that the client sent; or whatever the client sent. The user
 * __REQUEST_HEADER_X_SCOPE_ORGID__ stands for the tenant of the request. `sent` is the client's
 * header Authorization, `tenant` its X-Scope-OrgID; NULL: not sent. The value of the header, in the
 * arena, or NULL.
 */
const char *backend_authorization(const struct backend *backend, const char *sent,
                                  const char *tenant, struct arena *arena);
