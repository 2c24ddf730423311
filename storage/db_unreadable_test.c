/*
 * A folder of which the names cannot be read to their end must not look like one that has fewer
 * files: an open that believes it would go on without blocks, or parts of the log.
 */
#include <stdio.h>

#include "base/file.h"
#include "base/test.h"
#include "storage/append.h"
#include "storage/db_admin.h"
#include "storage/db_compact.h"
#include "storage/test_blocks.h"
#include "storage/test_disk.h"

#define HOUR_MS ((int64_t)60 * 60 * 1000)

static struct test_dir dir;
static struct err err;

static struct db *open_db(bool read_only)
{
    struct db *db;
    struct db_options options = {
        .read_only = read_only, .wal_segment_size = 1 << 15, .late_window_ms = HOUR_MS};
    return db_open(dir.path, &options, &db, &err) ? db : NULL;
}

static void append(struct db *db, const char *metric, int64_t t_ms)
{
    struct append_series series = test_append_series(&dir, metric, &t_ms, 1, false);
    struct append_batch batch = {.series = &series, .count = 1, .future_ms = INT64_MAX};
    struct append_result result;
    ck_assert_msg(db_append(db, &batch, APPEND_ALL_OR_NOTHING, &result, &err), "%s", err.msg);
}

/* Blocks, a checkpoint, segments, late samples and files of head chunks. */
static void fill(void)
{
    struct db *db = open_db(false);
    for (int64_t i = 0; i < 3000; i++)
        append(db, i % 2 ? "a" : "b", i * 20 * 1000);
    append(db, "a", 2999 * 20 * 1000 - 5);
    ck_assert_msg(db_compact(db, &err), "%s", err.msg);
    append(db, "c", 3000 * 20 * 1000);
    db_close(db);
}

/* All series of a folder. */
static void print(const char *path, struct buf *out)
{
    struct test_dir folder = dir;
    struct test_select select;
    snprintf(folder.path, sizeof folder.path, "%s", path);
    test_select_open(&select, &folder, NULL, INT64_MIN, INT64_MAX);
    test_print(select.selection, dir.symbols, out);
    test_select_close(&select);
}

static void check_whole(const char *path, const struct buf *expected, int fails_at)
{
    AUTO(buf_done) struct buf out = {0};
    print(path, &out);
    ck_assert_msg(str_eq(buf_view(&out), buf_view(expected)), "the name that failed: %d", fails_at);
}

static void check_error(void)
{
    ck_assert_msg(err.kind == ERR_IO && strstr(err.msg, "cannot list"), "%s", err.msg);
    err_clear(&err);
}

static bool select_all(struct db *db, struct buf *out)
{
    struct select_request request = {
        .begin_ms = INT64_MIN, .end_ms = INT64_MAX, .arena = dir.arena, .symbols = dir.symbols};
    AUTO(selection_close) struct selection *selection = NULL;
    if (!db)
        return false;
    ck_assert(storage_select(db_storage(db), &request, &selection, &err));
    test_print(selection, dir.symbols, out);
    return true;
}

START_TEST(an_open_fails_or_misses_nothing)
{
    AUTO(buf_done) struct buf expected = {0}, out = {0};
    test_dir_init(&dir);
    fill();
    print(dir.path, &expected);
    int failed_count = 0;
    bool last = false;
    for (int fails_at = 0; !last; fails_at++) {
        test_disk_fail(TEST_DISK_LIST, fails_at, 1);
        struct db *db = open_db(true);
        last = test_disk_settle(TEST_DISK_LIST);
        buf_clear(&out);
        if (select_all(db, &out)) {
            ck_assert_msg(str_eq(buf_view(&out), buf_view(&expected)), "name %d", fails_at);
        } else {
            check_error();
            failed_count++;
        }
        db_close(db);
    }
    ck_assert_int_gt(failed_count, 20);
    test_dir_done(&dir);
}
END_TEST

START_TEST(a_snapshot_fails_or_misses_nothing)
{
    AUTO(buf_done) struct buf expected = {0};
    test_dir_init(&dir);
    fill();
    print(dir.path, &expected);
    struct db *db = open_db(false);
    const char *path = arena_printf(dir.arena, "%s/copy", dir.path);
    int failed_count = 0;
    bool last = false;
    for (int fails_at = 0; !last; fails_at++) {
        test_disk_fail(TEST_DISK_LIST, fails_at, 1);
        bool good = db_snapshot(db, path, true, &err);
        last = test_disk_settle(TEST_DISK_LIST);
        if (good) {
            check_whole(path, &expected, fails_at);
            ck_assert(file_remove_all(path, &err));
        } else {
            check_error();
            failed_count++;
        }
    }
    ck_assert_int_gt(failed_count, 1);
    db_close(db);
    test_dir_done(&dir);
}
END_TEST

TEST_MAIN("db_unreadable", an_open_fails_or_misses_nothing, a_snapshot_fails_or_misses_nothing)
