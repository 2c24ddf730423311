#include "storage/late_samples.h"

#include <dirent.h>
#include <string.h>

#include "base/test.h"
#include "storage/append.h"
#include "storage/db_admin.h"
#include "storage/db_compact.h"
#include "storage/db_internal.h"
#include "storage/test_blocks.h"
#include "storage/test_disk.h"
#include "storage/wal_folder.h"

#define MINUTE_MS ((int64_t)60 * 1000)
#define HOUR_MS (60 * MINUTE_MS)

static struct test_dir dir;
static struct db *db;
static struct err err;
static struct append_result result;

static void open_with(int64_t window_ms)
{
    struct db_options options = {.late_window_ms = window_ms};
    err_clear(&err);
    ck_assert_msg(db_open(dir.path, &options, &db, &err), "%s", err.msg);
}

static void reopen(int64_t window_ms)
{
    db_close(TAKE(db));
    open_with(window_ms);
}

static void begin(int64_t window_ms)
{
    test_dir_init(&dir);
    open_with(window_ms);
}

static void end(void)
{
    db_close(TAKE(db));
    test_dir_done(&dir);
}

static bool append(const char *name, const int64_t *times_ms, size_t count, bool histograms)
{
    struct append_series series = test_append_series(&dir, name, times_ms, count, histograms);
    struct append_batch batch = {.series = &series, .count = 1, .future_ms = INT64_MAX};
    err_clear(&err);
    return db_append(db, &batch, APPEND_ALL_OR_NOTHING, &result, &err);
}

#define APPEND(name, ...) \
    append((name), (const int64_t[]){__VA_ARGS__}, \
           sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), false)
#define APPEND_GOOD(name, ...) ck_assert_msg(APPEND(name, __VA_ARGS__), "%s", err.msg)

/* "a 1 2 3; b 5;": the minutes of all samples, whose values must be their times. */
static const char *contents(void)
{
    struct select_request request = {
        .begin_ms = INT64_MIN, .end_ms = INT64_MAX, .arena = dir.arena, .symbols = dir.symbols};
    AUTO(selection_close) struct selection *selection = NULL;
    err_clear(&err);
    ck_assert_msg(storage_select(db_storage(db), &request, &selection, &err), "%s", err.msg);
    AUTO(cursor_destroy) struct cursor *cursor = cursor_create(selection);
    const char *text = "";
    struct histogram_samples histograms = {0};
    struct samples samples = {.histograms = &histograms};
    for (size_t i = 0; i < selection_count(selection); i++) {
        const struct labels *labels = selection_labels(selection, i);
        text = arena_printf(dir.arena, "%s%.*s", text,
                            STR_ARGS(symbols_get(dir.symbols, labels->pairs[0].value)));
        bool more = true;
        samples.count = 0;
        histogram_samples_clear(&histograms);
        cursor_open(cursor, i);
        while (more)
            ck_assert_msg(cursor_next(cursor, &samples, &more, &err), "%s", err.msg);
        for (size_t k = 0; k < samples.count; k++) {
            ck_assert(samples.values[k] == (double)samples.times_ms[k]);
            text = arena_printf(dir.arena, "%s %g", text, samples.values[k] / (double)MINUTE_MS);
        }
        for (size_t k = 0; k < histograms.count; k++)
            text = arena_printf(dir.arena, "%s h%g", text,
                                (double)histograms.times_ms[k] / (double)MINUTE_MS);
        text = arena_printf(dir.arena, "%s; ", text);
    }
    samples_done(&samples);
    histogram_samples_done(&histograms);
    return text;
}

