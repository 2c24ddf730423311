/*
 * The list of blocks: what the folder holds, opened, without what others stand for. It is made anew
 * by each refresh and put into the place of the old one; who has the old one keeps what he holds.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/file_map.h"
#include "base/mem.h"
#include "storage/db_internal.h"
#include "storage/replay.h"

void block_list_done(struct block_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        block_unref(list->items[i]);
    free(list->items);
    *list = (struct block_list){0};
}

void block_list_add(struct block_list *list, struct block *block)
{
    mem_grow(list->items, struct block *, list->count, &list->cap);
    list->items[list->count++] = block;
}

void bad_list_done(struct bad_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].message);
    free(list->items);
    *list = (struct bad_list){0};
}

void ulid_list_add(struct ulid_list *list, struct ulid ulid)
{
    mem_grow(list->items, struct ulid, list->count, &list->cap);
    list->items[list->count++] = ulid;
}

void ulid_list_done(struct ulid_list *list)
{
    free(list->items);
    *list = (struct ulid_list){0};
}

static const struct bad_block *bad_list_find(const struct bad_list *list, const struct ulid *ulid)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].ulid.text, ulid->text) == 0)
            return &list->items[i];
    return NULL;
}

static void bad_list_add(struct bad_list *list, struct bad_block bad)
{
    bad.message = mem_strdup(bad.message);
    mem_grow(list->items, struct bad_block, list->count, &list->cap);
    list->items[list->count++] = bad;
}

struct ulid db_block_folder(const struct block *block)
{
    struct ulid name;
    bool good = ulid_parse(str_of(strrchr(block_dir(block), '/') + 1), &name);
    assert(good); /* no other ones are opened */
    return name;
}

/* The open block of that name. */
static struct block *db_find_block(struct db *db, const struct ulid *ulid)
{
    for (size_t i = 0; i < db->blocks.count; i++) {
        struct block *block = db->blocks.items[i];
        if (strcmp(db_block_folder(block).text, ulid->text) == 0)
            return block;
    }
    return NULL;
}

static void db_load_block(struct db *db, const struct ulid *ulid, struct block_list *blocks,
                          struct bad_list *bad)
{
    struct block *found = db_find_block(db, ulid);
    if (found && !block_is_outdated(found)) {
        block_list_add(blocks, block_ref(found));
        return;
    }
    const struct bad_block *known = bad_list_find(&db->bad, ulid);
    if (known && known->kind == ERR_CORRUPT) {
        bad_list_add(bad, *known);
        return;
    }
    AUTO(buf_done) struct buf dir = {0};
    buf_printf(&dir, "%s/%s", db->path, ulid->text);
    struct err err = {0};
    struct block *opened = NULL;
    if (block_open(buf_terminated(&dir), &opened, &err))
        block_list_add(blocks, opened);
    else if (found && err.kind == ERR_IO && file_exists(buf_terminated(&dir)))
        block_list_add(blocks, block_ref(found)); /* only its tombstones are old: until next time */
    else if (file_exists(buf_terminated(&dir)))
        bad_list_add(bad, (struct bad_block){*ulid, err.kind, err.msg});
}

static bool db_list_blocks(struct db *db, struct block_list *blocks, struct bad_list *bad,
                           struct err *err)
{
    AUTO(file_names_done) struct file_names names = {0};
    if (!file_names_read(db->path, &names, err))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        struct ulid ulid;
        if (!replay_is_wanted(&db->options, err))
            return false;
        if (ulid_parse(str_of(names.items[i]), &ulid))
            db_load_block(db, &ulid, blocks, bad);
    }
    return true;
}

/* Is the block replaced by one of the others, or empty? */
static bool block_is_superseded(const struct ulid *ulid, const struct block_list *blocks)
{
    for (size_t i = 0; i < blocks->count; i++) {
        const struct block_meta *meta = block_meta(blocks->items[i]);
        for (size_t k = 0; k < meta->parent_count; k++)
            if (strcmp(meta->parents[k].ulid.text, ulid->text) == 0)
                return true;
    }
    return false;
}

static void db_drop_superseded(struct db *db, struct block_list *blocks)
{
    struct block_list kept = {0};
    for (size_t i = 0; i < blocks->count; i++) {
        const struct block_meta *meta = block_meta(blocks->items[i]);
        if (meta->deletable || block_is_superseded(&meta->ulid, blocks))
            ulid_list_add(&db->superseded, db_block_folder(blocks->items[i]));
        else
            block_list_add(&kept, block_ref(blocks->items[i]));
    }
    block_list_done(blocks);
    *blocks = kept;
}

