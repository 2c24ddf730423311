/*
 * Hands on the chunks of a series. A group of chunks that overlap is read as samples, and packed;
 * so is a chunk that has deleted samples, or some outside of the range asked for, but one sample
 * after the other as they stand in it, so that integers stay integers of any size.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "storage/chunk.h"
#include "storage/chunk_pack.h"
#include "storage/db_cursor.h"
#include "storage/histogram_reader.h"

struct db_repack {
    struct chunk_pack pack;
    size_t next;  /* of its chunks */
    bool goes_on; /* the first of them does */
    struct samples samples;
    struct histogram_samples histograms;
    struct arena *arena; /* of the chunk that is read sample by sample */
};

static struct db_repack *db_repack_of(struct db_cursor *cursor)
{
    if (cursor->repack)
        return cursor->repack;
    struct db_repack *repack = mem_new(struct db_repack);
    repack->arena = arena_create(NULL);
    repack->samples.wants_starts = true;
    repack->samples.histograms = &repack->histograms;
    cursor->repack = repack;
    return repack;
}

void db_repack_reset(struct db_repack *repack)
{
    chunk_pack_begin(&repack->pack, 0);
    repack->next = 0;
    repack->samples.count = 0;
    histogram_samples_clear(&repack->histograms);
    arena_reset(repack->arena);
}

void db_repack_destroy(struct db_repack *repack)
{
    if (!repack)
        return;
    chunk_pack_done(&repack->pack);
    samples_done(&repack->samples);
    histogram_samples_done(&repack->histograms);
    arena_destroy(repack->arena);
    free(repack);
}

static bool db_chunk_is_whole(const struct db_cursor *cursor, const struct db_piece *piece)
{
    const struct db_selection *selection = cursor->selection;
    if (piece->begin_ms < selection->begin_ms || piece->end_ms > selection->end_ms)
        return false;
    for (size_t i = 0; i < piece->deleted_count; i++)
        if (piece->deleted[i].begin_ms <= piece->end_ms &&
            piece->deleted[i].end_ms >= piece->begin_ms)
            return false;
    return true;
}

static bool db_chunk_wants(const struct db_cursor *cursor, const struct db_piece *piece,
                           int64_t t_ms)
{
    return t_ms >= cursor->selection->begin_ms && t_ms <= cursor->selection->end_ms &&
           !time_ranges_cover(piece->deleted, piece->deleted_count,
                              (struct time_range){t_ms, t_ms});
}

static bool db_repack_histograms(struct db_cursor *cursor, const struct db_piece *piece,
                                 const struct chunk_bytes *chunk, struct err *err)
{
    struct db_repack *repack = cursor->repack;
    struct histogram_reader reader;
    if (!histogram_reader_open(&reader, chunk->encoding, chunk->data, chunk->size, repack->arena,
                               err))
        return false;
    bool any = false;
    for (size_t i = 0; i < reader.sample_count; i++) {
        int64_t before_ms = reader.t_ms;
        if (!histogram_reader_next(&reader, NULL))
            return err_set(err, ERR_CORRUPT, "histogram chunk is cut short or garbled");
        if (i > 0 && reader.t_ms <= before_ms)
            return err_set(err, ERR_CORRUPT, "histogram chunk with times that do not rise");
        if (!db_chunk_wants(cursor, piece, reader.t_ms))
            continue;
        struct raw_histogram raw = histogram_reader_raw(&reader, repack->arena);
        chunk_pack_histogram(&repack->pack, reader.t_ms, reader.start_ms, &raw);
        if (!any)
            repack->goes_on = i > 0;
        any = true;
    }
    return true;
}

static bool db_repack_floats(struct db_cursor *cursor, const struct db_piece *piece,
                             const struct chunk_bytes *chunk, struct err *err)
{
    struct db_repack *repack = cursor->repack;
    struct samples *samples = &repack->samples;
    if (!chunk_decode(chunk->encoding, chunk->data, chunk->size, samples, err))
        return false;
    for (size_t i = 0; i < samples->count; i++)
        if (db_chunk_wants(cursor, piece, samples->times_ms[i]))
            chunk_pack_float(&repack->pack, samples->times_ms[i], samples->starts_ms[i],
                             samples->values[i]);
    return true;
}

