/*
 * Files that are cut below an open database, as a disk that fails would take pages from it: what is
 * lost is told, and never taken for zeros.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_map.h"
#include "base/mem.h"
#include "base/test.h"
#include "storage/compact_write.h"
#include "storage/db_admin.h"
#include "storage/db_compact.h"
#include "storage/db_internal.h"
#include "storage/head_chunks.h"
#include "storage/test_blocks.h"

#define HOUR_MS ((int64_t)60 * 60 * 1000)
#define SERIES_COUNT 40

/* The second half of a file's pages, all of them where it has only one; or all. */
enum cut {
    CUT_HALF,
    CUT_ALL,
};

static struct test_dir dir;
static struct err err;
static struct ulid ulids[2];
static char told[4096]; /* the warnings, one behind the other */
static size_t told_count;

static void warn(void *context, const char *message)
{
    (void)context;
    size_t len = strlen(told);
    snprintf(told + len, sizeof told - len, "%s\n", message);
    told_count++;
}

static struct db *open_db(void)
{
    struct db *db = NULL;
    struct db_options options = {.warn = warn};
    ck_assert_msg(db_open(dir.path, &options, &db, &err), "%s", err.msg);
    return db;
}

/* Two blocks of an hour, with some hundred KiB of chunks and of index each. */
static void begin(void)
{
    test_dir_init(&dir);
    err_clear(&err);
    told[0] = '\0';
    told_count = 0;
    struct test_series series[SERIES_COUNT];
    for (unsigned k = 0; k < 2; k++) {
        for (size_t i = 0; i < SERIES_COUNT; i++)
            series[i] = (struct test_series){
                .labels = arena_printf(dir.arena, "__name__=up,job=%zu", i),
                .begin_ms = k * HOUR_MS,
                .step_ms = 2000,
                .count = 1500,
                .first = (double)i + 0.1,
                .chunk_samples = 120,
            };
        ulids[k] =
            test_dir_block(&dir, k + 1, k * HOUR_MS, (k + 1) * HOUR_MS, series, SERIES_COUNT);
    }
}

/* The samples of all series in the range. False: err says why. */
static bool read_samples(struct db *db, int64_t begin_ms, int64_t end_ms, size_t *ret_count)
{
    struct select_request request = {
        .begin_ms = begin_ms, .end_ms = end_ms, .arena = dir.arena, .symbols = dir.symbols};
    AUTO(selection_close) struct selection *selection = NULL;
    err_clear(&err);
    *ret_count = 0;
    if (!storage_select(db_storage(db), &request, &selection, &err))
        return false;
    AUTO(cursor_destroy) struct cursor *cursor = cursor_create(selection);
    struct samples samples = {0};
    bool good = true;
    for (size_t i = 0; good && i < selection_count(selection); i++) {
        cursor_open(cursor, i);
        for (bool more = true; good && more;)
            good = cursor_next(cursor, &samples, &more, &err);
        for (size_t k = 0; good && k < samples.count; k++)
            ck_assert(samples.values[k] != 0);
        *ret_count += samples.count;
        samples.count = 0;
    }
    samples_done(&samples);
    return good;
}

static void check_reads(struct db *db, int64_t begin_ms, int64_t end_ms, size_t expected)
{
    size_t count;
    ck_assert_msg(read_samples(db, begin_ms, end_ms, &count), "%s", err.msg);
    ck_assert_uint_eq(count, expected);
}

static void check_lost(const char *path)
{
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_msg(strstr(err.msg, path) && strstr(err.msg, "cannot be read"), "%s", err.msg);
    err_clear(&err);
}

static void check_read_fails(struct db *db, const char *path)
{
    size_t count;
    ck_assert(!read_samples(db, 0, INT64_MAX, &count));
    check_lost(path);
}

/* Cuts a file; what it held is for writing it again. */
static const char *cut(const char *name, enum cut what, struct buf *ret_whole)
{
    const char *path = arena_printf(dir.arena, "%s/%s", dir.path, name);
    test_read_file(path, ret_whole);
    size_t page_size = (size_t)sysconf(_SC_PAGESIZE); /* less than a page is not lost, but zeros */
    size_t left = what == CUT_HALF ? ret_whole->len / 2 / page_size * page_size : 0;
    ck_assert_uint_gt(ret_whole->len, left + 4096);
    ck_assert_int_eq(truncate(path, (off_t)left), 0);
    return path;
}

static void check_told_once(struct db *db, const char *path)
{
    struct db_stats stats;
    ck_assert(db_refresh(db, &err) && db_refresh(db, &err));
    ck_assert_msg(told_count == 1 && strstr(told, path), "%s", told);
    db_stats(db, &stats);
    ck_assert_uint_eq(stats.corrupt_count, 1);
    ck_assert_uint_eq(stats.block_count, 2);
}

