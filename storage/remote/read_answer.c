/*
 *     ReadResponse         1 results { 1 timeseries { 1 labels, 2 samples, 4 histograms } }
 *     Label                1 name string, 2 value string
 *     Sample               1 value double, 2 timestamp int64
 *     Histogram            drawn in write_histogram.c
 *
 *     ChunkedReadResponse  1 chunked_series { 1 labels, 2 chunks }    2 query_index int64
 *     Chunk                1 min_time_ms int64, 2 max_time_ms int64, 3 type enum, 4 data bytes
 */
#include "storage/remote/read_answer.h"

#include <snappy-c.h>

#include "base/crc32c.h"
#include "base/proto_writer.h"
#include "model/symbols.h"
#include "storage/chunk.h"
#include "storage/histogram_reader.h"

size_t read_put_labels(struct buf *out, const struct symbols *symbols, const struct labels *labels)
{
    size_t total = 0;
    for (uint32_t i = 0; i < labels->count; i++) {
        struct str name = symbols_get(symbols, labels->pairs[i].name);
        struct str value = symbols_get(symbols, labels->pairs[i].value);
        size_t size =
            (name.len ? put_bytes_size(name.len) : 0) + (value.len ? put_bytes_size(value.len) : 0);
        put_tag(out, 1, PROTO_BYTES);
        put_uvarint(out, size);
        put_bytes_set(out, 1, name);
        put_bytes_set(out, 2, value);
        total += size;
    }
    return total;
}

static size_t number_size(uint64_t v)
{
    return v ? 1 + uvarint_size(v) : 0;
}

size_t read_put_chunk(struct buf *out, const struct stored_chunk *chunk)
{
    size_t size = number_size((uint64_t)chunk->begin_ms) + number_size((uint64_t)chunk->end_ms) +
                  number_size(chunk->encoding) + put_bytes_size(chunk->size);
    put_tag(out, 2, PROTO_BYTES);
    put_uvarint(out, size);
    put_number_set(out, 1, (uint64_t)chunk->begin_ms);
    put_number_set(out, 2, (uint64_t)chunk->end_ms);
    put_number_set(out, 3, chunk->encoding);
    put_bytes(out, 4, (struct str){(const char *)chunk->data, chunk->size});
    return size;
}

static bool read_count(struct read_samples *samples, size_t more, struct err *err)
{
    samples->count += more;
    return samples->limit == 0 || samples->count <= samples->limit ||
           err_set(err, ERR_BAD_DATA, "exceeded sample limit (%zu)", samples->limit);
}

static bool read_put_floats(struct buf *out, const struct stored_chunk *chunk,
                            struct read_samples *samples, struct err *err)
{
    struct samples *floats = &samples->floats;
    floats->count = 0;
    if (!chunk_decode(chunk->encoding, chunk->data, chunk->size, floats, err) ||
        !read_count(samples, floats->count, err))
        return false;
    for (size_t i = 0; i < floats->count; i++) {
        double v = floats->values[i];
        uint64_t t = (uint64_t)floats->times_ms[i];
        put_tag(out, 2, PROTO_BYTES);
        buf_byte(out, (char)((v != 0 ? 9 : 0) + number_size(t)));
        put_double_set(out, 1, v);
        put_number_set(out, 2, t);
    }
    return true;
}

static void put_spans(struct buf *out, uint32_t number, const struct raw_side *side)
{
    for (uint32_t i = 0; i < side->span_count; i++) {
        uint64_t offset = (uint32_t)proto_zigzag(side->spans[i].offset);
        put_tag(out, number, PROTO_BYTES);
        put_uvarint(out, number_size(offset) + number_size(side->spans[i].length));
        put_number_set(out, 1, offset);
        put_number_set(out, 2, side->spans[i].length);
    }
}

/* Integers as differences, each to the bucket before; floats as they are: both packed. */
static void put_buckets(struct buf *out, uint32_t deltas, uint32_t counts, bool is_float,
                        const struct raw_side *side)
{
    if (side->bucket_count == 0)
        return;
    if (is_float) {
        put_bytes(out, counts,
                  (struct str){(const char *)side->buckets, side->bucket_count * sizeof(double)});
        return;
    }
    size_t size = 0;
    uint64_t before = 0;
    for (uint32_t i = 0; i < side->bucket_count; before = side->buckets[i++])
        size += uvarint_size(proto_zigzag((int64_t)(side->buckets[i] - before)));
    put_tag(out, deltas, PROTO_BYTES);
    put_uvarint(out, size);
    before = 0;
    for (uint32_t i = 0; i < side->bucket_count; before = side->buckets[i++])
        put_uvarint(out, proto_zigzag((int64_t)(side->buckets[i] - before)));
}