/* The samples wanted of the next piece, which overlaps no other one. */
static bool db_repack_alone(struct db_cursor *cursor, struct err *err)
{
    const struct db_piece *piece = &cursor->pieces[cursor->piece_next];
    struct db_repack *repack = db_repack_of(cursor);
    struct chunk_bytes chunk;
    if (!db_cursor_bytes(cursor, piece, &chunk, err))
        return false;
    db_repack_reset(repack);
    repack->goes_on = false;
    chunk_pack_begin(&repack->pack, chunk.encoding);
    if (!(chunk_encoding_is_float(chunk.encoding)
              ? db_repack_floats(cursor, piece, &chunk, err)
              : db_repack_histograms(cursor, piece, &chunk, err)))
        return db_cursor_chunk_err(cursor, piece, err);
    chunk_pack_end(&repack->pack);
    if (repack->pack.count) {
        /* As db_cursor_lose_hint: another source's histogram is not told against ours. */
        if (cursor->chained && (!cursor->any || piece->source != cursor->last_source))
            repack->goes_on = false;
        cursor->last_source = piece->source;
        cursor->any = true;
    }
    cursor->piece_next++;
    return true;
}

static bool db_repack_group(struct db_cursor *cursor, size_t count, struct err *err)
{
    struct db_repack *repack = db_repack_of(cursor);
    db_repack_reset(repack);
    repack->goes_on = false;
    if (!db_cursor_next_group(cursor, count, &repack->samples, err))
        return false;
    chunk_pack_samples(&repack->pack, &repack->samples, cursor->selection->begin_ms,
                       cursor->selection->end_ms);
    cursor->any = true;
    return true;
}

/* The next chunk of those that were packed; false: there is none left. */
static bool db_repack_next(struct db_repack *repack, struct stored_chunk *ret_chunk)
{
    if (!repack || repack->next == repack->pack.count)
        return false;
    const struct packed_chunk *chunk = &repack->pack.chunks[repack->next];
    *ret_chunk = (struct stored_chunk){
        .begin_ms = chunk->begin_ms,
        .end_ms = chunk->end_ms,
        .data = (const uint8_t *)repack->pack.bytes.ptr + chunk->at,
        .size = chunk->size,
        .encoding = chunk->encoding,
        .goes_on = repack->next == 0 && repack->goes_on,
    };
    repack->next++;
    return true;
}

static bool db_chunk_whole(struct db_cursor *cursor, struct stored_chunk *ret_chunk,
                           struct err *err)
{
    const struct db_piece *piece = &cursor->pieces[cursor->piece_next];
    struct chunk_bytes chunk;
    if (!db_cursor_bytes(cursor, piece, &chunk, err))
        return false;
    *ret_chunk = (struct stored_chunk){
        .begin_ms = piece->begin_ms,
        .end_ms = piece->end_ms,
        .data = chunk.data,
        .size = chunk.size,
        .encoding = chunk.encoding,
    };
    cursor->last_source = piece->source;
    cursor->any = true;
    cursor->piece_next++;
    return true;
}

bool db_cursor_next_chunk(struct cursor *base, struct stored_chunk *ret_chunk, bool *ret_more,
                          struct err *err)
{
    struct db_cursor *cursor = db_cursor_of(base);
    if (!cursor->opened && !db_cursor_load(cursor, err))
        return false;
    db_selection_has_read(cursor->selection); /* what the call before lent may go */
    *ret_more = true;
    while (!db_repack_next(cursor->repack, ret_chunk)) {
        if (cursor->piece_next == cursor->piece_count) {
            *ret_more = false;
            return true;
        }
        size_t count = db_cursor_group(cursor);
        if (count == 1 && db_chunk_is_whole(cursor, &cursor->pieces[cursor->piece_next]))
            return db_chunk_whole(cursor, ret_chunk, err);
        if (!(count == 1 ? db_repack_alone(cursor, err) : db_repack_group(cursor, count, err)))
            return false;
    }
    return true;
}