START_TEST(late_samples_are_kept_within_the_window)
{
    begin(2 * HOUR_MS);
    APPEND_GOOD("a", 200 * MINUTE_MS);
    APPEND_GOOD("a", 100 * MINUTE_MS, 90 * MINUTE_MS);
    ck_assert_uint_eq(result.late_count, 2);
    ck_assert_uint_eq(result.sample_count, 2);
    APPEND_GOOD("a", 201 * MINUTE_MS);
    ck_assert_uint_eq(result.late_count, 0);
    APPEND_GOOD("new", 81 * MINUTE_MS);
    ck_assert_uint_eq(result.late_count, 1);
    ck_assert(append("h", (const int64_t[]){199 * MINUTE_MS, 150 * MINUTE_MS}, 2, true));
    ck_assert_uint_eq(result.late_count, 1);
    static const char all[] = "a 90 100 200 201; new 81; h h150 h199; ";
    ck_assert_str_eq(contents(), all);
    reopen(2 * HOUR_MS);
    ck_assert_str_eq(contents(), all);
    reopen(0);
    ck_assert_str_eq(contents(), all);
    ck_assert(!APPEND("a", 150 * MINUTE_MS));
    end();
}
END_TEST

START_TEST(what_is_older_is_refused_in_the_words_of_prometheus)
{
    begin(2 * HOUR_MS);
    APPEND_GOOD("a", 200 * MINUTE_MS);
    ck_assert(!APPEND("a", 80 * MINUTE_MS - 1));
    ck_assert_str_eq(err.msg, "too old sample for series {__name__=\"a\"}");
    ck_assert_uint_eq(result.too_old_count, 1);
    ck_assert(!APPEND("b", 80 * MINUTE_MS - 1));
    ck_assert_str_eq(err.msg, "too old sample for series {__name__=\"b\"}");
    APPEND_GOOD("a", 80 * MINUTE_MS);
    ck_assert_str_eq(contents(), "a 80 200; ");
    end();
}
END_TEST

START_TEST(a_time_is_kept_once)
{
    begin(2 * HOUR_MS);
    APPEND_GOOD("a", 100 * MINUTE_MS, 110 * MINUTE_MS);
    APPEND_GOOD("a", 105 * MINUTE_MS);
    APPEND_GOOD("a", 105 * MINUTE_MS);
    APPEND_GOOD("a", 100 * MINUTE_MS);
    APPEND_GOOD("a", 120 * MINUTE_MS, 115 * MINUTE_MS);
    ck_assert_uint_eq(result.late_count, 1);
    ck_assert_str_eq(contents(), "a 100 105 110 115 120; ");
    reopen(2 * HOUR_MS);
    ck_assert_str_eq(contents(), "a 100 105 110 115 120; ");
    end();
}
END_TEST

static void compact(void)
{
    err_clear(&err);
    ck_assert_msg(db_compact(db, &err), "%s", err.msg);
}

static size_t wbl_segments(void)
{
    AUTO(wal_listing_done) struct wal_listing listing = {0};
    ck_assert(wal_folder_list(arena_printf(dir.arena, "%s/wbl", dir.path), &listing, &err));
    return listing.count;
}

/* Blocks on the disk that say that they are made of late samples. */
static size_t late_blocks(void)
{
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
        count += (meta.hints & BLOCK_FROM_OUT_OF_ORDER) != 0;
        block_meta_done(&meta);
    }
    closedir(folder);
    return count;
}

START_TEST(late_samples_become_blocks)
{
    begin(4 * HOUR_MS);
    APPEND_GOOD("a", 10 * MINUTE_MS, 130 * MINUTE_MS, 200 * MINUTE_MS);
    APPEND_GOOD("a", 20 * MINUTE_MS, 140 * MINUTE_MS, 199 * MINUTE_MS);
    APPEND_GOOD("a", 300 * MINUTE_MS);
    static const char all[] = "a 10 20 130 140 199 200 300; ";
    ck_assert_str_eq(contents(), all);
    compact();
    ck_assert_str_eq(contents(), all);
    ck_assert_uint_eq(wbl_segments(), 1);

    /* The log has nothing of them any more, and the blocks have all. */
    reopen(4 * HOUR_MS);
    ck_assert_str_eq(contents(), all);

    /* Behind the blocks it goes on. */
    APPEND_GOOD("a", 100 * MINUTE_MS, 250 * MINUTE_MS);
    ck_assert_uint_eq(result.late_count, 2);
    ck_assert_str_eq(contents(), "a 10 20 100 130 140 199 200 250 300; ");
    compact();
    reopen(0);
    ck_assert_str_eq(contents(), "a 10 20 100 130 140 199 200 250 300; ");
    end();
}
END_TEST

