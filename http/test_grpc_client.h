#pragma once

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A client of gRPC for tests, as bytes in and bytes out: calls, and what became of them. */
#define TEST_STREAMS_MAX 8

struct test_stream {
    int32_t id;
    struct buf request; /* what is sent as data */
    size_t sent;
    bool open;          /* the request does not end with that */
    struct buf headers; /* "name: value\n", trailers behind them */
    struct buf body;
    bool closed;
    uint32_t error; /* why it was closed */
};

struct test_client {
    nghttp2_session *http;
    struct test_stream streams[TEST_STREAMS_MAX];
    size_t stream_count;
    bool goodbye; /* the server takes no more calls */
};

struct test_call {
    const char *path;     /* NULL: that of HTTP over gRPC */
    const char *method;   /* NULL: POST */
    const char *type;     /* NULL: application/grpc */
    const char *encoding; /* grpc-encoding; NULL: not sent */
    struct str message;
    bool packed;  /* what the prefix says */
    bool bare;    /* `message` has its own prefix */
    bool open;    /* the request does not end */
    size_t extra; /* that the prefix says more than there is */
};

/* `window`: bytes of an answer that it takes before it says that it took them; 0: as is usual, and
 * then it says so by itself. */
void test_client_init(struct test_client *client, int32_t window);
void test_client_done(struct test_client *client);

/* The stream lives as long as the client. */
struct test_stream *test_client_call(struct test_client *client, const struct test_call *call);

void test_client_take(struct test_client *client, struct str bytes);
void test_client_give(struct test_client *client, struct buf *out);

/* Has the answer this line, "grpc-status: 0"? */
bool test_stream_says(const struct test_stream *stream, const char *line);
