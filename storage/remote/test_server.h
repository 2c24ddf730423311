#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "storage/remote/read_client.h"

/* A server of remote read in memory, for tests: it gives what it was told to give. */
struct test_server {
    struct read_transport transport;
    int status;
    const char *content_type;
    struct buf answer;
    size_t piece_size;       /* that one read gives at most */
    enum err_kind kind;      /* what becomes of a question; ERR_NONE: it is answered */
    enum err_kind read_kind; /* what becomes of reading behind the answer; ERR_NONE: it ends */
    bool stalls;             /* a question is not answered before it is canceled */
    _Atomic int asked_count;
    struct buf asked; /* the message that came last, unpacked */
    struct budget spool_budget;
    struct budget memory;
};

#define TEST_STREAMED "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"
#define TEST_SAMPLED "application/x-protobuf"

void test_server_init(struct test_server *server);
void test_server_done(struct test_server *server);

/* A client of it, with options that can be changed before. */
struct read_client_options test_server_options(struct test_server *server, const char *name);

/* A frame with a series ("name", "value", ..., NULL) of floats, in one chunk. */
void test_server_frame(struct test_server *server, const char *const *labels,
                       const int64_t *times_ms, const double *values, size_t count);

/* Of the same kind, any message as a frame with its checksum. */
void test_server_put_frame(struct test_server *server, struct str message);

/*
 * What is selected, as text: "{labels} time:value ...", a line each; or the error, in `out` and as
 * the result.
 */
struct storage;
enum err_kind test_select(struct storage *storage, struct matcher *const *matchers,
                          size_t matcher_count, int64_t begin_ms, int64_t end_ms, struct buf *out);

/* The same of a client alone. */
enum err_kind test_client_select(const struct read_client_options *options,
                                 struct matcher *const *matchers, size_t matcher_count,
                                 int64_t begin_ms, int64_t end_ms, struct buf *out);
