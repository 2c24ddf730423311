#include "storage/db_admin.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/test.h"
#include "storage/append.h"
#include "storage/db_compact.h"
#include "storage/test_blocks.h"
#include "storage/test_disk.h"

static struct test_dir dir;
static struct db *db;
static struct err err;

#define ALWAYS ((struct time_range){INT64_MIN, INT64_MAX})

static void open_db(const char *path, bool read_only)
{
    const struct db_options options = {.read_only = read_only};
    ck_assert_msg(db_open(path, &options, &db, &err), "%s", err.msg);
}

static void append(const char *x, int64_t t_ms)
{
    const struct wal_label labels[] = {{STR("__name__"), STR("a")}, {STR("x"), str_of(x)}};
    const struct append_sample sample = {.t_ms = t_ms, .v = (double)t_ms};
    const struct append_series series = {
        .labels = labels, .label_count = 2, .samples = &sample, .sample_count = 1};
    const struct append_batch batch = {.series = &series, .count = 1, .future_ms = INT64_MAX};
    struct append_result result;
    ck_assert_msg(db_append(db, &batch, APPEND_ALL_OR_NOTHING, &result, &err), "%s", err.msg);
}

static struct ulid first_block, second_block;

/* Blocks of x=1 and x=2 from 0 to 900 and of x=1 from 1000 to 1400; the head from 2000 on. */
static void begin(void)
{
    static const struct test_series first[] = {
        {"__name__=a,x=1", 0, 100, 10, 0, 5, false, false},
        {"__name__=a,x=2", 0, 300, 4, 0, 0, false, false},
    };
    static const struct test_series second[] = {
        {"__name__=a,x=1", 1000, 200, 3, 50, 0, false, false}};
    test_dir_init(&dir);
    first_block = test_dir_block(&dir, 1, 0, 1000, first, ARRAY_COUNT(first));
    second_block = test_dir_block(&dir, 2, 1000, 2000, second, ARRAY_COUNT(second));
    open_db(dir.path, false);
    append("1", 2000);
    append("2", 2100);
    append("1", 2200);
}

static void end(void)
{
    db_close(TAKE(db));
    test_dir_done(&dir);
}

static struct selection *select_all(void)
{
    struct matcher *all = test_matcher(&dir, "__name__!=");
    const struct select_request request = {
        .matchers = &all,
        .matcher_count = 1,
        .begin_ms = INT64_MIN,
        .end_ms = INT64_MAX,
        .arena = dir.arena,
        .symbols = dir.symbols,
    };
    struct selection *selection = NULL;
    ck_assert_msg(storage_select(db_storage(db), &request, &selection, &err), "%s", err.msg);
    matcher_done(all);
    return selection;
}

/* And closes the selection. */
static void check_selected(struct selection *selection, const char *expected)
{
    AUTO(buf_done) struct buf found = {0};
    test_print(selection, dir.symbols, &found);
    selection_close(selection);
    ck_assert_str_eq(found.len ? buf_terminated(&found) : "", expected);
}

static void check(const char *expected)
{
    check_selected(select_all(), expected);
}

static bool delete (const char *matcher, struct time_range range)
{
    struct matcher *wanted = test_matcher(&dir, matcher);
    bool good = db_delete_series(db, &wanted, 1, range, &err);
    matcher_done(wanted);
    return good;
}

static bool has_block(struct ulid ulid)
{
    return file_exists(arena_printf(dir.arena, "%s/%s", dir.path, ulid.text));
}

/* A series whose open chunk is in the head goes on being there, without samples: as in Prometheus.
 */
#define ALL_OF_1 \
    "0:0 100:1 200:2 300:3 400:4 500:5 600:6 700:7 800:8 900:9 1000:50 1200:51 1400:52 " \
    "2000:2000 2200:2200\n"
#define ALL_OF_2 "0:0 300:1 600:2 900:3 2100:2100\n"
#define ONE "{__name__=\"a\", x=\"1\"} "
#define TWO "{__name__=\"a\", x=\"2\"} "
#define ONE_EMPTY "{__name__=\"a\", x=\"1\"}\n"
#define TWO_EMPTY "{__name__=\"a\", x=\"2\"}\n"

START_TEST(what_is_deleted_is_gone_from_blocks_and_head)
{
    begin();
    check(ONE ALL_OF_1 TWO ALL_OF_2);
    ck_assert_msg(delete ("x=1", (struct time_range){200, 2000}), "%s", err.msg);
    check(ONE "0:0 100:1 2200:2200\n" TWO ALL_OF_2);
    ck_assert_msg(delete ("x=2", ALWAYS), "%s", err.msg);
    check(ONE "0:0 100:1 2200:2200\n" TWO_EMPTY);
    append("2", 2300);
    db_close(TAKE(db));
    open_db(dir.path, false);
    check(ONE "0:0 100:1 2200:2200\n" TWO "2300:2300\n");
    end();
}
END_TEST

