#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/db_select.h"
#include "storage/lanes.h"

/*
 * Inside of a cursor over a database: the chunks of a series, of all its parts, by their begins.
 * For db_cursor.c, which reads samples, and db_chunks.c, which hands on chunks.
 */
struct db_piece {
    int64_t begin_ms;
    int64_t end_ms;
    uint64_t ref;        /* of a block's chunk */
    const uint8_t *data; /* of a head's chunk */
    uint32_t size;
    uint32_t source;
    uint8_t encoding;
    const struct time_range *deleted;
    size_t deleted_count;
};

struct db_cursor {
    struct cursor base;
    struct db_selection *selection;
    struct block_windows *windows; /* one a block */
    size_t series;
    bool opened; /* the pieces are those of the series */
    struct db_piece *pieces;
    size_t piece_count;
    size_t piece_cap;
    size_t piece_next;
    size_t quad_next;     /* from this piece on, four at once may be tried */
    int64_t last_ms;      /* time of the last sample handed out */
    uint32_t last_source; /* and where it came from; the first part's before there is one */
    bool any;             /* one was */
    bool chained;         /* the series has several parts */
    struct lanes lanes;
    struct db_repack *repack;       /* chunks packed anew; NULL: never any */
    struct arena *arena;            /* holds: */
    const struct histogram *before; /* totals_only: the last one handed out, with its buckets */
};

static inline struct db_cursor *db_cursor_of(struct cursor *cursor)
{
    return CONTAINER(struct db_cursor, base, cursor);
}

/* Finds the series' pieces, for who looks at the first one. */
bool db_cursor_load(struct db_cursor *cursor, struct err *err) MUST_CHECK;

/* Where a piece's bytes are; of a block's, their checksum was looked at. */
bool db_cursor_bytes(struct db_cursor *cursor, const struct db_piece *piece,
                     struct chunk_bytes *ret_chunk, struct err *err) MUST_CHECK;

/* Adds to ERR_CORRUPT which chunk it was. */
bool db_cursor_chunk_err(const struct db_cursor *cursor, const struct db_piece *piece,
                         struct err *err);

/* The pieces from piece_next on that overlap, each with one before it: one at least. */
size_t db_cursor_group(const struct db_cursor *cursor);

/* Appends the merged samples of the next `count` pieces, a group. */
bool db_cursor_next_group(struct db_cursor *cursor, size_t count, struct samples *into,
                          struct err *err) MUST_CHECK;

/* Of db_chunks.c: what it keeps for a cursor. */
void db_repack_reset(struct db_repack *repack);
void db_repack_destroy(struct db_repack *repack);
