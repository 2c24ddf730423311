#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/test.h"
#include "storage/block_delete.h"
#include "storage/head_append.h"
#include "storage/head_delete.h"
#include "storage/test_blocks.h"
#include "storage/test_disk.h"

static struct test_dir dir;
static struct err err;

#define ALWAYS ((struct time_range){INT64_MIN, INT64_MAX})

/* Two series: x=1 from 0 to 900, in chunks of 5, and x=2 from 500 to 600. */
static struct ulid write_block(void)
{
    static const struct test_series series[] = {
        {"__name__=a,x=1", 0, 100, 10, 0, 5, false, false},
        {"__name__=a,x=2", 500, 100, 2, 0, 0, false, false},
    };
    return test_dir_block(&dir, 1, 0, 1000, series, ARRAY_COUNT(series));
}

static void delete_from_block(struct ulid ulid, const char *matcher, struct time_range range)
{
    struct block *block = test_dir_open(&dir, ulid);
    struct matcher *wanted = test_matcher(&dir, matcher);
    ck_assert_msg(block_delete(block, &wanted, 1, range, NULL, &err), "%s", err.msg);
    matcher_done(wanted);
    block_unref(block);
}

/* "3: 0-400 900-900 4: ...", by the series' references without their common begin. */
static void check_stones(struct ulid ulid, const char *expected)
{
    struct block *block = test_dir_open(&dir, ulid);
    AUTO(buf_done) struct buf found = {0};
    struct postings_view all;
    ck_assert(index_postings_all(block_index(block), &all, &err));
    for (size_t i = 0; i < all.count; i++) {
        size_t count;
        const struct time_range *ranges =
            tombstones_find(block_tombstones(block), postings_at(all, i), &count);
        for (size_t k = 0; k < count; k++)
            buf_printf(&found, "%zu:%lld-%lld ", i, (long long)ranges[k].begin_ms,
                       (long long)ranges[k].end_ms);
    }
    ck_assert_str_eq(found.len ? buf_terminated(&found) : "", expected);
    ck_assert_uint_eq(block_meta(block)->tombstone_count,
                      tombstones_count(block_tombstones(block)));
    block_unref(block);
}

START_TEST(stones_go_as_far_as_samples_of_a_block)
{
    test_dir_init(&dir);
    struct ulid ulid = write_block();
    delete_from_block(ulid, "x=1", (struct time_range){300, 20000});
    check_stones(ulid, "0:300-900 ");
    delete_from_block(ulid, "__name__=a", (struct time_range){-100, 100});
    check_stones(ulid, "0:0-100 0:300-900 ");
    delete_from_block(ulid, "x=~.+", ALWAYS);
    check_stones(ulid, "0:0-900 1:500-600 ");
    test_dir_done(&dir);
}
END_TEST

START_TEST(a_series_between_whose_chunks_the_range_lies_stays)
{
    test_dir_init(&dir);
    struct ulid ulid = write_block();
    delete_from_block(ulid, "x=1", (struct time_range){401, 499});
    check_stones(ulid, "");
    delete_from_block(ulid, "x=1", (struct time_range){401, 500});
    check_stones(ulid, "0:401-500 ");
    test_dir_done(&dir);
}
END_TEST

START_TEST(what_matches_nothing_writes_nothing)
{
    test_dir_init(&dir);
    struct ulid ulid = write_block();
    struct block *block = test_dir_open(&dir, ulid);
    delete_from_block(ulid, "x=3", ALWAYS);
    delete_from_block(ulid, "x=2", (struct time_range){0, 499});
    ck_assert(!block_is_outdated(block));
    delete_from_block(ulid, "x=2", (struct time_range){0, 500});
    ck_assert(block_is_outdated(block));
    block_unref(block);
    test_dir_done(&dir);
}
END_TEST

static struct head *open_head(void)
{
    static const struct db_options options;
    struct head *head;
    ck_assert_msg(head_open(dir.path, &options, &head, &err), "%s", err.msg);
    ck_assert_msg(head_refresh(head, INT64_MIN, &err), "%s", err.msg);
    ck_assert_msg(head_begin_writing(head, &err), "%s", err.msg);
    return head;
}

