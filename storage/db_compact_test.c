#include "storage/db_compact.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "storage/append.h"
#include "storage/db_counters.h"
#include "storage/db_internal.h"
#include "storage/retention.h"
#include "storage/test_blocks.h"

#define MINUTE_MS ((int64_t)60 * 1000)
#define HOUR_MS (60 * MINUTE_MS)
#define SERIES_COUNT 5

static struct test_dir dir;
static struct db *db;
static struct err err;
static char told[8192];

static void tell(void *context, const char *message)
{
    size_t len = strlen(told);
    snprintf(told + len, sizeof told - len, "%s\n", message);
}

static void open_with(struct db_options options)
{
    options.warn = tell;
    err_clear(&err);
    ck_assert_msg(db_open(dir.path, &options, &db, &err), "%s", err.msg);
}

static void begin(void)
{
    told[0] = '\0';
    test_dir_init(&dir);
    open_with((struct db_options){0});
}

static void reopen(struct db_options options)
{
    db_close(TAKE(db));
    open_with(options);
}

static void end(void)
{
    db_close(TAKE(db));
    test_dir_done(&dir);
}

/* A sample of each series at a time: its number, and the time. */
static bool append_at(struct db *into, int64_t t_ms)
{
    static const char *const names[SERIES_COUNT] = {"a", "b", "c", "d", "e"};
    struct wal_label labels[SERIES_COUNT];
    struct append_sample samples[SERIES_COUNT];
    struct append_series series[SERIES_COUNT];
    for (size_t i = 0; i < SERIES_COUNT; i++) {
        labels[i] = (struct wal_label){{"__name__", 8}, {names[i], 1}};
        samples[i] = (struct append_sample){.t_ms = t_ms, .v = (double)t_ms + (double)i};
        series[i] = (struct append_series){
            .labels = &labels[i], .label_count = 1, .samples = &samples[i], .sample_count = 1};
    }
    struct append_batch batch = {.series = series, .count = SERIES_COUNT, .future_ms = INT64_MAX};
    struct append_result result;
    err_clear(&err);
    return db_append(into, &batch, APPEND_ALL_OR_NOTHING, &result, &err);
}

/* One a minute, of [from, to). */
static void fill(int64_t from_ms, int64_t to_ms)
{
    for (int64_t t = from_ms; t < to_ms; t += MINUTE_MS)
        ck_assert_msg(append_at(db, t), "%s", err.msg);
}

static void compact(void)
{
    err_clear(&err);
    ck_assert_msg(db_compact(db, &err), "%s", err.msg);
}

/* Chunks of so many samples each, one a minute. */
static void check_chunk_counts(const struct compact_chunk_counts *counts, uint64_t chunk_count,
                               uint64_t sample_count)
{
    ck_assert_uint_eq(atomic_load(&counts->size_bytes.count), chunk_count);
    ck_assert_uint_eq(atomic_load(&counts->samples.count), chunk_count);
    ck_assert_uint_eq(atomic_load(&counts->samples.sum), chunk_count * sample_count);
    ck_assert_uint_eq(atomic_load(&counts->range_ms.sum),
                      chunk_count * (sample_count - 1) * MINUTE_MS);
}

static struct selection *select_all(struct db *from, struct arena *arena, struct symbols *symbols)
{
    struct select_request request = {
        .begin_ms = INT64_MIN, .end_ms = INT64_MAX, .arena = arena, .symbols = symbols};
    struct selection *selection;
    struct err select_err = {0};
    ck_assert_msg(storage_select(db_storage(from), &request, &selection, &select_err), "%s",
                  select_err.msg);
    return selection;
}

