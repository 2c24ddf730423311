/*
 * Blocks and head of one data directory.
 *
 * A refresh lists the folder and puts a new list of blocks in place of the old one; selections that
 * run keep the blocks they hold. Blocks come first and the head second, so that what moves from the
 * head into a block while we look is there twice, which merging takes out, and never missing; at
 * the end the blocks are looked at once more, for the head may have been cut since. A selection
 * asks in the other order, head first, for the same reason.
 *
 * Locks: `refreshing` is held for a whole refresh; `lock` for moments, inside of it or alone, and
 * guards the list of blocks and the counts. The head has its own.
 */
#include "storage/db.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "storage/append.h"
#include "storage/block.h"
#include "storage/db_cardinality.h"
#include "storage/db_names.h"
#include "storage/db_select.h"
#include "storage/dir_lock.h"
#include "storage/head.h"
#include "storage/head_append.h"

/* A block that was left out, and what was said of it. */
struct bad_block {
    struct ulid ulid;
    bool corrupt; /* opening it again is of no use */
    char *message;
};

struct block_list {
    struct block **items; /* sorted by begin; a reference each */
    size_t count;
    size_t cap;
};

struct bad_list {
    struct bad_block *items;
    size_t count;
    size_t cap;
};

struct db {
    struct storage storage;
    char *path;
    struct db_options options;
    struct dir_lock *dir_lock; /* open for writing */
    struct head *head;
    pthread_mutex_t refreshing;
    pthread_mutex_t lock;
    struct block_list blocks;
    size_t corrupt_count;
    struct bad_list bad; /* only a refresh looks at it */
    char last_refresh_err[512];
    pthread_t thread;
    bool thread_runs;
    pthread_mutex_t stop_lock;
    pthread_cond_t stop_changed;
    bool stop;
};

static void block_list_done(struct block_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        block_unref(list->items[i]);
    free(list->items);
    *list = (struct block_list){0};
}

static void block_list_add(struct block_list *list, struct block *block)
{
    mem_grow(list->items, struct block *, list->count, &list->cap);
    list->items[list->count++] = block;
}

static void bad_list_done(struct bad_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].message);
    free(list->items);
    *list = (struct bad_list){0};
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

static void db_warn(const struct db *db, const char *message)
{
    if (db->options.warn)
        db->options.warn(db->options.context, message);
}

/* The open block of that name, if it is still what the folder holds. */
static struct block *db_find_block(struct db *db, const struct ulid *ulid)
{
    for (size_t i = 0; i < db->blocks.count; i++) {
        struct block *block = db->blocks.items[i];
        const char *slash = strrchr(block_dir(block), '/');
        if (strcmp(slash + 1, ulid->text) == 0)
            return block_is_outdated(block) ? NULL : block;
    }
    return NULL;
}

static void db_load_block(struct db *db, const struct ulid *ulid, struct block_list *blocks,
                          struct bad_list *bad)
{
    struct block *found = db_find_block(db, ulid);
    if (found) {
        block_list_add(blocks, block_ref(found));
        return;
    }
    const struct bad_block *known = bad_list_find(&db->bad, ulid);
    if (known && known->corrupt) {
        bad_list_add(bad, *known);
        return;
    }
    AUTO(buf_done) struct buf dir = {0};
    buf_printf(&dir, "%s/%s", db->path, ulid->text);
    struct err err = {0};
    struct block *opened = NULL;
    if (block_open(buf_terminated(&dir), &opened, &err))
        block_list_add(blocks, opened);
    else if (file_exists(buf_terminated(&dir)))
        bad_list_add(bad, (struct bad_block){*ulid, err.kind == ERR_CORRUPT, err.msg});
}

static bool db_list_blocks(struct db *db, struct block_list *blocks, struct bad_list *bad,
                           struct err *err)
{
    DIR *dir = opendir(db->path);
    if (!dir)
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: cannot list: %s",
                       db->path, strerror(errno));
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        struct ulid ulid;
        if (ulid_parse(str_of(entry->d_name), &ulid))
            db_load_block(db, &ulid, blocks, bad);
    }
    closedir(dir);
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

