#include "engine/reference/label_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

size_t label_map_find(const struct label_map *map, const struct labels *labels)
{
    struct map_probe at = map_find(&map->map, labels_hash(labels));
    for (; map_hit(&map->map, &at); map_next(&map->map, &at))
        if (labels_equal(map->items[at.index], labels))
            return at.index;
    return SIZE_MAX;
}

size_t label_map_add(struct label_map *map, const struct labels *labels, bool *ret_new)
{
    size_t known = label_map_find(map, labels);
    *ret_new = known == SIZE_MAX;
    if (!*ret_new)
        return known;
    mem_grow(map->items, const struct labels *, map->count, &map->cap);
    map->items[map->count] = labels;
    map_insert(&map->map, labels_hash(labels), (uint32_t)map->count);
    return map->count++;
}

void label_map_done(struct label_map *map)
{
    map_done(&map->map);
    free(map->items);
    *map = (struct label_map){0};
}

static size_t label_pool_index(struct label_pool *pool, const struct labels *labels)
{
    bool new;
    size_t index = label_map_add(&pool->sets, labels, &new);
    if (new)
        pool->sets.items[index] = labels_new(pool->arena, labels->pairs, labels->count);
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
        pool->nameless = mem_resize(pool->nameless, const struct labels *, pool->sets.cap);
        memset(pool->nameless + pool->nameless_cap, 0,
               (pool->sets.cap - pool->nameless_cap) * sizeof *pool->nameless);
        pool->nameless_cap = pool->sets.cap;
    }
    if (!pool->nameless[index])
        pool->nameless[index] = labels_drop_name(pool->sets.items[index], pool->arena);
    return pool->nameless[index];
}

void label_pool_done(struct label_pool *pool)
{
    label_map_done(&pool->sets);
    free(pool->nameless);
    pool->nameless = NULL;
    pool->nameless_cap = 0;
}
