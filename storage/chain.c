/*
 * A chunk that overlaps no other one is decoded straight into the caller's columns, and where four
 * such follow each other, all four at once. Chunks that overlap form a group: those of one source,
 * one after another, are a lane; lanes are merged as Prometheus's chained iterator does it, with
 * its heap and its ties, so that of two samples at one time the same one is left.
 */
#include "storage/chain.h"

#include <stdlib.h>

#include "base/file_map.h"
#include "base/mem.h"
#include "storage/chunk.h"
#include "storage/chunk_xor.h"
#include "storage/samples_mark.h"
#include "storage/tombstones.h"

void chain_done(struct chain *chain)
{
    lanes_done(&chain->lanes);
    chain_repack_destroy(chain->repack);
    arena_destroy(chain->arena);
    free(chain->pieces);
}

void chain_begin(struct chain *chain)
{
    chain->piece_count = 0;
    chain->piece_next = 0;
    chain->quad_next = 0;
    chain->any = false;
    chain->lent = (struct chunk_bytes){0};
    chain->before = NULL;
    if (chain->repack)
        chain_repack_reset(chain->repack);
}

void chain_add(struct chain *chain, const struct chain_piece *piece)
{
    struct time_range whole = {piece->begin_ms, piece->end_ms};
    if (piece->begin_ms > chain->end_ms || piece->end_ms < chain->begin_ms ||
        time_ranges_cover(piece->deleted, piece->deleted_count, whole))
        return;
    mem_grow(chain->pieces, struct chain_piece, chain->piece_count, &chain->piece_cap);
    chain->pieces[chain->piece_count++] = *piece;
}

/* By begin; at equal begins the earlier source comes first. */
static int piece_order(const void *left, const void *right)
{
    const struct chain_piece *a = left;
    const struct chain_piece *b = right;
    if (a->begin_ms != b->begin_ms)
        return a->begin_ms < b->begin_ms ? -1 : 1;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return a->ref != b->ref ? (a->ref < b->ref ? -1 : 1)
                            : (a->data > b->data) - (a->data < b->data);
}

void chain_sort(struct chain *chain, uint32_t first_source, bool chained)
{
    chain->last_source = first_source;
    chain->chained = chained;
    bool sorted = true;
    for (size_t i = 1; i < chain->piece_count && sorted; i++)
        sorted = chain->pieces[i - 1].begin_ms < chain->pieces[i].begin_ms;
    if (!sorted)
        qsort(chain->pieces, chain->piece_count, sizeof *chain->pieces, piece_order);
}

/* All of a chunk, without those that were deleted; then any may turn out to be the first or last.
 */
static bool chain_decode_cut(const struct chain_piece *piece, const struct chunk_bytes *chunk,
                             struct samples *into, struct err *err)
{
    struct histogram_samples *histograms = into->histograms;
    struct samples_mark mark = samples_mark(into);
    bool totals_only = histograms && histograms->totals_only;
    if (totals_only)
        histograms->totals_only = false;
    bool good = chunk_decode(chunk->encoding, chunk->data, chunk->size, into, err);
    if (totals_only)
        histograms->totals_only = true;
    if (good)
        time_ranges_cut(piece->deleted, piece->deleted_count, into, mark);
    return good;
}

/* Appends one chunk's samples without those that were deleted. */
static bool chain_decode_bytes(struct chain *chain, const struct chain_piece *piece,
                               const struct chunk_bytes *chunk, struct samples *into,
                               struct err *err)
{
    bool good = piece->deleted_count
                    ? chain_decode_cut(piece, chunk, into, err)
                    : chunk_decode(chunk->encoding, chunk->data, chunk->size, into, err);
    if (!file_map_check(chunk->data, chunk->size, err))
        return false;
    if (!good)
        return err->kind == ERR_CORRUPT ? chain->class->blame(chain, piece, err) : false;
    chain_has_read(chain);
    return true;
}

static bool chain_decode(struct chain *chain, const struct chain_piece *piece, struct samples *into,
                         struct err *err)
{
    struct chunk_bytes chunk;
    return chain->class->bytes(chain, piece, &chunk, err) &&
           chain_decode_bytes(chain, piece, &chunk, into, err);
}

/* Do XOR_QUAD pieces stand next of which none overlaps another one, nor has deleted samples? */
static bool chain_has_quad(const struct chain *chain)
{
    const struct chain_piece *pieces = chain->pieces + chain->piece_next;
    size_t left = chain->piece_count - chain->piece_next;
    if (left < XOR_QUAD || chain->piece_next < chain->quad_next)
        return false;
    for (size_t i = 0; i < XOR_QUAD; i++)
        if (pieces[i].deleted_count || (i + 1 < left && pieces[i + 1].begin_ms <= pieces[i].end_ms))
            return false;
    return true;
}

/*
 * Four chunks at once, of which the first is there. False: they are read one by one, where errors
 * are told; so what goes wrong here is not.
 */
static bool chain_decode_quad(struct chain *chain, const struct chunk_bytes *first,
                              struct samples *into)
{
    struct err untold;
    struct chunk_bytes chunk = *first;
    struct xor_bytes quad[XOR_QUAD];
    for (size_t i = 0; i < XOR_QUAD; i++) {
        const struct chain_piece *piece = &chain->pieces[chain->piece_next + i];
        if (i > 0 && !chain->class->bytes(chain, piece, &chunk, &untold))
            return false;
        if (chunk.encoding != CHUNK_XOR || !chunk_xor_suits_quad(chunk.data, chunk.size))
            return false;
        quad[i] = (struct xor_bytes){chunk.data, chunk.size};
    }
    size_t from = into->count;
    bool good = chunk_xor_decode_quad(quad, into);
    for (size_t i = 0; i < XOR_QUAD && good; i++)
        good = file_map_check(quad[i].data, quad[i].size, &untold);
    if (!good) {
        into->count = from;
        return false;
    }
    samples_no_starts(into, from);
    chain_has_read(chain);
    return true;
}