static void block_list_drop_superseded(struct block_list *blocks)
{
    struct block_list kept = {0};
    for (size_t i = 0; i < blocks->count; i++) {
        const struct block_meta *meta = block_meta(blocks->items[i]);
        if (!meta->deletable && !block_is_superseded(&meta->ulid, blocks))
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
        if (bad_list_find(&db->bad, &one->ulid) || block_is_superseded(&one->ulid, blocks))
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

static bool db_refresh_blocks(struct db *db, struct err *err)
{
    struct block_list blocks = {0};
    struct bad_list bad = {0};
    if (!db_list_blocks(db, &blocks, &bad, err)) {
        block_list_done(&blocks);
        bad_list_done(&bad);
        return false;
    }
    db_report_bad(db, &bad, &blocks);
    block_list_drop_superseded(&blocks);
    if (blocks.count)
        qsort(blocks.items, blocks.count, sizeof *blocks.items, block_order);

    pthread_mutex_lock(&db->lock);
    struct block_list before = db->blocks;
    db->blocks = blocks;
    pthread_mutex_unlock(&db->lock);
    block_list_done(&before);
    return true;
}

/*
 * A block of late samples alone says nothing of what the head still needs to hold. It has a hint in
 * its meta that says so; but up to 3.5 Prometheus loses the hint when it merges such blocks
 * (#18379). A merged block is therefore believed only when the head has gone so far beyond it that
 * the samples in order must be in a block as well: Prometheus writes those out when the head
 * reaches half a block's range beyond them. In doubt the head keeps what blocks have too.
 */
static bool block_ends_head(const struct block_meta *meta, int64_t range_ms, int64_t head_end_ms)
{
    if (meta->beside_head)
        return false;
    return meta->level <= 1 ||
           (head_end_ms > meta->end_ms && head_end_ms - meta->end_ms >= range_ms / 4 * 3);
}

/* Up to where blocks hold what the head had. */
static int64_t db_blocks_end(const struct db *db)
{
    int64_t range_ms = INT64_MAX;
    for (size_t i = 0; i < db->blocks.count; i++) {
        const struct block_meta *meta = block_meta(db->blocks.items[i]);
        if (meta->end_ms - meta->begin_ms < range_ms)
            range_ms = meta->end_ms - meta->begin_ms;
    }
    int64_t head_end = head_end_ms(db->head);
    int64_t end_ms = INT64_MIN;
    for (size_t i = 0; i < db->blocks.count; i++) {
        const struct block_meta *meta = block_meta(db->blocks.items[i]);
        if (meta->end_ms > end_ms && block_ends_head(meta, range_ms, head_end))
            end_ms = meta->end_ms;
    }
    return end_ms;
}

/* Reading the head may show that one more block is to be believed. */
static bool db_refresh_head(struct db *db, struct err *err)
{
    int64_t end_ms = db_blocks_end(db);
    if (!head_refresh(db->head, end_ms, err))
        return false;
    int64_t new_end_ms = db_blocks_end(db);
    return new_end_ms <= end_ms || head_refresh(db->head, new_end_ms, err);
}

bool db_refresh(struct db *db, struct err *err)
{
    pthread_mutex_lock(&db->refreshing);
    bool ok = db_refresh_blocks(db, err) && db_refresh_head(db, err) && db_refresh_blocks(db, err);
    pthread_mutex_unlock(&db->refreshing);
    return ok;
}

/* Waits for the time of the next refresh; false: it is time to end. */
static bool db_wait(struct db *db)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + db->options.refresh_ms % 1000 * 1000000;
    until.tv_sec += db->options.refresh_ms / 1000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;

    pthread_mutex_lock(&db->stop_lock);
    int waited = 0;
    while (!db->stop && waited == 0)
        waited = pthread_cond_timedwait(&db->stop_changed, &db->stop_lock, &until);
    bool go_on = !db->stop;
    pthread_mutex_unlock(&db->stop_lock);
    return go_on;
}

/* Refreshes now and then; an error is told when it is another one than the time before. */
static void *db_thread(void *context)
{
    struct db *db = context;
    while (db_wait(db)) {
        struct err err = {0};
        bool ok = db_refresh(db, &err);
        if (!ok && strncmp(db->last_refresh_err, err.msg, sizeof db->last_refresh_err - 1) != 0)
            db_warn(db, err.msg);
        snprintf(db->last_refresh_err, sizeof db->last_refresh_err, "%s", ok ? "" : err.msg);
    }
    return NULL;
}

static bool db_start_thread(struct db *db, struct err *err)
{
    int failed = pthread_create(&db->thread, NULL, db_thread, db);
    if (failed)
        return err_set(err, ERR_IO, "cannot start a thread: %s", strerror(failed));
    db->thread_runs = true;
    return true;
}

/* The blocks that overlap [begin_ms, end_ms], a reference each. */
static struct block_list db_blocks_in(struct db *db, int64_t begin_ms, int64_t end_ms)
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

static struct db *db_of(struct storage *storage)
{
    return CONTAINER(struct db, storage, storage);
}

static bool db_storage_select(struct storage *storage, const struct select_request *request,
                              struct selection **ret_selection, struct err *err)
{
    struct db *db = db_of(storage);
    struct db_sources sources = {0};
    if (!head_select(db->head, request, &sources.head_series, err))
        return false;
    sources.head = db->head;
    struct block_list blocks = db_blocks_in(db, request->begin_ms, request->end_ms);
    sources.blocks = blocks.items;
    sources.block_count = blocks.count;
    sources.sorted = blocks.count > 0;
    if (!sources.sorted && (request->whole_begin_ms || request->whole_end_ms)) {
        blocks = db_blocks_in(db, request->whole_begin_ms, request->whole_end_ms);
        sources.sorted = blocks.count > 0;
        block_list_done(&blocks);
    }
    return db_select(&sources, request, ret_selection, err);
}

static void names_cut(struct names *names, size_t limit)
{
    if (limit && names->count > limit + 1)
        names->count = limit + 1;
}

static bool db_label_names(struct storage *storage, const struct names_request *request,
                           struct names *ret_names, struct err *err)
{
    struct db *db = db_of(storage);
    struct names names = {0};
    bool ok = head_label_names(db->head, request, &names, err);
    struct block_list blocks = db_blocks_in(db, request->begin_ms, request->end_ms);
    for (size_t i = 0; ok && i < blocks.count; i++)
        ok = block_label_names(blocks.items[i], request, &names, err);
    block_list_done(&blocks);
    if (!ok || !arena_check(request->arena, err))
        return false;
    names_cut(&names, request->limit);
    *ret_names = names;
    return true;
}

static bool db_label_values(struct storage *storage, const struct names_request *request,
                            struct str name, struct names *ret_names, struct err *err)
{
    struct db *db = db_of(storage);
    struct names names = {0};
    bool ok = head_label_values(db->head, request, name, &names, err);
    struct block_list blocks = db_blocks_in(db, request->begin_ms, request->end_ms);
    for (size_t i = 0; ok && i < blocks.count; i++)
        ok = block_label_values(blocks.items[i], request, name, &names, err);
    block_list_done(&blocks);
    if (!ok || !arena_check(request->arena, err))
        return false;
    names_cut(&names, request->limit);
    *ret_names = names;
    return true;
}

static const struct storage_class db_storage_class = {
    .name = "db",
    .select = db_storage_select,
    .label_names = db_label_names,
    .label_values = db_label_values,
};

bool db_open(const char *path, const struct db_options *options, struct db **ret_db,
             struct err *err)
{
    AUTO(db_close) struct db *db = mem_new(struct db);
    db->storage.class = &db_storage_class;
    db->path = mem_strdup(path);
    db->options = *options;
    pthread_mutex_init(&db->refreshing, NULL);
    pthread_mutex_init(&db->lock, NULL);
    pthread_mutex_init(&db->stop_lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&db->stop_changed, &attr);
    pthread_condattr_destroy(&attr);

    bool writes = !options->read_only;
    if (writes && (!file_make_folder(path, err) || !dir_lock_open(path, &db->dir_lock, err)))
        return false;
    if (!head_open(path, &db->options, &db->head, err) || !db_refresh(db, err))
        return false;
    if (writes && !head_begin_writing(db->head, err))
        return false;
    if (options->refresh_ms > 0 && !db_start_thread(db, err))
        return false;
    *ret_db = TAKE(db);
    return true;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    if (db->thread_runs) {
        pthread_mutex_lock(&db->stop_lock);
        db->stop = true;
        pthread_cond_signal(&db->stop_changed);
        pthread_mutex_unlock(&db->stop_lock);
        pthread_join(db->thread, NULL);
    }
    block_list_done(&db->blocks);
    bad_list_done(&db->bad);
    head_close(db->head);
    dir_lock_close(db->dir_lock);
    pthread_mutex_destroy(&db->refreshing);
    pthread_mutex_destroy(&db->lock);
    pthread_mutex_destroy(&db->stop_lock);
    pthread_cond_destroy(&db->stop_changed);
    free(db->path);
    free(db);
}

bool db_append(struct db *db, const struct append_batch *batch, enum append_mode mode,
               struct append_result *ret_result, struct err *err)
{
    return head_append(db->head, batch, mode, ret_result, err);
}

struct storage *db_storage(struct db *db)
{
    return &db->storage;
}

void db_stats(struct db *db, struct db_stats *ret_stats)
{
    struct head_stats head = {0};
    head_stats(db->head, &head);
    struct db_stats stats = {.begin_ms = head.begin_ms,
                             .end_ms = head.end_ms,
                             .head_series_count = head.series_count,
                             .head_chunk_count = head.chunk_count,
                             .head_begin_ms = head.begin_ms,
                             .head_end_ms = head.end_ms,
                             .head_label_pair_count = head.label_pair_count};
    if (head.begin_ms > head.end_ms) {
        stats.begin_ms = INT64_MAX;
        stats.end_ms = INT64_MIN;
    }
    pthread_mutex_lock(&db->lock);
    stats.block_count = db->blocks.count;
    stats.corrupt_count = db->corrupt_count + head.corrupt_count;
    for (size_t i = 0; i < db->blocks.count; i++) {
        const struct block_meta *meta = block_meta(db->blocks.items[i]);
        if (meta->begin_ms < stats.begin_ms)
            stats.begin_ms = meta->begin_ms;
        if (meta->end_ms - 1 > stats.end_ms)
            stats.end_ms = meta->end_ms - 1;
    }
    pthread_mutex_unlock(&db->lock);
    *ret_stats = stats;
}

void db_cardinality(struct db *db, size_t limit, struct arena *arena,
                    struct db_cardinality *ret_cardinality)
{
    struct head_stats head = {0};
    head_stats(db->head, &head);
    if (head.series_count > 0) {
        head_cardinality(db->head, limit, arena, ret_cardinality);
        return;
    }
    *ret_cardinality = (struct db_cardinality){0};
    struct block_list blocks = db_blocks_in(db, INT64_MIN, INT64_MAX);
    if (blocks.count)
        block_cardinality(blocks.items[blocks.count - 1], limit, arena, ret_cardinality);
    block_list_done(&blocks);
}
