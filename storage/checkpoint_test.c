#include "storage/checkpoint.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/test.h"
#include "storage/test_log.h"
#include "storage/wal.h"
#include "storage/wal_encode.h"
#include "storage/wal_folder.h"
#include "storage/wal_log.h"
#include "storage/wal_record.h"

#define BEFORE_MS 100
#define BEGIN_MS 50

static char folder[256];
static struct err err;
static struct buf segment, record;

static void begin(void)
{
    test_folder(folder, sizeof folder);
    err_clear(&err);
}

static void end(void)
{
    buf_done(&segment);
    buf_done(&record);
    test_folder_remove(folder);
}

static void take(void)
{
    test_segment_take(&segment, &record);
}

static void write_segment(const char *name)
{
    test_segment_pad(&segment);
    test_file(folder, name, &segment);
    buf_clear(&segment);
}

static _Atomic bool cancel;
static size_t asked_count;

/* Odd references are kept. The third time that it is asked, somebody has no time any more. */
static bool keeps(void *context, uint64_t ref)
{
    if (++asked_count == 3 && context)
        atomic_store((_Atomic bool *)context, true);
    return ref % 2 == 1;
}

static int64_t begin_ms(void *context, uint64_t ref)
{
    return BEGIN_MS;
}

static bool make(uint32_t last)
{
    struct checkpoint_plan plan = {
        .folder = folder,
        .last = last,
        .before_ms = BEFORE_MS,
        .segment_size = 128 << 10,
        .keeps = keeps,
        .begin_ms = begin_ms,
    };
    return checkpoint_write(&plan, &err);
}

static void print_record(const struct wal_record *r, struct buf *out)
{
    buf_printf(out, "%d:", r->type);
    for (size_t i = 0; i < r->series_count; i++)
        buf_printf(out, " %llu", (unsigned long long)r->series[i].ref);
    for (size_t i = 0; i < r->sample_count; i++)
        buf_printf(out, " %llu@%lld=%g+%lld", (unsigned long long)r->samples[i].ref,
                   (long long)r->samples[i].t_ms, r->samples[i].v,
                   (long long)(r->has_starts ? r->starts_ms[i] : 0));
    for (size_t i = 0; i < r->histogram_count; i++)
        buf_printf(out, " %llu@%lld", (unsigned long long)r->histograms[i].ref,
                   (long long)r->histograms[i].t_ms);
    for (size_t i = 0; i < r->tombstone_count; i++)
        buf_printf(out, " %llu-%lld-%lld", (unsigned long long)r->tombstones[i].ref,
                   (long long)r->tombstones[i].range.begin_ms,
                   (long long)r->tombstones[i].range.end_ms);
    buf_byte(out, '\n');
}

/* What the folder's newest checkpoint and the segments behind it hold. */
static void expect(const char *expected)
{
    AUTO(buf_done) struct buf out = {0};
    AUTO(wal_log_destroy) struct wal_log *log = wal_log_create(folder, WAL_GAP_LOST);
    struct wal_record decoded = {0};
    bool lost;
    ck_assert(wal_log_look(log, &lost, &err));
    const uint8_t *bytes;
    size_t size;
    enum tail_read got;
    while ((got = wal_log_next(log, &bytes, &size, &err)) == TAIL_ITEM) {
        ck_assert(wal_record_decode(bytes, size, &decoded, &err));
        print_record(&decoded, &out);
    }
    ck_assert_int_eq(got, TAIL_END);
    wal_record_done(&decoded);
    ck_assert_str_eq(buf_terminated(&out), expected);
}

static void add_all(void)
{
    TEST_SERIES(&record, 1, "n", "a");
    take();
    TEST_SERIES(&record, 2, "n", "b");
    take();
    static const struct test_sample samples[] = {{1, 99, 1}, {1, 100, 2}, {2, 101, 3}};
    test_samples(&record, samples, 3);
    take();
    test_samples_v2(&record, samples, 3);
    take();
    test_samples(&record, samples, 1);
    take();
    test_histogram(&record, 1, 99, 0);
    take();
    test_histogram(&record, 1, 120, 1);
    take();
    test_tombstone(&record, 1, 0, BEGIN_MS - 1);
    take();
    test_tombstone(&record, 1, 0, BEGIN_MS);
    take();
    test_tombstone(&record, 1, 0, 100);
    take();
    test_tombstone(&record, 2, 0, 100);
    take();
}

