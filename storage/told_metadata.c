#include "storage/told_metadata.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

#define TOLD_MAX ((size_t)4 << 20)

struct told_item {
    uint64_t ref;
    uint64_t hash;
};

static uint64_t metadata_hash(const struct append_metadata *metadata)
{
    uint64_t hash = hash_mix(hash_bytes(metadata->help.ptr, metadata->help.len),
                             hash_bytes(metadata->unit.ptr, metadata->unit.len));
    return hash_mix(hash, (uint64_t)metadata->type);
}

bool told_metadata_set(struct told_metadata *told, uint64_t ref,
                       const struct append_metadata *metadata)
{
    uint64_t hash = metadata_hash(metadata);
    struct map_probe at = map_find(&told->by_ref, hash_mix(0, ref));
    for (; map_hit(&told->by_ref, &at); map_next(&told->by_ref, &at)) {
        struct told_item *item = &told->items[at.index];
        if (item->ref != ref)
            continue;
        bool changed = item->hash != hash;
        item->hash = hash;
        return changed;
    }
    if (told->count == TOLD_MAX)
        told_metadata_done(told);
    mem_grow(told->items, struct told_item, told->count, &told->cap);
    map_insert(&told->by_ref, hash_mix(0, ref), (uint32_t)told->count);
    told->items[told->count++] = (struct told_item){ref, hash};
    return true;
}

void told_metadata_done(struct told_metadata *told)
{
    map_done(&told->by_ref);
    free(told->items);
    *told = (struct told_metadata){0};
}
