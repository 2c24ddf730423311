/*
 * Numbers are big endian; texts and labels are as in wal_record.c.
 *
 *     series      1 | ref u64 | labels | 0 u64 | has a chunk uvarint
 *                 | begin ms u64 | end ms u64 | encoding u8 | size uvarint | data | last
 *         last    of floats: 3 * (0 u64 | 0 u64) | 0 u64 | v u64     there were four samples once
 *                 of histograms: the body of wal_histogram.c
 *     tombstones  2 | size uvarint | 1 | { ref uvarint | begin varint | end varint }
 *     exemplars   3 | the entries of a record of exemplars in the WAL
 *
 * What is told of the last sample stands in the chunk, too, and is taken from there.
 */
#include "storage/snapshot_record.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/varint.h"
#include "storage/chunk.h"
#include "storage/wal_encode.h"

#define FLOAT_LAST_SIZE 64
#define TOMBSTONES_VERSION 1

void snapshot_series_done(struct snapshot_series *series)
{
    free(series->labels);
    *series = (struct snapshot_series){0};
}

static struct str read_text(struct bytes_reader *r)
{
    uint64_t len = read_uvarint(r);
    const uint8_t *bytes = len <= read_left(r) ? read_bytes(r, (size_t)len) : NULL;
    if (!bytes) {
        r->failed = true;
        r->at = r->end;
        return (struct str){0};
    }
    return (struct str){(const char *)bytes, (size_t)len};
}

static void read_labels(struct bytes_reader *r, struct snapshot_series *series)
{
    uint64_t count = read_uvarint(r);
    if (count > read_left(r) / 2)
        r->failed = true;
    series->label_count = 0;
    for (uint64_t i = 0; i < count && !r->failed; i++) {
        struct wal_label label = {.name = read_text(r)};
        label.value = read_text(r);
        mem_grow(series->labels, struct wal_label, series->label_count, &series->label_cap);
        series->labels[series->label_count++] = label;
    }
}

static bool encoding_is_float(uint8_t encoding)
{
    return encoding == CHUNK_XOR || encoding == CHUNK_XOR2;
}

static bool read_chunk(struct bytes_reader *r, struct snapshot_chunk *chunk)
{
    chunk->begin_ms = (int64_t)read_be64(r);
    chunk->end_ms = (int64_t)read_be64(r);
    chunk->encoding = read_u8(r);
    struct str data = read_text(r);
    chunk->data = (const uint8_t *)data.ptr;
    chunk->size = data.len;
    bool known = chunk->encoding >= CHUNK_XOR && chunk->encoding <= CHUNK_FLOAT_HISTOGRAM_ST;
    if (r->failed || !known || data.len == 0)
        return false;
    return encoding_is_float(chunk->encoding) ? read_left(r) == FLOAT_LAST_SIZE : read_left(r) > 0;
}

bool snapshot_series_decode(const uint8_t *bytes, size_t size, struct snapshot_series *series,
                            struct err *err)
{
    struct bytes_reader r = bytes_reader_of(bytes, size);
    uint8_t type = read_u8(&r);
    series->ref = read_be64(&r);
    read_labels(&r, series);
    read_be64(&r);
    uint64_t has_chunk = read_uvarint(&r);
    series->chunk = (struct snapshot_chunk){0};
    bool good = !r.failed && type == SNAPSHOT_SERIES && series->label_count > 0;
    if (!good || (has_chunk != 0 && !read_chunk(&r, &series->chunk)))
        return err_set(err, ERR_CORRUPT, "a series of %zu bytes breaks off, or is none", size);
    return true;
}

static void put_be64(struct buf *out, uint64_t v)
{
    buf_reserve(out, sizeof v);
    store_be64((uint8_t *)out->ptr + out->len, v);
    out->len += sizeof v;
}

static void put_uvarint(struct buf *out, uint64_t v)
{
    buf_reserve(out, VARINT_SIZE_MAX);
    out->len += write_uvarint((uint8_t *)out->ptr + out->len, v);
}

static void put_varint(struct buf *out, int64_t v)
{
    buf_reserve(out, VARINT_SIZE_MAX);
    out->len += write_varint((uint8_t *)out->ptr + out->len, v);
}

static void put_text(struct buf *out, struct str text)
{
    put_uvarint(out, text.len);
    buf_str(out, text);
}

void snapshot_series_encode(struct buf *out, uint64_t ref, const struct wal_label *labels,
                            size_t label_count, const struct snapshot_chunk *chunk, double last_v,
                            const struct raw_histogram *histogram)
{
    buf_byte(out, SNAPSHOT_SERIES);
    put_be64(out, ref);
    put_uvarint(out, label_count);
    for (size_t i = 0; i < label_count; i++) {
        put_text(out, labels[i].name);
        put_text(out, labels[i].value);
    }
    put_be64(out, 0);
    put_uvarint(out, chunk->data != NULL);
    if (!chunk->data)
        return;
    put_be64(out, (uint64_t)chunk->begin_ms);
    put_be64(out, (uint64_t)chunk->end_ms);
    buf_byte(out, (char)chunk->encoding);
    put_text(out, (struct str){(const char *)chunk->data, chunk->size});
    if (histogram) {
        wal_encode_histogram_body(out, histogram);
        return;
    }
    for (int i = 0; i < 7; i++)
        put_be64(out, 0);
    put_be64(out, value_bits(last_v));
}

bool snapshot_tombstones_decode(const uint8_t *bytes, size_t size,
                                void (*take)(void *context, uint64_t ref, struct time_range range),
                                void *context, struct err *err)
{
    struct bytes_reader r = bytes_reader_of(bytes, size);
    bool good = read_u8(&r) == SNAPSHOT_TOMBSTONES;
    good &= read_uvarint(&r) == read_left(&r);
    good &= read_u8(&r) == TOMBSTONES_VERSION;
    while (good && !r.failed && r.at < r.end) {
        uint64_t ref = read_uvarint(&r);
        struct time_range range = {.begin_ms = read_varint(&r)};
        range.end_ms = read_varint(&r);
        if (!r.failed && range.begin_ms <= range.end_ms)
            take(context, ref, range);
    }
    return (good && !r.failed) ||
           err_set(err, ERR_CORRUPT, "deleted ranges of %zu bytes break off", size);
}

void snapshot_tombstones_encode(struct buf *out, size_t size)
{
    buf_byte(out, SNAPSHOT_TOMBSTONES);
    put_uvarint(out, 1 + size);
    buf_byte(out, TOMBSTONES_VERSION);
}

void snapshot_tombstone_encode(struct buf *out, uint64_t ref, struct time_range range)
{
    put_uvarint(out, ref);
    put_varint(out, range.begin_ms);
    put_varint(out, range.end_ms);
}
