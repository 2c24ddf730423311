/*
 * The messages are drawn in read_answer.c. A frame: its length as uvarint, CRC-32C big endian, and
 * a ChunkedReadResponse.
 */
#include "storage/remote/read_spool.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "base/proto_reader.h"
#include "base/quote.h"
#include "base/varint.h"
#include "storage/chunk.h"
#include "storage/chunk_pack.h"
#include "storage/remote/snappy_block.h"
#include "storage/remote/write_request.h"

/* How many bytes are asked for at once. */
#define PIECE_SIZE ((size_t)64 << 10)

/* One answer on its way. */
struct taker {
    struct read_body *body;
    const struct read_limits *limits;
    struct spool *spool;
    struct buf bytes; /* read, and from `taken` on not used yet */
    size_t taken;
    size_t charged; /* of what `bytes` holds */
    bool ended;
    struct buf labels; /* of the extent that is made */
    struct buf chunks;
    bool has_histograms;
};

static void taker_done(struct taker *taker)
{
    budget_release(taker->limits->memory, taker->charged);
    buf_done(&taker->bytes);
    buf_done(&taker->labels);
    buf_done(&taker->chunks);
}

/* More bytes behind those that are there, of which the used ones go first. */
static bool taker_pull(struct taker *taker, struct err *err)
{
    struct buf *bytes = &taker->bytes;
    if (taker->taken > 0)
        memmove(bytes->ptr, bytes->ptr + taker->taken, bytes->len - taker->taken);
    bytes->len -= taker->taken;
    taker->taken = 0;
    /* What a frame holds lies here twice for a moment, in its extent as well. */
    size_t needed = 2 * (bytes->len + PIECE_SIZE);
    if (needed > taker->charged) {
        size_t more = needed - taker->charged;
        if (!budget_charge(taker->limits->memory, more, err))
            return false;
        taker->charged = needed;
    }
    size_t got;
    char *at = buf_reserve(bytes, PIECE_SIZE);
    if (!taker->body->class->read(taker->body, at, PIECE_SIZE, &got, err))
        return false;
    bytes->len += got;
    taker->ended = got == 0;
    return true;
}

/* Has at least so many bytes, or all there are. */
static bool taker_need(struct taker *taker, size_t len, struct err *err)
{
    while (taker->bytes.len - taker->taken < len && !taker->ended)
        if (!taker_pull(taker, err))
            return false;
    return true;
}

static bool extent_end(struct taker *taker, struct err *err)
{
    struct extent_head head = {
        .labels_size = (uint32_t)taker->labels.len,
        .chunks_size = (uint32_t)taker->chunks.len,
        .flags = taker->has_histograms ? EXTENT_HAS_HISTOGRAMS : 0,
    };
    if (taker->labels.len > UINT32_MAX || taker->chunks.len > UINT32_MAX)
        return err_set(err, ERR_LIMIT, "a series has more than 4 GiB in one answer");
    return spool_append(taker->spool, &head, sizeof head, err) &&
           spool_append(taker->spool, taker->labels.ptr, taker->labels.len, err) &&
           spool_append(taker->spool, taker->chunks.ptr, taker->chunks.len, err);
}

static void extent_begin(struct taker *taker)
{
    buf_clear(&taker->labels);
    buf_clear(&taker->chunks);
    taker->has_histograms = false;
}

static bool extent_put_label(struct taker *taker, struct str name, struct str value,
                             struct err *err)
{
    if (name.len == 0 || !utf8_valid(name))
        return err_set(err, ERR_CORRUPT, "invalid label name: %.*s", STR_ARGS(name));
    if (!utf8_valid(value))
        return err_set(err, ERR_CORRUPT, "invalid label value: %.*s", STR_ARGS(value));
    struct spooled_label label = {(uint32_t)name.len, (uint32_t)value.len};
    buf_append(&taker->labels, &label, sizeof label);
    buf_str(&taker->labels, name);
    buf_str(&taker->labels, value);
    return true;
}

static bool extent_put_chunk(struct taker *taker, int64_t begin_ms, int64_t end_ms,
                             uint64_t encoding, struct str data, struct err *err)
{
    if (encoding == CHUNK_NONE || encoding > CHUNK_FLOAT_HISTOGRAM_ST)
        return err_set(err, ERR_CORRUPT, "a chunk of the unknown encoding %llu",
                       (unsigned long long)encoding);
    if (begin_ms > end_ms)
        return err_set(err, ERR_CORRUPT, "a chunk that ends before it begins");
    struct spooled_chunk chunk = {begin_ms, end_ms, (uint32_t)data.len, (uint32_t)encoding};
    buf_append(&taker->chunks, &chunk, sizeof chunk);
    buf_str(&taker->chunks, data);
    taker->has_histograms |= !chunk_encoding_is_float((uint8_t)encoding);
    return true;
}