START_TEST(keeps_what_is_needed_of_every_type)
{
    begin();
    add_all();
    write_segment("00000000");
    TEST_SERIES(&record, 4, "n", "d");
    take();
    write_segment("00000001");
    ck_assert_msg(make(0), "%s", err.msg);
    expect(
        "1: 1\n"
        "2: 1@100=2+0 2@101=3+0\n"
        "11: 1@100=2+-901 2@101=3+-906\n"
        "8: 1@120\n"
        "3: 1-0-50\n"
        "3: 1-0-100\n"
        "1: 4\n");
    end();
}
END_TEST

START_TEST(goes_on_from_the_one_before)
{
    begin();
    add_all();
    write_segment("00000000");
    TEST_SERIES(&record, 3, "n", "c");
    take();
    write_segment("00000001");
    ck_assert(make(0));
    ck_assert(wal_folder_remove_segments(folder, 0, &err));
    ck_assert_msg(make(1), "%s", err.msg);
    ck_assert(wal_folder_remove_segments(folder, 1, &err));
    ck_assert(wal_folder_remove_checkpoints(folder, 1, &err));
    expect(
        "1: 1\n2: 1@100=2+0 2@101=3+0\n11: 1@100=2+-901 2@101=3+-906\n8: 1@120\n3: 1-0-50\n"
        "3: 1-0-100\n1: 3\n");
    end();
}
END_TEST

static bool is_there(const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return file_exists(path);
}

START_TEST(leaves_nothing_when_there_is_no_space)
{
    begin();
    signal(SIGXFSZ, SIG_IGN);
    add_all();
    write_segment("00000000");
    struct rlimit limit, before;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 40;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert(!make(0));
    ck_assert_int_eq(err.kind, ERR_IO);
    err_clear(&err);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert(!is_there("checkpoint.00000000"));
    ck_assert(!is_there("checkpoint.00000000.tmp"));
    ck_assert(is_there("00000000"));
    ck_assert_msg(make(0), "%s", err.msg);
    ck_assert(is_there("checkpoint.00000000"));
    end();
}
END_TEST

START_TEST(takes_away_what_an_attempt_has_left)
{
    begin();
    add_all();
    write_segment("00000000");
    AUTO(buf_done) struct buf rest = {0};
    buf_text(&rest, "half a record");
    test_file(folder, "checkpoint.00000000.tmp/00000000", &rest);
    test_file(folder, "checkpoint.00000007.tmp/00000000", &rest);
    ck_assert_msg(make(0), "%s", err.msg);
    ck_assert(!is_there("checkpoint.00000000.tmp"));
    ck_assert(!is_there("checkpoint.00000007.tmp"));
    end();
}
END_TEST

/* Large ones are cut into records of bounded size, in segments of bounded size. */
START_TEST(is_cut_into_segments)
{
    begin();
    enum { COUNT = 20000 };
    struct test_sample *samples = calloc(COUNT, sizeof *samples);
    for (int i = 0; i < 20; i++) {
        for (int k = 0; k < COUNT; k++)
            samples[k] = (struct test_sample){(uint64_t)k * 7919 % 10007, 100 + i, (double)rand()};
        test_samples(&record, samples, COUNT);
        take();
    }
    free(samples);
    write_segment("00000000");
    ck_assert_msg(make(0), "%s", err.msg);
    ck_assert(is_there("checkpoint.00000000/00000001"));
    size_t count = 0;
    AUTO(wal_log_destroy) struct wal_log *log = wal_log_create(folder, WAL_GAP_LOST);
    struct wal_record decoded = {0};
    bool lost;
    ck_assert(wal_log_look(log, &lost, &err));
    const uint8_t *bytes;
    size_t size;
    while (wal_log_next(log, &bytes, &size, &err) == TAIL_ITEM) {
        ck_assert(wal_record_decode(bytes, size, &decoded, &err));
        count += decoded.sample_count;
    }
    wal_record_done(&decoded);
    ck_assert_uint_eq(count, 20 * COUNT);
    end();
}
END_TEST