START_TEST(a_range_that_ends_before_it_begins_deletes_nothing)
{
    begin();
    ck_assert(delete ("x=1", (struct time_range){500, 400}));
    check(ONE ALL_OF_1 TWO ALL_OF_2);
    end();
}
END_TEST

/* A block that cannot be opened behind a delete: nobody goes on from what it held before. */
START_TEST(what_was_deleted_before_stays_deleted)
{
    begin();
    test_disk_fail(TEST_DISK_MAP, 0, -1);
    ck_assert(!delete ("x=1", (struct time_range){200, 400}));
    ck_assert(strstr(err.msg, "cannot be read at the moment") != NULL);
    err_clear(&err);
    ck_assert(!delete ("x=1", (struct time_range){600, 600}));
    err_clear(&err);
    ck_assert(!db_clean_tombstones(db, &err));
    err_clear(&err);
    test_disk_fail(TEST_DISK_MAP, 0, 0);
    ck_assert(delete ("x=1", (struct time_range){800, 800}));
    check(ONE "0:0 100:1 500:5 600:6 700:7 900:9 1000:50 1200:51 1400:52 2000:2000 2200:2200\n" TWO
              ALL_OF_2);
    ck_assert(db_clean_tombstones(db, &err));
    check(ONE "0:0 100:1 500:5 600:6 700:7 900:9 1000:50 1200:51 1400:52 2000:2000 2200:2200\n" TWO
              ALL_OF_2);
    end();
}
END_TEST

/* A block that will be opened later would bring back what is deleted. */
START_TEST(nothing_is_deleted_beside_a_block_that_cannot_be_opened)
{
    static const struct test_series third[] = {
        {"__name__=a,x=1", 1500, 100, 3, 0, 0, false, false}};
    begin();
    test_disk_fail(TEST_DISK_MAP, 0, -1);
    test_dir_block(&dir, 3, 1500, 2000, third, 1);
    ck_assert(!delete ("x=1", (struct time_range){1200, 1600}));
    ck_assert_msg(strstr(err.msg, "cannot map") != NULL, "%s", err.msg);
    err_clear(&err);
    test_disk_fail(TEST_DISK_MAP, 0, 0);
    ck_assert(delete ("x=1", (struct time_range){100, 1600}));
    check(ONE "0:0 1700:2 2000:2000 2200:2200\n" TWO ALL_OF_2);
    end();
}
END_TEST

START_TEST(selections_that_run_keep_what_they_have)
{
    begin();
    struct selection *before = select_all();
    ck_assert(delete ("__name__=a", ALWAYS));
    ck_assert_msg(db_clean_tombstones(db, &err), "%s", err.msg);
    ck_assert(!has_block(first_block));
    check(ONE_EMPTY TWO_EMPTY);
    check_selected(before, ONE ALL_OF_1 TWO ALL_OF_2);
    end();
}
END_TEST

START_TEST(cleaned_blocks_are_written_anew_or_go)
{
    begin();
    ck_assert_msg(db_clean_tombstones(db, &err), "%s", err.msg);
    ck_assert(has_block(first_block) && has_block(second_block));
    ck_assert(delete ("x=1", (struct time_range){100, 1999}));
    check(ONE "0:0 2000:2000 2200:2200\n" TWO ALL_OF_2);
    ck_assert_msg(db_clean_tombstones(db, &err), "%s", err.msg);
    ck_assert(!has_block(first_block) && !has_block(second_block));
    ck_assert_uint_eq(atomic_load(&db_compact_histograms(db)->cleanup_ns.count), 2);
    struct db_stats stats;
    db_stats(db, &stats);
    ck_assert_uint_eq(stats.block_count, 1);
    check(ONE "0:0 2000:2000 2200:2200\n" TWO ALL_OF_2);
    db_close(TAKE(db));
    open_db(dir.path, false);
    check(ONE "0:0 2000:2000 2200:2200\n" TWO ALL_OF_2);
    end();
}
END_TEST

static void check_snapshot(const char *path, const char *expected)
{
    db_close(TAKE(db));
    open_db(path, true);
    check(expected);
    db_close(TAKE(db));
    open_db(dir.path, false);
}

