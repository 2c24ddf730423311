#include "storage/db_counters.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/test.h"
#include "storage/append.h"
#include "storage/db_compact.h"
#include "storage/db_internal.h"
#include "storage/test_blocks.h"

#define MINUTE_MS ((int64_t)60 * 1000)
#define HOUR_MS (60 * MINUTE_MS)

static struct test_dir dir;
static struct db *db;
static struct err err;
static struct db_counters counters;
static struct db_stats stats;

static void begin(struct db_options options)
{
    test_dir_init(&dir);
    ck_assert_msg(db_open(dir.path, &options, &db, &err), "%s", err.msg);
}

static void end(void)
{
    db_close(TAKE(db));
    test_dir_done(&dir);
}

static void look(void)
{
    db_counters(db, &counters);
    db_stats(db, &stats);
}

/* Samples of one series, of which the good ones are taken; or histograms of one observation. */
static void append(const char *name, const int64_t *minutes, size_t count, bool histograms)
{
    int64_t *times_ms = arena_array(dir.arena, int64_t, count);
    for (size_t i = 0; i < count; i++)
        times_ms[i] = minutes[i] * MINUTE_MS;
    struct append_series series = test_append_series(&dir, name, times_ms, count, histograms);
    struct append_batch batch = {.series = &series, .count = 1, .future_ms = 10000 * MINUTE_MS};
    struct append_result result;
    err_clear(&err);
    ck_assert(db_append(db, &batch, APPEND_KEEP_GOOD, &result, &err) || err.kind == ERR_BAD_DATA);
}

#define MINUTES(...) (const int64_t[]){__VA_ARGS__}, ARRAY_COUNT(((const int64_t[]){__VA_ARGS__}))
#define FLOATS(name, ...) append((name), MINUTES(__VA_ARGS__), false)
#define HISTOGRAMS(name, ...) append((name), MINUTES(__VA_ARGS__), true)

/* Floats and histograms: appended, late, out of order, out of bounds, too old. */
static void check_samples(const char *expected)
{
    look();
    const struct sample_counters *samples = &counters.head.samples;
    const uint64_t *const all[] = {samples->appended, samples->late, samples->out_of_order,
                                   samples->out_of_bounds, samples->too_old};
    AUTO(buf_done) struct buf found = {0};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        buf_printf(&found, "%llu+%llu ", (unsigned long long)all[i][SAMPLE_FLOAT],
                   (unsigned long long)all[i][SAMPLE_HISTOGRAM]);
    ck_assert_str_eq(buf_terminated(&found), expected);
}

START_TEST(samples_without_a_window)
{
    begin((struct db_options){0});
    FLOATS("a", 1000, 1001);
    HISTOGRAMS("h", 1000, 1001, 1002);
    check_samples("2+3 0+0 0+0 0+0 0+0 ");
    FLOATS("a", 1001);     /* there already: it is no error, but nothing is appended */
    HISTOGRAMS("h", 1002); /* the same */
    check_samples("2+3 0+0 0+0 0+0 0+0 ");
    FLOATS("a", 999, 1002);
    HISTOGRAMS("h", 998, 999, 1003);
    check_samples("3+4 0+0 1+2 0+0 0+0 ");
    FLOATS("a", 1004, 1003); /* both pass, and the second one is left out in the end */
    check_samples("4+4 0+0 2+2 0+0 0+0 ");
    FLOATS("a", 900, 20000); /* before what may be written; and what no head is asked about */
    HISTOGRAMS("h", 900);
    check_samples("4+4 0+0 2+2 1+1 0+0 ");
    end();
}
END_TEST

START_TEST(samples_with_a_window)
{
    begin((struct db_options){.late_window_ms = HOUR_MS});
    FLOATS("a", 1000);
    HISTOGRAMS("h", 1000);
    FLOATS("a", 990, 980, 990);
    HISTOGRAMS("h", 950);
    check_samples("3+2 2+1 0+0 0+0 0+0 ");
    FLOATS("a", 939, 938);
    HISTOGRAMS("h", 10);
    check_samples("3+2 2+1 0+0 0+0 2+1 ");
    end();
}
END_TEST