/* Is every sample of [from, to) there, once, with its value? */
static void check_selection(struct selection *selection, int64_t from_ms, int64_t to_ms)
{
    struct err read_err = {0};
    struct samples samples = {0};
    struct cursor *cursor = cursor_create(selection);
    ck_assert_uint_eq(selection_count(selection), SERIES_COUNT);
    for (size_t i = 0; i < SERIES_COUNT; i++) {
        bool more = true;
        samples.count = 0;
        cursor_open(cursor, i);
        while (more)
            ck_assert_msg(cursor_next(cursor, &samples, &more, &read_err), "%s", read_err.msg);
        ck_assert_uint_eq(samples.count, (to_ms - from_ms) / MINUTE_MS);
        for (size_t k = 0; k < samples.count; k++) {
            ck_assert_int_eq(samples.times_ms[k], from_ms + (int64_t)k * MINUTE_MS);
            ck_assert(samples.values[k] == (double)samples.times_ms[k] + (double)i);
        }
    }
    samples_done(&samples);
    cursor_destroy(cursor);
}

static void check_samples(int64_t from_ms, int64_t to_ms)
{
    struct selection *selection = select_all(db, dir.arena, dir.symbols);
    check_selection(selection, from_ms, to_ms);
    selection_close(selection);
}

static int text_order(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* "0-2 2-4/2 ...": the hours of all blocks on the disk, and their levels above 1. */
static const char *blocks_text(void)
{
    char *texts[32];
    size_t count = 0;
    DIR *folder = opendir(dir.path);
    struct dirent *entry;
    while ((entry = readdir(folder))) {
        struct ulid ulid;
        struct block_meta meta;
        if (!ulid_parse(str_of(entry->d_name), &ulid))
            continue;
        ck_assert(
            block_meta_read(arena_printf(dir.arena, "%s/%s", dir.path, ulid.text), &meta, &err));
        texts[count] =
            arena_printf(dir.arena, "%02lld-%02lld", (long long)(meta.begin_ms / HOUR_MS),
                         (long long)(meta.end_ms / HOUR_MS));
        if (meta.level > 1)
            texts[count] = arena_printf(dir.arena, "%s/%d", texts[count], (int)meta.level);
        if (meta.failed)
            texts[count] = arena_printf(dir.arena, "%s failed", texts[count]);
        count++;
        block_meta_done(&meta);
    }
    closedir(folder);
    qsort(texts, count, sizeof *texts, text_order);
    const char *all = "";
    for (size_t i = 0; i < count; i++)
        all = arena_printf(dir.arena, "%s%s%s", all, i ? " " : "", texts[i]);
    return all;
}

static size_t count_named(const char *part)
{
    size_t count = 0;
    DIR *folder = opendir(dir.path);
    struct dirent *entry;
    while ((entry = readdir(folder)))
        count += strstr(entry->d_name, part) != NULL;
    closedir(folder);
    return count;
}

START_TEST(ranges_of_the_head_become_blocks)
{
    begin();
    fill(0, 3 * HOUR_MS);
    compact();
    ck_assert_str_eq(blocks_text(), "");
    fill(3 * HOUR_MS, 7 * HOUR_MS);
    compact();
    ck_assert_str_eq(blocks_text(), "00-02 02-04");
    check_samples(0, 7 * HOUR_MS);

    struct db_stats stats;
    db_stats(db, &stats);
    ck_assert_int_eq(stats.head_begin_ms, 4 * HOUR_MS);
    ck_assert_uint_eq(stats.block_count, 2);
    struct db_compact_stats compact_stats;
    db_compact_stats(db, &compact_stats);
    ck_assert_uint_eq(compact_stats.written_total, 2);
    ck_assert_uint_eq(compact_stats.head_truncations_total, 2);
    const struct compact_histograms *counted = db_compact_histograms(db);
    ck_assert_uint_eq(atomic_load(&counted->duration_ns.count), 2);
    check_chunk_counts(&counted->chunks, 2 * SERIES_COUNT, 120);
    ck_assert_uint_gt(compact_stats.block_bytes, 0);

    reopen((struct db_options){0});
    check_samples(0, 7 * HOUR_MS);
    ck_assert_str_eq(told, "");
    end();
}
END_TEST

START_TEST(a_block_begins_with_its_first_sample)
{
    begin();
    fill(30 * MINUTE_MS, 4 * HOUR_MS);
    compact();
    DIR *folder = opendir(dir.path);
    struct dirent *entry;
    struct ulid ulid;
    while ((entry = readdir(folder)) && !ulid_parse(str_of(entry->d_name), &ulid))
        continue;
    closedir(folder);
    struct block *block = test_dir_open(&dir, ulid);
    ck_assert_int_eq(block_meta(block)->begin_ms, 30 * MINUTE_MS);
    ck_assert_int_eq(block_meta(block)->end_ms, 2 * HOUR_MS);
    block_unref(block);
    end();
}
END_TEST

START_TEST(what_is_in_a_block_is_out_of_bounds)
{
    begin();
    fill(0, 3 * HOUR_MS + 2 * MINUTE_MS);
    compact();
    ck_assert_str_eq(blocks_text(), "00-02");
    ck_assert(!append_at(db, HOUR_MS));
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    ck_assert_ptr_nonnull(strstr(err.msg, "out of bounds"));
    end();
}
END_TEST

START_TEST(blocks_become_longer_ones)
{
    begin();
    fill(0, 9 * HOUR_MS + 2 * MINUTE_MS);
    compact();
    ck_assert_str_eq(blocks_text(), "00-06/2 06-08");
    check_samples(0, 9 * HOUR_MS + 2 * MINUTE_MS);
    fill(9 * HOUR_MS + 2 * MINUTE_MS, 21 * HOUR_MS + 2 * MINUTE_MS);
    compact();
    ck_assert_str_eq(blocks_text(), "00-18/3 18-20");
    check_samples(0, 21 * HOUR_MS + 2 * MINUTE_MS);
    reopen((struct db_options){0});
    check_samples(0, 21 * HOUR_MS + 2 * MINUTE_MS);
    ck_assert_uint_eq(count_named(".tmp"), 0);
    end();
}
END_TEST

START_TEST(the_longest_range_is_a_limit)
{
    begin();
    reopen((struct db_options){.block_range_ms = HOUR_MS, .block_range_max_ms = 3 * HOUR_MS});
    fill(0, 12 * HOUR_MS);
    compact();
    ck_assert_str_eq(blocks_text(), "00-03/2 03-06/2 06-09/2 09-10 10-11");
    check_samples(0, 12 * HOUR_MS);
    end();
}
END_TEST

START_TEST(a_selection_keeps_blocks_that_are_removed)
{
    begin();
    fill(0, 7 * HOUR_MS);
    compact();
    struct selection *selection = select_all(db, dir.arena, dir.symbols);
    fill(7 * HOUR_MS, 9 * HOUR_MS + 2 * MINUTE_MS);
    compact();
    ck_assert_str_eq(blocks_text(), "00-06/2 06-08");
    check_selection(selection, 0, 7 * HOUR_MS);
    selection_close(selection);
    end();
}
END_TEST

START_TEST(blocks_beyond_the_retention_go)
{
    begin();
    fill(0, 9 * HOUR_MS + 2 * MINUTE_MS);
    db_close(TAKE(db));
    open_with((struct db_options){.block_range_max_ms = 2 * HOUR_MS, .retention_ms = 4 * HOUR_MS});
    compact();
    ck_assert_str_eq(blocks_text(), "04-06 06-08");
    check_samples(4 * HOUR_MS, 9 * HOUR_MS + 2 * MINUTE_MS);
    struct db_compact_stats stats;
    db_compact_stats(db, &stats);
    ck_assert_uint_eq(stats.time_retentions_total, 1);
    ck_assert_uint_eq(stats.size_retentions_total, 0);

    reopen((struct db_options){.read_only = true, .retention_bytes = 1, .retention_ms = 1});
    ck_assert(!db_compact(db, &err));
    ck_assert_int_eq(err.kind, ERR_UNSUPPORTED);
    ck_assert_str_eq(blocks_text(), "04-06 06-08");

    reopen((struct db_options){.retention_bytes = 1});
    compact();
    ck_assert_str_eq(blocks_text(), "");
    check_samples(8 * HOUR_MS, 9 * HOUR_MS + 2 * MINUTE_MS);
    end();
}
END_TEST

START_TEST(the_retention_can_change_while_the_database_is_open)
{
    begin();
    fill(0, 9 * HOUR_MS + 2 * MINUTE_MS);
    reopen((struct db_options){.block_range_max_ms = 2 * HOUR_MS});
    compact();
    ck_assert_str_eq(blocks_text(), "00-02 02-04 04-06 06-08");
    db_set_retention(db, &(struct retention){.time_ms = 4 * HOUR_MS});
    compact();
    ck_assert_str_eq(blocks_text(), "04-06 06-08");

    struct statvfs disk;
    ck_assert_int_eq(statvfs(dir.path, &disk), 0);
    double percent = 100 / ((double)disk.f_blocks * (double)disk.f_frsize); /* of one byte */
    db_set_retention(db, &(struct retention){.size_bytes = 1, .disk_percent = 100});
    compact();
    ck_assert_str_eq(blocks_text(), "04-06 06-08");
    db_set_retention(db, &(struct retention){.disk_percent = 2 * percent});
    compact();
    ck_assert_str_eq(blocks_text(), "");
    end();
}
END_TEST

START_TEST(a_retention_is_counted_once_its_blocks_are_gone)
{
    begin();
    reopen((struct db_options){.block_range_max_ms = 2 * HOUR_MS});
    fill(0, 9 * HOUR_MS + 2 * MINUTE_MS);
    compact();
    struct ulid oldest = block_meta(db->blocks.items[0])->ulid;
    reopen((struct db_options){.retention_ms = 4 * HOUR_MS});
    const char *in_the_way =
        arena_printf(dir.arena, "%s/%s.tmp-for-deletion", dir.path, oldest.text);
    ck_assert(file_make_folder(in_the_way, &err));
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    bool removed = db_remove_obsolete(db, &err); /* cannot even look into what is in the way */
    setrlimit(RLIMIT_NOFILE, &before);
    ck_assert(!removed);
    struct db_compact_stats stats;
    db_compact_stats(db, &stats);
    ck_assert_uint_eq(stats.time_retentions_total, 0);
    ck_assert_uint_eq(count_named(".tmp"), 2); /* the other one was renamed */
    err_clear(&err);
    ck_assert_msg(db_remove_obsolete(db, &err), "%s", err.msg);
    db_compact_stats(db, &stats);
    ck_assert_uint_eq(stats.time_retentions_total, 1);
    ck_assert_str_eq(blocks_text(), "04-06 06-08");
    ck_assert_uint_eq(count_named(".tmp"), 0);
    end();
}
END_TEST

/* The log counts as well: it is larger than the blocks here. */
START_TEST(the_size_counts_what_the_head_has)
{
    begin();
    fill(0, 9 * HOUR_MS + 2 * MINUTE_MS);
    reopen((struct db_options){.block_range_max_ms = 2 * HOUR_MS});
    compact();
    struct db_compact_stats stats;
    uint64_t log_size;
    db_compact_stats(db, &stats);
    ck_assert(file_tree_size(arena_printf(dir.arena, "%s/wal", dir.path), &log_size, &err));
    ck_assert_uint_gt(log_size, 0);
    reopen((struct db_options){.block_range_max_ms = 2 * HOUR_MS,
                               .retention_bytes = log_size + stats.block_bytes});
    compact();
    ck_assert_str_eq(blocks_text(), "00-02 02-04 04-06 06-08");
    reopen((struct db_options){.block_range_max_ms = 2 * HOUR_MS,
                               .retention_bytes = log_size + stats.block_bytes - 1});
    compact();
    ck_assert_str_eq(blocks_text(), "02-04 04-06 06-08");
    end();
}
END_TEST

START_TEST(leftovers_go_when_a_writer_opens)
{
    static const char *const names[] = {"01HF84E4000000000000000000.tmp-for-creation",
                                        "01HF84E4000000000000000001.tmp-for-deletion",
                                        "01HF84E4000000000000000002.tmp",
                                        "01HF84E4000000000000000003.tmp-of-mine", "notes.tmp"};
    begin();
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        const char *path = arena_printf(dir.arena, "%s/%s", dir.path, names[i]);
        ck_assert(file_make_folder(path, &err));
        test_write_file(arena_printf(dir.arena, "%s/index", path), STR("half"));
    }
    reopen((struct db_options){.read_only = true});
    ck_assert_uint_eq(count_named(".tmp"), 5);
    reopen((struct db_options){0});
    ck_assert_uint_eq(count_named(".tmp"), 2);
    end();
}
END_TEST

