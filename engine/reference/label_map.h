#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "model/labels.h"

/*
 * Label sets, numbered in the order they came. Sets are borrowed: they outlive the map.
 *
 * Thread: one at a time.
 */
struct label_map {
    struct map map;
    const struct labels **items; /* heap */
    size_t count;
    size_t cap;
};

/* The set's number; *ret_new: it was not there. */
size_t label_map_add(struct label_map *map, const struct labels *labels, bool *ret_new);

/* The set's number, or SIZE_MAX. */
size_t label_map_find(const struct label_map *map, const struct labels *labels);

void label_map_done(struct label_map *map);

/*
 * Label sets that one query makes again and again, each kept once in the arena.
 */
struct label_pool {
    struct arena *arena;
    struct label_map sets;
    const struct labels **nameless; /* heap; by number, NULL: not yet made */
    size_t nameless_cap;
};

/* The set itself, or the equal one that is kept; a new one is copied into the arena. */
const struct labels *label_pool_keep(struct label_pool *pool, const struct labels *labels);

/* Without name, type and unit. */
const struct labels *label_pool_nameless(struct label_pool *pool, const struct labels *labels);

void label_pool_done(struct label_pool *pool);

static inline void label_map_done_auto(struct label_map *map)
{
    label_map_done(map);
}