/* It is looked at again, later each time. */
static void check_comes_back(struct db *db)
{
    size_t count = 0;
    for (int i = 0; i < 1000 && !read_samples(db, 0, INT64_MAX, &count); i++) {
        usleep(10000);
        ck_assert(db_refresh(db, &err));
    }
    ck_assert_msg(count == SERIES_COUNT * 3000, "%s", err.msg);
}

static size_t blocks_on_disk(void)
{
    AUTO(file_names_done) struct file_names names = {0};
    size_t count = 0;
    ck_assert(file_names_read(dir.path, &names, &err));
    for (size_t i = 0; i < names.count; i++) {
        struct ulid ulid;
        count += ulid_parse(str_of(names.items[i]), &ulid);
    }
    return count;
}

static bool compact_all(struct db *db)
{
    struct budget budget;
    budget_init(&budget, NULL, "--compaction", 0);
    struct compact_options options = {.dir = dir.path, .budget = &budget};
    struct compact_result result;
    AUTO(block_list_done) struct block_list blocks = db_blocks_in(db, INT64_MIN, INT64_MAX);
    ck_assert_uint_eq(blocks.count, 2);
    return compact_blocks(blocks.items, blocks.count, &options, &result, &err);
}

START_TEST(chunks_of_a_block_are_lost)
{
    AUTO(buf_done) struct buf whole = {0};
    begin();
    struct db *db = open_db();
    check_reads(db, 0, INT64_MAX, SERIES_COUNT * 3000);
    const char *path =
        cut(arena_printf(dir.arena, "%s/chunks/000001", ulids[0].text), CUT_HALF, &whole);
    check_read_fails(db, path);
    check_reads(db, HOUR_MS, INT64_MAX, SERIES_COUNT * 1500);
    check_told_once(db, path);
    check_read_fails(db, path);

    ck_assert(!compact_all(db));
    check_lost(path);
    ck_assert_uint_eq(blocks_on_disk(), 2);

    test_write_file(path, buf_view(&whole));
    check_comes_back(db);
    ck_assert_msg(compact_all(db), "%s", err.msg);
    ck_assert_uint_eq(told_count, 1);
    db_close(db);
    test_dir_done(&dir);
}
END_TEST

/* Deletes ask the index alone, and write what they find. */
START_TEST(an_index_is_lost)
{
    AUTO(buf_done) struct buf whole = {0};
    begin();
    struct db *db = open_db();
    check_reads(db, 0, INT64_MAX, SERIES_COUNT * 3000);
    const char *path = cut(arena_printf(dir.arena, "%s/index", ulids[0].text), CUT_ALL, &whole);
    check_read_fails(db, path);
    check_reads(db, HOUR_MS, INT64_MAX, SERIES_COUNT * 1500);
    struct names_request request = {.begin_ms = 0, .end_ms = INT64_MAX, .arena = dir.arena};
    struct names names;
    ck_assert(!storage_label_names(db_storage(db), &request, &names, &err));
    check_lost(path);
    ck_assert(!storage_label_values(db_storage(db), &request, STR("job"), &names, &err));
    check_lost(path);
    check_told_once(db, path);

    AUTO(buf_done) struct buf stones = {0};
    const char *stones_path = arena_printf(dir.arena, "%s/%s/tombstones", dir.path, ulids[0].text);
    test_read_file(stones_path, &stones);
    size_t stones_len = stones.len;
    struct matcher *matcher = test_matcher(&dir, "__name__=up");
    struct time_range all = {INT64_MIN, INT64_MAX};
    ck_assert(!db_delete_series(db, &matcher, 1, all, &err));
    check_lost(path);
    buf_clear(&stones);
    test_read_file(stones_path, &stones);
    ck_assert_uint_eq(stones.len, stones_len);
    ck_assert(!compact_all(db));
    check_lost(path);
    matcher_done(matcher);

    test_write_file(path, buf_view(&whole));
    check_comes_back(db);
    db_close(db);
    test_dir_done(&dir);
}
END_TEST