/* The process ended after the new block had its name and before its parents were gone. */
START_TEST(parents_go_behind_a_crash)
{
    begin();
    const struct test_series series = {.labels = "__name__=a", .step_ms = MINUTE_MS, .count = 100};
    struct ulid ulid = test_dir_block(&dir, 1, 0, 2 * HOUR_MS, &series, 1);
    struct block *parent = test_dir_open(&dir, ulid);
    struct compact_options options = db_compact_options(db);
    struct compact_result made;
    ck_assert_msg(compact_blocks(&parent, 1, &options, &made, &err), "%s", err.msg);
    block_unref(parent);
    ck_assert_str_eq(blocks_text(), "00-02 00-02/2");
    reopen((struct db_options){0});
    compact();
    ck_assert_str_eq(blocks_text(), "00-02/2");
    end();
}
END_TEST

/* Somebody has copied a block under another name: it goes with the one it says it is. */
START_TEST(copies_go_with_their_block)
{
    begin();
    const struct test_series series = {.labels = "__name__=a", .step_ms = MINUTE_MS, .count = 100};
    struct ulid ulid = test_dir_block(&dir, 1, 0, 2 * HOUR_MS, &series, 1);
    const char *path = arena_printf(dir.arena, "%s/%s", dir.path, ulid.text);
    const char *copy = arena_printf(dir.arena, "%s/%s", dir.path, ulid_make(2, 0, 2).text);
    ck_assert_int_eq(rename(path, copy), 0);
    test_dir_block(&dir, 1, 0, 2 * HOUR_MS, &series, 1);
    ck_assert_str_eq(blocks_text(), "00-02 00-02");
    compact();
    ck_assert_str_eq(blocks_text(), "00-02/2");
    end();
}
END_TEST

