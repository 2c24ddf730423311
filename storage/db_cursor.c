/*
 * Reads a series of a selection: the chunks of all its parts, by their begins.
 *
 * A chunk that overlaps no other one is decoded straight into the caller's columns, and where four
 * such follow each other, all four at once. Chunks that overlap form a group: those of one source,
 * one after another, are a lane; lanes are merged as Prometheus's chained iterator does it, with
 * its heap and its ties, so that of two samples at one time the same one is left.
 */
#include "storage/db_cursor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "storage/chunk.h"
#include "storage/chunk_xor.h"
#include "storage/samples_mark.h"

struct cursor *db_cursor_create(struct selection *selection)
{
    struct db_cursor *cursor = mem_new(struct db_cursor);
    cursor->base.selection = selection;
    cursor->selection = db_selection_of(selection);
    size_t block_count = cursor->selection->sources.block_count;
    cursor->windows = mem_new_array(struct block_windows, block_count);
    for (size_t i = 0; i < block_count; i++)
        cursor->windows[i].entered = &cursor->selection->windows_entered;
    return &cursor->base;
}

void db_cursor_destroy(struct cursor *base)
{
    struct db_cursor *cursor = db_cursor_of(base);
    lanes_done(&cursor->lanes);
    db_repack_destroy(cursor->repack);
    arena_destroy(cursor->arena);
    free(cursor->pieces);
    free(cursor->windows);
    free(cursor);
}

void db_cursor_open(struct cursor *base, size_t series)
{
    struct db_cursor *cursor = db_cursor_of(base);
    cursor->series = series;
    cursor->opened = false;
    cursor->piece_count = 0;
    cursor->piece_next = 0;
    cursor->quad_next = 0;
    cursor->any = false;
    cursor->before = NULL;
    if (cursor->repack)
        db_repack_reset(cursor->repack);
}

static void db_cursor_add(struct db_cursor *cursor, const struct db_piece *piece)
{
    if (!chunk_is_wanted(cursor->selection, piece->begin_ms, piece->end_ms, piece->deleted,
                         piece->deleted_count))
        return;
    mem_grow(cursor->pieces, struct db_piece, cursor->piece_count, &cursor->piece_cap);
    cursor->pieces[cursor->piece_count++] = *piece;
}

static void db_cursor_add_head(struct db_cursor *cursor, const struct db_part *part)
{
    const struct head_series *series = &cursor->selection->sources.head_series.items[part->id];
    struct db_piece piece = {
        .source = part->source, .deleted = series->deleted, .deleted_count = series->deleted_count};
    for (size_t i = 0; i < series->chunk_count; i++) {
        const struct head_chunk_view *view = &series->chunks[i];
        piece.begin_ms = view->begin_ms;
        piece.end_ms = view->end_ms;
        piece.data = view->data;
        piece.size = view->size;
        piece.encoding = view->encoding;
        db_cursor_add(cursor, &piece);
    }
}

static bool db_cursor_add_block(struct db_cursor *cursor, const struct db_part *part,
                                struct err *err)
{
    struct block *block = cursor->selection->sources.blocks[part->source - 1];
    struct index_series series;
    block_enter_series(block, &cursor->windows[part->source - 1], part->id);
    if (!index_series_open(block_index(block), part->id, &series, err))
        return block_index_err(block, err);

    struct db_piece piece = {.source = part->source};
    piece.deleted = tombstones_find(block_tombstones(block), part->id, &piece.deleted_count);
    index_series_skip_labels(&series);
    struct chunk_meta meta;
    while (index_series_chunk(&series, &meta)) {
        piece.begin_ms = meta.begin_ms;
        piece.end_ms = meta.end_ms;
        piece.ref = meta.ref;
        db_cursor_add(cursor, &piece);
    }
    return index_series_check(&series, err) || block_index_err(block, err);
}

/* By begin; at equal begins the earlier source comes first. */
static int piece_order(const void *left, const void *right)
{
    const struct db_piece *a = left;
    const struct db_piece *b = right;
    if (a->begin_ms != b->begin_ms)
        return a->begin_ms < b->begin_ms ? -1 : 1;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return a->ref != b->ref ? (a->ref < b->ref ? -1 : 1)
                            : (a->data > b->data) - (a->data < b->data);
}

