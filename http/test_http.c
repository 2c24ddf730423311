#include "http/test_http.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/test.h"

struct bytes_stream {
    struct stream stream;
    struct test_bytes bytes; /* `size`: what is left */
};

static bool bytes_next(struct stream *stream, struct buf *out, bool *ret_more, struct err *err)
{
    struct test_bytes *self = &CONTAINER(struct bytes_stream, stream, stream)->bytes;
    while (self->stalls && !atomic_load(self->stalls))
        usleep(1000);
    size_t size = self->size < STREAM_PIECE_SIZE ? self->size : STREAM_PIECE_SIZE;
    memset(buf_reserve(out, size), 'x', size);
    out->len += size;
    if (self->sent)
        atomic_fetch_add(self->sent, size);
    self->size -= self->endless ? 0 : size;
    *ret_more = self->size > 0;
    return *ret_more || !self->breaks || err_set(err, ERR_EXECUTION, "broken");
}

static void bytes_fail(struct stream *stream, struct answer *answer, const struct err *err)
{
    answer_error_text(answer, 422, err->msg);
}

static void bytes_close(struct stream *stream)
{
    free(CONTAINER(struct bytes_stream, stream, stream));
}

static const struct stream_class bytes_class = {bytes_next, bytes_fail, bytes_close};

void test_answer_bytes(struct answer *answer, struct test_bytes bytes)
{
    struct bytes_stream *stream = mem_new(struct bytes_stream);
    *stream = (struct bytes_stream){{&bytes_class}, bytes};
    answer->stream = &stream->stream;
}

int test_connect(const char *address)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons((uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}