START_TEST(a_canceled_one_leaves_all_as_it_was)
{
    begin();
    for (uint64_t ref = 1; ref <= 100; ref++) {
        TEST_SERIES(&record, ref, "n", "a");
        take();
    }
    write_segment("00000000");
    struct checkpoint_plan plan = {
        .folder = folder, .segment_size = 128 << 10, .keeps = keeps, .cancel = &cancel};
    plan.context = &cancel;
    asked_count = 0;
    ck_assert(!checkpoint_write(&plan, &err));
    ck_assert_int_eq(err.kind, ERR_CANCELED);
    ck_assert_uint_eq(asked_count, 3);
    ck_assert(!is_there("checkpoint.00000000"));
    ck_assert(!is_there("checkpoint.00000000.tmp"));
    ck_assert(is_there("00000000"));
    end();
}
END_TEST

static void add_metadata(uint64_t ref, size_t help_len)
{
    AUTO(wal_encoder_done) struct wal_encoder encoder = {0};
    AUTO(buf_done) struct buf help = {0};
    memset(buf_reserve(&help, help_len), 'h', help_len);
    help.len = help_len;
    wal_encoder_begin(&encoder, WAL_METADATA);
    wal_encode_metadata(&encoder, &(struct wal_metadata){.ref = ref, .help = buf_view(&help)});
    test_segment_add(&segment, &encoder.out, TEST_PLAIN);
}

/* The references that notes of the log's first page are of. */
static void expect_notes_of_page(const char *expected)
{
    struct checkpoint_plan plan = {.folder = folder, .segment_size = 128 << 10, .keeps = keeps};
    struct checkpoint_notes notes = {.end = {0, WAL_PAGE_SIZE}, .until_ns = INT64_MAX};
    char path[300];
    uint64_t count;
    AUTO(buf_done) struct buf out = {0};
    struct wal_record decoded = {0};
    snprintf(path, sizeof path, "%s/notes", folder);
    ck_assert_msg(checkpoint_write_notes(&plan, &notes, path, &count, &err), "%s", err.msg);
    AUTO(wal_log_destroy) struct wal_log *log = wal_log_create(path, WAL_GAP_LOST);
    bool lost;
    const uint8_t *bytes;
    size_t size;
    ck_assert(wal_log_look(log, &lost, &err));
    while (wal_log_next(log, &bytes, &size, &err) == TAIL_ITEM) {
        ck_assert(wal_record_decode(bytes, size, &decoded, &err));
        for (size_t i = 0; i < decoded.metadata_count; i++)
            buf_printf(&out, "%llu ", (unsigned long long)decoded.metadata[i].ref);
    }
    wal_record_done(&decoded);
    ck_assert_str_eq(buf_terminated(&out), expected);
    ck_assert(file_remove_all(path, &err));
}

/* The place where notes end may lie behind zeros: whether more comes there, or not yet. */
START_TEST(notes_end_where_no_header_fits)
{
    for (size_t zeros = 0; zeros < 7; zeros++) {
        begin();
        add_metadata(1, 30000);
        add_metadata(3, 0);
        size_t taken = segment.len;
        buf_clear(&segment);
        add_metadata(1, 30000 + WAL_PAGE_SIZE - taken - zeros);
        add_metadata(3, 0);
        ck_assert_uint_eq(segment.len, WAL_PAGE_SIZE - zeros);
        test_segment_pad(&segment);
        test_file(folder, "00000000", &segment);
        expect_notes_of_page("1 3 ");
        add_metadata(5, 0);
        test_file(folder, "00000000", &segment);
        expect_notes_of_page("1 3 ");
        end();
    }
}
END_TEST

TEST_MAIN("checkpoint", keeps_what_is_needed_of_every_type, goes_on_from_the_one_before,
          leaves_nothing_when_there_is_no_space, takes_away_what_an_attempt_has_left,
          is_cut_into_segments, a_canceled_one_leaves_all_as_it_was, notes_end_where_no_header_fits)
