#include "storage/db_counters.h"

#include "base/file.h"
#include "storage/db_internal.h"
#include "storage/dir_lock.h"

/* 0 where it cannot be listed, as while it is made. */
static uint64_t folder_size(const struct db *db, const char *name)
{
    AUTO(buf_done) struct buf path = {0};
    buf_printf(&path, "%s/%s", db->path, name);
    struct err ignored = {0};
    uint64_t size = 0;
    return file_tree_size(buf_terminated(&path), &size, &ignored) ? size : 0;
}

void db_counters(struct db *db, struct db_counters *ret_counters)
{
    struct db_counters counters = {
        .wal_bytes = folder_size(db, "wal"),
        .wbl_bytes = folder_size(db, "wbl"),
        .map_bytes = folder_size(db, "chunks_head"),
    };
    head_counters(db->head, &counters.head);
    counters.start = START_UNLOCKED;
    if (db->dir_lock)
        counters.start = dir_lock_was_clean(db->dir_lock) ? START_CLEAN : START_UNCLEAN;
    pthread_mutex_lock(&db->lock);
    counters.reloads = db->reloads;
    counters.reloads_failed = db->reloads_failed;
    for (size_t i = 0; i < db->blocks.count; i++)
        counters.symbol_bytes += index_symbol_bytes(block_index(db->blocks.items[i]));
    pthread_mutex_unlock(&db->lock);
    *ret_counters = counters;
}
