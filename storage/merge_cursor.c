/*
 * Reads a series of several selections. One that only one of them has is read by its own cursor;
 * else the chunks of all are one chain, whose sources are numbered child by child.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "storage/merge_select.h"

/* Sources of one child; a database has one a block. */
#define CHILD_SOURCE_BITS 20

struct merge_cursor {
    struct cursor base;
    struct merge_selection *selection;
    struct cursor **cursors; /* one a child, made when it is needed */
    struct chain **chains;   /* of the children that have the open series; else NULL */
    struct cursor *only;     /* the series has one part, which this reads */
    struct chain chain;
    size_t series;
    bool opened; /* the chain's pieces are those of the series */
};

static struct merge_cursor *merge_cursor_of(struct cursor *cursor)
{
    return CONTAINER(struct merge_cursor, base, cursor);
}

/* The child's chain, and the piece as it knows it. */
static struct chain *merge_child(struct chain *chain, const struct chain_piece *piece,
                                 struct chain_piece *ret_piece)
{
    const struct merge_cursor *cursor = CONTAINER(struct merge_cursor, chain, chain);
    *ret_piece = *piece;
    ret_piece->source = piece->source & ((1u << CHILD_SOURCE_BITS) - 1);
    return cursor->chains[piece->source >> CHILD_SOURCE_BITS];
}

static bool merge_chain_bytes(struct chain *chain, const struct chain_piece *piece,
                              struct chunk_bytes *ret_chunk, struct err *err)
{
    struct chain_piece theirs;
    struct chain *child = merge_child(chain, piece, &theirs);
    return child->class->bytes(child, &theirs, ret_chunk, err);
}

static bool merge_chain_blame(struct chain *chain, const struct chain_piece *piece, struct err *err)
{
    struct chain_piece theirs;
    struct chain *child = merge_child(chain, piece, &theirs);
    return child->class->blame(child, &theirs, err);
}

static void merge_chain_has_read(struct chain *chain)
{
    const struct merge_cursor *cursor = CONTAINER(struct merge_cursor, chain, chain);
    for (size_t i = 0; i < cursor->selection->child_count; i++)
        if (cursor->chains[i])
            chain_has_read(cursor->chains[i]);
}

static const struct chain_class merge_chain_class = {
    .bytes = merge_chain_bytes,
    .blame = merge_chain_blame,
    .has_read = merge_chain_has_read,
};

struct cursor *merge_cursor_create(struct selection *base)
{
    struct merge_cursor *cursor = mem_new(struct merge_cursor);
    cursor->base.selection = base;
    cursor->selection = merge_selection_of(base);
    cursor->cursors = mem_new_array(struct cursor *, cursor->selection->child_count);
    cursor->chains = mem_new_array(struct chain *, cursor->selection->child_count);
    cursor->chain = (struct chain){
        .class = &merge_chain_class,
        .begin_ms = cursor->selection->begin_ms,
        .end_ms = cursor->selection->end_ms,
    };
    return &cursor->base;
}

void merge_cursor_destroy(struct cursor *base)
{
    struct merge_cursor *cursor = merge_cursor_of(base);
    for (size_t i = 0; i < cursor->selection->child_count; i++)
        cursor_destroy(cursor->cursors[i]);
    chain_done(&cursor->chain);
    free(cursor->cursors);
    free(cursor->chains);
    free(cursor);
}

static struct cursor *merge_open_part(struct merge_cursor *cursor, const struct merge_part *part)
{
    struct cursor **child = &cursor->cursors[part->child];
    if (!*child)
        *child = cursor_create(cursor->selection->children[part->child]);
    cursor_open(*child, part->series);
    return *child;
}

void merge_cursor_open(struct cursor *base, size_t series)
{
    struct merge_cursor *cursor = merge_cursor_of(base);
    const struct merge_selection *selection = cursor->selection;
    const struct merge_part *first = &selection->parts[selection->first_parts[series]];
    cursor->series = series;
    cursor->opened = false;
    cursor->only = first->next == MERGE_PART_NONE ? merge_open_part(cursor, first) : NULL;
    chain_begin(&cursor->chain);
    for (size_t i = 0; i < selection->child_count; i++)
        cursor->chains[i] = NULL;
}

static struct chain *merge_load(struct merge_cursor *cursor, struct err *err)
{
    const struct merge_selection *selection = cursor->selection;
    uint32_t first = selection->first_parts[cursor->series], first_source = 0;
    for (uint32_t at = first; at != MERGE_PART_NONE; at = selection->parts[at].next) {
        const struct merge_part *part = &selection->parts[at];
        struct cursor *child = merge_open_part(cursor, part);
        struct chain *chain = child->selection->class->cursor_chain(child, err);
        if (!chain)
            return NULL;
        cursor->chains[part->child] = chain;
        uint32_t base = part->child << CHILD_SOURCE_BITS;
        if (at == first)
            first_source = base + chain->last_source;
        for (size_t i = 0; i < chain->piece_count; i++) {
            struct chain_piece piece = chain->pieces[i];
            piece.source += base;
            chain_add(&cursor->chain, &piece);
        }
    }
    chain_sort(&cursor->chain, first_source, true);
    cursor->opened = true;
    return &cursor->chain;
}

struct chain *merge_cursor_chain(struct cursor *base, struct err *err)
{
    struct merge_cursor *cursor = merge_cursor_of(base);
    return cursor->opened ? &cursor->chain : merge_load(cursor, err);
}

bool merge_cursor_next(struct cursor *base, struct samples *into, bool *ret_more, struct err *err)
{
    struct merge_cursor *cursor = merge_cursor_of(base);
    if (cursor->only)
        return cursor_next(cursor->only, into, ret_more, err);
    struct chain *chain = merge_cursor_chain(base, err);
    return chain && chain_next(chain, into, ret_more, err);
}

bool merge_cursor_next_chunk(struct cursor *base, struct stored_chunk *ret_chunk, bool *ret_more,
                             struct err *err)
{
    struct merge_cursor *cursor = merge_cursor_of(base);
    if (cursor->only)
        return cursor_next_chunk(cursor->only, ret_chunk, ret_more, err);
    struct chain *chain = merge_cursor_chain(base, err);
    return chain && chain_next_chunk(chain, ret_chunk, ret_more, err);
}