START_TEST(a_snapshot_opens_with_all_there_was)
{
    begin();
    char *path = arena_printf(dir.arena, "%s/snapshot", dir.path);
    ck_assert(delete ("x=1", (struct time_range){0, 800}));
    ck_assert_msg(db_snapshot(db, path, true, &err), "%s", err.msg);
    ck_assert(delete ("x=2", ALWAYS));
    append("1", 2300);
    check_snapshot(path, ONE "900:9 1000:50 1200:51 1400:52 2000:2000 2200:2200\n" TWO ALL_OF_2);
    check(ONE "900:9 1000:50 1200:51 1400:52 2000:2000 2200:2200 2300:2300\n" TWO_EMPTY);
    struct stat index;
    ck_assert_int_eq(stat(arena_printf(dir.arena, "%s/%s/index", path, first_block.text), &index),
                     0);
    ck_assert_uint_eq(index.st_nlink, 2);
    end();
}
END_TEST

START_TEST(a_snapshot_may_leave_out_the_head)
{
    begin();
    char *path = arena_printf(dir.arena, "%s/snapshot", dir.path);
    ck_assert_msg(db_snapshot(db, path, false, &err), "%s", err.msg);
    check_snapshot(path, ONE
                   "0:0 100:1 200:2 300:3 400:4 500:5 600:6 700:7 800:8 900:9 1000:50 "
                   "1200:51 1400:52\n" TWO "0:0 300:1 600:2 900:3\n");
    end();
}
END_TEST

START_TEST(a_snapshot_that_fails_leaves_nothing)
{
    begin();
    char *path = arena_printf(dir.arena, "%s/snapshot", dir.path);
    ck_assert(file_make_folder(path, &err));
    test_write_file(arena_printf(dir.arena, "%s/%s", path, second_block.text), STR("in the way"));
    ck_assert(!db_snapshot(db, path, true, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert(!file_exists(path));
    check(ONE ALL_OF_1 TWO ALL_OF_2);
    end();
}
END_TEST

/* Who restores it would miss a block of which nobody said a word. */
START_TEST(a_snapshot_fails_beside_a_block_that_cannot_be_opened)
{
    static const struct test_series third[] = {
        {"__name__=a,x=1", 1500, 100, 3, 0, 0, false, false}};
    begin();
    char *path = arena_printf(dir.arena, "%s/snapshot", dir.path);
    test_disk_fail(TEST_DISK_MAP, 0, -1);
    struct ulid ulid = test_dir_block(&dir, 3, 1500, 2000, third, 1);
    ck_assert(!db_snapshot(db, path, false, &err));
    ck_assert_msg(strstr(err.msg, "cannot map") != NULL, "%s", err.msg);
    ck_assert(!file_exists(path));
    err_clear(&err);
    test_disk_fail(TEST_DISK_MAP, 0, 0);
    ck_assert(db_snapshot(db, path, false, &err));
    ck_assert(file_exists(arena_printf(dir.arena, "%s/%s", path, ulid.text)));
    end();
}
END_TEST

START_TEST(nothing_is_done_where_it_may_only_read)
{
    begin();
    db_close(TAKE(db));
    open_db(dir.path, true);
    ck_assert(!delete ("x=1", ALWAYS));
    ck_assert_int_eq(err.kind, ERR_UNSUPPORTED);
    ck_assert(!db_clean_tombstones(db, &err));
    ck_assert(!db_snapshot(db, arena_printf(dir.arena, "%s/snapshot", dir.path), true, &err));
    check(ONE ALL_OF_1 TWO ALL_OF_2);
    end();
}
END_TEST

START_TEST(without_a_matcher_nothing_is_deleted)
{
    begin();
    ck_assert_msg(db_delete_series(db, NULL, 0, ALWAYS, &err), "%s", err.msg);
    check(ONE ALL_OF_1 TWO ALL_OF_2);
    end();
}
END_TEST

TEST_MAIN("db_admin", what_is_deleted_is_gone_from_blocks_and_head,
          nothing_is_deleted_beside_a_block_that_cannot_be_opened,
          without_a_matcher_nothing_is_deleted, a_range_that_ends_before_it_begins_deletes_nothing,
          what_was_deleted_before_stays_deleted, selections_that_run_keep_what_they_have,
          cleaned_blocks_are_written_anew_or_go, a_snapshot_opens_with_all_there_was,
          a_snapshot_may_leave_out_the_head, a_snapshot_that_fails_leaves_nothing,
          a_snapshot_fails_beside_a_block_that_cannot_be_opened,
          nothing_is_done_where_it_may_only_read)
