#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "storage/head.h"
#include "storage/head_append.h"
#include "storage/test_head.h"
#include "storage/test_log.h"
#include "storage/wal_folder.h"

#define STEP_MS 1000

static char folder[256];
static char wal[300];
static struct err err;
static struct head *head;
static struct db_options options;

static void open_at(const char *path, int64_t blocks_end_ms)
{
    err_clear(&err);
    head = test_head_open(path, &options, blocks_end_ms);
}

static void begin(void)
{
    options = (struct db_options){0};
    test_folder(folder, sizeof folder);
    snprintf(wal, sizeof wal, "%s/wal", folder);
    open_at(folder, INT64_MIN);
}

static void end(void)
{
    head_close(TAKE(head));
    test_folder_remove(folder);
}

static void reopen(int64_t blocks_end_ms)
{
    head_close(TAKE(head));
    open_at(folder, blocks_end_ms);
}

static void append(const char *name, int64_t t_ms, bool is_histogram)
{
    test_head_append(head, name, t_ms, is_histogram);
}

static void truncate_to(int64_t before_ms)
{
    ck_assert_msg(head_truncate(head, before_ms, NULL, &err), "%s", err.msg);
}

static char *contents(void)
{
    return test_head_contents(head);
}

static void expect(const char *expected)
{
    char *got = contents();
    ck_assert_str_eq(got, expected);
    free(got);
}

static uint32_t checkpoint_number(void)
{
    AUTO(wal_listing_done) struct wal_listing listing = {0};
    struct wal_checkpoint newest;
    ck_assert(wal_folder_list(wal, &listing, &err));
    ck_assert(wal_folder_checkpoint(wal, &listing, &newest, &err));
    return newest.is_there ? newest.number : UINT32_MAX;
}

static struct wal_listing segments(void)
{
    struct wal_listing listing = {0};
    ck_assert(wal_folder_list(wal, &listing, &err));
    return listing;
}

/* A round: samples of two series, of one of histograms, and of one that is only in this round. */
static void round_of(int number)
{
    char name[16];
    snprintf(name, sizeof name, "once%d", number);
    int64_t t_ms = (int64_t)number * STEP_MS;
    append("a", t_ms + 1, false);
    append("h", t_ms + 2, true);
    append(name, t_ms + 3, false);
    append("a", t_ms + 4, false);
}

START_TEST(writes_a_checkpoint_of_the_older_two_thirds)
{
    begin();
    for (int i = 1; i <= 4; i++) {
        round_of(i);
        ck_assert_uint_eq(checkpoint_number(), UINT32_MAX);
        truncate_to(i * STEP_MS);
    }
    /* Segments 0 to 3 are full: 0 to 2 without the newest, of which 0 and 1 go. */
    ck_assert_uint_eq(checkpoint_number(), 1);
    AUTO(wal_listing_done) struct wal_listing left = segments();
    ck_assert_uint_eq(left.count, 3);
    ck_assert_uint_eq(left.segments[0], 2);
    ck_assert_uint_eq(left.segments[2], 4);
    expect("a:4001,4004 h:h4002 once4:4003 ");
    reopen(4 * STEP_MS);
    expect("a:4001,4004 h:h4002 once4:4003 ");
    append("a", 5001, false);
    reopen(4 * STEP_MS);
    expect("a:4001,4004,5001 h:h4002 once4:4003 ");
    end();
}
END_TEST

START_TEST(does_nothing_where_it_was_done_before)
{
    begin();
    for (int i = 1; i <= 4; i++) {
        round_of(i);
        truncate_to(STEP_MS);
    }
    AUTO(wal_listing_done) struct wal_listing left = segments();
    ck_assert_uint_eq(left.count, 2);
    ck_assert_uint_eq(checkpoint_number(), UINT32_MAX);
    end();
}
END_TEST

START_TEST(keeps_samples_and_only_live_series_over_many_rounds)
{
    begin();
    for (int i = 1; i <= 20; i++) {
        round_of(i);
        if (i > 2)
            truncate_to((i - 1) * STEP_MS); /* the last two rounds stay */
    }
    expect("a:19001,19004,20001,20004 h:h19002,h20002 once19:19003 once20:20003 ");
    reopen(19 * STEP_MS);
    expect("a:19001,19004,20001,20004 h:h19002,h20002 once19:19003 once20:20003 ");
    /* Series of one round go from the log, in the end: those of the segments that are left stay. */
    struct head_stats stats;
    head_stats(head, &stats);
    ck_assert_uint_lt(stats.series_count, 12);
    end();
}
END_TEST

