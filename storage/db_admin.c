#include "storage/db_admin.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "storage/block_delete.h"
#include "storage/db_compact.h"
#include "storage/db_internal.h"
#include "storage/head_delete.h"
#include "storage/late_samples.h"

static bool db_is_ours(const struct db *db, struct err *err)
{
    return !db->options.read_only ||
           err_set(err, ERR_UNSUPPORTED, "%s: open for reading only", db->path);
}

/* A block that could not be opened anew behind a delete still shows what was deleted. */
static bool stones_are_known(struct db *db, struct time_range range, struct err *err)
{
    AUTO(block_list_done)
    struct block_list blocks = db_blocks_in(db, range.begin_ms, range.end_ms);
    for (size_t i = 0; i < blocks.count; i++)
        if (!block_check_tombstones(blocks.items[i], err))
            return false;
    return true;
}

/* None is left out but what is damaged. */
static bool blocks_are_open(struct db *db, struct err *err)
{
    return db_refresh(db, err) && db_check_open(db, err);
}

/*
 * What cannot be opened at the moment would come back with what is to be deleted of it, or with
 * what was: damaged blocks alone are left out for good.
 */
static bool blocks_are_known(struct db *db, struct time_range range, struct err *err)
{
    return blocks_are_open(db, err) && stones_are_known(db, range, err);
}

static bool delete_held(struct db *db, struct matcher *const *matchers, size_t matcher_count,
                        struct time_range range, struct err *err)
{
    if (!late_samples_settle(db->head, err) || !blocks_are_known(db, range, err))
        return false;
    AUTO(block_list_done)
    struct block_list blocks = db_blocks_in(db, range.begin_ms, range.end_ms);
    for (size_t i = 0; i < blocks.count; i++)
        if (!block_delete(blocks.items[i], matchers, matcher_count, range, &db->compactor.budget,
                          err))
            return false;
    return db_refresh(db, err) && stones_are_known(db, range, err) &&
           head_delete(db->head, matchers, matcher_count, range, err);
}

bool db_delete_series(struct db *db, struct matcher *const *matchers, size_t matcher_count,
                      struct time_range range, struct err *err)
{
    if (!db_is_ours(db, err))
        return false;
    if (range.begin_ms > range.end_ms || matcher_count == 0)
        return true;
    db_compact_hold(db);
    bool good = delete_held(db, matchers, matcher_count, range, err);
    db_compact_release(db);
    return good;
}

static bool clean_block(struct db *db, struct block *block, struct err *err)
{
    struct compact_options options = db_compact_options(db);
    struct compact_result made = {0};
    return compact_block_anew(block, &options, &made, err) &&
           (made.written || block_meta_mark(block_dir(block), false, true, err)) &&
           db_compact_settle(db, &made, err);
}

bool db_clean_tombstones(struct db *db, struct err *err)
{
    if (!db_is_ours(db, err))
        return false;
    db_compact_hold(db);
    int64_t begin_ns = clock_monotonic_ns();
    bool good = blocks_are_known(db, (struct time_range){INT64_MIN, INT64_MAX}, err);
    AUTO(block_list_done) struct block_list blocks = db_blocks_in(db, INT64_MIN, INT64_MAX);
    for (size_t i = 0; i < blocks.count && good; i++) {
        struct block *block = blocks.items[i];
        if (tombstones_count(block_tombstones(block)) > 0 && !clean_block(db, block, err))
            good = err_wrap(err, "clean tombstones: %s", block_dir(block));
    }
    classic_histogram_observe(&db->compactor.histograms.cleanup_ns, &compact_cleanup_scale,
                              (uint64_t)(clock_monotonic_ns() - begin_ns));
    db_compact_release(db);
    return good;
}