static int block_order(const void *left, const void *right)
{
    const struct block_meta *a = block_meta(*(struct block *const *)left);
    const struct block_meta *b = block_meta(*(struct block *const *)right);
    if (a->begin_ms != b->begin_ms)
        return a->begin_ms < b->begin_ms ? -1 : 1;
    return strcmp(a->ulid.text, b->ulid.text);
}

/* Says what is left out since the last time, and counts it. */
static void db_report_bad(struct db *db, struct bad_list *bad, const struct block_list *blocks)
{
    size_t fresh = 0;
    for (size_t i = 0; i < bad->count; i++) {
        const struct bad_block *one = &bad->items[i];
        if (block_is_superseded(&one->ulid, blocks)) {
            ulid_list_add(&db->superseded, one->ulid);
            continue;
        }
        if (bad_list_find(&db->bad, &one->ulid))
            continue;
        AUTO(buf_done) struct buf line = {0};
        buf_printf(&line, "block left out: %s", one->message);
        db_warn(db, buf_terminated(&line));
        fresh++;
    }
    bad_list_done(&db->bad);
    db->bad = *bad;
    *bad = (struct bad_list){0};
    pthread_mutex_lock(&db->lock);
    db->corrupt_count += fresh;
    pthread_mutex_unlock(&db->lock);
}

/* What readers found that they cannot read: they have failed, and may not tell. */
static void db_report_lost(struct db *db)
{
    struct err lost;
    while (file_map_tell_lost(&lost)) {
        AUTO(buf_done) struct buf line = {0};
        buf_printf(&line,
                   "%s; what needs it fails until it can be read again: put the file back as it "
                   "was, or take its block away; where it is one of chunks_head, end the server, "
                   "remove chunks_head, and start it: the log has what was there",
                   lost.msg);
        db_warn(db, buf_terminated(&line));
        pthread_mutex_lock(&db->lock);
        db->corrupt_count++;
        pthread_mutex_unlock(&db->lock);
    }
}

static void db_count_reload(struct db *db, bool good)
{
    pthread_mutex_lock(&db->lock);
    db->reloads++;
    db->reloads_failed += !good;
    pthread_mutex_unlock(&db->lock);
}

bool db_refresh_blocks(struct db *db, struct err *err)
{
    struct block_list blocks = {0};
    struct bad_list bad = {0};
    db_report_lost(db);
    bool good = db_list_blocks(db, &blocks, &bad, err);
    db_count_reload(db, good);
    if (!good) {
        block_list_done(&blocks);
        bad_list_done(&bad);
        return false;
    }
    db->superseded.count = 0;
    db_report_bad(db, &bad, &blocks);
    db_drop_superseded(db, &blocks);
    if (blocks.count)
        qsort(blocks.items, blocks.count, sizeof *blocks.items, block_order);

    pthread_mutex_lock(&db->lock);
    struct block_list before = db->blocks;
    db->blocks = blocks;
    pthread_mutex_unlock(&db->lock);
    block_list_done(&before);
    return true;
}

bool db_check_open(struct db *db, struct err *err)
{
    bool good = true;
    pthread_mutex_lock(&db->refreshing);
    for (size_t i = 0; i < db->bad.count && good; i++) {
        const struct bad_block *bad = &db->bad.items[i];
        if (bad->kind == ERR_IO && !block_is_superseded(&bad->ulid, &db->blocks))
            good = err_set(err, ERR_IO, "%s", bad->message);
    }
    pthread_mutex_unlock(&db->refreshing);
    return good;
}

bool db_has_block(struct db *db, const struct ulid *ulid)
{
    bool found = false;
    pthread_mutex_lock(&db->lock);
    for (size_t i = 0; i < db->blocks.count && !found; i++)
        found = strcmp(block_meta(db->blocks.items[i])->ulid.text, ulid->text) == 0;
    pthread_mutex_unlock(&db->lock);
    return found;
}

void db_each_block(struct db *db, void (*visit)(void *context, const struct block_meta *meta),
                   void *context)
{
    AUTO(block_list_done) struct block_list blocks = db_blocks_in(db, INT64_MIN, INT64_MAX);
    for (size_t i = 0; i < blocks.count; i++)
        visit(context, block_meta(blocks.items[i]));
}

struct block_list db_blocks_in(struct db *db, int64_t begin_ms, int64_t end_ms)
{
    struct block_list found = {0};
    pthread_mutex_lock(&db->lock);
    for (size_t i = 0; i < db->blocks.count; i++) {
        const struct block_meta *meta = block_meta(db->blocks.items[i]);
        if (meta->begin_ms <= end_ms && begin_ms < meta->end_ms)
            block_list_add(&found, block_ref(db->blocks.items[i]));
    }
    pthread_mutex_unlock(&db->lock);
    return found;
}