/* The head's part is the first of the chain, and mostly the last in time: it is read last. */
bool db_cursor_load(struct db_cursor *cursor, struct err *err)
{
    const struct db_selection *selection = cursor->selection;
    const struct db_part *head = NULL;
    uint32_t next = selection->first_parts[cursor->series];
    cursor->last_source = selection->parts[next].source;
    cursor->chained = selection->parts[next].next != DB_PART_NONE;
    while (next != DB_PART_NONE) {
        const struct db_part *part = &selection->parts[next];
        if (part->source == DB_SOURCE_HEAD)
            head = part;
        else if (!db_cursor_add_block(cursor, part, err))
            return false;
        next = part->next;
    }
    if (head)
        db_cursor_add_head(cursor, head);

    bool sorted = true;
    for (size_t i = 1; i < cursor->piece_count && sorted; i++)
        sorted = cursor->pieces[i - 1].begin_ms < cursor->pieces[i].begin_ms;
    if (!sorted)
        qsort(cursor->pieces, cursor->piece_count, sizeof *cursor->pieces, piece_order);
    cursor->opened = true;
    return true;
}

bool db_cursor_bytes(struct db_cursor *cursor, const struct db_piece *piece,
                     struct chunk_bytes *ret_chunk, struct err *err)
{
    if (piece->source == DB_SOURCE_HEAD) {
        *ret_chunk = (struct chunk_bytes){piece->data, piece->size, piece->encoding};
        return true;
    }
    return block_chunk(cursor->selection->sources.blocks[piece->source - 1],
                       &cursor->windows[piece->source - 1], piece->ref, ret_chunk, err);
}

/* All of a chunk, without those that were deleted; then any may turn out to be the first or last.
 */