static bool take_label(struct taker *taker, struct proto_reader r)
{
    struct str name = STR(""), value = STR("");
    while (proto_next(&r))
        switch (r.number) {
        case 1:
            name = proto_bytes(&r, "Name");
            break;
        case 2:
            value = proto_bytes(&r, "Value");
            break;
        default:
            proto_skip(&r);
        }
    return proto_good(&r) && extent_put_label(taker, name, value, r.err);
}

static bool take_chunk(struct taker *taker, struct proto_reader r)
{
    int64_t begin_ms = 0, end_ms = 0;
    uint64_t encoding = CHUNK_NONE;
    struct str data = STR("");
    while (proto_next(&r))
        switch (r.number) {
        case 1:
            begin_ms = (int64_t)proto_number(&r, "MinTimeMs");
            break;
        case 2:
            end_ms = (int64_t)proto_number(&r, "MaxTimeMs");
            break;
        case 3:
            encoding = proto_number(&r, "Type");
            break;
        case 4:
            data = proto_bytes(&r, "Data");
            break;
        default:
            proto_skip(&r);
        }
    return proto_good(&r) && extent_put_chunk(taker, begin_ms, end_ms, encoding, data, r.err);
}

static bool take_series(struct taker *taker, struct proto_reader r)
{
    bool good = true;
    extent_begin(taker);
    while (good && proto_next(&r))
        switch (r.number) {
        case 1:
            good = take_label(taker, proto_message(&r, "Labels", "Label"));
            break;
        case 2:
            good = take_chunk(taker, proto_message(&r, "Chunks", "Chunk"));
            break;
        default:
            proto_skip(&r);
        }
    return good && proto_good(&r) && extent_end(taker, r.err);
}

static bool take_frame(struct taker *taker, struct str frame, struct err *err)
{
    struct proto_reader r = proto_reader_of(frame, "ChunkedReadResponse", err);
    bool good = true;
    while (good && proto_next(&r))
        switch (r.number) {
        case 1:
            good = take_series(taker, proto_message(&r, "ChunkedSeries", "ChunkedSeries"));
            break;
        case 2:
            if (proto_number(&r, "QueryIndex") != 0)
                return err_set(err, ERR_CORRUPT, "an answer to a query that was not asked");
            break;
        default:
            proto_skip(&r);
        }
    if (good && proto_good(&r))
        return true;
    if (err->kind == ERR_BAD_DATA)
        err->kind = ERR_CORRUPT; /* their mistake, not that of who asks us */
    return false;
}

/* The size of the next frame. *ret_more false: there is none. */
static bool take_size(struct taker *taker, size_t *ret_size, bool *ret_more, struct err *err)
{
    if (!taker_need(taker, VARINT_SIZE_MAX + 4, err))
        return false;
    struct bytes_reader r =
        bytes_reader_of(taker->bytes.ptr + taker->taken, taker->bytes.len - taker->taken);
    *ret_more = read_left(&r) > 0;
    if (!*ret_more)
        return true;
    size_t before = read_left(&r);
    uint64_t size = read_uvarint(&r);
    if (r.failed)
        return err_set(err, ERR_CORRUPT, "the answer breaks off in the length of a frame");
    if (size > taker->limits->frame_size_max)
        return err_set(err, ERR_CORRUPT,
                       "message size exceeded the limit %zu bytes; got: %llu bytes",
                       taker->limits->frame_size_max, (unsigned long long)size);
    taker->taken += before - read_left(&r);
    *ret_size = (size_t)size;
    return true;
}

bool read_spool_frames(struct read_body *body, const struct read_limits *limits,
                       struct spool *spool, struct err *err)
{
    struct taker taker = {.body = body, .limits = limits, .spool = spool};
    bool good = true, more = true;
    while (good) {
        size_t size = 0;
        good = take_size(&taker, &size, &more, err) && more && taker_need(&taker, 4 + size, err);
        if (!good)
            break;
        const char *at = taker.bytes.ptr + taker.taken;
        if (taker.bytes.len - taker.taken < 4 + size)
            good = err_set(err, ERR_CORRUPT, "the answer breaks off in a frame");
        else if (load_be32((const uint8_t *)at) != crc32c(at + 4, size))
            good = err_set(err, ERR_CORRUPT, "corrupted frame; checksum mismatch");
        else
            good = take_frame(&taker, (struct str){at + 4, size}, err);
        taker.taken += 4 + size;
    }
    taker_done(&taker);
    return good || !more;
}

