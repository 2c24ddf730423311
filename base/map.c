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

static void map_rehash(struct map *map)
{
    struct map_slot *old = map->slots;
    size_t old_count = old ? map->mask + 1 : 0;
    size_t slots = old_count ? old_count * 2 : 16;
    map->slots = mem_new_array(struct map_slot, slots);
    map->mask = slots - 1;
    for (size_t i = 0; i < old_count; i++)
        if (old[i].index != 0)
            map_put(map, old[i].hash, old[i].index);
    free(old);
}

void map_insert(struct map *map, uint64_t hash, uint32_t index)
{
    assert(index != UINT32_MAX);
    if (!map->slots || (map->count + 1) * 4 > (map->mask + 1) * 3)
        map_rehash(map);
    map_put(map, hash, index + 1);
    map->count++;
}

size_t map_size_bytes(size_t count)
{
    size_t slots = 16;
    while (count * 4 > slots * 3)
        slots *= 2;
    return slots * sizeof(struct map_slot);
}
