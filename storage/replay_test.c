#include "storage/replay.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/test.h"
#include "storage/head.h"
#include "storage/test_head.h"
#include "storage/test_log.h"

static char folder[256];
static struct buf segment, record;
static uint64_t state_of_dice;

static uint64_t dice(uint64_t sides)
{
    state_of_dice = state_of_dice * 6364136223846793005u + 1442695040888963407u;
    return (state_of_dice >> 33) % sides;
}

static void take(void)
{
    if (record.len > 0)
        test_segment_take(&segment, &record);
}

/* References count up, but now and then one is given again, or a known series gets another. */
struct script {
    uint64_t last_ref;
    int64_t t_ms;
    bool wild;
};

static void add_series(struct script *script)
{
    uint64_t ref = ++script->last_ref;
    if (script->wild && dice(8) == 0)
        ref = 1 + dice(script->last_ref);
    uint64_t number = script->wild && dice(6) == 0 ? 1 + dice(script->last_ref) : ref;
    char name[24];
    snprintf(name, sizeof name, "%llu", (unsigned long long)number);
    TEST_SERIES(&record, ref, "__name__", "metric", "n", name);
    take();
}

static void add_samples(struct script *script)
{
    struct test_sample samples[40];
    size_t count = 1 + dice(40);
    for (size_t i = 0; i < count; i++) {
        uint64_t ref = 1 + dice(script->last_ref + (script->wild ? 3 : 0));
        int64_t late_ms = script->wild && dice(10) == 0 ? (int64_t)dice(100) : 0;
        samples[i] = (struct test_sample){ref, script->t_ms - late_ms, (double)dice(1000)};
    }
    if (dice(3) == 0)
        test_samples_v2(&record, samples, count);
    else
        test_samples(&record, samples, count);
    take();
}

static void add_any(struct script *script)
{
    script->t_ms += (int64_t)dice(20);
    uint64_t kind = dice(script->wild ? 60 : 30);
    if (script->last_ref < 10 || kind == 0)
        add_series(script);
    else if (kind == 1)
        test_histogram(&record, 1 + dice(script->last_ref), script->t_ms, dice(2) != 0);
    else if (kind == 58)
        test_tombstone(&record, 1 + dice(script->last_ref), script->t_ms - 50, script->t_ms);
    else if (kind == 59)
        test_tombstone(&record, 1 + dice(script->last_ref), INT64_MIN, INT64_MAX);
    else
        add_samples(script);
    take();
}

static void write_segments(struct script *script, int first, int segments, int records)
{
    for (int i = first; i < segments; i++) {
        char name[32];
        snprintf(name, sizeof name, "wal/%08d", i);
        for (int k = 0; k < records; k++)
            add_any(script);
        if (i + 1 < segments)
            test_segment_pad(&segment);
        test_file(folder, name, &segment);
        buf_clear(&segment);
    }
}

static void write_chunks(const struct script *script)
{
    AUTO(buf_done) struct buf file = {0};
    test_chunks_begin(&file);
    for (int i = 0; i < 20; i++)
        test_chunks_add(&file, (struct test_chunk){.ref = 1 + dice(script->last_ref + 2),
                                                   .begin_ms = (int64_t)dice(200) + i * 200,
                                                   .step_ms = 1 + (int64_t)dice(5),
                                                   .count = 5 + dice(20)});
    test_file(folder, "chunks_head/000001", &file);
}

static int warnings;

static void note_warning(void *context, const char *message)
{
    warnings++;
}

static void print_head(struct head *head, struct buf *out)
{
    AUTO(free) void *details = test_head_details(head);
    buf_printf(out, "%s%d warnings\n", (const char *)details, warnings);
}

/* All that a head shows of the folder, read by so many threads. */
static void replay(size_t threads, int64_t blocks_end_ms, struct buf *out)
{
    struct db_options options = {
        .read_only = true, .replay_threads = threads, .warn = note_warning};
    struct head *head;
    struct err err = {0};
    warnings = 0;
    ck_assert(head_open(folder, &options, &head, &err));
    ck_assert_msg(head_refresh(head, blocks_end_ms, &err), "%s", err.msg);
    print_head(head, out);
    head_close(head);
}

static size_t check_threads(int64_t blocks_end_ms)
{
    AUTO(buf_done) struct buf one = {0};
    replay(1, blocks_end_ms, &one);
    for (size_t threads = 2; threads <= 8; threads += 3) {
        AUTO(buf_done) struct buf many = {0};
        replay(threads, blocks_end_ms, &many);
        ck_assert_str_eq(buf_terminated(&many), buf_terminated(&one));
    }
    return one.len;
}

static void check_scripts(bool wild, bool chunks, uint64_t seeds, int records)
{
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        test_folder(folder, sizeof folder);
        state_of_dice = seed * 7919;
        struct script script = {.wild = wild};
        write_segments(&script, 0, 3, records);
        if (chunks)
            write_chunks(&script);
        ck_assert_uint_gt(check_threads(seed % 2 ? INT64_MIN : script.t_ms / 3), 100);
        test_folder_remove(folder);
    }
    buf_done(&segment);
    buf_done(&record);
}

