#pragma once

#include "base/map.h"
#include "engine/query.h"

/*
 * A map whose memory is charged to its query before it grows: what a query finds by hash, one entry
 * for each of what a user can make grow. Finds go to `map` directly.
 *
 *     AUTO(query_map_done) struct query_map found = {.query = query};
 */
struct query_map {
    struct query *query;
    struct map map;
    size_t charged_bytes;
};

static inline bool query_map_insert(struct query_map *map, uint64_t hash, uint32_t index,
                                    struct err *err)
{
    size_t bytes = map_size_bytes(map->map.count + 1);
    if (bytes > map->charged_bytes) {
        if (!budget_charge(&map->query->budget, bytes - map->charged_bytes, err))
            return false;
        map->charged_bytes = bytes;
    }
    map_insert(&map->map, hash, index);
    return true;
}

static inline void query_map_done(struct query_map *map)
{
    map_done(&map->map);
    if (map->query)
        budget_release(&map->query->budget, map->charged_bytes);
    map->charged_bytes = 0;
}

static inline void query_map_done_auto(struct query_map *map)
{
    query_map_done(map);
}
