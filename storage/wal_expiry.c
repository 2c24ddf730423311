#include "storage/wal_expiry.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

static struct wal_expiry *expiry_find(const struct wal_expiries *expiries, uint64_t ref)
{
    struct map_probe at = map_find(&expiries->by_ref, hash_mix(0, ref));
    for (; map_hit(&expiries->by_ref, &at); map_next(&expiries->by_ref, &at))
        if (expiries->items[at.index].ref == ref)
            return &expiries->items[at.index];
    return NULL;
}

void wal_expiries_add(struct wal_expiries *expiries, uint64_t ref, uint32_t segment)
{
    struct wal_expiry *known = expiry_find(expiries, ref);
    if (known) {
        known->segment = known->segment < segment ? segment : known->segment;
        return;
    }
    mem_grow(expiries->items, struct wal_expiry, expiries->count, &expiries->cap);
    map_insert(&expiries->by_ref, hash_mix(0, ref), (uint32_t)expiries->count);
    expiries->items[expiries->count++] = (struct wal_expiry){ref, segment};
}

bool wal_expiries_need(const struct wal_expiries *expiries, uint64_t ref, uint32_t last)
{
    const struct wal_expiry *known = expiry_find(expiries, ref);
    return known && known->segment > last;
}

void wal_expiries_trim(struct wal_expiries *expiries, uint32_t last)
{
    struct wal_expiries kept = {0};
    for (size_t i = 0; i < expiries->count; i++)
        if (expiries->items[i].segment > last)
            wal_expiries_add(&kept, expiries->items[i].ref, expiries->items[i].segment);
    wal_expiries_done(expiries);
    *expiries = kept;
}

void wal_expiries_done(struct wal_expiries *expiries)
{
    map_done(&expiries->by_ref);
    free(expiries->items);
    *expiries = (struct wal_expiries){0};
}
