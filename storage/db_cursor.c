/*
 * Reads a series of a selection: the chunks of all its parts are a chain.
 */
#include "storage/db_cursor.h"

#include <stdlib.h>

#include "base/mem.h"
#include "storage/head_chunks.h"

void db_cursor_destroy(struct cursor *base)
{
    struct db_cursor *cursor = db_cursor_of(base);
    chain_done(&cursor->chain);
    free(cursor->windows);
    free(cursor);
}

void db_cursor_open(struct cursor *base, size_t series)
{
    struct db_cursor *cursor = db_cursor_of(base);
    cursor->series = series;
    cursor->opened = false;
    chain_begin(&cursor->chain);
}

static void db_cursor_add_head(struct db_cursor *cursor, const struct db_part *part)
{
    const struct head_series *series = &cursor->selection->sources.head_series.items[part->id];
    struct chain_piece piece = {
        .source = part->source, .deleted = series->deleted, .deleted_count = series->deleted_count};
    for (size_t i = 0; i < series->chunk_count; i++) {
        const struct head_chunk_view *view = &series->chunks[i];
        piece.begin_ms = view->begin_ms;
        piece.end_ms = view->end_ms;
        piece.data = view->data;
        piece.size = view->size;
        piece.encoding = view->encoding;
        piece.in_file = view->in_file;
        chain_add(&cursor->chain, &piece);
    }
}

static bool db_cursor_add_pieces(struct db_cursor *cursor, const struct block *block,
                                 const struct db_part *part, struct err *err)
{
    struct index_series series;
    if (!index_series_open(block_index(block), part->id, &series, err))
        return false;

    struct chain_piece piece = {.source = part->source};
    piece.deleted = tombstones_find(block_tombstones(block), part->id, &piece.deleted_count);
    index_series_skip_labels(&series);
    struct chunk_meta meta;
    while (index_series_chunk(&series, &meta)) {
        piece.begin_ms = meta.begin_ms;
        piece.end_ms = meta.end_ms;
        piece.ref = meta.ref;
        chain_add(&cursor->chain, &piece);
    }
    return index_series_check(&series, err);
}

static bool db_cursor_add_block(struct db_cursor *cursor, const struct db_part *part,
                                struct err *err)
{
    const struct block *block = cursor->selection->sources.blocks[part->source - 1];
    block_enter_series(block, &cursor->windows[part->source - 1], part->id);
    bool good = db_cursor_add_pieces(cursor, block, part, err);
    return block_index_end(block, good, err);
}

/* The head's part is the first of the chain, and mostly the last in time: it is read last. */
static bool db_cursor_load(struct db_cursor *cursor, struct err *err)
{
    const struct db_selection *selection = cursor->selection;
    const struct db_part *head = NULL;
    uint32_t next = selection->first_parts[cursor->series];
    uint32_t first_source = selection->parts[next].source;
    bool chained = selection->parts[next].next != DB_PART_NONE;
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
    chain_sort(&cursor->chain, first_source, chained);
    cursor->opened = true;
    return true;
}

static bool db_chain_bytes(struct chain *chain, const struct chain_piece *piece,
                           struct chunk_bytes *ret_chunk, struct err *err)
{
    struct db_cursor *cursor = CONTAINER(struct db_cursor, chain, chain);
    if (piece->source == DB_SOURCE_HEAD) {
        *ret_chunk = (struct chunk_bytes){piece->data, piece->size, piece->encoding};
        return !piece->in_file || head_chunk_check(piece->data, piece->size, err);
    }
    return block_chunk(cursor->selection->sources.blocks[piece->source - 1],
                       &cursor->windows[piece->source - 1], piece->ref, ret_chunk, err);
}

static bool db_chain_blame(struct chain *chain, const struct chain_piece *piece, struct err *err)
{
    const struct db_cursor *cursor = CONTAINER(struct db_cursor, chain, chain);
    if (piece->source == DB_SOURCE_HEAD)
        return err_wrap(err, "head");
    return err_wrap(err, "%s/chunks: chunk %llu of segment %llu",
                    block_dir(cursor->selection->sources.blocks[piece->source - 1]),
                    (unsigned long long)(uint32_t)piece->ref,
                    (unsigned long long)(piece->ref >> 32) + 1);
}

static void db_chain_has_read(struct chain *chain)
{
    db_selection_has_read(CONTAINER(struct db_cursor, chain, chain)->selection);
}

static const struct chain_class db_chain_class = {
    .bytes = db_chain_bytes,
    .blame = db_chain_blame,
    .has_read = db_chain_has_read,
};

struct cursor *db_cursor_create(struct selection *selection)
{
    struct db_cursor *cursor = mem_new(struct db_cursor);
    cursor->base.selection = selection;
    cursor->selection = db_selection_of(selection);
    cursor->chain = (struct chain){
        .class = &db_chain_class,
        .begin_ms = cursor->selection->begin_ms,
        .end_ms = cursor->selection->end_ms,
    };
    cursor->windows = db_selection_windows_new(cursor->selection);
    return &cursor->base;
}

struct chain *db_cursor_chain(struct cursor *base, struct err *err)
{
    struct db_cursor *cursor = db_cursor_of(base);
    return cursor->opened || db_cursor_load(cursor, err) ? &cursor->chain : NULL;
}

bool db_cursor_next(struct cursor *base, struct samples *into, bool *ret_more, struct err *err)
{
    struct chain *chain = db_cursor_chain(base, err);
    return chain && chain_next(chain, into, ret_more, err);
}

bool db_cursor_next_chunk(struct cursor *base, struct stored_chunk *ret_chunk, bool *ret_more,
                          struct err *err)
{
    struct chain *chain = db_cursor_chain(base, err);
    return chain && chain_next_chunk(chain, ret_chunk, ret_more, err);
}