START_TEST(series_and_chunks_come_and_go)
{
    begin((struct db_options){.late_window_ms = 10 * HOUR_MS});
    for (int64_t minute = 1; minute <= 400; minute += 3)
        FLOATS("a", minute);
    FLOATS("once", 100);
    FLOATS("late", 50);
    look();
    ck_assert_uint_eq(stats.head_series_created, 3);
    ck_assert_uint_eq(stats.head_series_removed, 0);
    ck_assert_uint_eq(stats.head_chunks_created, stats.head_chunk_count);
    ck_assert_uint_eq(stats.head_chunks_removed, 0);
    size_t created = stats.head_chunk_count;
    ck_assert_uint_ge(created, 6);

    ck_assert_msg(db_compact(db, &err), "%s", err.msg);
    FLOATS("a", 700);
    ck_assert_msg(db_compact(db, &err), "%s", err.msg);
    look();
    ck_assert_uint_eq(stats.head_series_created, 3);
    ck_assert_uint_eq(stats.head_series_removed, 2);
    ck_assert_uint_eq(stats.head_chunks_created, created + 1);
    ck_assert_uint_eq(stats.head_chunk_count + stats.head_chunks_removed, created + 1);
    ck_assert_uint_gt(counters.reloads, 2);
    ck_assert_uint_eq(counters.reloads_failed, 0);
    ck_assert_uint_gt(counters.symbol_bytes, 0);
    ck_assert_uint_eq(counters.head.sweeps, 4);
    ck_assert_uint_gt(counters.head.sweep_ns, 0);
    end();
}
END_TEST

START_TEST(chunks_that_went_into_files)
{
    begin((struct db_options){0});
    for (int64_t minute = 1; minute <= 400; minute += 3)
        FLOATS("a", minute);
    look();
    ck_assert_uint_eq(counters.head.chunks_mapped, 0);
    ck_assert(head_map_chunks(db->head, &err));
    ck_assert(head_map_chunks(db->head, &err));
    look();
    ck_assert_uint_eq(counters.head.chunks_mapped, 3); /* those of whole two hours */
    end();
}
END_TEST

START_TEST(records_that_are_packed)
{
    begin((struct db_options){0});
    int64_t minutes[300];
    for (size_t i = 0; i < ARRAY_COUNT(minutes); i++)
        minutes[i] = 1000 + (int64_t)i;
    append("a", minutes, ARRAY_COUNT(minutes), false);
    look();
    ck_assert_int_eq(counters.head.wal.packing, WAL_PACKED_SNAPPY);
    ck_assert_uint_gt(counters.head.wal.saved_bytes, 500);
    ck_assert(isnan(counters.head.wal.sync_seconds[0]));
    end();
}
END_TEST

START_TEST(batches_and_how_late_samples_were)
{
    begin((struct db_options){.late_window_ms = HOUR_MS});
    FLOATS("a", 1000);
    FLOATS("a", 985, 955, 935); /* the last is too old, and told all the same */
    HISTOGRAMS("h", 1001);
    HISTOGRAMS("h", 999);
    look();
    const struct classic_histogram *late = counters.head.late_by_ms;
    ck_assert_uint_eq(atomic_load(&late->count), 4);
    ck_assert_uint_eq(atomic_load(&late->sum), (15 + 45 + 65 + 2) * MINUTE_MS);
    ck_assert_uint_eq(atomic_load(&late->buckets[0]), 1); /* up to ten minutes */
    ck_assert_uint_eq(atomic_load(&late->buckets[1]), 1);
    ck_assert_uint_eq(counters.head.batches, 4);
    ck_assert_uint_eq(counters.head.batches_done, 4);
    ck_assert_uint_eq(stats.head_histogram_series_count, 1);
    end();
}
END_TEST

/* Where nothing is taken out of order, Prometheus does not ask what is out of bounds. */
START_TEST(how_late_samples_were_without_a_window)
{
    begin((struct db_options){0});
    FLOATS("a", 1000);
    FLOATS("a", 985, 900);
    look();
    ck_assert_uint_eq(atomic_load(&counters.head.late_by_ms->count), 1);
    end();
}
END_TEST

static void put_file(const char *name, const char *text)
{
    test_write_file(arena_printf(dir.arena, "%s/%s", dir.path, name), str_of(text));
}

START_TEST(a_lock_that_was_left)
{
    begin((struct db_options){0});
    look();
    ck_assert_int_eq(counters.start, START_CLEAN);
    db_close(TAKE(db));
    put_file("lock", "");
    ck_assert(db_open(dir.path, &(struct db_options){0}, &db, &err));
    look();
    ck_assert_int_eq(counters.start, START_UNCLEAN);
    db_close(TAKE(db));
    ck_assert(db_open(dir.path, &(struct db_options){.read_only = true}, &db, &err));
    look();
    ck_assert_int_eq(counters.start, START_UNLOCKED);
    end();
}
END_TEST

static void damage_file(const char *name, size_t at)
{
    const char *path = arena_printf(dir.arena, "%s/%s", dir.path, name);
    AUTO(buf_done) struct buf bytes = {0};
    test_read_file(path, &bytes);
    bytes.ptr[at] ^= 1;
    test_write_file(path, buf_view(&bytes));
}

