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

static void open_with(struct db_options options)
{
    ck_assert_msg(db_open(dir.path, &options, &db, &err), "%s", err.msg);
}

static void begin(void)
{
    test_dir_init(&dir);
    open_with((struct db_options){.late_window_ms = 5 * HOUR_MS});
}

static void end(void)
{
    db_close(TAKE(db));
    test_dir_done(&dir);
}

static void append(const char *metric, int64_t minute, bool is_histogram)
{
    int64_t t_ms = minute * MINUTE_MS;
    struct append_series series = test_append_series(&dir, metric, &t_ms, 1, is_histogram);
    struct append_batch batch = {.series = &series, .count = 1, .future_ms = INT64_MAX};
    struct append_result result;
    ck_assert_msg(db_append(db, &batch, APPEND_ALL_OR_NOTHING, &result, &err), "%s", err.msg);
}

/* The head of all tests: minutes 0, 60, 120 and 300 of two series, the second one of histograms. */
static void fill(void)
{
    for (int64_t i = 0; i < 4; i++) {
        append("a", i < 3 ? i * 60 : 300, false);
        append("h", i < 3 ? i * 60 : 300, true);
    }
    append("a", 30, false); /* out of order: no block needs to have it */
}

/* As a Prometheus leaves it that has merged blocks: of which samples, that is not said. */
static struct ulid add_merged(const struct test_series *series, size_t count, unsigned hints)
{
    struct ulid ulid = test_dir_block(&dir, 7, 0, 2 * HOUR_MS, series, count);
    const char *path = arena_printf(dir.arena, "%s/%s", dir.path, ulid.text);
    struct block_meta meta;
    ck_assert(block_meta_read(path, &meta, &err));
    meta.level = 2;
    meta.hints = hints;
    ck_assert(block_meta_write(path, &meta, &err));
    block_meta_done(&meta);
    return ulid;
}

/* The hour at which the head begins, when it is read beside such a block. */
static int64_t head_hour(const struct test_series *series, size_t count, unsigned hints)
{
    begin();
    fill();
    db_close(TAKE(db));
    add_merged(series, count, hints);
    open_with((struct db_options){.read_only = true});
    struct db_stats stats;
    db_stats(db, &stats);
    ck_assert_int_eq(stats.head_begin_ms % HOUR_MS, 0);
    end();
    return stats.head_begin_ms / HOUR_MS;
}

/* Samples of a series, from a minute on, so many minutes apart. */
#define A(first, step, n) \
    { \
        .labels = "__name__=a", .begin_ms = (first)*MINUTE_MS, .step_ms = (step)*MINUTE_MS, \
        .count = (n) \
    }
#define H(first, step, n) \
    { \
        .labels = "__name__=h", .begin_ms = (first)*MINUTE_MS, .step_ms = (step)*MINUTE_MS, \
        .count = (n), .histograms = true \
    }
#define HEAD_HOUR(hints, ...) \
    head_hour((const struct test_series[]){__VA_ARGS__}, \
              ARRAY_COUNT(((const struct test_series[]){__VA_ARGS__})), (hints))

START_TEST(a_merged_block_ends_the_head_where_it_has_all_of_it)
{
    ck_assert_int_eq(HEAD_HOUR(0, A(0, 60, 2), H(0, 60, 2)), 2);
    ck_assert_int_eq(HEAD_HOUR(0, A(0, 15, 8), H(0, 60, 2)), 2);
    ck_assert_int_eq(HEAD_HOUR(BLOCK_ENDS_HEAD, A(0, 60, 2)), 2);
}
END_TEST

START_TEST(where_a_sample_is_missing_the_head_keeps_all)
{
    ck_assert_int_eq(HEAD_HOUR(0, A(0, 60, 2)), 0);
    ck_assert_int_eq(HEAD_HOUR(0, H(0, 60, 2)), 0);
    ck_assert_int_eq(HEAD_HOUR(0, A(0, 60, 1), H(0, 60, 2)), 0);
    ck_assert_int_eq(HEAD_HOUR(0, A(0, 60, 2), H(0, 60, 1)), 0);
    ck_assert_int_eq(HEAD_HOUR(0, A(60, 1, 1), H(0, 60, 2)), 0);
    ck_assert_int_eq(HEAD_HOUR(0, {.labels = "__name__=b", .count = 1}), 0);
    ck_assert_int_eq(HEAD_HOUR(BLOCK_FROM_OUT_OF_ORDER, A(0, 60, 2), H(0, 60, 2)), 0);
}
END_TEST

/* What lies before the head is not read: not a whole history, and not what is damaged of it. */
START_TEST(only_the_time_of_the_head_is_compared)
{
    begin();
    fill();
    db_close(TAKE(db));
    const struct test_series before = A(-120, 60, 2);
    struct ulid old = test_dir_block(&dir, 3, -2 * HOUR_MS, 0, &before, 1);
    const char *path = arena_printf(dir.arena, "%s/%s/chunks/000001", dir.path, old.text);
    AUTO(buf_done) struct buf bytes = {0};
    test_read_file(path, &bytes);
    bytes.ptr[bytes.len - 1] ^= 1;
    test_write_file(path, buf_view(&bytes));
    add_merged((const struct test_series[]){A(0, 60, 2), H(0, 60, 2)}, 2, 0);
    open_with((struct db_options){.read_only = true});
    ck_assert_int_eq(db_blocks_end(db), 2 * HOUR_MS);
    end();
}
END_TEST

START_TEST(what_may_still_come_is_waited_for)
{
    begin();
    append("a", 0, false);
    append("a", 179, false);
    const struct test_series series = A(0, 1, 1);
    add_merged(&series, 1, 0);
    struct db_stats stats;
    ck_assert(db_refresh(db, &err));
    db_stats(db, &stats);
    ck_assert_int_eq(stats.head_begin_ms, 0);
    append("b", 119, false); /* in order, and nowhere else */
    append("a", 181, false);
    ck_assert(db_refresh(db, &err));
    db_stats(db, &stats);
    ck_assert_int_eq(stats.head_begin_ms, 0);
    end();
}
END_TEST

/* What was deleted from a block that late samples were merged into does not come back. */
START_TEST(merges_of_late_samples_say_that_they_end_the_head)
{
    begin();
    for (int64_t minute = 0; minute <= 300; minute += 60)
        append("a", minute, false);
    append("a", 30, false);
    ck_assert_msg(db_compact(db, &err), "%s", err.msg);
    ck_assert_uint_eq(db->blocks.count, 1);
    const struct block_meta *meta = block_meta(db->blocks.items[0]);
    ck_assert_uint_eq(meta->level, 2);
    ck_assert_uint_eq(meta->hints, BLOCK_ENDS_HEAD);
    ck_assert(!meta->beside_head);

    test_dir_delete(&dir, meta->ulid, 0, INT64_MAX);
    db_close(TAKE(db));
    open_with((struct db_options){.read_only = true});
    struct db_stats stats;
    db_stats(db, &stats);
    ck_assert_int_eq(stats.head_begin_ms, 2 * HOUR_MS);
    end();
}
END_TEST

TEST_MAIN("db_doubts", a_merged_block_ends_the_head_where_it_has_all_of_it,
          where_a_sample_is_missing_the_head_keeps_all, only_the_time_of_the_head_is_compared,
          what_may_still_come_is_waited_for, merges_of_late_samples_say_that_they_end_the_head)
