/*
 * Takes blocks away. One that goes is renamed first, so that a process that ends half-way leaves
 * nothing that looks like a block; what is left of it goes when the directory is opened again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "base/mem.h"
#include "storage/db_internal.h"
#include "storage/retention.h"

static const char deletion_suffix[] = ".tmp-for-deletion";

/* Names of folders that are no blocks yet, or no longer; ".tmp" is that of an old Prometheus. */
static const char *const leftover_suffixes[] = {".tmp-for-creation", deletion_suffix, ".tmp"};

static bool name_is_leftover(const char *name)
{
    struct ulid ulid;
    size_t len = strlen(name);
    if (len <= ULID_LEN || !ulid_parse((struct str){name, ULID_LEN}, &ulid))
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(leftover_suffixes); i++)
        if (strcmp(name + ULID_LEN, leftover_suffixes[i]) == 0)
            return true;
    return false;
}

bool db_remove_leftovers(const struct db *db, struct err *err)
{
    AUTO(file_names_done) struct file_names names = {0};
    if (!file_names_read(db->path, &names, err))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        AUTO(buf_done) struct buf path = {0};
        buf_printf(&path, "%s/%s", db->path, names.items[i]);
        if (name_is_leftover(names.items[i]) && !file_remove_all(buf_terminated(&path), err))
            return false;
    }
    return true;
}

/* What the head has on the disk: WAL, WBL, chunks. */
static bool db_head_size(const struct db *db, uint64_t *ret_size, struct err *err)
{
    static const char *const folders[] = {"wal", "wbl", "chunks_head"};
    uint64_t size = 0;
    for (size_t i = 0; i < ARRAY_COUNT(folders); i++) {
        AUTO(buf_done) struct buf path = {0};
        buf_printf(&path, "%s/%s", db->path, folders[i]);
        uint64_t part = 0;
        if (!file_tree_size(buf_terminated(&path), &part, err))
            return false;
        size += part;
    }
    *ret_size = size;
    return true;
}

/* With a part of the disk as the size that it is. */
static bool db_retention_now(struct db *db, struct retention *ret_retention, struct err *err)
{
    pthread_mutex_lock(&db->lock);
    struct retention retention = db->retention;
    pthread_mutex_unlock(&db->lock);
    if (retention.disk_percent > 0) {
        struct statvfs disk;
        if (statvfs(db->path, &disk) != 0)
            return err_set(err, ERR_IO, "%s: cannot tell the size of the disk: %s", db->path,
                           strerror(errno));
        double size = (double)disk.f_blocks * (double)disk.f_frsize;
        retention.size_bytes = (uint64_t)(size * retention.disk_percent / 100);
    }
    *ret_retention = retention;
    return true;
}

/* Adds the blocks of the list that are beyond the retention, and says why. */
static bool db_find_expired(struct db *db, struct ulid_list *gone,
                            struct retention_result *ret_result, struct err *err)
{
    struct retention retention;
    uint64_t head_size = 0;
    if (!db_retention_now(db, &retention, err))
        return false;
    if (retention.size_bytes && !db_head_size(db, &head_size, err))
        return false;
    AUTO(block_list_done) struct block_list all = db_blocks_in(db, INT64_MIN, INT64_MAX);
    struct retention_block *blocks = mem_new_array(struct retention_block, all.count);
    for (size_t i = 0; i < all.count; i++)
        blocks[i] = (struct retention_block){.meta = block_meta(all.items[i]),
                                             .size_bytes = block_size_bytes(all.items[i]),
                                             .folder = db_block_folder(all.items[i])};
    *ret_result = retention_mark(&retention, blocks, all.count, head_size);
    for (size_t i = 0; i < all.count; i++)
        if (blocks[i].gone)
            ulid_list_add(gone, blocks[i].folder);
    free(blocks);
    return true;
}

static void db_count_expired(struct db *db, const struct retention_result *result)
{
    pthread_mutex_lock(&db->lock);
    db->compactor.stats.time_retentions_total += result->by_time;
    db->compactor.stats.size_retentions_total += result->by_size;
    pthread_mutex_unlock(&db->lock);
}

static void obsolete_path(const struct db *db, const struct ulid *ulid, struct buf *path)
{
    buf_clear(path);
    buf_printf(path, "%s/%s%s", db->path, ulid->text, deletion_suffix);
}

static bool db_rename_obsolete(const struct db *db, const struct ulid *ulid, struct err *err)
{
    AUTO(buf_done) struct buf from = {0};
    AUTO(buf_done) struct buf to = {0};
    buf_printf(&from, "%s/%s", db->path, ulid->text);
    obsolete_path(db, ulid, &to);
    const char *name = buf_terminated(&to);
    if (file_exists(name) && !file_remove_all(name, err))
        return false;
    return rename(buf_terminated(&from), name) == 0 || errno == ENOENT ||
           err_set(err, ERR_IO, "%s: cannot rename: %s", buf_terminated(&from), strerror(errno));
}

bool db_discard_block(struct db *db, const struct ulid *ulid, bool *ret_stays, struct err *err)
{
    pthread_mutex_lock(&db->refreshing);
    *ret_stays = db_has_block(db, ulid);
    bool good = *ret_stays || db_rename_obsolete(db, ulid, err);
    if (good && !*ret_stays)
        ulid_list_add(&db->compactor.renamed, *ulid);
    pthread_mutex_unlock(&db->refreshing);
    return good;
}

/* What cannot be removed yet stays in the list. */
static bool db_remove_renamed(struct db *db, struct err *err)
{
    struct ulid_list *renamed = &db->compactor.renamed;
    AUTO(buf_done) struct buf path = {0};
    for (; renamed->count > 0; renamed->count--) {
        const struct ulid *ulid = &renamed->items[renamed->count - 1];
        obsolete_path(db, ulid, &path);
        if (file_exists(buf_terminated(&path)) && !file_remove_all(buf_terminated(&path), err))
            return false;
        buf_clear(&path);
        buf_printf(&path, "block %s: removed", ulid->text);
        db_info(db, buf_terminated(&path));
    }
    return true;
}

/* Those that others stand for, and those beyond the retention. */
static bool db_rename_all_obsolete(struct db *db, struct err *err)
{
    AUTO(ulid_list_done) struct ulid_list gone = {0};
    pthread_mutex_lock(&db->refreshing);
    for (size_t i = 0; i < db->superseded.count; i++)
        ulid_list_add(&gone, db->superseded.items[i]);
    pthread_mutex_unlock(&db->refreshing);
    struct retention_result expired;
    if (!db_find_expired(db, &gone, &expired, err))
        return false;
    for (size_t i = 0; i < gone.count; i++) {
        if (!db_rename_obsolete(db, &gone.items[i], err))
            return false;
        ulid_list_add(&db->compactor.renamed, gone.items[i]);
    }
    db_count_expired(db, &expired);
    return true;
}

bool db_remove_obsolete(struct db *db, struct err *err)
{
    if (!db_rename_all_obsolete(db, err))
        return false;
    if (db->compactor.renamed.count == 0)
        return true;
    return file_sync_folder(db->path, err) && db_refresh(db, err) && db_remove_renamed(db, err);
}
