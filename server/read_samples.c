/*
 * Remote read with SAMPLES: one message, packed as one block, whose sizes stand in front. So the
 * series are read twice: first to learn how large each becomes, and whether they are within the
 * limit; then to send them. One series is in memory, and eight bytes for each.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/proto_writer.h"
#include "server/read_query.h"
#include "server/server.h"
#include "storage/remote/read_answer.h"

struct sample_query {
    struct selection *selection;
    uint64_t *sizes; /* of each series' message */
    uint64_t size;   /* of the result's */
};

struct sample_stream {
    struct stream stream;
    struct read_run run;
    struct sample_query *queries;
    struct read_samples samples;
    struct buf series; /* a series' message */
    struct buf plain;  /* what is not packed yet */
    uint64_t size;     /* of the whole message */
    bool begun;
    size_t query; /* the next one to be sent */
    size_t next_series;
    struct cursor *cursor; /* of that query; NULL: its result has not begun */
};

/* A series without samples has been asked for as metadata. */
static bool query_wants_samples(const struct read_query *query)
{
    return !query->has_hints || !str_eq(query->hint_function, STR("series"));
}

/* The series' message, into self->series. */
static bool sample_stream_read(struct sample_stream *self, size_t query, struct cursor *cursor,
                               size_t series, struct err *err)
{
    struct buf *out = &self->series;
    buf_clear(out);
    read_put_labels(
        out, self->run.symbols,
        read_labels(&self->run, selection_labels(self->queries[query].selection, series)));
    if (!query_wants_samples(&self->run.request.queries[query]))
        return true;
    struct stored_chunk chunk;
    bool more = true;
    cursor_open(cursor, series);
    while (cursor_next_chunk(cursor, &chunk, &more, err) && more) {
        arena_reset(self->samples.arena);
        if (!read_put_samples(out, &chunk, &self->samples, err) || !read_alive(&self->run, err))
            return false;
    }
    return !more;
}

static bool sample_stream_measure_series(struct sample_stream *self, size_t query, struct err *err)
{
    struct sample_query *q = &self->queries[query];
    struct cursor *cursor = cursor_create(q->selection);
    bool good = true;
    for (size_t i = 0; i < selection_count(q->selection) && good; i++) {
        good = sample_stream_read(self, query, cursor, i, err);
        q->sizes[i] = self->series.len;
        q->size += put_bytes_size(self->series.len);
    }
    cursor_destroy(cursor);
    return good;
}

/* Learns all sizes. The limit is each query's. */
static bool sample_stream_measure(struct sample_stream *self, struct err *err)
{
    size_t count = self->run.request.count;
    self->queries = arena_try_array(self->run.arena, struct sample_query, count, err);
    if (!self->queries)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct sample_query *q = &self->queries[i];
        if (!read_select(&self->run, i, &q->selection, err))
            return false;
        q->sizes = arena_try_array(self->run.arena, uint64_t, selection_count(q->selection), err);
        self->samples.count = 0;
        if (!q->sizes || !sample_stream_measure_series(self, i, err))
            return false;
        self->size += put_bytes_size(q->size);
    }
    self->samples.limit = 0; /* it has been kept */
    return self->size <= UINT32_MAX ||
           err_set(err, ERR_LIMIT, "a message of %llu bytes is larger than snappy packs",
                   (unsigned long long)self->size);
}

/* The next series of the query, behind the head of its result if it is the first; or its end. */
static bool sample_stream_step(struct sample_stream *self, struct err *err)
{
    struct sample_query *q = &self->queries[self->query];
    if (!self->cursor) {
        put_tag(&self->plain, 1, PROTO_BYTES);
        put_uvarint(&self->plain, q->size);
        self->cursor = cursor_create(q->selection);
        self->next_series = 0;
    }
    if (self->next_series < selection_count(q->selection)) {
        if (!sample_stream_read(self, self->query, self->cursor, self->next_series, err))
            return false;
        if (self->series.len != q->sizes[self->next_series])
            return err_set(err, ERR_CORRUPT, "a series has changed while it was read");
        put_bytes(&self->plain, 1, buf_view(&self->series));
        self->next_series++;
        return true;
    }
    cursor_destroy(self->cursor);
    self->cursor = NULL;
    self->query++;
    return true;
}

/* Packs whole pieces, and the last one whatever it has. */
static void sample_stream_pack(struct sample_stream *self, bool last, struct buf *out)
{
    struct buf *plain = &self->plain;
    size_t at = 0;
    while (plain->len - at >= READ_SNAPPY_PIECE || (last && at < plain->len)) {
        size_t size = plain->len - at;
        size = size < READ_SNAPPY_PIECE ? size : READ_SNAPPY_PIECE;
        read_put_snappy(out, (struct str){plain->ptr + at, size});
        at += size;
    }
    memmove(plain->ptr, plain->ptr + at, plain->len - at);
    plain->len -= at;
}

static bool sample_stream_next(struct stream *stream, struct buf *out, bool *ret_more,
                               struct err *err)
{
    struct sample_stream *self = CONTAINER(struct sample_stream, stream, stream);
    if (!self->begun)
        read_put_snappy_size(out, self->size);
    self->begun = true;
    while (self->query < self->run.request.count && self->plain.len < READ_SNAPPY_PIECE)
        if (!sample_stream_step(self, err))
            return false;
    *ret_more = self->query < self->run.request.count;
    if (self->plain.len)
        sample_stream_pack(self, !*ret_more, out);
    return read_alive(&self->run, err);
}

static void sample_stream_fail(struct stream *stream, struct answer *answer, const struct err *err)
{
    answer->header_count = 0; /* it is not packed */
    read_fail(answer, err);
}

static void sample_stream_close(struct stream *stream)
{
    struct sample_stream *self = CONTAINER(struct sample_stream, stream, stream);
    cursor_destroy(self->cursor);
    for (size_t i = 0; self->queries && i < self->run.request.count; i++)
        selection_close(self->queries[i].selection);
    samples_done(&self->samples.floats);
    arena_destroy(self->samples.arena);
    buf_done(&self->series);
    buf_done(&self->plain);
    read_run_done(&self->run);
    free(self);
}

static const struct stream_class sample_stream_class = {
    .next = sample_stream_next,
    .fail = sample_stream_fail,
    .close = sample_stream_close,
};

void read_answer_samples(struct read_run *run, struct answer *answer)
{
    struct sample_stream *self = mem_new(struct sample_stream);
    self->stream.class = &sample_stream_class;
    self->run = *run;
    self->samples.arena = arena_create(&run->server->listing_budget);
    self->samples.limit = (size_t)run->server->options.read_sample_max;
    struct err err;
    err_clear(&err);
    if (!sample_stream_measure(self, &err)) {
        bool limited = err.kind == ERR_BAD_DATA && self->samples.count > self->samples.limit;
        if (limited)
            answer_error_text(answer, 400, err.msg);
        else
            read_fail(answer, &err);
        sample_stream_close(&self->stream);
        return;
    }
    answer->status = 200;
    answer->content_type = "application/x-protobuf";
    answer_header(answer, "Content-Encoding", "snappy");
    answer->stream = &self->stream;
}
