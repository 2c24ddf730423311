#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/block.h"
#include "storage/head.h"
#include "storage/select.h"

/* What one selection reads of a database, held until the selection closes. */
struct db_sources {
    struct head *head; /* NULL: there is none */
    struct head_series_list head_series;
    struct block **blocks; /* heap; sorted by begin; a reference each */
    size_t block_count;
    bool sorted; /* the head's series too: blocks have a part in the query */
};

void db_sources_done(struct db_sources *sources);

/* Merges the sources' series by their labels. Takes the sources over, also on failure. */
bool db_select(struct db_sources *sources, const struct select_request *request,
               struct selection **ret_selection, struct err *err) MUST_CHECK;

/*
 * Inside of a selection, for db_select.c and db_cursor.c. A series is a chain of parts, one for
 * each source that has it: the head's first, then the blocks' in the order of their begins. This is
 * the order in which Prometheus asks its queriers.
 */
#define DB_PART_NONE UINT32_MAX
#define DB_SOURCE_HEAD 0 /* block i is source i + 1 */

struct db_part {
    uint32_t source;
    uint32_t id; /* of the series in the block; or its index in the head's list */
    uint32_t next;
};

struct db_selection {
    struct selection base;
    struct db_sources sources;
    int64_t begin_ms;
    int64_t end_ms;
    struct budget *budget;
    size_t charged;
    struct db_part *parts;
    size_t part_count;
    size_t part_cap;
    uint32_t *first_parts;          /* one a series */
    struct block_windows *windows;  /* by block: of whoever asks for what series hold */
    _Atomic size_t windows_entered; /* since pages were last let go of */
};

/* One a block, on the heap: where a reader of the selection is. */
struct block_windows *db_selection_windows_new(struct db_selection *selection);

/* 1.5 MiB at any time, and a little for each block, so that many blocks do not push each other out.
 */
#define DB_WINDOWS_MAX(block_count) (24 + 2 * (block_count))

/* Asked after each read: lets go of the blocks' pages when it is time. */
void db_selection_forget(struct db_selection *selection);

static inline void db_selection_has_read(struct db_selection *selection)
{
    size_t entered = atomic_load_explicit(&selection->windows_entered, memory_order_relaxed);
    if (UNLIKELY(entered >= DB_WINDOWS_MAX(selection->sources.block_count)))
        db_selection_forget(selection);
}

static inline struct db_selection *db_selection_of(struct selection *selection)
{
    return CONTAINER(struct db_selection, base, selection);
}

static inline bool chunk_is_wanted(const struct db_selection *selection, int64_t begin_ms,
                                   int64_t end_ms, const struct time_range *deleted,
                                   size_t deleted_count)
{
    return begin_ms <= selection->end_ms && end_ms >= selection->begin_ms &&
           !time_ranges_cover(deleted, deleted_count, (struct time_range){begin_ms, end_ms});
}

struct cursor *db_cursor_create(struct selection *selection);
void db_cursor_destroy(struct cursor *base);
void db_cursor_open(struct cursor *base, size_t series);
bool db_cursor_next(struct cursor *base, struct samples *into, bool *ret_more, struct err *err);
struct chain *db_cursor_chain(struct cursor *base, struct err *err);
bool db_cursor_next_chunk(struct cursor *base, struct stored_chunk *ret_chunk, bool *ret_more,
                          struct err *err);

static inline void db_sources_done_auto(struct db_sources *sources)
{
    db_sources_done(sources);
}
