#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/*
 * A hash table from a 64-bit hash to a 32-bit index into the caller's own array; the caller
 * compares keys. Open addressing, linear probing, at most 3/4 full. O(1) find and insert; nothing
 * is ever removed.
 *
 *     for (struct map_probe at = map_find(&map, hash); map_hit(&map, &at); map_next(&map, &at))
 *         if (same(items[at.index], key))
 *             return at.index;
 *     map_insert(&map, hash, item_count);
 *
 * `{0}` is an empty one. A probe is good until the next insert.
 *
 * Thread: one at a time; finds only may be concurrent.
 */
struct map {
    struct map_slot *slots;
    size_t count;
    size_t mask; /* slots - 1; slots is a power of two, or 0 */
};

struct map_probe {
    uint64_t hash;
    size_t slot;
    uint32_t index; /* valid after map_hit said true */
};

struct map_slot {
    uint64_t hash;
    uint32_t index; /* + 1; 0 = empty */
};

void map_done(struct map *map);

/* Behind what has the same hash already. Any index but UINT32_MAX. */
void map_insert(struct map *map, uint64_t hash, uint32_t index);

/*
 * As map_insert, but all that the map holds is in the arena, which must be the same one each time;
 * map_done is not for such a map.
 */
void map_insert_in(struct arena *arena, struct map *map, uint64_t hash, uint32_t index);

/* Bytes a map with `count` entries may take; to be charged before it grows. */
size_t map_size_bytes(size_t count);

static inline struct map_probe map_find(const struct map *map, uint64_t hash)
{
    return (struct map_probe){.hash = hash, .slot = (size_t)hash & map->mask};
}

/* Moves to the first entry at or behind the probe with its hash. */
static inline bool map_hit(const struct map *map, struct map_probe *probe)
{
    if (!map->slots)
        return false;
    for (;; probe->slot = (probe->slot + 1) & map->mask) {
        const struct map_slot *slot = &map->slots[probe->slot];
        if (slot->index == 0)
            return false;
        if (slot->hash == probe->hash) {
            probe->index = slot->index - 1;
            return true;
        }
    }
}

static inline void map_next(const struct map *map, struct map_probe *probe)
{
    probe->slot = (probe->slot + 1) & map->mask;
}

static inline void map_done_auto(struct map *map)
{
    map_done(map);
}