static bool db_cursor_decode_cut(const struct db_piece *piece, const struct chunk_bytes *chunk,
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

bool db_cursor_chunk_err(const struct db_cursor *cursor, const struct db_piece *piece,
                         struct err *err)
{
    if (err->kind != ERR_CORRUPT)
        return false;
    if (piece->source == DB_SOURCE_HEAD)
        return err_wrap(err, "head");
    return err_wrap(err, "%s/chunks: chunk %llu of segment %llu",
                    block_dir(cursor->selection->sources.blocks[piece->source - 1]),
                    (unsigned long long)(uint32_t)piece->ref,
                    (unsigned long long)(piece->ref >> 32) + 1);
}

/* Appends one chunk's samples without those that were deleted. */
static bool db_cursor_decode_bytes(struct db_cursor *cursor, const struct db_piece *piece,
                                   const struct chunk_bytes *chunk, struct samples *into,
                                   struct err *err)
{
    if (!(piece->deleted_count
              ? db_cursor_decode_cut(piece, chunk, into, err)
              : chunk_decode(chunk->encoding, chunk->data, chunk->size, into, err)))
        return db_cursor_chunk_err(cursor, piece, err);
    db_selection_has_read(cursor->selection);
    return true;
}

static bool db_cursor_decode(struct db_cursor *cursor, const struct db_piece *piece,
                             struct samples *into, struct err *err)
{
    struct chunk_bytes chunk;
    return db_cursor_bytes(cursor, piece, &chunk, err) &&
           db_cursor_decode_bytes(cursor, piece, &chunk, into, err);
}

/* Do XOR_QUAD pieces stand next of which none overlaps another one, nor has deleted samples? */
static bool db_cursor_has_quad(const struct db_cursor *cursor)
{
    const struct db_piece *pieces = cursor->pieces + cursor->piece_next;
    size_t left = cursor->piece_count - cursor->piece_next;
    if (left < XOR_QUAD || cursor->piece_next < cursor->quad_next)
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
static bool db_cursor_decode_quad(struct db_cursor *cursor, const struct chunk_bytes *first,
                                  struct samples *into)
{
    struct err untold;
    struct chunk_bytes chunk = *first;
    struct xor_bytes quad[XOR_QUAD];
    for (size_t i = 0; i < XOR_QUAD; i++) {
        const struct db_piece *piece = &cursor->pieces[cursor->piece_next + i];
        if (i > 0 && !db_cursor_bytes(cursor, piece, &chunk, &untold))
            return false;
        if (chunk.encoding != CHUNK_XOR || !chunk_xor_suits_quad(chunk.data, chunk.size))
            return false;
        quad[i] = (struct xor_bytes){chunk.data, chunk.size};
    }
    size_t from = into->count;
    if (!chunk_xor_decode_quad(quad, into))
        return false;
    samples_no_starts(into, from);
    db_selection_has_read(cursor->selection);
    return true;
}

/*
 * Where Prometheus's chain of sources changes to another one, it no longer trusts the hint: that of
 * a chunk's first sample tells nothing anyway, but that one may have been deleted.
 */
static void db_cursor_lose_hint(struct samples *into, struct samples_mark mark)
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
static bool db_cursor_next_alone(struct db_cursor *cursor, struct samples *into, struct err *err)
{
    const struct db_piece *piece = &cursor->pieces[cursor->piece_next];
    struct samples_mark mark = samples_mark(into);
    size_t count = 1;
    struct chunk_bytes chunk;
    if (!db_cursor_bytes(cursor, piece, &chunk, err))
        return false;
    if (db_cursor_has_quad(cursor) && db_cursor_decode_quad(cursor, &chunk, into)) {
        count = XOR_QUAD;
    } else {
        if (cursor->quad_next <= cursor->piece_next)
            cursor->quad_next = cursor->piece_next + XOR_QUAD; /* or each would be fetched twice */
        if (!db_cursor_decode_bytes(cursor, piece, &chunk, into, err))
            return false;
    }
    if (samples_since(into, mark)) {
        if (cursor->chained && (!cursor->any || piece->source != cursor->last_source))
            db_cursor_lose_hint(into, mark);
        cursor->last_source = piece[count - 1].source;
    }
    cursor->piece_next += count;
    return true;
}

size_t db_cursor_group(const struct db_cursor *cursor)
{
    const struct db_piece *first = cursor->pieces + cursor->piece_next;
    size_t left = cursor->piece_count - cursor->piece_next;
    int64_t end_ms = first->end_ms;
    size_t count = 1;
    for (; count < left && first[count].begin_ms <= end_ms; count++)
        if (first[count].end_ms > end_ms)
            end_ms = first[count].end_ms;
    return count;
}

bool db_cursor_next_group(struct db_cursor *cursor, size_t count, struct samples *into,
                          struct err *err)
{
    lanes_begin(&cursor->lanes);
    for (size_t i = 0; i < count; i++) {
        const struct db_piece *piece = &cursor->pieces[cursor->piece_next + i];
        struct lane *lane =
            lanes_for(&cursor->lanes, into, piece->source, piece->begin_ms, piece->end_ms);
        if (!db_cursor_decode(cursor, piece, &lane->samples, err))
            return false;
        if (!lanes_took(&cursor->lanes, lane))
            return err_set(err, ERR_CORRUPT, "a chunk begins before the one in front of it ends");
    }
    lanes_merge(&cursor->lanes, !cursor->any, &cursor->last_source, into);
    cursor->piece_next += count;
    return true;
}

/*
 * What HistogramStatsIterator says of samples that are read one after another. Those whose hint is
 * not known have their buckets, and so has the one in front of each.
 */
static void db_cursor_find_resets(struct db_cursor *cursor, struct histogram_samples *histograms,
                                  size_t from)
{
    for (size_t i = from; i < histograms->count; i++) {
        const struct histogram *h = histograms->items[i];
        const struct histogram *before = i > from ? histograms->items[i - 1] : cursor->before;
        if (h->hint == HISTOGRAM_UNKNOWN && before)
            histogram_samples_set_hint(histograms, i,
                                       histogram_is_reset(h, before) ? HISTOGRAM_RESET
                                                                     : HISTOGRAM_NOT_RESET);
    }
    if (histograms->count == from)
        return;
    if (!cursor->arena)
        cursor->arena = arena_create(NULL);
    arena_reset(cursor->arena);
    cursor->before = histogram_copy(cursor->arena, histograms->items[histograms->count - 1]);
    histogram_samples_strip(histograms, from);
}

bool db_cursor_next(struct cursor *base, struct samples *into, bool *ret_more, struct err *err)
{
    struct db_cursor *cursor = db_cursor_of(base);
    if (!cursor->opened && !db_cursor_load(cursor, err))
        return false;

    struct samples_mark mark = samples_mark(into);
    while (samples_since(into, mark) == 0 && cursor->piece_next < cursor->piece_count) {
        size_t count = db_cursor_group(cursor);
        if (!(count == 1 ? db_cursor_next_alone(cursor, into, err)
                         : db_cursor_next_group(cursor, count, into, err)))
            return false;
    }
    *ret_more = samples_since(into, mark) > 0;
    if (!*ret_more)
        return true;
    if (cursor->any && samples_first_since_ms(into, mark) <= cursor->last_ms) {
        samples_take_back(into, mark);
        return err_set(err, ERR_CORRUPT, "a chunk begins before the one in front of it ends");
    }
    if (into->histograms && into->histograms->totals_only)
        db_cursor_find_resets(cursor, into->histograms, mark.histograms);
    cursor->any = true;
    cursor->last_ms = samples_last_since_ms(into, mark);
    return true;
}
