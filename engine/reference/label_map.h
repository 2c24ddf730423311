#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "model/labels.h"

/*
 * Label sets, numbered in the order they came. All that the map holds is in its arena; the sets are
 * borrowed, and outlive the map.
 *
 *     struct label_map map = {.arena = arena};
 *
 * Thread: one at a time.
 */
struct label_map {
    struct arena *arena;
    struct map map;
    const struct labels **items;
    size_t count;
    size_t cap;
};

/* The set's number; *ret_new: it was not there. */
size_t label_map_add(struct label_map *map, const struct labels *labels, bool *ret_new);

/* The set's number, or SIZE_MAX. */
size_t label_map_find(const struct label_map *map, const struct labels *labels);

/*
 * Label sets that one query makes again and again, each kept once in the arena.
 *
 *     struct label_pool pool = {.sets.arena = arena};
 */
struct label_pool {
    struct label_map sets;
    const struct labels **nameless; /* by number; NULL: not yet made */
    size_t nameless_cap;
};

/* The set itself, or the equal one that is kept; a new one is copied into the arena. */
const struct labels *label_pool_keep(struct label_pool *pool, const struct labels *labels);

/* Without name, type and unit. */
const struct labels *label_pool_nameless(struct label_pool *pool, const struct labels *labels);