START_TEST(threads_make_of_a_log_what_one_makes)
{
    check_scripts(false, false, 4, 2000);
}
END_TEST

START_TEST(also_where_references_are_given_anew_and_series_deleted)
{
    check_scripts(true, false, 40, 300);
}
END_TEST

START_TEST(also_with_chunks_of_files)
{
    check_scripts(true, true, 40, 200);
    check_scripts(false, true, 20, 200);
}
END_TEST

/* What follows a record that makes no sense, or a damaged one, is left out by all alike. */
START_TEST(also_where_the_log_is_damaged)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        test_folder(folder, sizeof folder);
        state_of_dice = seed * 31;
        struct script script = {.wild = true};
        for (int k = 0; k < 200; k++)
            add_any(&script);
        size_t at = segment.len;
        if (seed % 3) {
            buf_text(&record, "\x02nonsense");
            test_segment_add(&segment, &record, TEST_PLAIN);
            buf_clear(&record);
            if (seed % 3 == 2)
                segment.ptr[at] |= TEST_SNAPPY; /* the checksum is right, and it does not unpack */
        } else {
            segment.ptr[segment.len / 2 + dice(1000)] ^= 4;
        }
        for (int k = 0; k < 100; k++)
            add_any(&script);
        test_segment_pad(&segment);
        test_file(folder, "wal/00000000", &segment);
        buf_clear(&segment);
        for (int k = 0; k < 50; k++)
            add_any(&script);
        test_file(folder, "wal/00000001", &segment);
        buf_clear(&segment);
        check_threads(INT64_MIN);
        ck_assert_int_eq(warnings, 1);
        test_folder_remove(folder);
    }
    buf_done(&segment);
    buf_done(&record);
}
END_TEST

static char said[256];
static int lines;

static void note_info(void *context, const char *message)
{
    lines++;
    snprintf(said, sizeof said, "%s", message);
}

START_TEST(tells_how_far_it_is_once_a_second)
{
    test_folder(folder, sizeof folder);
    struct script script = {0};
    for (int k = 0; k < 20; k++)
        add_any(&script);
    test_file(folder, "wal/checkpoint.00000001/00000000", &segment);
    buf_clear(&segment);
    write_segments(&script, 2, 4, 20);
    char wal[300];
    snprintf(wal, sizeof wal, "%s/wal", folder);
    struct db_options options = {.info = note_info};
    struct replay_progress progress;
    AUTO(wal_log_destroy) struct wal_log *log = wal_log_create(wal, WAL_GAP_LOST);
    struct err err = {0};
    bool lost;
    ck_assert(wal_log_look(log, &lost, &err));
    replay_progress_init(&progress, &options, log, true);
    progress.told_ns = 0; /* long ago */
    const uint8_t *bytes;
    size_t size;
    while (wal_log_next(log, &bytes, &size, &err) == TAIL_ITEM)
        replay_progress_tell(&progress, log);
    ck_assert_int_eq(lines, 1);
    ck_assert_str_eq(said, "WAL checkpoint loaded");
    progress.told_ns = 0;
    progress.segment = 2;
    replay_progress_tell(&progress, log);
    ck_assert_int_eq(lines, 2);
    ck_assert_str_eq(said, "WAL segment loaded segment=2 maxSegment=3");
    test_folder_remove(folder);
    buf_done(&segment);
    buf_done(&record);
}
END_TEST

/* Of a checkpoint 1 and segments 2 and 3. */
static bool read_watched(size_t threads, struct db_reading *reading, struct err *err)
{
    struct db_options options = {.read_only = true, .replay_threads = threads, .reading = reading};
    struct head *head;
    ck_assert(head_open(folder, &options, &head, err));
    bool good = head_refresh(head, INT64_MIN, err);
    head_close(head);
    return good;
}

START_TEST(others_see_how_far_it_is_and_may_end_it)
{
    test_folder(folder, sizeof folder);
    struct script script = {0};
    for (int k = 0; k < 20; k++)
        add_any(&script);
    test_file(folder, "wal/checkpoint.00000001/00000000", &segment);
    buf_clear(&segment);
    write_segments(&script, 2, 4, 20);
    for (size_t threads = 1; threads <= 2; threads++) {
        struct db_reading reading = {0};
        struct err err = {0};
        ck_assert_msg(read_watched(threads, &reading, &err), "%s", err.msg);
        ck_assert_uint_eq(reading.first_segment, 1);
        ck_assert_uint_eq(reading.last_segment, 3);
        ck_assert_uint_eq(reading.segment_done, 3);

        reading = (struct db_reading){.cancel = true};
        ck_assert(!read_watched(threads, &reading, &err));
        ck_assert_int_eq(err.kind, ERR_CANCELED);
        ck_assert_uint_lt(reading.segment_done, 3);
    }
    test_folder_remove(folder);
    buf_done(&segment);
    buf_done(&record);
}
END_TEST

TEST_MAIN("replay", threads_make_of_a_log_what_one_makes,
          also_where_references_are_given_anew_and_series_deleted, also_with_chunks_of_files,
          also_where_the_log_is_damaged, tells_how_far_it_is_once_a_second,
          others_see_how_far_it_is_and_may_end_it)
