/*
 * Remote read with STREAMED_XOR_CHUNKS: series after series in the order of their labels, each in
 * frames of its own, which hold about as many bytes as the flag says. One frame is in memory.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "server/read_query.h"
#include "server/server.h"
#include "storage/remote/read_answer.h"

struct chunk_stream {
    struct stream stream;
    struct read_run run;
    size_t query;                /* the next one to be selected, or the one whose series are sent */
    struct selection *selection; /* NULL: the next query is to be selected */
    struct cursor *cursor;
    uint32_t *order;           /* of its series */
    size_t series;             /* the next one; its cursor is open where there is a chunk */
    struct stored_chunk chunk; /* the next one */
    bool has_chunk;
    struct buf frame; /* fields of the series */
};

static int series_cmp(const void *a, const void *b, void *context)
{
    const struct chunk_stream *self = context;
    return labels_cmp(self->run.symbols, selection_labels(self->selection, *(const uint32_t *)a),
                      selection_labels(self->selection, *(const uint32_t *)b));
}

/* Clients rely on the order; a storage that has only a head does not give it. */
static bool chunk_stream_sort(struct chunk_stream *self, struct err *err)
{
    size_t count = selection_count(self->selection);
    self->order = arena_try_array(self->run.arena, uint32_t, count, err);
    if (!self->order)
        return false;
    bool sorted = true;
    for (size_t i = 0; i < count; i++) {
        self->order[i] = (uint32_t)i;
        sorted = sorted && (i == 0 || series_cmp(&self->order[i - 1], &self->order[i], self) < 0);
    }
    if (!sorted)
        qsort_r(self->order, count, sizeof *self->order, series_cmp, self);
    return true;
}

static bool chunk_stream_open(struct chunk_stream *self, struct err *err)
{
    if (!read_select(&self->run, self->query, &self->selection, err) ||
        !chunk_stream_sort(self, err))
        return false;
    self->cursor = cursor_create(self->selection);
    self->series = 0;
    return true;
}

static void chunk_stream_end(struct chunk_stream *self)
{
    cursor_destroy(self->cursor);
    selection_close(self->selection);
    self->cursor = NULL;
    self->selection = NULL;
    self->query++;
}

/* Opens series until one has a chunk. */
static bool chunk_stream_next_series(struct chunk_stream *self, struct err *err)
{
    while (!self->has_chunk && self->series < selection_count(self->selection)) {
        if (!read_alive(&self->run, err))
            return false;
        cursor_open(self->cursor, self->order[self->series++]);
        if (!cursor_next_chunk(self->cursor, &self->chunk, &self->has_chunk, err))
            return false;
    }
    return true;
}

/* As many chunks of the open series as go into a frame; one at least. */
static bool chunk_stream_frame(struct chunk_stream *self, struct buf *out, struct err *err)
{
    uint32_t at = self->order[self->series - 1];
    struct buf *frame = &self->frame;
    buf_clear(frame);
    int64_t left =
        self->run.server->options.read_frame_size -
        (int64_t)read_put_labels(frame, self->run.symbols,
                                 read_labels(&self->run, selection_labels(self->selection, at)));
    do {
        left -= (int64_t)read_put_chunk(frame, &self->chunk);
        if (!cursor_next_chunk(self->cursor, &self->chunk, &self->has_chunk, err))
            return false;
    } while (self->has_chunk && left > 0);
    read_put_frame(out, buf_view(frame), self->query);
    return true;
}

static bool chunk_stream_next(struct stream *stream, struct buf *out, bool *ret_more,
                              struct err *err)
{
    struct chunk_stream *self = CONTAINER(struct chunk_stream, stream, stream);
    size_t begin = out->len;
    while (self->query < self->run.request.count && out->len - begin < STREAM_PIECE_SIZE) {
        if (!self->selection && !chunk_stream_open(self, err))
            return false;
        if (!chunk_stream_next_series(self, err))
            return false;
        if (!self->has_chunk)
            chunk_stream_end(self);
        else if (!chunk_stream_frame(self, out, err))
            return false;
    }
    *ret_more = self->query < self->run.request.count;
    return read_alive(&self->run, err);
}

static void chunk_stream_fail(struct stream *stream, struct answer *answer, const struct err *err)
{
    read_fail(answer, err);
}

static void chunk_stream_close(struct stream *stream)
{
    struct chunk_stream *self = CONTAINER(struct chunk_stream, stream, stream);
    cursor_destroy(self->cursor);
    selection_close(self->selection);
    buf_done(&self->frame);
    read_run_done(&self->run);
    free(self);
}

static const struct stream_class chunk_stream_class = {
    .next = chunk_stream_next,
    .fail = chunk_stream_fail,
    .close = chunk_stream_close,
};

void read_answer_chunks(struct read_run *run, struct answer *answer)
{
    struct chunk_stream *self = mem_new(struct chunk_stream);
    self->stream.class = &chunk_stream_class;
    self->run = *run;
    answer->status = 200;
    answer->content_type = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
    answer->stream = &self->stream;
}
