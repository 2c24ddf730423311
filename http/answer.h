#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * What a client gets. A handler fills in a status and a body; an answer too long to be held whole
 * goes on with a stream, which is asked for more while the client reads.
 *
 * The first ANSWER_HELD_SIZE bytes are held back: a stream that fails before that becomes a clean
 * error answer. One that fails later breaks the connection without the last chunk, and so never
 * looks complete.
 */
struct answer;
struct stream;

#define ANSWER_HELD_SIZE ((size_t)1 << 20)

/*
 * The methods of a stream:
 *
 *     next    appends some bytes, 64 KiB or so; *ret_more false with the last of them
 *     fail    nothing was sent yet: makes the answer tell the error
 *     close   once, from any state
 *
 * Thread: the one that answers the request.
 */
struct stream_class {
    bool (*next)(struct stream *stream, struct buf *out, bool *ret_more, struct err *err);
    void (*fail)(struct stream *stream, struct answer *answer, const struct err *err);
    void (*close)(struct stream *stream);
};

/* First member of each implementation. */
struct stream {
    const struct stream_class *class;
};

struct answer_header {
    const char *name;
    const char *value;
};

#define ANSWER_HEADERS_MAX 16

/* As good a size as any for one call of next: larger than the socket's buffer takes at once. */
#define STREAM_PIECE_SIZE ((size_t)64 << 10)

struct answer {
    int status;
    const char *content_type; /* NULL: no body */
    struct buf body;
    struct stream *stream; /* what comes behind the body; NULL: nothing */
    bool compress;         /* may be, if the client takes it */
    struct answer_header headers[ANSWER_HEADERS_MAX];
    size_t header_count;
    void *tag; /* the handler's own, for the notice that the answer has gone */
};

/* One more, ANSWER_HEADERS_MAX at most. Texts are borrowed until the answer has gone. */
void answer_header(struct answer *answer, const char *name, const char *value);

/* Plain text, as Go's http.Error gives it. */
void answer_error_text(struct answer *answer, int status, const char *text);

/*
 * Pulls the stream until `size_max` bytes are held or it has ended; closes it then. A failure turns
 * into the error answer.
 */
void answer_hold(struct answer *answer, size_t size_max);

/* Frees body and stream. */
void answer_done(struct answer *answer);