START_TEST(what_is_damaged_is_left_alone)
{
    begin();
    fill(0, 7 * HOUR_MS);
    reopen((struct db_options){.block_range_max_ms = 2 * HOUR_MS});
    compact();
    ck_assert_str_eq(blocks_text(), "00-02 02-04");
    DIR *folder = opendir(dir.path);
    struct dirent *entry;
    struct ulid ulid;
    while ((entry = readdir(folder)) && !ulid_parse(str_of(entry->d_name), &ulid))
        continue;
    closedir(folder);
    AUTO(buf_done) struct buf bytes = {0};
    const char *path = arena_printf(dir.arena, "%s/%s/chunks/000001", dir.path, ulid.text);
    test_read_file(path, &bytes);
    bytes.ptr[20] ^= 1;
    test_write_file(path, buf_view(&bytes));

    reopen((struct db_options){0});
    fill(7 * HOUR_MS, 9 * HOUR_MS + 2 * MINUTE_MS);
    ck_assert(!db_compact(db, &err));
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.msg, ulid.text));
    ck_assert_str_eq(blocks_text(), "00-02 failed 02-04 failed 04-06 failed 06-08");
    ck_assert_uint_eq(count_named(".tmp"), 0);
    compact();
    ck_assert_str_eq(blocks_text(), "00-02 failed 02-04 failed 04-06 failed 06-08");
    end();
}
END_TEST

