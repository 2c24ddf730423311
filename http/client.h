#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Asks other servers, over connections that are kept for the next request to the same server.
 *
 * Thread: any; requests on several threads go over connections of their own. One stream is used
 * by one thread at a time.
 */
struct client;

/* At most `idle_max` connections wait for a next request. */
struct client *client_create(size_t idle_max);

/* All its streams are closed. */
void client_destroy(struct client *client);

struct client_header {
    const char *name;
    const char *value;
};

/* How a server lets one in, and how far it is believed. Zeroed: openly, by its certificate. */
struct client_access {
    const char *user; /* basic authentication; NULL: none */
    const char *password;
    const char *authorization; /* the value of that header; NULL: none */
    const char *ca_file;       /* PEM: who may vouch for the server; NULL: as the system says */
    const char *cert_file;     /* PEM: the client's own certificate, */
    const char *key_file;      /* and its key */
    const char *server_name;   /* that the certificate is for; NULL: as in the URL */
    bool insecure_skip_verify;
    bool follow_redirects; /* ten of them at most; no other server is told the secrets */
    const char *proxy;     /* a URL; "": none; NULL: as the environment says */
};

struct client_request {
    const char *url;
    const char *method; /* NULL: GET, or POST with a body */
    struct str body;    /* a form, unless a header says what it is */
    const struct client_header *headers;
    size_t header_count;
    const struct client_access *access; /* NULL: zeroed */
    int64_t timeout_ms;                 /* until the body's end; 0: none */
    size_t size_max;            /* of the body, unpacked; a longer one is ERR_LIMIT; 0: none */
    const _Atomic bool *cancel; /* set by whoever no longer wants the answer; NULL: never */
};

/*
 * An answer whose body is read as it comes: of what has not been read yet no more than some hundred
 * KiB are held, and then the server waits. What came packed is unpacked.
 *
 * `cancel` and the time are looked at every 50 ms at the latest. Errors name the URL, without its
 * secrets and parameters. ERR_BAD_DATA: no such URL. ERR_TIMEOUT. ERR_CANCELED. ERR_LIMIT. ERR_IO:
 * no answer, or one that broke off.
 */
struct client_stream;

/* Returns once status and headers are there. All of the request lives until the stream is closed.
 */
bool client_open(struct client *client, const struct client_request *request,
                 struct client_stream **ret_stream, struct err *err) MUST_CHECK;

/*
 * The two halves of client_open, for whoever has something to do meanwhile: client_start sends the
 * request as far as that needs no waiting, client_stream_await returns once status and headers are
 * there.
 */
bool client_start(struct client *client, const struct client_request *request,
                  struct client_stream **ret_stream, struct err *err) MUST_CHECK;
bool client_stream_await(struct client_stream *stream, struct err *err) MUST_CHECK;

/* Who wants the answer has changed: from now on this is looked at, not the request's `cancel`. */
void client_stream_cancel_by(struct client_stream *stream, const _Atomic bool *cancel);

int client_stream_status(const struct client_stream *stream);

/* The value of a header, its name in any case; NULL: there is none. Until the stream is closed. */
const char *client_stream_header(struct client_stream *stream, const char *name);

/* The same, for those who read heads of any origin (http/transfer.h). */
struct transfer *client_stream_transfer(struct client_stream *stream);

/* Some bytes of the body, `cap` at most; *ret_got 0: that was all, and it was complete. */
bool client_stream_read(struct client_stream *stream, void *bytes, size_t cap, size_t *ret_got,
                        struct err *err) MUST_CHECK;

/* From any state. The connection is kept if the body came to its end, and dropped else. */
void client_stream_close(struct client_stream *stream);

/* The whole of an answer at once. */
struct client_answer {
    int status;
    struct buf body;
};

/* Errors as client_open's and client_stream_read's. */
bool client_ask(struct client *client, const struct client_request *request,
                struct client_answer *ret_answer, struct err *err) MUST_CHECK;
void client_answer_done(struct client_answer *answer);

static inline void client_answer_done_auto(struct client_answer *answer)
{
    client_answer_done(answer);
}

DEFINE_AUTO(struct client *, client_destroy)
DEFINE_AUTO(struct client_stream *, client_stream_close)
