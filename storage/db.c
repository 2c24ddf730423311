/*
 * Blocks and head of one data directory.
 *
 * A refresh lists the folder and puts a new list of blocks in place of the old one; selections that
 * run keep the blocks they hold. Blocks come first and the head second, so that what moves from the
 * head into a block while we look is there twice, which merging takes out, and never missing; at
 * the end the blocks are looked at once more, for the head may have been cut since. A selection
 * asks in the other order, head first, for the same reason.
 *
 * Two threads work beside the others: one refreshes, one makes blocks and removes them.
 */
#include "storage/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cond.h"
#include "base/file.h"
#include "base/mem.h"
#include "storage/append.h"
#include "storage/db_cardinality.h"
#include "storage/db_internal.h"
#include "storage/db_names.h"
#include "storage/db_select.h"
#include "storage/dir_lock.h"
#include "storage/head_append.h"
#include "storage/head_snapshot.h"
#include "storage/late_samples.h"

void db_warn(const struct db *db, const char *message)
{
    if (db->options.warn)
        db->options.warn(db->options.context, message);
}

void db_info(const struct db *db, const char *message)
{
    if (db->options.info)
        db->options.info(db->options.context, message);
}

/* What the head has may settle that one more block ends it. */
static bool db_refresh_head(struct db *db, struct err *err)
{
    int64_t end_ms = db_blocks_end(db);
    if (!head_refresh(db->head, end_ms, err) || !db_settle_doubts(db, err))
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

bool db_wait(struct db *db, struct db_thread *thread, int64_t ms)
{
    int64_t until_ns = clock_deadline_ns(clock_monotonic_ns(), ms);
    bool early = true;
    pthread_mutex_lock(&db->stop_lock);
    while (!db->stop && !(thread && thread->wanted) && early)
        early = cond_wait_until(&db->stop_changed, &db->stop_lock, until_ns);
    if (thread)
        thread->wanted = false;
    bool go_on = !db->stop;
    pthread_mutex_unlock(&db->stop_lock);
    return go_on;
}

/* A block that could not be written has another name each time. */
static void hide_ulids(char *text)
{
    for (size_t left = strlen(text); left >= ULID_LEN; text++, left--) {
        struct ulid ulid;
        if (ulid_parse((struct str){text, ULID_LEN}, &ulid))
            memset(text, 'X', ULID_LEN);
    }
}

void db_thread_result(struct db *db, struct db_thread *thread, bool good, const struct err *err)
{
    char now[sizeof thread->last_err] = "";
    if (!good)
        snprintf(now, sizeof now, "%s", err->msg);
    hide_ulids(now);
    bool told = good || err->kind == ERR_CANCELED;
    if (!told && strcmp(thread->last_err, now) != 0)
        db_warn(db, err->msg);
    memcpy(thread->last_err, now, sizeof now);
}

/* Refreshes now and then. */
static void *db_refresh_thread(void *context)
{
    struct db *db = context;
    while (db_wait(db, NULL, db->options.refresh_ms)) {
        struct err err = {0};
        bool good = db_refresh(db, &err) && head_snapshot_keep_up(db->head, &err);
        db_thread_result(db, &db->refresher, good, &err);
    }
    return NULL;
}

static bool db_start_thread(struct db *db, struct db_thread *thread, void *(*body)(void *),
                            struct err *err)
{
    int failed = pthread_create(&thread->thread, NULL, body, db);
    if (failed)
        return err_set(err, ERR_IO, "cannot start a thread: %s", strerror(failed));
    thread->runs = true;
    return true;
}

static void db_stop_threads(struct db *db)
{
    atomic_store(&db->compactor.cancel, true);
    if (db->head)
        head_prepare_close(db->head);
    pthread_mutex_lock(&db->stop_lock);
    db->stop = true;
    pthread_cond_broadcast(&db->stop_changed);
    pthread_mutex_unlock(&db->stop_lock);
    if (db->refresher.runs)
        pthread_join(db->refresher.thread, NULL);
    if (db->compact_thread.runs)
        pthread_join(db->compact_thread.thread, NULL);
}

static struct db *db_of(struct storage *storage)
{
    return CONTAINER(struct db, storage, storage);
}

/*
 * May the head give the newest samples alone? Where blocks have some of the same times, those in
 * front of them decide which is taken.
 */
static bool db_newest_only(struct db *db, const struct select_request *request)
{
    if (!request->newest_only)
        return false;
    struct block_list blocks = db_blocks_in(db, request->begin_ms, request->end_ms);
    bool alone = blocks.count == 0;
    block_list_done(&blocks);
    return alone;
}

static bool db_storage_select(struct storage *storage, const struct select_request *request,
                              struct selection **ret_selection, struct err *err)
{
    struct db *db = db_of(storage);
    struct db_sources sources = {0};
    struct select_request of_head = *request;
    of_head.newest_only = db_newest_only(db, request);
    if (!head_select(db->head, &of_head, &sources.head_series, err))
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

static struct db *db_create(const char *path, const struct db_options *options)
{
    struct db *db = mem_new(struct db);
    db->storage.class = &db_storage_class;
    db->path = mem_strdup(path);
    db->options = *options;
    if (db->options.block_range_ms == 0)
        db->options.block_range_ms = DB_BLOCK_RANGE_MS;
    if (db->options.block_range_max_ms == 0)
        db->options.block_range_max_ms = DB_BLOCK_RANGE_MAX_MS;
    db->retention = (struct retention){options->retention_ms, options->retention_bytes,
                                       options->retention_percent};
    db->compactor.cut_ms = INT64_MIN;
    db->compactor.ranges =
        compact_ranges(db->options.block_range_ms, db->options.block_range_max_ms);
    budget_init(&db->compactor.budget, NULL, "memory of compactions", 0);
    pthread_mutex_init(&db->compactor.running, NULL);
    pthread_mutex_init(&db->refreshing, NULL);
    pthread_mutex_init(&db->lock, NULL);
    pthread_mutex_init(&db->stop_lock, NULL);
    pthread_cond_init(&db->stop_changed, NULL);
    return db;
}

bool db_open(const char *path, const struct db_options *options, struct db **ret_db,
             struct err *err)
{
    AUTO(db_close) struct db *db = db_create(path, options);
    bool writes = !options->read_only;
    /* Of a block that is there, the head and parents go: its name is to be on the disk before. */
    if (writes && (!file_make_folder(path, err) || !dir_lock_open(path, &db->dir_lock, err) ||
                   !db_remove_leftovers(db, err) || !file_sync_folder(path, err)))
        return false;
    if (!head_open(path, &db->options, &db->head, err) || !db_refresh(db, err))
        return false;
    if (writes && !head_begin_writing(db->head, err))
        return false;
    if (options->refresh_ms > 0 && !db_start_thread(db, &db->refresher, db_refresh_thread, err))
        return false;
    if (writes && options->compacts &&
        !db_start_thread(db, &db->compact_thread, db_compact_thread, err))
        return false;
    *ret_db = TAKE(db);
    return true;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    db_stop_threads(db);
    block_list_done(&db->blocks);
    bad_list_done(&db->bad);
    ulid_list_done(&db->superseded);
    ulid_list_done(&db->compactor.renamed);
    free(db->doubts.items);
    head_close(db->head);
    dir_lock_close(db->dir_lock);
    pthread_mutex_destroy(&db->compactor.running);
    pthread_mutex_destroy(&db->refreshing);
    pthread_mutex_destroy(&db->lock);
    pthread_mutex_destroy(&db->stop_lock);
    pthread_cond_destroy(&db->stop_changed);
    free(db->path);
    free(db);
}

/* A range of the head that can become a block is not left to wait. */
static void db_wake_compactor(struct db *db)
{
    if (!db->compact_thread.runs || !head_is_ripe(db->head, db->options.block_range_ms))
        return;
    pthread_mutex_lock(&db->stop_lock);
    db->compact_thread.wanted = true;
    pthread_cond_broadcast(&db->stop_changed);
    pthread_mutex_unlock(&db->stop_lock);
}

bool db_append(struct db *db, const struct append_batch *batch, enum append_mode mode,
               struct append_result *ret_result, struct err *err)
{
    bool good = head_append(db->head, batch, mode, ret_result, err);
    db_wake_compactor(db);
    return good;
}

bool db_append_notes(struct db *db, const struct append_note *notes, size_t count, struct err *err)
{
    return head_append_notes(db->head, notes, count, err);
}

void db_set_retention(struct db *db, const struct retention *retention)
{
    pthread_mutex_lock(&db->lock);
    db->retention = *retention;
    pthread_mutex_unlock(&db->lock);
}

bool db_set_late_window(struct db *db, int64_t late_window_ms, struct err *err)
{
    return late_samples_set_window(db->head, late_window_ms, err);
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
                             .head_label_pair_count = head.label_pair_count,
                             .head_histogram_series_count = head.histogram_series_count,
                             .head_series_created = head.series_created,
                             .head_series_removed = head.series_removed,
                             .head_chunks_created = head.chunks_created,
                             .head_chunks_removed = head.chunks_removed};
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
