#pragma once

#include "storage/chain.h"
#include "storage/select.h"

/*
 * Several selections as one. A series is a chain of parts, one for each child that has it, in the
 * children's order, which is that in which Prometheus asks them.
 */
#define MERGE_PART_NONE UINT32_MAX

struct merge_part {
    uint32_t child;
    uint32_t series; /* there */
    uint32_t next;
};

struct merge_selection {
    struct selection base;
    struct selection **children;
    size_t child_count;
    int64_t begin_ms;
    int64_t end_ms;
    struct budget *budget;
    size_t charged;
    struct merge_part *parts;
    size_t part_count;
    uint32_t *first_parts; /* one a series */
};

struct merge_selection *merge_selection_create(const struct select_request *request,
                                               size_t child_max);

/* Takes a child over: it is closed with the selection. */
void merge_selection_take(struct merge_selection *selection, struct selection *child);

/* Merges the children by their labels, once all are there. */
bool merge_selection_settle(struct merge_selection *selection, const struct select_request *request,
                            struct err *err) MUST_CHECK;

/* Of merge_cursor.c. */
struct cursor *merge_cursor_create(struct selection *base);
void merge_cursor_destroy(struct cursor *base);
void merge_cursor_open(struct cursor *base, size_t series);
bool merge_cursor_next(struct cursor *base, struct samples *into, bool *ret_more, struct err *err);
bool merge_cursor_next_chunk(struct cursor *base, struct stored_chunk *ret_chunk, bool *ret_more,
                             struct err *err);
struct chain *merge_cursor_chain(struct cursor *base, struct err *err);

static inline struct merge_selection *merge_selection_of(struct selection *selection)
{
    return CONTAINER(struct merge_selection, base, selection);
}