START_TEST(a_block_that_was_deleted_as_a_whole_goes)
{
    begin();
    const struct test_series series = {.labels = "__name__=a", .step_ms = MINUTE_MS, .count = 100};
    struct ulid ulid = test_dir_block(&dir, 1, 0, 2 * HOUR_MS, &series, 1);
    test_dir_block(
        &dir, 2, 2 * HOUR_MS, 4 * HOUR_MS,
        &(struct test_series){
            .labels = "__name__=a", .begin_ms = 2 * HOUR_MS, .step_ms = MINUTE_MS, .count = 9},
        1);
    test_dir_delete(&dir, ulid, 0, 2 * HOUR_MS);
    const char *path = arena_printf(dir.arena, "%s/%s", dir.path, ulid.text);
    struct block_meta meta;
    ck_assert(block_meta_read(path, &meta, &err));
    meta.tombstone_count = 1;
    ck_assert(block_meta_write(path, &meta, &err));
    block_meta_done(&meta);
    compact();
    ck_assert_str_eq(blocks_text(), "02-04");
    end();
}
END_TEST

START_TEST(a_log_that_could_not_be_cut_is_cut_in_the_next_round)
{
    begin();
    AUTO(buf_done) struct buf nothing = {0};
    buf_text(&nothing, "in the way");
    for (unsigned number = 0; number < 10; number++) {
        const char *folder = arena_printf(dir.arena, "%s/wal/checkpoint.%08u", dir.path, number);
        ck_assert(file_make_folder(folder, &err));
        test_write_file(arena_printf(dir.arena, "%s/x", folder), buf_view(&nothing));
    }
    struct db_counters counters = {0};
    for (int64_t hour = 0; counters.head.checkpoints_failed == 0; hour += 2) {
        ck_assert_int_lt(hour, 40);
        fill(hour * HOUR_MS, (hour + 2) * HOUR_MS);
        err_clear(&err);
        bool good = db_compact(db, &err);
        db_counters(db, &counters);
        ck_assert(good == (counters.head.checkpoints_failed == 0));
    }
    ck_assert_ptr_nonnull(strstr(err.msg, "cannot rename"));
    for (unsigned number = 0; number < 10; number++)
        ck_assert(file_remove_all(
            arena_printf(dir.arena, "%s/wal/checkpoint.%08u", dir.path, number), &err));
    compact(); /* no block is due */
    db_counters(db, &counters);
    ck_assert_uint_eq(counters.head.checkpoints_failed, 1);
    ck_assert_uint_eq(counters.head.checkpoints, 2);
    compact();
    db_counters(db, &counters);
    ck_assert_uint_eq(counters.head.checkpoints, 2);
    end();
}
END_TEST

