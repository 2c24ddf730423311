#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/str.h"
#include "http/params.h"

struct request;

/* How a server tells the rest of what it knows of a request: see the functions of these names. */
struct request_class {
    const char *(*header)(const struct request *request, const char *name);
    void (*each_header)(const struct request *request,
                        void (*header)(void *context, const char *name, const char *value),
                        void *context);
    void (*client)(const struct request *request, char *out, size_t out_size);
};

/*
 * What a client asked, complete: the body has been read. All texts live until the answer has gone,
 * or the client has.
 *
 * Thread: the one that answers it.
 */
struct request {
    const char *method;         /* "GET" */
    struct str uri;             /* as it was sent: "/api/v1/query?query=up" */
    struct str path;            /* decoded, without the query: "/api/v1/query" */
    struct params params;       /* of the form in the body first, then of the URL */
    struct params url_params;   /* those of the URL alone */
    struct str body;            /* as it was sent, a form or anything else */
    struct arena *arena;        /* as long-lived as the request */
    const _Atomic bool *cancel; /* true once the client has gone, or the server wants to end */
    bool stopping;              /* the server ends: answer nothing that takes time */
    const struct request_class *class; /* NULL: no headers, and nobody knows who the client is */
};

/* A body larger than this is refused, unless its path may have more: Go's own limit for forms. */
#define REQUEST_BODY_SIZE_MAX ((size_t)10 << 20)

/* The first value of a header, or NULL; its name in any case. */
const char *request_header(const struct request *request, const char *name);

/* All headers, in the order they were sent. */
void request_each_header(const struct request *request,
                         void (*header)(void *context, const char *name, const char *value),
                         void *context);

/* "192.0.2.1" or "2001:db8::1"; `out` has room for INET6_ADDRSTRLEN. */
void request_client(const struct request *request, char *out, size_t out_size);

/* For servers: the URI of a request's line, where "http://host" may stand in front of it. */
struct str request_line_uri(struct str target);

/* For servers: what a URI says before its '?', not decoded. */
struct str request_raw_path(struct str uri);

/*
 * For servers: path and parameters, from method, URI, body, arena and class. False: the path has no
 * slash in front, or is not decodable.
 */
bool request_read_uri(struct request *request) MUST_CHECK;