/* A series goes out of memory, while a segment that stays has samples of it by its reference. */
START_TEST(keeps_the_labels_that_segments_need)
{
    begin();
    for (int i = 1; i <= 12; i++) {
        round_of(i);
        truncate_to(i * STEP_MS);
    }
    /* Who was not told of blocks reads what the log still has, by references it knows. */
    head_close(TAKE(head));
    options.info = NULL;
    ck_assert(head_open(folder, &options, &head, &err));
    ck_assert(head_refresh(head, INT64_MIN, &err));
    AUTO(wal_listing_done) struct wal_listing left = segments();
    char *got = contents();
    for (uint32_t i = left.segments[0]; i < 12; i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "once%u:%u003 ", i + 1, i + 1);
        ck_assert_msg(strstr(got, wanted) != NULL, "%s is not in %s", wanted, got);
    }
    free(got);
    end();
}
END_TEST

/* The folder as a crash would leave it opens with all samples, and takes more. */
static void check_crashed(const char *crashed, const char *expected)
{
    open_at(crashed, 5 * STEP_MS);
    expect(expected);
    append("a", 50 * STEP_MS, false);
    AUTO(buf_done) struct buf more = {0};
    const char *space = strchr(expected, ' ');
    buf_printf(&more, "%.*s,50000%s", (int)(space - expected), expected, space);
    expect(buf_terminated(&more));
    head_close(TAKE(head));
    open_at(crashed, 5 * STEP_MS);
    expect(buf_terminated(&more));
    head_close(TAKE(head));
}

struct crash {
    char before[280], after[280], crashed[280];
    char *expected;
};

/* A folder with a checkpoint, before the next one is made and after. */
static void crash_begin(struct crash *crash)
{
    begin();
    snprintf(crash->before, sizeof crash->before, "%s.before", folder);
    snprintf(crash->after, sizeof crash->after, "%s.after", folder);
    snprintf(crash->crashed, sizeof crash->crashed, "%s.crashed", folder);
    for (int i = 1; i <= 6; i++) {
        round_of(i);
        if (i == 6)
            test_folder_copy(folder, crash->before);
        truncate_to((i < 6 ? i - 1 : 5) * STEP_MS);
    }
    ck_assert_uint_eq(checkpoint_number(), 3);
    crash->expected = contents();
    ck_assert_str_eq(crash->expected, "a:5001,5004,6001,6004 h:h5002,h6002 once5:5003 once6:6003 ");
    head_close(TAKE(head));
    test_folder_copy(folder, crash->after);
}

static void crash_end(struct crash *crash)
{
    free(crash->expected);
    test_folder_remove(crash->before);
    test_folder_remove(crash->after);
    test_folder_remove(crash->crashed);
    test_folder_remove(folder);
}

START_TEST(survives_a_crash_while_the_checkpoint_is_written)
{
    struct crash crash;
    crash_begin(&crash);
    AUTO(buf_done) struct buf bytes = {0};
    char path[400];
    snprintf(path, sizeof path, "%s/wal/checkpoint.00000003/00000000", crash.after);
    ck_assert(file_read(path, 1 << 20, &bytes, &err));
    for (size_t len = 0; len < 600 && len < bytes.len; len++) {
        test_folder_copy(crash.before, crash.crashed);
        struct buf part = {.ptr = bytes.ptr, .len = len};
        test_file(crash.crashed, "wal/checkpoint.00000003.tmp/00000000", &part);
        check_crashed(crash.crashed, crash.expected);
        snprintf(path, sizeof path, "%s/wal/checkpoint.00000003.tmp", crash.crashed);
        ck_assert(!file_exists(path));
        len += len > 64 ? 30 : 0;
    }
    crash_end(&crash);
}
END_TEST

