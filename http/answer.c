#include "http/answer.h"

#include <assert.h>

void answer_header(struct answer *answer, const char *name, const char *value)
{
    assert(answer->header_count < ANSWER_HEADERS_MAX);
    answer->headers[answer->header_count++] = (struct answer_header){name, value};
}

void answer_error_text(struct answer *answer, int status, const char *text)
{
    answer->status = status;
    answer->content_type = "text/plain; charset=utf-8";
    answer_header(answer, "X-Content-Type-Options", "nosniff");
    buf_clear(&answer->body);
    buf_text(&answer->body, text);
    buf_byte(&answer->body, '\n');
}

static void answer_stream_close(struct answer *answer)
{
    answer->stream->class->close(answer->stream);
    answer->stream = NULL;
}

void answer_hold(struct answer *answer, size_t size_max)
{
    bool more = answer->stream != NULL;
    while (more && answer->body.len < size_max) {
        struct err err;
        err_clear(&err);
        if (answer->stream->class->next(answer->stream, &answer->body, &more, &err))
            continue;
        buf_clear(&answer->body);
        answer->stream->class->fail(answer->stream, answer, &err);
        more = false;
    }
    if (!more && answer->stream)
        answer_stream_close(answer);
}

void answer_done(struct answer *answer)
{
    if (answer->stream)
        answer_stream_close(answer);
    buf_done(&answer->body);
}
