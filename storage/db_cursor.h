#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "storage/chain.h"
#include "storage/db_select.h"

/* A cursor over a database. Of the chain's sources 0 is the head, i + 1 the block i. */
struct db_cursor {
    struct cursor base;
    struct db_selection *selection;
    struct block_windows *windows; /* one a block */
    size_t series;
    bool opened; /* the chain's pieces are those of the series */
    struct chain chain;
};

static inline struct db_cursor *db_cursor_of(struct cursor *cursor)
{
    return CONTAINER(struct db_cursor, base, cursor);
}