/* Who was lent a chunk as it is stored, here the only one, is told behind it. */
START_TEST(a_chunk_is_lost_while_it_is_lent)
{
    AUTO(buf_done) struct buf whole = {0};
    begin();
    struct db *db = open_db();
    struct select_request request = {
        .begin_ms = 0, .end_ms = 120 * 2000 - 1, .arena = dir.arena, .symbols = dir.symbols};
    struct selection *selection = NULL;
    ck_assert(storage_select(db_storage(db), &request, &selection, &err));
    struct cursor *cursor = cursor_create(selection);
    struct stored_chunk chunk;
    bool more = false;
    cursor_open(cursor, 0);
    ck_assert_msg(cursor_next_chunk(cursor, &chunk, &more, &err) && more, "%s", err.msg);
    ck_assert_uint_ne(chunk.data[1], 0);
    const char *path =
        cut(arena_printf(dir.arena, "%s/chunks/000001", ulids[0].text), CUT_ALL, &whole);
    ck_assert_uint_eq(chunk.data[1], 0);
    ck_assert(!cursor_next_chunk(cursor, &chunk, &more, &err));
    check_lost(path);
    cursor_destroy(cursor);
    selection_close(selection);
    db_close(db);
    test_dir_done(&dir);
}
END_TEST

static void append(struct db *db, const char *metric, int64_t t_ms)
{
    struct append_series series = test_append_series(&dir, metric, &t_ms, 1, false);
    struct append_batch batch = {.series = &series, .count = 1, .future_ms = INT64_MAX};
    struct append_result result;
    ck_assert_msg(db_append(db, &batch, APPEND_ALL_OR_NOTHING, &result, &err), "%s", err.msg);
}

static void check_lost_head_chunks(bool removed)
{
    enum { COUNT = 12000 };
    AUTO(buf_done) struct buf whole = {0};
    test_dir_init(&dir);
    told_count = 0;
    told[0] = '\0';
    struct db *db = open_db();
    for (int64_t i = 1; i <= COUNT; i++)
        append(db, i % 2 ? "a" : "b", i * 1000);
    ck_assert_msg(head_map_chunks(db->head, &err), "%s", err.msg);
    check_reads(db, 0, INT64_MAX, COUNT);
    const char *path = cut("chunks_head/000001", CUT_HALF, &whole);
    check_read_fails(db, path);
    ck_assert(!db_compact(db, &err));
    check_lost(path);
    ck_assert_uint_eq(blocks_on_disk(), 0);
    ck_assert(db_refresh(db, &err) && db_refresh(db, &err));
    ck_assert_msg(told_count >= 1 && strstr(told, path), "%s", told);
    db_close(db);

    if (removed)
        ck_assert(file_remove_all(arena_printf(dir.arena, "%s/chunks_head", dir.path), &err));
    db = open_db(); /* the log has them all */
    check_reads(db, 0, INT64_MAX, COUNT);
    ck_assert_msg(db_compact(db, &err), "%s", err.msg);
    check_reads(db, 0, INT64_MAX, COUNT);
    ck_assert_uint_gt(blocks_on_disk(), 0);
    db_close(db);
    test_dir_done(&dir);
}

/* What is behind the end of the last page of a file is zeros, and no fault. */
START_TEST(a_head_chunk_is_cut_within_a_page)
{
    enum { COUNT = 1200 };
    AUTO(buf_done) struct buf whole = {0};
    test_dir_init(&dir);
    struct db *db = open_db();
    for (int64_t i = 1; i <= COUNT; i++)
        append(db, "a", i * 1000);
    ck_assert_msg(head_map_chunks(db->head, &err), "%s", err.msg);
    check_reads(db, 0, INT64_MAX, COUNT);
    const char *path = arena_printf(dir.arena, "%s/chunks_head/000001", dir.path);
    test_read_file(path, &whole);
    struct head_chunks *chunks =
        head_chunks_create(arena_printf(dir.arena, "%s/chunks_head", dir.path));
    struct head_chunk chunk;
    ck_assert(head_chunks_look(chunks, &err));
    ck_assert_int_eq(head_chunks_next(chunks, &chunk, &err), TAIL_ITEM);
    ck_assert_int_eq(truncate(path, chunk.data + chunk.size / 2), 0);
    head_chunks_destroy(chunks);

    size_t count;
    ck_assert(!read_samples(db, 0, INT64_MAX, &count));
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
    ck_assert_msg(strstr(err.msg, path) && strstr(err.msg, "offset 8:"), "%s", err.msg);
    struct budget budget;
    budget_init(&budget, NULL, "--compaction", 0);
    struct compact_options options = {.dir = dir.path, .budget = &budget};
    struct compact_result result;
    ck_assert(!compact_head(db->head, 0, HOUR_MS, &options, &result, &err));
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
    err_clear(&err);
    ck_assert_uint_eq(blocks_on_disk(), 0);
    db_close(db);
    test_dir_done(&dir);
}
END_TEST

START_TEST(head_chunks_are_lost)
{
    check_lost_head_chunks(false);
    check_lost_head_chunks(true);
}
END_TEST

TEST_MAIN("db_lost", chunks_of_a_block_are_lost, an_index_is_lost, a_chunk_is_lost_while_it_is_lent,
          a_head_chunk_is_cut_within_a_page, head_chunks_are_lost)