/* Samples and histograms of a series, in order of time, become chunks. */
static bool take_sampled(struct taker *taker, const struct append_series *series,
                         struct chunk_pack *pack, struct err *err)
{
    extent_begin(taker);
    for (size_t i = 0; i < series->label_count; i++)
        if (!extent_put_label(taker, series->labels[i].name, series->labels[i].value, err))
            return false;
    size_t next = 0, next_histogram = 0;
    bool any = false;
    int64_t last_ms = 0;
    chunk_pack_begin(pack, 0);
    while (next < series->sample_count || next_histogram < series->histogram_count) {
        const struct append_sample *sample = &series->samples[next];
        const struct append_histogram *histogram = &series->histograms[next_histogram];
        bool is_float = next < series->sample_count && (next_histogram == series->histogram_count ||
                                                        sample->t_ms <= histogram->t_ms);
        int64_t t_ms = is_float ? sample->t_ms : histogram->t_ms;
        if (any && t_ms <= last_ms)
            return err_set(err, ERR_CORRUPT, "samples whose times do not rise");
        if (is_float)
            chunk_pack_float(pack, t_ms, 0, sample->v);
        else
            chunk_pack_histogram(pack, t_ms, 0, &histogram->raw);
        next += is_float;
        next_histogram += !is_float;
        any = true;
        last_ms = t_ms;
    }
    chunk_pack_end(pack);
    for (size_t i = 0; i < pack->count; i++) {
        const struct packed_chunk *chunk = &pack->chunks[i];
        struct str data = {pack->bytes.ptr + chunk->at, chunk->size};
        if (!extent_put_chunk(taker, chunk->begin_ms, chunk->end_ms, chunk->encoding, data, err))
            return false;
    }
    return extent_end(taker, err);
}

static bool check_histograms(const struct append_series *series, struct arena *arena,
                             struct err *err)
{
    for (size_t i = 0; i < series->histogram_count; i++)
        if (!raw_histogram_is_stale(&series->histograms[i].raw) &&
            !raw_histogram_check(&series->histograms[i].raw, arena, err))
            return false;
    return true;
}

/* A result has the shape of a remote write request: both hold TimeSeries in field 1. */
static bool take_result(struct taker *taker, struct str result, struct err *err)
{
    static const struct write_options no_limits = {0};
    AUTO(arena_destroy) struct arena *arena = arena_create(taker->limits->memory);
    struct write_request request = {0};
    if (!write_request_decode_1(result, &no_limits, arena, &request, err))
        return false;
    struct chunk_pack pack = {0};
    bool good = true;
    for (size_t i = 0; i < request.count && good; i++)
        good = check_histograms(&request.series[i], arena, err) &&
               take_sampled(taker, &request.series[i], &pack, err);
    chunk_pack_done(&pack);
    return good && arena_check(arena, err);
}

static bool take_answer(struct taker *taker, struct str message, struct err *err)
{
    struct proto_reader r = proto_reader_of(message, "ReadResponse", err);
    size_t result_count = 0;
    bool good = true;
    while (good && proto_next(&r))
        if (r.number == 1) {
            struct str result = proto_bytes(&r, "Results");
            good = proto_good(&r) && ++result_count == 1 && take_result(taker, result, err);
        } else {
            proto_skip(&r);
        }
    if (result_count > 1 || (good && proto_good(&r) && result_count == 0))
        return err_set(err, ERR_CORRUPT, "responses: want 1, got %zu", result_count);
    return good && proto_good(&r);
}

bool read_spool_samples(struct read_body *body, const struct read_limits *limits,
                        struct spool *spool, struct err *err)
{
    struct taker taker = {.body = body, .limits = limits, .spool = spool};
    AUTO(arena_destroy) struct arena *arena = arena_create(limits->memory);
    bool good = true;
    while (good && !taker.ended)
        good = taker_pull(&taker, err);
    size_t size = 0;
    char *message = NULL;
    if (good && snappy_block_size(buf_view(&taker.bytes), &size, err))
        message = arena_try_array(arena, char, size, err);
    good = good && message && snappy_block_unpack(buf_view(&taker.bytes), message, size, err) &&
           take_answer(&taker, (struct str){message, size}, err);
    if (!good && err->kind == ERR_BAD_DATA)
        err->kind = ERR_CORRUPT;
    taker_done(&taker);
    return good;
}
