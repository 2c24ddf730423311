#include "storage/unknown_refs.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

struct unknown_refs {
    pthread_mutex_t mutex;
    uint64_t counts[UNKNOWN_KIND_COUNT]; /* not taken yet */
    uint64_t *refs;                      /* each once */
    size_t ref_count, ref_cap;
    struct map by_ref;
};

struct unknown_refs *unknown_refs_create(void)
{
    struct unknown_refs *unknown = mem_new(struct unknown_refs);
    pthread_mutex_init(&unknown->mutex, NULL);
    return unknown;
}

void unknown_refs_destroy(struct unknown_refs *unknown)
{
    if (!unknown)
        return;
    map_done(&unknown->by_ref);
    free(unknown->refs);
    pthread_mutex_destroy(&unknown->mutex);
    free(unknown);
}

/* With the mutex held: is the series a new one? */
static bool unknown_add_series(struct unknown_refs *unknown, uint64_t ref)
{
    uint64_t hash = hash_mix(ref, 0);
    struct map_probe at = map_find(&unknown->by_ref, hash);
    for (; map_hit(&unknown->by_ref, &at); map_next(&unknown->by_ref, &at))
        if (unknown->refs[at.index] == ref)
            return false;
    if (unknown->ref_count == UNKNOWN_SERIES_MAX)
        return false;
    mem_grow(unknown->refs, uint64_t, unknown->ref_count, &unknown->ref_cap);
    map_insert(&unknown->by_ref, hash, (uint32_t)unknown->ref_count);
    unknown->refs[unknown->ref_count++] = ref;
    return true;
}

void unknown_refs_note(struct unknown_refs *unknown, enum unknown_kind kind, uint64_t ref)
{
    assert(kind != UNKNOWN_SERIES);
    pthread_mutex_lock(&unknown->mutex);
    unknown->counts[kind]++;
    unknown->counts[UNKNOWN_SERIES] += unknown_add_series(unknown, ref);
    pthread_mutex_unlock(&unknown->mutex);
}

void unknown_refs_take(struct unknown_refs *unknown, uint64_t counts[UNKNOWN_KIND_COUNT])
{
    pthread_mutex_lock(&unknown->mutex);
    for (size_t i = 0; i < UNKNOWN_KIND_COUNT; i++) {
        counts[i] += unknown->counts[i];
        unknown->counts[i] = 0;
    }
    pthread_mutex_unlock(&unknown->mutex);
}