START_TEST(survives_a_crash_while_old_segments_are_removed)
{
    struct crash crash;
    crash_begin(&crash);
    for (uint32_t gone = 0; gone <= 4; gone++) {
        test_folder_copy(crash.before, crash.crashed);
        char from[400], to[400];
        snprintf(from, sizeof from, "%s/wal/checkpoint.00000003", crash.after);
        snprintf(to, sizeof to, "%s/wal/checkpoint.00000003", crash.crashed);
        test_folder_copy(from, to);
        for (uint32_t number = 0; number < gone; number++) {
            wal_folder_segment_path("wal", number, to, sizeof to);
            snprintf(from, sizeof from, "%s/%s", crash.crashed, to);
            unlink(from);
        }
        check_crashed(crash.crashed, crash.expected);
    }
    crash_end(&crash);
}
END_TEST

START_TEST(survives_a_crash_while_the_old_checkpoint_is_removed)
{
    struct crash crash;
    crash_begin(&crash);
    test_folder_copy(crash.after, crash.crashed);
    char from[400], to[400];
    snprintf(from, sizeof from, "%s/wal/checkpoint.00000001", crash.before);
    snprintf(to, sizeof to, "%s/wal/checkpoint.00000001", crash.crashed);
    test_folder_copy(from, to);
    check_crashed(crash.crashed, crash.expected);
    test_folder_copy(crash.after, crash.crashed);
    ck_assert_int_eq(mkdir(to, 0755), 0); /* emptied, not removed yet */
    check_crashed(crash.crashed, crash.expected);
    crash_end(&crash);
}
END_TEST

START_TEST(leaves_the_log_alone_when_a_segment_is_damaged)
{
    begin();
    for (int i = 1; i <= 5; i++) {
        round_of(i);
        reopen(INT64_MIN); /* begins a segment */
    }
    char path[400];
    snprintf(path, sizeof path, "%s/00000001", wal);
    AUTO(buf_done) struct buf bytes = {0};
    ck_assert(file_read(path, 1 << 20, &bytes, &err));
    bytes.ptr[20] ^= 1;
    test_file(wal, "00000001", &bytes);

    ck_assert(!head_truncate(head, 2 * STEP_MS, NULL, &err));
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
    ck_assert_msg(strstr(err.msg, "/00000001") != NULL, "%s", err.msg);
    err_clear(&err);
    AUTO(wal_listing_done) struct wal_listing left = segments();
    ck_assert_uint_eq(left.segments[0], 0);
    ck_assert_uint_eq(checkpoint_number(), UINT32_MAX);

    /* Once it is well again, so is the log. */
    bytes.ptr[20] ^= 1;
    test_file(wal, "00000001", &bytes);
    truncate_to(2 * STEP_MS);
    ck_assert_uint_ne(checkpoint_number(), UINT32_MAX);
    end();
}
END_TEST

#define APPEND_BEGIN_MS 1000000

static _Atomic int64_t appended;
static atomic_bool stop;

static void *append_on(void *context)
{
    for (int64_t i = 0; !atomic_load(&stop); i++) {
        append("a", APPEND_BEGIN_MS + i, false);
        atomic_store(&appended, i + 1);
    }
    return NULL;
}

START_TEST(lets_batches_in_meanwhile)
{
    begin();
    atomic_store(&appended, 0);
    atomic_store(&stop, false);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, append_on, NULL), 0);
    bool enough = false;
    for (int64_t i = 1; i < APPEND_BEGIN_MS && !enough; i++) {
        truncate_to(i);
        enough = checkpoint_number() != UINT32_MAX && atomic_load(&appended) >= 1000;
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    ck_assert(enough);
    char *before = contents();
    reopen(INT64_MIN);
    expect(before);
    AUTO(buf_done) struct buf all = {0};
    buf_text(&all, "a");
    for (int64_t i = 0; i < appended; i++)
        buf_printf(&all, "%c%lld", i ? ',' : ':', (long long)(APPEND_BEGIN_MS + i));
    buf_byte(&all, ' ');
    expect(buf_terminated(&all));
    free(before);
    end();
}
END_TEST

TEST_MAIN("head_truncate", writes_a_checkpoint_of_the_older_two_thirds,
          does_nothing_where_it_was_done_before,
          keeps_samples_and_only_live_series_over_many_rounds, keeps_the_labels_that_segments_need,
          survives_a_crash_while_the_checkpoint_is_written,
          survives_a_crash_while_old_segments_are_removed,
          survives_a_crash_while_the_old_checkpoint_is_removed,
          leaves_the_log_alone_when_a_segment_is_damaged, lets_batches_in_meanwhile)
