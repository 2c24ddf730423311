#include "base/map.h"

#include <assert.h>

#include "base/mem.h"

void map_done(struct map *map)
{
    free(map->slots);
    *map = (struct map){0};
}

static void map_put(struct map *map, uint64_t hash, uint32_t stored)
{
    size_t slot = (size_t)hash & map->mask;
    while (map->slots[slot].index != 0)
        slot = (slot + 1) & map->mask;
    map->slots[slot] = (struct map_slot){hash, stored};
}

/* Is there no room for one more? */
static bool map_is_full(const struct map *map)
{
    return !map->slots || (map->count + 1) * 4 > (map->mask + 1) * 3;
}

static size_t map_slots(const struct map *map)
{
    return map->slots ? map->mask + 1 : 0;
}

static size_t map_more_slots(const struct map *map)
{
    return map->slots ? map_slots(map) * 2 : 16;
}

/* Moves to `slots`, which are empty; the old ones are the caller's to free. */
static void map_rehash(struct map *map, struct map_slot *slots, size_t count)
{
    struct map_slot *old = map->slots;
    size_t old_count = map_slots(map);
    map->slots = slots;
    map->mask = count - 1;
    for (size_t i = 0; i < old_count; i++)
        if (old[i].index != 0)
            map_put(map, old[i].hash, old[i].index);
}

static void map_add(struct map *map, uint64_t hash, uint32_t index)
{
    assert(index != UINT32_MAX);
    map_put(map, hash, index + 1);
    map->count++;
}

void map_insert(struct map *map, uint64_t hash, uint32_t index)
{
    if (map_is_full(map)) {
        struct map_slot *old = map->slots;
        size_t slots = map_more_slots(map);
        map_rehash(map, mem_new_array(struct map_slot, slots), slots);
        free(old);
    }
    map_add(map, hash, index);
}

void map_insert_in(struct arena *arena, struct map *map, uint64_t hash, uint32_t index)
{
    if (map_is_full(map)) {
        size_t slots = map_more_slots(map);
        map_rehash(map, arena_array(arena, struct map_slot, slots), slots);
    }
    map_add(map, hash, index);
}

size_t map_size_bytes(size_t count)
{
    size_t slots = 16;
    while (count * 4 > slots * 3)
        slots *= 2;
    return slots * sizeof(struct map_slot);
}