/* As in Prometheus: what is asked of labels by time does not see them. */
START_TEST(the_head_begins_with_samples_in_order)
{
    begin(10 * HOUR_MS);
    APPEND_GOOD("a", 6 * HOUR_MS, 7 * HOUR_MS);
    APPEND_GOOD("a", 3 * HOUR_MS);
    ck_assert_uint_eq(result.late_count, 1);
    for (int life = 0; life < 2; life++) {
        struct db_stats stats;
        db_stats(db, &stats);
        ck_assert_int_eq(stats.head_begin_ms, 6 * HOUR_MS);
        ck_assert_int_eq(stats.head_end_ms, 7 * HOUR_MS);
        reopen(10 * HOUR_MS);
    }
    ck_assert_str_eq(contents(), "a 180 360 420; ");
    end();
}
END_TEST

START_TEST(late_samples_before_1970_become_blocks)
{
    begin(4 * HOUR_MS);
    APPEND_GOOD("a", 10 * MINUTE_MS, 130 * MINUTE_MS, 200 * MINUTE_MS);
    APPEND_GOOD("a", -30 * MINUTE_MS, 20 * MINUTE_MS);
    ck_assert_uint_eq(result.late_count, 2);
    compact();
    ck_assert_uint_eq(late_blocks(), 1); /* the other one is merged with what it overlaps */
    reopen(0);
    ck_assert_str_eq(contents(), "a -30 10 20 130 200; ");
    end();
}
END_TEST

START_TEST(deleted_ones_stay_deleted_before_the_end_of_the_blocks)
{
    begin(4 * HOUR_MS);
    APPEND_GOOD("a", 10 * MINUTE_MS, 130 * MINUTE_MS, 300 * MINUTE_MS);
    compact();
    APPEND_GOOD("a", 100 * MINUTE_MS, 101 * MINUTE_MS);
    ck_assert_uint_eq(result.late_count, 2);
    struct matcher *all = test_matcher(&dir, "__name__=a");
    struct time_range range = {99 * MINUTE_MS, 100 * MINUTE_MS};
    ck_assert_msg(db_delete_series(db, &all, 1, range, &err), "%s", err.msg);
    matcher_done(all);
    ck_assert_str_eq(contents(), "a 10 101 130 300; ");
    reopen(4 * HOUR_MS);
    ck_assert_str_eq(contents(), "a 10 101 130 300; ");
    ck_assert_msg(db_refresh(db, &err), "%s", err.msg);
    ck_assert_str_eq(contents(), "a 10 101 130 300; ");
    end();
}
END_TEST

