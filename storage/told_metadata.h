#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "storage/append.h"

/*
 * What was told last of the metadata of each series, by a hash, so that it is logged only when it
 * changes. It forgets all when it has become large: then things are logged once more.
 *
 * Thread: one at a time.
 */
struct told_metadata {
    struct map by_ref;
    struct told_item *items;
    size_t count, cap;
};

/* Is it another than before, or new? It is the last one from now on. */
bool told_metadata_set(struct told_metadata *told, uint64_t ref,
                       const struct append_metadata *metadata);
void told_metadata_done(struct told_metadata *told);
