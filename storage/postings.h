#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/varint.h"

/* A list of series as it stands in an index: rising numbers, big endian. Borrowed. */
struct postings_view {
    const uint8_t *bytes;
    size_t count;
};

static inline uint32_t postings_at(struct postings_view view, size_t i)
{
    return load_be32(view.bytes + 4 * i);
}

/*
 * A set of series that matchers narrow down. It starts as one list; further lists mark members,
 * and then either the marked ones are kept or they are dropped. So any number of lists (the values
 * that a regex matches) costs one pass, and no union is ever built.
 *
 * Ids and marks are heap memory, charged to the budget if there is one.
 */
struct postings {
    uint32_t *ids; /* rising */
    size_t count;
    uint64_t *marks;
    struct budget *budget;
    size_t charged;
};

/* ERR_CORRUPT if the list does not rise; ERR_LIMIT if it does not fit the budget. */
bool postings_init(struct postings *postings, struct postings_view view, struct budget *budget,
                   struct err *err) MUST_CHECK;
void postings_done(struct postings *postings);

void postings_mark(struct postings *postings, struct postings_view view);
/* Both forget the marks. */
void postings_keep_marked(struct postings *postings);
void postings_drop_marked(struct postings *postings);

/* Is one of the list's series in the set? */
bool postings_meets(const struct postings *postings, struct postings_view view);

static inline void postings_done_auto(struct postings *postings)
{
    postings_done(postings);
}