static void put_histogram(struct buf *out, const struct raw_histogram *h, int64_t t_ms)
{
    if (h->is_float)
        put_double(out, 2, value_of_bits(h->count));
    else
        put_number(out, 1, h->count);
    put_double_set(out, 3, h->sum);
    put_number_set(out, 4, (uint32_t)proto_zigzag(h->schema));
    put_double_set(out, 5, h->zero_threshold);
    if (h->is_float)
        put_double(out, 7, value_of_bits(h->zero_count));
    else
        put_number(out, 6, h->zero_count);
    put_spans(out, 8, &h->sides[1]);
    put_buckets(out, 9, 10, h->is_float, &h->sides[1]);
    put_spans(out, 11, &h->sides[0]);
    put_buckets(out, 12, 13, h->is_float, &h->sides[0]);
    put_number_set(out, 14, h->hint);
    put_number_set(out, 15, (uint64_t)t_ms);
    if (h->custom_bound_count)
        put_bytes(
            out, 16,
            (struct str){(const char *)h->custom_bounds, h->custom_bound_count * sizeof(double)});
}

/* The last one read, as Prometheus's readers give it: a stale marker has nothing but its sum. */
static struct raw_histogram read_histogram(const struct histogram_reader *reader,
                                           struct arena *arena)
{
    if (histogram_reader_is_stale(reader))
        return (struct raw_histogram){.is_float = reader->is_float, .sum = reader->sum};
    struct raw_histogram h = histogram_reader_raw(reader, arena);
    if (h.schema > HISTOGRAM_SCHEMA_MAX)
        raw_histogram_reduce(&h, HISTOGRAM_SCHEMA_MAX, arena);
    return h;
}

static bool read_put_histograms(struct buf *out, const struct stored_chunk *chunk,
                                struct read_samples *samples, struct err *err)
{
    struct histogram_reader reader;
    if (!histogram_reader_open(&reader, chunk->encoding, chunk->data, chunk->size, samples->arena,
                               err) ||
        !read_count(samples, reader.sample_count, err))
        return false;
    AUTO(buf_done) struct buf message = {0};
    for (size_t i = 0; i < reader.sample_count; i++) {
        if (!histogram_reader_next(&reader, NULL))
            return err_set(err, ERR_CORRUPT, "histogram chunk is cut short or garbled");
        struct raw_histogram h = read_histogram(&reader, samples->arena);
        if (i == 0 && chunk->goes_on && h.hint == HISTOGRAM_UNKNOWN && !raw_histogram_is_stale(&h))
            h.hint = HISTOGRAM_NOT_RESET;
        buf_clear(&message);
        put_histogram(&message, &h, reader.t_ms);
        put_bytes(out, 4, buf_view(&message));
    }
    return true;
}

bool read_put_samples(struct buf *out, const struct stored_chunk *chunk,
                      struct read_samples *samples, struct err *err)
{
    return chunk_encoding_is_float(chunk->encoding) ? read_put_floats(out, chunk, samples, err)
                                                    : read_put_histograms(out, chunk, samples, err);
}

void read_put_frame(struct buf *out, struct str series, size_t query_index)
{
    size_t size = put_bytes_size(series.len) + number_size(query_index);
    put_uvarint(out, size);
    size_t sum = out->len;
    buf_reserve(out, 4 + size);
    out->len += 4;
    put_bytes(out, 1, series);
    put_number_set(out, 2, query_index);
    store_be32((uint8_t *)out->ptr + sum, crc32c(out->ptr + sum + 4, size));
}

void read_put_snappy_size(struct buf *out, uint64_t size)
{
    put_uvarint(out, size);
}

void read_put_snappy(struct buf *out, struct str piece)
{
    size_t size = snappy_max_compressed_length(piece.len);
    char *at = buf_reserve(out, size);
    snappy_compress(piece.ptr, piece.len, at, &size);
    size_t head = uvarint_size(piece.len); /* the piece's own size is told by the whole's */
    memmove(at, at + head, size - head);
    out->len += size - head;
}
