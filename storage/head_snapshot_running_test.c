#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/test.h"
#include "storage/head_append.h"
#include "storage/head_snapshot.h"
#include "storage/snapshot_folder.h"
#include "storage/test_disk.h"
#include "storage/test_head.h"
#include "storage/test_life.h"
#include "storage/test_log.h"
#include "storage/wal_folder.h"

static char folder[256], copy[300];
static struct err err;
static _Atomic int warnings;
static bool loaded; /* at the last open */

static void note_info(void *context, const char *message)
{
    loaded |= strstr(message, "snapshot loaded") != NULL;
}

static void note_warning(void *context, const char *message)
{
    warnings++;
}

static const struct db_options options = {
    .info = note_info, .warn = note_warning, .late_window_ms = 1000000, .replay_threads = 2};

static void setup(void)
{
    test_folder(folder, sizeof folder);
    snprintf(copy, sizeof copy, "%s-copy", folder);
    warnings = 0;
}

static void teardown(void)
{
    test_folder_remove(folder);
    if (file_exists(copy))
        test_folder_remove(copy);
}

/* The path of the one snapshot; "": there is none. */
static const char *snapshot_path(void)
{
    static char path[600];
    bool is_there;
    struct snapshot_place place;
    ck_assert(snapshot_folder_newest(folder, &is_there, &place, &err));
    path[0] = '\0';
    if (is_there)
        snapshot_folder_path(folder, place, path, sizeof path);
    return path;
}

/* Opened for writing, the folder shows what its log says. */
static void check_same(const char *root, int64_t blocks_end_ms)
{
    char *wanted = test_log_details(root, blocks_end_ms);
    loaded = false;
    struct head *head = test_head_open(root, &options, blocks_end_ms);
    char *got = test_head_details(head);
    ck_assert_str_eq(got, wanted);
    free(got);
    free(wanted);
    head_close(head);
}

/* Appends and deletes until it is told to end. */
struct busy {
    struct head *head;
    struct test_life life;
    int64_t blocks_end_ms;
    _Atomic uint64_t rounds;
    _Atomic bool end;
    pthread_t thread;
};

static void *busy_run(void *context)
{
    struct busy *busy = context;
    while (!atomic_load(&busy->end)) {
        test_life_go(&busy->life, busy->head, 20);
        atomic_fetch_add(&busy->rounds, 1);
    }
    return NULL;
}

static void take_beside(struct busy *busy)
{
    struct err local = {0};
    uint64_t round = atomic_load(&busy->rounds);
    while (atomic_load(&busy->rounds) == round) /* more has come since the last one */
        sched_yield();
    ck_assert_msg(head_snapshot_take(busy->head, &local), "%s", local.msg);
}

START_TEST(samples_come_in_while_it_is_taken)
{
    for (uint64_t seed = 1; seed <= 2; seed++) {
        setup();
        struct busy busy = {.head = test_head_open(folder, &options, INT64_MIN),
                            .life = {.dice = seed * 104729, .t_ms = 1000000}};
        for (int i = 0; i < 2500; i++) { /* more series than are looked at in one step */
            char name[8];
            snprintf(name, sizeof name, "s%d", i);
            test_head_append(busy.head, name, 500000, false);
        }
        ck_assert_int_eq(pthread_create(&busy.thread, NULL, busy_run, &busy), 0);
        for (int i = 0; i < 12; i++)
            take_beside(&busy);
        atomic_store(&busy.end, true);
        pthread_join(busy.thread, NULL);
        test_folder_copy(folder, copy);
        check_same(copy, INT64_MIN);
        ck_assert(loaded);
        head_close(busy.head);
        ck_assert_int_eq(warnings, 0);
        teardown();
    }
}
END_TEST

/* Beside it samples go into blocks: it is whole, or there is none. */
static void *move_blocks(void *context)
{
    struct busy *busy = context;
    struct err local = {0};
    while (!atomic_load(&busy->end)) {
        test_life_go(&busy->life, busy->head, 50);
        busy->blocks_end_ms = busy->life.t_ms - 300000;
        ck_assert_msg(head_truncate(busy->head, busy->blocks_end_ms, NULL, &local), "%s",
                      local.msg);
        atomic_fetch_add(&busy->rounds, 1);
    }
    return NULL;
}

START_TEST(blocks_are_made_while_it_is_taken)
{
    setup();
    struct busy busy = {.head = test_head_open(folder, &options, INT64_MIN),
                        .life = {.dice = 77, .t_ms = 1000000}};
    ck_assert_int_eq(pthread_create(&busy.thread, NULL, move_blocks, &busy), 0);
    int taken = 0, in_vain = 0;
    while ((taken < 5 || in_vain < 5) && taken + in_vain < 100000) {
        struct err local = {0};
        bool good = head_snapshot_take(busy.head, &local);
        ck_assert_msg(good || local.kind == ERR_CANCELED, "%s", local.msg);
        taken += good;
        in_vain += !good;
    }
    ck_assert_int_ge(taken, 5);
    ck_assert_int_ge(in_vain, 5);
    atomic_store(&busy.end, true);
    pthread_join(busy.thread, NULL);
    test_folder_copy(folder, copy);
    check_same(copy, busy.blocks_end_ms);
    head_close(busy.head);
    teardown();
}
END_TEST

/* Of the log behind a snapshot; of all of it where there is none. */
static uint64_t log_size_behind(void)
{
    char log[300];
    bool is_there;
    struct snapshot_place place = {0};
    uint64_t size;
    snprintf(log, sizeof log, "%s/wal", folder);
    ck_assert(snapshot_folder_newest(folder, &is_there, &place, &err));
    ck_assert(wal_folder_size_behind(log, place.segment, place.offset, &size, &err));
    return size;
}