/* No file may grow beyond a limit: what a full disk is to the writer. */
static struct rlimit fill_disk(void)
{
    struct rlimit before;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit tight = {.rlim_cur = 100, .rlim_max = before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
    return before;
}

static bool compact_on_full_disk(void)
{
    struct rlimit before = fill_disk();
    err_clear(&err);
    bool good = db_compact(db, &err);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    return good;
}

START_TEST(a_full_disk_loses_nothing)
{
    begin();
    fill(0, 7 * HOUR_MS);
    ck_assert(!compact_on_full_disk());
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_str_eq(blocks_text(), "");
    ck_assert_uint_eq(count_named(".tmp"), 0);
    check_samples(0, 7 * HOUR_MS);
    struct db_compact_stats stats;
    db_compact_stats(db, &stats);
    ck_assert_uint_eq(stats.failed_total, 1);
    compact();
    ck_assert_str_eq(blocks_text(), "00-02 02-04");
    check_samples(0, 7 * HOUR_MS);
    end();
}
END_TEST

/* What is beyond the retention goes all the same, and there is room again. */
START_TEST(a_full_disk_is_cleared)
{
    begin();
    fill(0, 7 * HOUR_MS);
    compact();
    reopen((struct db_options){.retention_bytes = 1});
    fill(7 * HOUR_MS, 9 * HOUR_MS);
    ck_assert(!compact_on_full_disk());
    ck_assert_str_eq(blocks_text(), "");
    check_samples(4 * HOUR_MS, 9 * HOUR_MS);
    end();
}
END_TEST

static uint64_t failed_count(void)
{
    struct db_compact_stats stats;
    db_compact_stats(db, &stats);
    return stats.failed_total;
}

/* The thread tries again, and says so once. */
START_TEST(a_failure_is_told_once)
{
    begin();
    fill(0, 3 * HOUR_MS + 2 * MINUTE_MS);
    db_close(TAKE(db));
    struct rlimit before = fill_disk();
    open_with((struct db_options){.compacts = true});
    for (int i = 0; i < 500 && failed_count() < 2; i++)
        usleep(10000);
    uint64_t failed = failed_count();
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert_uint_ge(failed, 2);
    for (int i = 0; i < 1000 && blocks_text()[0] == '\0'; i++)
        usleep(10000);
    ck_assert_str_eq(blocks_text(), "00-02");
    db_close(TAKE(db));
    const char *line = strstr(told, "a block of the head: ");
    ck_assert_ptr_nonnull(line);
    ck_assert_ptr_null(strstr(line + 1, "a block of the head: "));
    open_with((struct db_options){0});
    end();
}
END_TEST

static _Atomic int64_t written_ms; /* up to here all is there */
static _Atomic bool writing;

static void *write_on(void *context)
{
    for (int64_t t = 0; t < 40 * HOUR_MS; t += MINUTE_MS) {
        ck_assert(append_at(context, t));
        atomic_store(&written_ms, t);
    }
    atomic_store(&writing, false);
    return NULL;
}

/* All that was there before is found, whatever moves meanwhile. */
static void check_once(void)
{
    struct arena *arena = arena_create(NULL);
    struct symbols *symbols = symbols_new(arena);
    int64_t before_ms = atomic_load(&written_ms);
    struct selection *selection = select_all(db, arena, symbols);
    struct cursor *cursor = cursor_create(selection);
    struct samples samples = {0};
    struct err read_err = {0};
    bool more = true;
    ck_assert_uint_eq(selection_count(selection), SERIES_COUNT);
    cursor_open(cursor, 0);
    while (more)
        ck_assert_msg(cursor_next(cursor, &samples, &more, &read_err), "%s", read_err.msg);
    ck_assert_int_ge(samples.times_ms[samples.count - 1], before_ms);
    for (size_t k = 0; k < samples.count; k++)
        ck_assert_int_eq(samples.times_ms[k], (int64_t)k * MINUTE_MS);
    samples_done(&samples);
    cursor_destroy(cursor);
    selection_close(selection);
    symbols_done(symbols);
    arena_destroy(arena);
}

START_TEST(compacts_beside_writers_and_readers)
{
    begin();
    reopen((struct db_options){.compacts = true, .compact_ms = 5, .refresh_ms = 3});
    ck_assert(append_at(db, 0));
    atomic_store(&writing, true);
    pthread_t writer;
    ck_assert_int_eq(pthread_create(&writer, NULL, write_on, db), 0);
    while (atomic_load(&writing))
        check_once();
    pthread_join(writer, NULL);
    compact();
    ck_assert_str_eq(blocks_text(), "00-18/3 18-36/3 36-38");
    check_samples(0, 40 * HOUR_MS);
    ck_assert_str_eq(told, "");
    reopen((struct db_options){0});
    check_samples(0, 40 * HOUR_MS);
    end();
}
END_TEST

TEST_MAIN("db_compact", ranges_of_the_head_become_blocks, a_block_begins_with_its_first_sample,
          what_is_in_a_block_is_out_of_bounds, blocks_become_longer_ones,
          the_longest_range_is_a_limit, a_selection_keeps_blocks_that_are_removed,
          blocks_beyond_the_retention_go, the_retention_can_change_while_the_database_is_open,
          a_retention_is_counted_once_its_blocks_are_gone, the_size_counts_what_the_head_has,
          leftovers_go_when_a_writer_opens, parents_go_behind_a_crash, copies_go_with_their_block,
          what_is_damaged_is_left_alone, a_block_that_was_deleted_as_a_whole_goes,
          a_log_that_could_not_be_cut_is_cut_in_the_next_round, a_full_disk_loses_nothing,
          a_full_disk_is_cleared, a_failure_is_told_once, compacts_beside_writers_and_readers)