static void append(struct head *head, const char *name, int64_t t_ms)
{
    const struct wal_label label = {STR("__name__"), str_of(name)};
    const struct append_sample sample = {.t_ms = t_ms, .v = 1};
    const struct append_series series = {
        .labels = &label, .label_count = 1, .samples = &sample, .sample_count = 1};
    const struct append_batch batch = {.series = &series, .count = 1, .future_ms = INT64_MAX};
    struct append_result result;
    ck_assert_msg(head_append(head, &batch, APPEND_ALL_OR_NOTHING, &result, &err), "%s", err.msg);
}

static bool delete_from_head(struct head *head, const char *matcher, struct time_range range)
{
    struct matcher *wanted = test_matcher(&dir, matcher);
    bool good = head_delete(head, &wanted, 1, range, &err);
    matcher_done(wanted);
    return good;
}

/* What selects are told is deleted: "a:10-20 ". */
static void check_head(struct head *head, const char *expected)
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
    struct head_series_list list;
    AUTO(buf_done) struct buf found = {0};
    ck_assert_msg(head_select(head, &request, &list, &err), "%s", err.msg);
    for (size_t i = 0; i < list.count; i++)
        for (uint32_t k = 0; k < list.items[i].deleted_count; k++) {
            const struct time_range *range = &list.items[i].deleted[k];
            struct str name = symbols_get(dir.symbols, list.items[i].labels->pairs[0].value);
            buf_printf(&found, "%.*s:%lld-%lld ", STR_ARGS(name), (long long)range->begin_ms,
                       (long long)range->end_ms);
        }
    head_release(head, &list);
    matcher_done(all);
    ck_assert_str_eq(found.len ? buf_terminated(&found) : "", expected);
}

START_TEST(the_head_deletes_what_is_there_now)
{
    test_dir_init(&dir);
    struct head *head = open_head();
    append(head, "a", 10);
    append(head, "a", 20);
    append(head, "b", 30);
    ck_assert(delete_from_head(head, "__name__=~.+", (struct time_range){15, INT64_MAX}));
    check_head(head, "a:15-20 b:30-30 ");
    append(head, "a", 40);
    check_head(head, "a:15-20 b:30-30 ");
    ck_assert(delete_from_head(head, "__name__=a", (struct time_range){INT64_MIN, 14}));
    ck_assert(delete_from_head(head, "__name__=b", (struct time_range){31, INT64_MAX}));
    ck_assert(delete_from_head(head, "__name__=c", ALWAYS));
    check_head(head, "a:10-20 b:30-30 ");
    head_close(head);

    head = open_head();
    check_head(head, "a:10-20 b:30-30 ");
    head_close(head);
    test_dir_done(&dir);
}
END_TEST

/* Or a restart would bring back what was told to be deleted. */
START_TEST(nothing_is_deleted_that_cannot_be_logged)
{
    test_dir_init(&dir);
    struct head *head = open_head();
    append(head, "a", 10);
    struct stat log;
    ck_assert_int_eq(stat(arena_printf(dir.arena, "%s/wal/00000000", dir.path), &log), 0);
    struct rlimit before, full;
    getrlimit(RLIMIT_FSIZE, &before);
    full = before;
    full.rlim_cur = (rlim_t)log.st_size;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &full);
    bool deleted = delete_from_head(head, "__name__=a", ALWAYS);
    setrlimit(RLIMIT_FSIZE, &before);
    ck_assert(!deleted);
    ck_assert_int_eq(err.kind, ERR_IO);
    check_head(head, "");
    ck_assert(delete_from_head(head, "__name__=a", ALWAYS));
    check_head(head, "a:10-10 ");
    head_close(head);
    test_dir_done(&dir);
}
END_TEST

#define MANY_SERIES 20000

static _Atomic bool deleting;
static _Atomic bool seen_between;