static bool link_file(const char *from, const char *to, const char *name, struct err *err)
{
    AUTO(buf_done) struct buf from_path = {0};
    AUTO(buf_done) struct buf to_path = {0};
    buf_printf(&from_path, "%s/%s", from, name);
    buf_printf(&to_path, "%s/%s", to, name);
    return link(buf_terminated(&from_path), buf_terminated(&to_path)) == 0 ||
           err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: cannot link: %s",
                   to_path.ptr, strerror(errno));
}

static bool link_chunks(const char *from, const char *to, struct err *err)
{
    if (!file_make_folder(to, err))
        return false;
    AUTO(file_names_done) struct file_names names = {0};
    if (!file_names_read(from, &names, err))
        return false;
    for (size_t i = 0; i < names.count; i++)
        if (names.items[i][0] != '.' && !link_file(from, to, names.items[i], err))
            return false;
    return file_sync_folder(to, err);
}

static bool snapshot_block(const struct block *block, const char *dir, struct err *err)
{
    const char *from = block_dir(block);
    AUTO(buf_done) struct buf to = {0};
    AUTO(buf_done) struct buf chunks = {0};
    AUTO(buf_done) struct buf chunks_to = {0};
    buf_printf(&to, "%s/%s", dir, block_meta(block)->ulid.text);
    buf_printf(&chunks, "%s/chunks", from);
    buf_printf(&chunks_to, "%s/chunks", buf_terminated(&to));
    if (!file_make_folder(to.ptr, err) || !link_file(from, to.ptr, "index", err) ||
        !link_chunks(buf_terminated(&chunks), buf_terminated(&chunks_to), err))
        return false;
    if (!link_file(from, to.ptr, "tombstones", err) && err->kind != ERR_NOT_FOUND)
        return false;
    return link_file(from, to.ptr, "meta.json", err) && file_sync_folder(to.ptr, err);
}

/* Of all that the head has, in order and out of order; false: nothing. */
static bool snapshot_range(struct db *db, struct time_range *ret_range)
{
    struct time_range range, late;
    head_range(db->head, &range.begin_ms, &range.end_ms);
    bool any = range.begin_ms <= range.end_ms;
    bool any_late = late_samples_range(db->head, &late.begin_ms, &late.end_ms);
    if (!any)
        range = late;
    if (any && any_late) {
        range.begin_ms = late.begin_ms < range.begin_ms ? late.begin_ms : range.begin_ms;
        range.end_ms = late.end_ms > range.end_ms ? late.end_ms : range.end_ms;
    }
    *ret_range = range;
    return any || any_late;
}

static bool snapshot_head(struct db *db, const char *dir, struct err *err)
{
    struct time_range range;
    head_settle(db->head);
    if (!snapshot_range(db, &range))
        return true;
    struct compact_options options = db_compact_options(db);
    struct compact_result made;
    options.dir = dir;
    int64_t end_ms = range.end_ms < INT64_MAX ? range.end_ms + 1 : INT64_MAX;
    return compact_head(db->head, range.begin_ms, end_ms, &options, &made, err) ||
           err_wrap(err, "snapshot head block");
}

static bool snapshot_held(struct db *db, const char *dir, bool with_head, struct err *err)
{
    if (!blocks_are_open(db, err))
        return false;
    AUTO(block_list_done) struct block_list blocks = db_blocks_in(db, INT64_MIN, INT64_MAX);
    for (size_t i = 0; i < blocks.count; i++)
        if (!snapshot_block(blocks.items[i], dir, err))
            return err_wrap(err, "error snapshotting block: %s", block_dir(blocks.items[i]));
    return (!with_head || snapshot_head(db, dir, err)) && file_sync_folder(dir, err);
}

bool db_snapshot(struct db *db, const char *dir, bool with_head, struct err *err)
{
    if (!db_is_ours(db, err) || !file_make_folder(dir, err))
        return false;
    db_compact_hold(db);
    bool good = snapshot_held(db, dir, with_head, err);
    db_compact_release(db);
    struct err behind;
    if (!good && !file_remove_all(dir, &behind))
        db_warn(db, behind.msg);
    return good;
}
