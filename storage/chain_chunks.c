/*
 * Hands on the chunks of a series. A group of chunks that overlap is read as samples, and packed;
 * so is a chunk that has deleted samples, or some outside of the range asked for, but one sample
 * after the other as they stand in it, so that integers stay integers of any size.
 */
#include <stdlib.h>

#include "base/file_map.h"
#include "base/mem.h"
#include "storage/chain.h"
#include "storage/chunk.h"
#include "storage/chunk_pack.h"
#include "storage/histogram_reader.h"
#include "storage/tombstones.h"

struct chain_repack {
    struct chunk_pack pack;
    size_t next;  /* of its chunks */
    bool goes_on; /* the first of them does */
    struct samples samples;
    struct histogram_samples histograms;
    struct arena *arena; /* of the chunk that is read sample by sample */
};

static struct chain_repack *chain_repack_of(struct chain *chain)
{
    if (chain->repack)
        return chain->repack;
    struct chain_repack *repack = mem_new(struct chain_repack);
    repack->arena = arena_create(NULL);
    repack->samples.wants_starts = true;
    repack->samples.histograms = &repack->histograms;
    chain->repack = repack;
    return repack;
}

void chain_repack_reset(struct chain_repack *repack)
{
    chunk_pack_begin(&repack->pack, 0);
    repack->next = 0;
    repack->samples.count = 0;
    histogram_samples_clear(&repack->histograms);
    arena_reset(repack->arena);
}

void chain_repack_destroy(struct chain_repack *repack)
{
    if (!repack)
        return;
    chunk_pack_done(&repack->pack);
    samples_done(&repack->samples);
    histogram_samples_done(&repack->histograms);
    arena_destroy(repack->arena);
    free(repack);
}

static bool chain_chunk_is_whole(const struct chain *chain, const struct chain_piece *piece)
{
    if (piece->begin_ms < chain->begin_ms || piece->end_ms > chain->end_ms)
        return false;
    for (size_t i = 0; i < piece->deleted_count; i++)
        if (piece->deleted[i].begin_ms <= piece->end_ms &&
            piece->deleted[i].end_ms >= piece->begin_ms)
            return false;
    return true;
}

static bool chain_chunk_wants(const struct chain *chain, const struct chain_piece *piece,
                              int64_t t_ms)
{
    return t_ms >= chain->begin_ms && t_ms <= chain->end_ms &&
           !time_ranges_cover(piece->deleted, piece->deleted_count,
                              (struct time_range){t_ms, t_ms});
}

static bool chain_repack_histograms(struct chain *chain, const struct chain_piece *piece,
                                    const struct chunk_bytes *chunk, struct err *err)
{
    struct chain_repack *repack = chain->repack;
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
        if (!chain_chunk_wants(chain, piece, reader.t_ms))
            continue;
        struct raw_histogram raw = histogram_reader_raw(&reader, repack->arena);
        chunk_pack_histogram(&repack->pack, reader.t_ms, reader.start_ms, &raw);
        if (!any)
            repack->goes_on = i > 0;
        any = true;
    }
    return true;
}

static bool chain_repack_floats(struct chain *chain, const struct chain_piece *piece,
                                const struct chunk_bytes *chunk, struct err *err)
{
    struct chain_repack *repack = chain->repack;
    struct samples *samples = &repack->samples;
    if (!chunk_decode(chunk->encoding, chunk->data, chunk->size, samples, err))
        return false;
    for (size_t i = 0; i < samples->count; i++)
        if (chain_chunk_wants(chain, piece, samples->times_ms[i]))
            chunk_pack_float(&repack->pack, samples->times_ms[i], samples->starts_ms[i],
                             samples->values[i]);
    return true;
}

/* The samples wanted of the next piece, which overlaps no other one. */
static bool chain_repack_alone(struct chain *chain, struct err *err)
{
    const struct chain_piece *piece = &chain->pieces[chain->piece_next];
    struct chain_repack *repack = chain_repack_of(chain);
    struct chunk_bytes chunk;
    if (!chain->class->bytes(chain, piece, &chunk, err))
        return false;
    chain_repack_reset(repack);
    repack->goes_on = false;
    chunk_pack_begin(&repack->pack, chunk.encoding);
    bool good = chunk_encoding_is_float(chunk.encoding)
                    ? chain_repack_floats(chain, piece, &chunk, err)
                    : chain_repack_histograms(chain, piece, &chunk, err);
    if (!file_map_check(chunk.data, chunk.size, err))
        return false;
    if (!good)
        return err->kind == ERR_CORRUPT ? chain->class->blame(chain, piece, err) : false;
    chunk_pack_end(&repack->pack);
    if (repack->pack.count) {
        /* As chain_lose_hint: another source's histogram is not told against ours. */
        if (chain->chained && (!chain->any || piece->source != chain->last_source))
            repack->goes_on = false;
        chain->last_source = piece->source;
        chain->any = true;
    }
    chain->piece_next++;
    return true;
}

static bool chain_repack_group(struct chain *chain, size_t count, struct err *err)
{
    struct chain_repack *repack = chain_repack_of(chain);
    chain_repack_reset(repack);
    repack->goes_on = false;
    if (!chain_next_group(chain, count, &repack->samples, err))
        return false;
    chunk_pack_samples(&repack->pack, &repack->samples, chain->begin_ms, chain->end_ms);
    chain->any = true;
    return true;
}

/* The next chunk of those that were packed; false: there is none left. */
static bool chain_repack_next(struct chain_repack *repack, struct stored_chunk *ret_chunk)
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

static bool chain_chunk_whole(struct chain *chain, struct stored_chunk *ret_chunk, struct err *err)
{
    const struct chain_piece *piece = &chain->pieces[chain->piece_next];
    struct chunk_bytes chunk;
    if (!chain->class->bytes(chain, piece, &chunk, err))
        return false;
    *ret_chunk = (struct stored_chunk){
        .begin_ms = piece->begin_ms,
        .end_ms = piece->end_ms,
        .data = chunk.data,
        .size = chunk.size,
        .encoding = chunk.encoding,
    };
    chain->lent = chunk;
    chain->last_source = piece->source;
    chain->any = true;
    chain->piece_next++;
    return true;
}

bool chain_next_chunk(struct chain *chain, struct stored_chunk *ret_chunk, bool *ret_more,
                      struct err *err)
{
    if (!file_map_check(chain->lent.data, chain->lent.size, err))
        return false; /* who had it may have copied zeros, but gets no end */
    chain->lent = (struct chunk_bytes){0};
    chain_has_read(chain); /* what the call before lent may go */
    *ret_more = true;
    while (!chain_repack_next(chain->repack, ret_chunk)) {
        if (chain->piece_next == chain->piece_count) {
            *ret_more = false;
            return true;
        }
        size_t count = chain_group(chain);
        if (count == 1 && chain_chunk_is_whole(chain, &chain->pieces[chain->piece_next]))
            return chain_chunk_whole(chain, ret_chunk, err);
        if (!(count == 1 ? chain_repack_alone(chain, err) : chain_repack_group(chain, count, err)))
            return false;
    }
    return true;
}