/*
 * Where Prometheus's chain of sources changes to another one, it no longer trusts the hint: that of
 * a chunk's first sample tells nothing anyway, but that one may have been deleted.
 */
static void chain_lose_hint(struct samples *into, struct samples_mark mark)
{
    struct histogram_samples *histograms = into->histograms;
    size_t at = mark.histograms;
    bool first = histograms && histograms->count > at &&
                 histograms->times_ms[at] == samples_first_since_ms(into, mark);
    if (!first || histograms->items[at]->hint != HISTOGRAM_NOT_RESET)
        return;
    histogram_samples_set_hint(histograms, at, HISTOGRAM_UNKNOWN);
    histograms->stored_hints[at] = HISTOGRAM_UNKNOWN;
}

/* The next piece, which overlaps no other one, and perhaps those behind it. */
static bool chain_next_alone(struct chain *chain, struct samples *into, struct err *err)
{
    const struct chain_piece *piece = &chain->pieces[chain->piece_next];
    struct samples_mark mark = samples_mark(into);
    size_t count = 1;
    struct chunk_bytes chunk;
    if (!chain->class->bytes(chain, piece, &chunk, err))
        return false;
    if (chain_has_quad(chain) && chain_decode_quad(chain, &chunk, into)) {
        count = XOR_QUAD;
    } else {
        if (chain->quad_next <= chain->piece_next)
            chain->quad_next = chain->piece_next + XOR_QUAD; /* or each would be fetched twice */
        if (!chain_decode_bytes(chain, piece, &chunk, into, err))
            return false;
    }
    if (samples_since(into, mark)) {
        if (chain->chained && (!chain->any || piece->source != chain->last_source))
            chain_lose_hint(into, mark);
        chain->last_source = piece[count - 1].source;
    }
    chain->piece_next += count;
    return true;
}

size_t chain_group(const struct chain *chain)
{
    const struct chain_piece *first = chain->pieces + chain->piece_next;
    size_t left = chain->piece_count - chain->piece_next;
    int64_t end_ms = first->end_ms;
    size_t count = 1;
    for (; count < left && first[count].begin_ms <= end_ms; count++)
        if (first[count].end_ms > end_ms)
            end_ms = first[count].end_ms;
    return count;
}

bool chain_next_group(struct chain *chain, size_t count, struct samples *into, struct err *err)
{
    lanes_begin(&chain->lanes);
    for (size_t i = 0; i < count; i++) {
        const struct chain_piece *piece = &chain->pieces[chain->piece_next + i];
        struct lane *lane =
            lanes_for(&chain->lanes, into, piece->source, piece->begin_ms, piece->end_ms);
        if (!chain_decode(chain, piece, &lane->samples, err))
            return false;
        if (!lanes_took(&chain->lanes, lane))
            return err_set(err, ERR_CORRUPT, "a chunk begins before the one in front of it ends");
    }
    lanes_merge(&chain->lanes, !chain->any, &chain->last_source, into);
    chain->piece_next += count;
    return true;
}

/*
 * What HistogramStatsIterator says of samples that are read one after another. Those whose hint is
 * not known have their buckets, and so has the one in front of each.
 */
static void chain_find_resets(struct chain *chain, struct histogram_samples *histograms,
                              size_t from)
{
    for (size_t i = from; i < histograms->count; i++) {
        const struct histogram *h = histograms->items[i];
        const struct histogram *before = i > from ? histograms->items[i - 1] : chain->before;
        if (h->hint == HISTOGRAM_UNKNOWN && before)
            histogram_samples_set_hint(histograms, i,
                                       histogram_is_reset(h, before) ? HISTOGRAM_RESET
                                                                     : HISTOGRAM_NOT_RESET);
    }
    if (histograms->count == from)
        return;
    if (!chain->arena)
        chain->arena = arena_create(NULL);
    arena_reset(chain->arena);
    chain->before = histogram_copy(chain->arena, histograms->items[histograms->count - 1]);
    histogram_samples_strip(histograms, from);
}

bool chain_next(struct chain *chain, struct samples *into, bool *ret_more, struct err *err)
{
    struct samples_mark mark = samples_mark(into);
    while (samples_since(into, mark) == 0 && chain->piece_next < chain->piece_count) {
        size_t count = chain_group(chain);
        if (!(count == 1 ? chain_next_alone(chain, into, err)
                         : chain_next_group(chain, count, into, err)))
            return false;
    }
    *ret_more = samples_since(into, mark) > 0;
    if (!*ret_more)
        return true;
    if (chain->any && samples_first_since_ms(into, mark) <= chain->last_ms) {
        samples_take_back(into, mark);
        return err_set(err, ERR_CORRUPT, "a chunk begins before the one in front of it ends");
    }
    if (into->histograms && into->histograms->totals_only)
        chain_find_resets(chain, into->histograms, mark.histograms);
    chain->any = true;
    chain->last_ms = samples_last_since_ms(into, mark);
    return true;
}
