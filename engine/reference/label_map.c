#include "engine/reference/label_map.h"

#include <string.h>

size_t label_map_find(const struct label_map *map, const struct labels *labels)
{
    struct map_probe at = map_find(&map->map, labels_hash(labels));
    for (; map_hit(&map->map, &at); map_next(&map->map, &at))
        if (labels_equal(map->items[at.index], labels))
            return at.index;
    return SIZE_MAX;
}

/* A larger copy of an array of label sets; what is added is NULL. */
static const struct labels **label_array_grow(struct arena *arena, const struct labels **items,
                                              size_t count, size_t cap)
{
    const struct labels **grown = arena_array(arena, const struct labels *, cap);
    if (count)
        memcpy(grown, items, count * sizeof *items);
    return grown;
}

size_t label_map_add(struct label_map *map, const struct labels *labels, bool *ret_new)
{
    size_t known = label_map_find(map, labels);
    *ret_new = known == SIZE_MAX;
    if (!*ret_new)
        return known;
    if (map->count == map->cap) {
        map->cap = map->cap ? map->cap * 2 : 8;
        map->items = label_array_grow(map->arena, map->items, map->count, map->cap);
    }
    map->items[map->count] = labels;
    map_insert_in(map->arena, &map->map, labels_hash(labels), (uint32_t)map->count);
    return map->count++;
}

static size_t label_pool_index(struct label_pool *pool, const struct labels *labels)
{
    bool new;
    size_t index = label_map_add(&pool->sets, labels, &new);
    if (new)
        pool->sets.items[index] = labels_new(pool->sets.arena, labels->pairs, labels->count);
    return index;
}

const struct labels *label_pool_keep(struct label_pool *pool, const struct labels *labels)
{
    size_t index = label_pool_index(pool, labels); /* which may move the items */
    return pool->sets.items[index];
}

const struct labels *label_pool_nameless(struct label_pool *pool, const struct labels *labels)
{
    size_t index = label_pool_index(pool, labels);
    if (pool->nameless_cap < pool->sets.cap) {
        pool->nameless =
            label_array_grow(pool->sets.arena, pool->nameless, pool->nameless_cap, pool->sets.cap);
        pool->nameless_cap = pool->sets.cap;
    }
    if (!pool->nameless[index])
        pool->nameless[index] = labels_drop_name(pool->sets.items[index], pool->sets.arena);
    return pool->nameless[index];
}