static bool is_deleted(struct head *head, const char *name, int64_t t_ms)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct matcher *wanted;
    struct err local = {0};
    ck_assert(matcher_new(arena, MATCH_EQUAL, STR("__name__"), str_of(name), &wanted, &local));
    const struct select_request request = {
        .matchers = &wanted,
        .matcher_count = 1,
        .begin_ms = t_ms,
        .end_ms = t_ms,
        .arena = arena,
        .symbols = symbols_new(arena),
    };
    struct head_series_list list;
    ck_assert_msg(head_select(head, &request, &list, &local), "%s", local.msg);
    bool deleted = false;
    for (size_t i = 0; i < list.count; i++)
        deleted |= time_ranges_cover(list.items[i].deleted, list.items[i].deleted_count,
                                     (struct time_range){t_ms, t_ms});
    head_release(head, &list);
    symbols_done(request.symbols);
    return deleted;
}

/* Asks for the last series first: what is found between two steps cannot be a whole deletion. */
static void *look_between(void *context)
{
    for (int64_t t_ms = 10; deleting; t_ms = is_deleted(context, "last", t_ms) ? t_ms + 10 : t_ms)
        if (!is_deleted(context, "last", t_ms) && is_deleted(context, "first", t_ms) &&
            !is_deleted(context, "last", t_ms))
            seen_between = true;
    return NULL;
}

START_TEST(selects_get_in_while_much_is_deleted)
{
    test_dir_init(&dir);
    struct head *head = open_head();
    for (int64_t t_ms = 10; t_ms <= 1000; t_ms += 10)
        append(head, "first", t_ms);
    for (size_t i = 0; i < MANY_SERIES; i++)
        append(head, arena_printf(dir.arena, "s%zu", i), 1000);
    for (int64_t t_ms = 10; t_ms <= 1000; t_ms += 10)
        append(head, "last", t_ms);
    pthread_t reader;
    deleting = true;
    ck_assert_int_eq(pthread_create(&reader, NULL, look_between, head), 0);
    for (int64_t t_ms = 10; t_ms <= 1000 && !seen_between; t_ms += 10)
        ck_assert(delete_from_head(head, "__name__!=", (struct time_range){t_ms, t_ms}));
    deleting = false;
    pthread_join(reader, NULL);
    ck_assert(seen_between);
    head_close(head);
    test_dir_done(&dir);
}
END_TEST

static size_t deleted_count(struct head *head)
{
    size_t count = 0;
    for (size_t i = 0; i < MANY_SERIES; i++)
        count += is_deleted(head, arena_printf(dir.arena, "s%zu", i), 1000);
    return count;
}

/* What waits for the log is a part of a large delete, and memory has those parts that it took. */
START_TEST(a_large_delete_goes_in_steps)
{
    test_dir_init(&dir);
    struct head *head = open_head();
    for (size_t i = 0; i < MANY_SERIES; i++)
        append(head, arena_printf(dir.arena, "s%zu", i), 1000);
    test_disk_fail(TEST_DISK_WRITE, 2, 1);
    ck_assert(!delete_from_head(head, "__name__!=", ALWAYS));
    ck_assert(!test_disk_settle(TEST_DISK_WRITE));
    ck_assert_int_eq(err.kind, ERR_IO);
    size_t count = deleted_count(head);
    ck_assert(count > 0 && count < MANY_SERIES / 2);
    head_close(head);
    head = open_head();
    ck_assert_uint_eq(deleted_count(head), count);
    err_clear(&err);
    ck_assert(delete_from_head(head, "__name__!=", ALWAYS));
    ck_assert_uint_eq(deleted_count(head), MANY_SERIES);
    head_close(head);
    test_dir_done(&dir);
}
END_TEST

TEST_MAIN("delete", stones_go_as_far_as_samples_of_a_block,
          a_series_between_whose_chunks_the_range_lies_stays, what_matches_nothing_writes_nothing,
          the_head_deletes_what_is_there_now, nothing_is_deleted_that_cannot_be_logged,
          selects_get_in_while_much_is_deleted, a_large_delete_goes_in_steps)