START_TEST(damages_of_log_and_chunks)
{
    begin((struct db_options){0});
    for (int64_t minute = 1; minute <= 400; minute += 3)
        FLOATS("a", minute);
    ck_assert(head_map_chunks(db->head, &err));
    look();
    ck_assert_uint_eq(counters.head.log_damages, 0);
    ck_assert_uint_eq(counters.head.chunk_damages, 0);
    damage_file("wal/00000000", 500);
    put_file("chunks_head/000001", "no head chunks at all");
    struct db *reader = NULL;
    ck_assert(db_open(dir.path, &(struct db_options){.read_only = true}, &reader, &err));
    db_counters(reader, &counters);
    ck_assert_uint_eq(counters.head.log_damages, 1);
    ck_assert_uint_eq(counters.head.chunk_damages, 1);
    ck_assert(db_refresh(reader, &err));
    db_counters(reader, &counters);
    ck_assert_uint_eq(counters.head.log_damages, 1); /* it is the same one */
    db_close(reader);
    end();
}
END_TEST

START_TEST(logs_and_checkpoints)
{
    begin((struct db_options){.late_window_ms = HOUR_MS, .wal_sync = true});
    look();
    struct wal_counters before = counters.head.wal;
    FLOATS("a", 1, 2);
    FLOATS("a", 1);
    look();
    ck_assert_uint_eq(counters.head.wal.pages_written, before.pages_written + 2);
    ck_assert_uint_eq(counters.head.wal.pages_full, before.pages_full);
    ck_assert_uint_eq(counters.head.wal.syncs, before.syncs + 2);
    ck_assert_uint_gt(counters.head.wal.sync_ns, before.sync_ns);
    ck_assert_uint_eq(counters.head.wbl.pages_written, 1);
    ck_assert_uint_eq(counters.head.wbl.syncs, 1);
    ck_assert_uint_gt(counters.wal_bytes, 0);
    ck_assert_uint_gt(counters.wbl_bytes, 0);
    uint64_t syncs = counters.head.wal.syncs;
    ck_assert_uint_eq(counters.head.wal.parts, before.parts + 3); /* a series, and twice samples */
    ck_assert_uint_eq(counters.head.wal.part_bytes - before.part_bytes, counters.wal_bytes);
    for (size_t i = 0; i < WAL_SYNC_QUANTILE_COUNT; i++)
        ck_assert_double_gt(counters.head.wal.sync_seconds[i], 0);

    for (int64_t hour = 0; hour <= 12; hour += 2) {
        FLOATS("a", hour * 60 + 3);
        ck_assert_msg(db_compact(db, &err), "%s", err.msg);
    }
    look();
    ck_assert_uint_gt(counters.head.wal.segment, before.segment + 3);
    ck_assert_uint_gt(counters.head.wal.syncs, syncs);
    ck_assert_uint_gt(counters.head.wal.pages_full, before.pages_full);
    ck_assert_uint_gt(counters.head.checkpoints, 0);
    ck_assert_uint_eq(counters.head.truncations, counters.head.checkpoints);
    ck_assert_uint_eq(counters.head.checkpoint_removals, counters.head.checkpoints);
    ck_assert_uint_eq(counters.head.checkpoints_failed, 0);
    ck_assert_uint_gt(counters.head.truncation_ns, 0);
    end();
}
END_TEST

static _Atomic bool looking;

static void *look_on(void *context)
{
    struct db_counters seen;
    while (looking)
        db_counters(context, &seen);
    return NULL;
}

/* For a build that finds races: the log of late samples is opened while somebody counts. */
START_TEST(any_thread_may_look)
{
    begin((struct db_options){0});
    pthread_t thread;
    looking = true;
    ck_assert_int_eq(pthread_create(&thread, NULL, look_on, db), 0);
    FLOATS("a", 1000);
    ck_assert(db_set_late_window(db, HOUR_MS, &err));
    for (int64_t minute = 950; minute < 1050; minute++)
        FLOATS("a", minute);
    looking = false;
    pthread_join(thread, NULL);
    check_samples("100+0 50+0 0+0 0+0 0+0 ");
    end();
}
END_TEST

TEST_MAIN("db_counters", samples_without_a_window, samples_with_a_window,
          series_and_chunks_come_and_go, chunks_that_went_into_files, records_that_are_packed,
          batches_and_how_late_samples_were, how_late_samples_were_without_a_window,
          a_lock_that_was_left, damages_of_log_and_chunks, logs_and_checkpoints,
          any_thread_may_look)
