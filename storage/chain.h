#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/chunk.h"
#include "storage/lanes.h"
#include "storage/select.h"

/*
 * Reads one series: its chunks, of all sources that have some, in order of time; those that overlap
 * are merged. What a cursor is made of: it says which chunks there are, and where their bytes lie.
 *
 *     chain_begin
 *     chain_add ... chain_sort       the chunks; those that nobody wants are left out
 *     chain_next, or chain_next_chunk     as cursor_next and cursor_next_chunk of select.h
 *
 * Thread: one at a time.
 */
struct chain;

struct chain_piece {
    int64_t begin_ms;
    int64_t end_ms;
    uint64_t ref;        /* by which `bytes` finds it; or */
    const uint8_t *data; /* where it lies */
    uint32_t size;
    uint32_t source; /* the order of sources is that in which Prometheus asks them */
    uint8_t encoding;
    bool in_file; /* `data` does: what `bytes` asks */
    const struct time_range *deleted;
    size_t deleted_count;
};

struct chain_class {
    /* Where a piece's bytes are; they stay until `has_read` is called behind four more. */
    bool (*bytes)(struct chain *chain, const struct chain_piece *piece,
                  struct chunk_bytes *ret_chunk, struct err *err);
    /* Adds to ERR_CORRUPT which chunk it was. Returns false. */
    bool (*blame)(struct chain *chain, const struct chain_piece *piece, struct err *err);
    /* A chunk was read; nothing that was lent is used any more. NULL: nobody wants to know. */
    void (*has_read)(struct chain *chain);
};

struct chain {
    const struct chain_class *class;
    int64_t begin_ms; /* what is wanted: chunks that overlap it, samples as far as may be told */
    int64_t end_ms;
    struct chain_piece *pieces;
    size_t piece_count;
    size_t piece_cap;
    size_t piece_next;
    size_t quad_next;        /* from this piece on, four at once may be tried */
    int64_t last_ms;         /* time of the last sample handed out */
    uint32_t last_source;    /* and where it came from; the first source before there is one */
    bool any;                /* one was */
    struct chunk_bytes lent; /* by chain_next_chunk, the last time: not known yet to be good */
    bool chained;            /* the series has several sources */
    struct lanes lanes;
    struct chain_repack *repack;    /* chunks packed anew; NULL: never any */
    struct arena *arena;            /* holds: */
    const struct histogram *before; /* totals_only: the last one handed out, with its buckets */
};

/* `{0}` with a class and a range is a new one. */
void chain_done(struct chain *chain);
void chain_begin(struct chain *chain);
void chain_add(struct chain *chain, const struct chain_piece *piece);
void chain_sort(struct chain *chain, uint32_t first_source, bool chained);

bool chain_next(struct chain *chain, struct samples *into, bool *ret_more, struct err *err)
    MUST_CHECK;
bool chain_next_chunk(struct chain *chain, struct stored_chunk *ret_chunk, bool *ret_more,
                      struct err *err) MUST_CHECK;

/* Inside, for chain_chunks.c: the pieces from piece_next on that overlap: one at least. */
size_t chain_group(const struct chain *chain);

/* Appends the merged samples of the next `count` pieces, a group. */
bool chain_next_group(struct chain *chain, size_t count, struct samples *into, struct err *err)
    MUST_CHECK;

static inline void chain_has_read(struct chain *chain)
{
    if (chain->class->has_read)
        chain->class->has_read(chain);
}

/* Of chain_chunks.c: what it keeps for a chain. */
void chain_repack_reset(struct chain_repack *repack);
void chain_repack_destroy(struct chain_repack *repack);
