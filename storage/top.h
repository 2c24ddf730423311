#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "storage/db.h"

/* The largest counts so far, sorted; for db_cardinality. */
struct top {
    struct name_count *items;
    size_t count;
    size_t limit;
};

static inline struct top top_new(struct arena *arena, size_t limit)
{
    return (struct top){.items = arena_array(arena, struct name_count, limit), .limit = limit};
}

/*
 * Room for the name of a count, or NULL: it is not among the largest. Of equal counts the earlier
 * one stays.
 */
static inline struct str *top_add(struct top *top, uint64_t count)
{
    size_t at = top->count;
    while (at > 0 && top->items[at - 1].count < count)
        at--;
    if (at == top->limit)
        return NULL;
    if (top->count < top->limit)
        top->count++;
    for (size_t i = top->count - 1; i > at; i--)
        top->items[i] = top->items[i - 1];
    top->items[at] = (struct name_count){.count = count};
    return &top->items[at].name;
}

/* What Prometheus reckons a label pair to take in each series: its texts, and their lengths. */
static inline uint64_t top_pair_size(struct str name, struct str value)
{
    return name.len + value.len + (name.len < 255 ? 1 : 4) + (value.len < 255 ? 1 : 4);
}

static inline struct str top_pair_text(struct arena *arena, struct str name, struct str value)
{
    AUTO(buf_done) struct buf text = {0};
    buf_str(&text, name);
    buf_byte(&text, '=');
    buf_str(&text, value);
    return arena_str(arena, buf_view(&text));
}