static uint64_t snapshot_size(void)
{
    uint64_t size = 0;
    const char *path = snapshot_path();
    ck_assert(path[0] == '\0' || file_tree_size(path, &size, &err));
    return size;
}

static struct db_options growing(uint64_t log_size)
{
    struct db_options changed = options;
    changed.snapshot_log_size = log_size;
    return changed;
}

START_TEST(one_is_taken_when_the_log_has_grown)
{
    setup();
    struct db_options small = growing(2000);
    int64_t t_ms = 1000;
    int taken = 0;
    for (int life = 0; life < 3; life++) { /* what a start has read counts as well */
        struct head *head = test_head_open(folder, &small, INT64_MIN);
        for (int i = 0; i < 400; i++) {
            for (int k = 0; k < 30; k++)
                test_head_append(head, i % 2 ? "a" : "b", t_ms++, false);
            uint64_t behind = log_size_behind(), size = snapshot_size();
            ck_assert_msg(head_snapshot_keep_up(head, &err), "%s", err.msg);
            bool is_new = log_size_behind() != behind;
            ck_assert_int_eq(is_new, behind > 2000 && behind > 4 * size);
            taken += is_new;
        }
        head_close(head);
    }
    ck_assert_int_gt(taken, 3);
    struct db_options never = growing(0);
    struct head *head = test_head_open(folder, &never, INT64_MIN);
    for (int i = 0; i < 1000; i++)
        test_head_append(head, "a", t_ms++, false);
    uint64_t behind = log_size_behind();
    ck_assert(head_snapshot_keep_up(head, &err));
    ck_assert_uint_eq(log_size_behind(), behind);
    head_close(head);
    teardown();
}
END_TEST

/* Of the first snapshot of a folder. */
static void path_of_next(const char *suffix, char *out, size_t size)
{
    snprintf(out, size, "%s/chunk_snapshot.%06u.%010llu%s", folder, 0,
             (unsigned long long)log_size_behind(), suffix);
}

/* While it runs, too: the head goes on, and it is not tried again at once. */
START_TEST(goes_on_without_one_where_it_cannot_be_written)
{
    setup();
    struct db_options small = growing(1);
    struct head *head = test_head_open(folder, &small, INT64_MIN);
    for (int i = 0; i < 100; i++)
        test_head_append(head, "a", 1000 + i, false);
    char in_the_way[600];
    path_of_next(".tmp", in_the_way, sizeof in_the_way);
    FILE *file = fopen(in_the_way, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    struct rlimit before, least;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    least = (struct rlimit){100, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &least), 0);
    ck_assert(!head_snapshot_keep_up(head, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert(!file_exists(in_the_way));
    err_clear(&err);
    ck_assert(head_snapshot_keep_up(head, &err)); /* nothing was done */
    ck_assert_str_eq(snapshot_path(), "");
    test_head_append(head, "a", 2000, false);
    head_close(head);
    ck_assert_str_ne(snapshot_path(), "");
    check_same(folder, INT64_MIN);
    teardown();
}
END_TEST

/* Or each that fails would fill the disk a bit more. */
START_TEST(nothing_is_left_of_one_that_cannot_get_its_name)
{
    char in_the_way[600], left[600];
    setup();
    struct head *head = test_head_open(folder, &options, INT64_MIN);
    test_head_append(head, "a", 1000, false);
    path_of_next("", in_the_way, sizeof in_the_way);
    path_of_next(".tmp", left, sizeof left);
    ck_assert(file_make_folder(in_the_way, &err));
    test_disk_fail(TEST_DISK_REMOVE, 0, 1);
    ck_assert(!head_snapshot_take(head, &err));
    ck_assert(!test_disk_settle(TEST_DISK_REMOVE));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert(!file_exists(left));
    err_clear(&err);
    ck_assert(head_snapshot_take(head, &err));
    ck_assert_str_eq(snapshot_path(), in_the_way);
    head_close(head);
    teardown();
}
END_TEST

static bool append_synced(struct head *head, int64_t t_ms)
{
    struct wal_label label = {STR("__name__"), STR("a")};
    struct append_sample sample = {.t_ms = t_ms, .v = 1};
    struct append_series series = {
        .labels = &label, .label_count = 1, .samples = &sample, .sample_count = 1};
    struct append_batch batch = {.series = &series, .count = 1, .future_ms = INT64_MAX};
    struct append_result result;
    return head_append(head, &batch, APPEND_ALL_OR_NOTHING, &result, &err);
}

/* A sync of the log that has failed is told once: a later one says nothing of what it was for. */
START_TEST(none_is_taken_of_a_log_that_is_not_on_the_disk)
{
    setup();
    struct db_options synced = options;
    synced.wal_sync = true;
    struct head *head = test_head_open(folder, &synced, INT64_MIN);
    ck_assert(append_synced(head, 1000));
    test_disk_fail(TEST_DISK_SYNC, 0, 1);
    ck_assert(!append_synced(head, 2000));
    ck_assert(!test_disk_settle(TEST_DISK_SYNC));
    err_clear(&err);
    ck_assert(!head_snapshot_take(head, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_str_eq(snapshot_path(), "");
    err_clear(&err);
    ck_assert(append_synced(head, 3000));
    ck_assert(head_snapshot_take(head, &err));
    head_close(head);
    check_same(folder, INT64_MIN);
    ck_assert(loaded);
    teardown();
}
END_TEST

TEST_MAIN("head_snapshot_running", samples_come_in_while_it_is_taken,
          blocks_are_made_while_it_is_taken, one_is_taken_when_the_log_has_grown,
          goes_on_without_one_where_it_cannot_be_written,
          nothing_is_left_of_one_that_cannot_get_its_name,
          none_is_taken_of_a_log_that_is_not_on_the_disk)