START_TEST(deleted_ones_stay_deleted_though_their_log_could_not_be_removed)
{
    begin(4 * HOUR_MS);
    APPEND_GOOD("a", 10 * MINUTE_MS, 130 * MINUTE_MS, 200 * MINUTE_MS);
    APPEND_GOOD("a", 20 * MINUTE_MS, 100 * MINUTE_MS);
    test_disk_fail(TEST_DISK_REMOVE, 0, 2);
    ck_assert(!db_compact(db, &err));
    ck_assert_str_eq(contents(), "a 10 20 100 130 200; ");
    ck_assert_uint_eq(wbl_segments(), 2);
    struct matcher *all = test_matcher(&dir, "__name__=a");
    struct time_range range = {15 * MINUTE_MS, 50 * MINUTE_MS};
    ck_assert(!db_delete_series(db, &all, 1, range, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_str_eq(contents(), "a 10 20 100 130 200; ");
    ck_assert_msg(db_delete_series(db, &all, 1, range, &err), "%s", err.msg);
    matcher_done(all);
    ck_assert_uint_eq(wbl_segments(), 1);
    reopen(4 * HOUR_MS);
    ck_assert_str_eq(contents(), "a 10 100 130 200; ");
    end();
}
END_TEST

START_TEST(late_blocks_wait_for_the_head)
{
    begin(4 * HOUR_MS);
    APPEND_GOOD("a", 0, 130 * MINUTE_MS, 200 * MINUTE_MS, 300 * MINUTE_MS);
    APPEND_GOOD("a", 420 * MINUTE_MS);
    APPEND_GOOD("a", 290 * MINUTE_MS, 370 * MINUTE_MS);
    compact();
    ck_assert_uint_eq(late_blocks(), 2);

    /* A longer block up to the sixth hour would hide what the log has of that time. */
    static const char all[] = "a 0 130 200 290 300 370 420; ";
    reopen(4 * HOUR_MS);
    ck_assert_str_eq(contents(), all);
    APPEND_GOOD("a", 700 * MINUTE_MS);
    compact();
    ck_assert_uint_eq(late_blocks(), 0);
    reopen(0);
    ck_assert_str_eq(contents(), "a 0 130 200 290 300 370 420 700; ");
    end();
}
END_TEST

START_TEST(what_comes_while_blocks_are_made_stays)
{
    begin(4 * HOUR_MS);
    uint32_t mark;
    int64_t begin_ms, end_ms;
    APPEND_GOOD("a", 200 * MINUTE_MS);
    APPEND_GOOD("a", 100 * MINUTE_MS);
    struct head *head = db->head;
    ck_assert(late_samples_cut(head, &mark, &err));
    ck_assert_uint_ne(mark, 0);
    ck_assert(late_samples_range(head, &begin_ms, &end_ms));
    ck_assert_int_eq(begin_ms, 100 * MINUTE_MS);
    ck_assert_int_eq(end_ms, 100 * MINUTE_MS);
    APPEND_GOOD("b", 199 * MINUTE_MS);
    APPEND_GOOD("b", 110 * MINUTE_MS);
    ck_assert(late_samples_trim(head, mark, &err));
    ck_assert_str_eq(contents(), "a 200; b 110 199; ");
    reopen(4 * HOUR_MS);
    ck_assert_str_eq(contents(), "a 200; b 110 199; ");
    end();
}
END_TEST

START_TEST(no_window_makes_no_log)
{
    begin(0);
    APPEND_GOOD("a", 200 * MINUTE_MS);
    ck_assert(!APPEND("a", 199 * MINUTE_MS));
    ck_assert_uint_eq(wbl_segments(), 0);
    ck_assert_uint_eq(late_blocks(), 0);
    end();
}
END_TEST

START_TEST(the_window_can_change_while_the_database_is_open)
{
    begin(0);
    APPEND_GOOD("a", 200 * MINUTE_MS);
    ck_assert(!APPEND("a", 150 * MINUTE_MS));
    ck_assert_msg(db_set_late_window(db, HOUR_MS, &err), "%s", err.msg);
    APPEND_GOOD("a", 150 * MINUTE_MS);
    ck_assert_uint_eq(result.late_count, 1);
    ck_assert(!APPEND("a", 130 * MINUTE_MS));
    ck_assert(db_set_late_window(db, 2 * HOUR_MS, &err));
    APPEND_GOOD("a", 130 * MINUTE_MS);
    ck_assert(db_set_late_window(db, 0, &err));
    ck_assert(!APPEND("a", 160 * MINUTE_MS));
    ck_assert_str_eq(contents(), "a 130 150 200; ");
    reopen(0);
    ck_assert_str_eq(contents(), "a 130 150 200; ");
    end();
}
END_TEST

START_TEST(a_snapshot_has_late_samples_too)
{
    begin(4 * HOUR_MS);
    APPEND_GOOD("a", 200 * MINUTE_MS);
    APPEND_GOOD("a", 100 * MINUTE_MS);
    const char *path = arena_printf(dir.arena, "%s/snapshot", dir.path);
    ck_assert_msg(db_snapshot(db, path, true, &err), "%s", err.msg);
    db_close(TAKE(db));
    struct db_options options = {.read_only = true};
    ck_assert_msg(db_open(path, &options, &db, &err), "%s", err.msg);
    ck_assert_str_eq(contents(), "a 100 200; ");
    end();
}
END_TEST

static void delete_samples(const char *matcher, int64_t from_minute, int64_t to_minute)
{
    struct matcher *wanted = test_matcher(&dir, matcher);
    struct time_range range = {from_minute * MINUTE_MS, to_minute * MINUTE_MS};
    ck_assert_msg(db_delete_series(db, &wanted, 1, range, &err), "%s", err.msg);
    matcher_done(wanted);
}

/* Also when the samples in order of that time have become a block, and then the late ones. */
START_TEST(what_is_deleted_of_late_samples_stays_so)
{
    begin(4 * HOUR_MS);
    APPEND_GOOD("a", 10 * MINUTE_MS, 130 * MINUTE_MS, 200 * MINUTE_MS);
    APPEND_GOOD("a", 20 * MINUTE_MS, 30 * MINUTE_MS);
    APPEND_GOOD("late", 40 * MINUTE_MS, 50 * MINUTE_MS);
    delete_samples("__name__=a", 0, 25);
    delete_samples("__name__=late", 45, 300);
    ck_assert_str_eq(contents(), "a 30 130 200; late 40; ");
    reopen(4 * HOUR_MS);
    ck_assert_str_eq(contents(), "a 30 130 200; late 40; ");
    APPEND_GOOD("a", 310 * MINUTE_MS);
    compact();
    ck_assert_str_eq(contents(), "a 30 130 200 310; late 40; ");
    reopen(4 * HOUR_MS);
    ck_assert_str_eq(contents(), "a 30 130 200 310; late 40; ");
    end();
}
END_TEST

START_TEST(memory_has_what_the_logs_have_when_that_of_late_samples_fails)
{
    begin(HOUR_MS);
    APPEND_GOOD("a", 60 * MINUTE_MS);
    test_disk_fail(TEST_DISK_WRITE, 1, 1); /* the other log comes first */
    ck_assert(!APPEND("a", 30 * MINUTE_MS, 61 * MINUTE_MS));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_uint_eq(result.sample_count, 0);
    ck_assert_str_eq(contents(), "a 60 61; ");
    reopen(HOUR_MS);
    ck_assert_str_eq(contents(), "a 60 61; ");
    APPEND_GOOD("a", 30 * MINUTE_MS, 61 * MINUTE_MS);
    ck_assert_str_eq(contents(), "a 30 60 61; ");
    end();
}
END_TEST

TEST_MAIN("late_samples", late_samples_are_kept_within_the_window,
          what_is_older_is_refused_in_the_words_of_prometheus, a_time_is_kept_once,
          late_samples_become_blocks, the_head_begins_with_samples_in_order,
          late_blocks_wait_for_the_head, deleted_ones_stay_deleted_before_the_end_of_the_blocks,
          deleted_ones_stay_deleted_though_their_log_could_not_be_removed,
          late_samples_before_1970_become_blocks, what_comes_while_blocks_are_made_stays,
          no_window_makes_no_log, the_window_can_change_while_the_database_is_open,
          a_snapshot_has_late_samples_too, what_is_deleted_of_late_samples_stays_so,
          memory_has_what_the_logs_have_when_that_of_late_samples_fails)
