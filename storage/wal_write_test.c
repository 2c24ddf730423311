#include "storage/wal_write.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/test.h"
#include "storage/test_disk.h"
#include "storage/test_log.h"
#include "storage/wal.h"
#include "storage/wal_log.h"

#define SMALL_SEGMENT ((size_t)4 * WAL_PAGE_SIZE)

static char folder[256];
static struct err err;
static struct wal_writer *writer;
static struct buf expected; /* what every record holds that is in the log, each with its size */

static void open_writer(uint32_t segment)
{
    struct wal_writer_options options = {.segment = segment, .segment_size = SMALL_SEGMENT};
    ck_assert_msg(wal_writer_open(folder, &options, &writer, &err), "%s", err.msg);
}

static void begin(void)
{
    test_folder(folder, sizeof folder);
    open_writer(0);
}

static void end(void)
{
    wal_writer_close(writer);
    buf_done(&expected);
    test_folder_remove(folder);
}

static void note(struct buf *out, const void *bytes, size_t size)
{
    buf_append(out, &size, sizeof size);
    buf_append(out, bytes, size);
}

/* A record that packs well, or one that does not pack at all. */
static void add(size_t size, bool packs)
{
    AUTO(buf_done) struct buf record = {0};
    for (size_t i = 0; i < size; i++)
        buf_byte(&record, packs ? (char)(i / 100) : (char)rand());
    wal_writer_add(writer, record.ptr, record.len);
    note(&expected, record.ptr, record.len);
}

static void flush(void)
{
    ck_assert_msg(wal_writer_flush(writer, &err), "%s", err.msg);
}

static size_t read_all(struct wal_log *log, struct buf *out)
{
    bool lost = false;
    ck_assert(wal_log_look(log, &lost, &err));
    ck_assert(!lost);
    size_t count = 0;
    for (;;) {
        const uint8_t *bytes;
        size_t size;
        enum tail_read got = wal_log_next(log, &bytes, &size, &err);
        if (got == TAIL_ERR) {
            ck_assert_int_eq(err.kind, ERR_CORRUPT);
            continue;
        }
        if (got != TAIL_ITEM)
            return count;
        note(out, bytes, size);
        count++;
    }
}

static void check_log(void)
{
    AUTO(buf_done) struct buf got = {0};
    AUTO(wal_log_destroy) struct wal_log *log = wal_log_create(folder, WAL_GAP_LOST);
    read_all(log, &got);
    ck_assert_uint_eq(got.len, expected.len);
    ck_assert_mem_eq(got.ptr, expected.ptr, got.len);
}

START_TEST(reads_back_byte_for_byte)
{
    begin();
    srand(1);
    for (int batch = 0; batch < 100; batch++) {
        for (int i = rand() % 4; i >= 0; i--)
            add((size_t)(1 + rand() % (batch % 10 == 0 ? 90000 : 400)), rand() % 2);
        flush();
    }
    check_log();
    end();
}
END_TEST

/* Bytes of a log with 100 records that pack well. */
static size_t packed_size(enum wal_packing packing)
{
    test_folder(folder, sizeof folder);
    struct wal_writer_options options = {.segment_size = SMALL_SEGMENT, .packing = packing};
    ck_assert_msg(wal_writer_open(folder, &options, &writer, &err), "%s", err.msg);
    for (int i = 0; i < 100; i++)
        add(1000, true);
    add(1000, false);
    flush();
    size_t size = wal_writer_position(writer);
    check_log();
    buf_clear(&expected);
    end();
    expected = (struct buf){0};
    return size;
}

START_TEST(packs_as_it_was_told)
{
    size_t plain = packed_size(WAL_NOT_PACKED);
    ck_assert_uint_gt(plain, 101000);
    ck_assert_uint_lt(packed_size(WAL_PACKED_SNAPPY), plain / 4);
    ck_assert_uint_lt(packed_size(WAL_PACKED_ZSTD), plain / 4);
}
END_TEST

/* Records whose fragments end at, and just before, the end of the page. */
START_TEST(ends_pages_where_no_header_fits)
{
    begin();
    for (size_t left = 0; left < 16; left++) {
        add(WAL_PAGE_SIZE - 7 - left, false);
        add(20, false);
        flush();
        open_writer((wal_writer_close(writer), (uint32_t)left + 1));
    }
    check_log();
    end();
}
END_TEST

START_TEST(begins_a_segment_when_one_is_full)
{
    begin();
    for (int i = 0; i < 5; i++) {
        add(SMALL_SEGMENT / 2 - 2000, false);
        flush();
    }
    char path[512];
    snprintf(path, sizeof path, "%s/%08d", folder, 2);
    ck_assert(file_exists(path));
    snprintf(path, sizeof path, "%s/%08d", folder, 3);
    ck_assert(!file_exists(path));
    check_log();
    end();
}
END_TEST

START_TEST(pads_its_page_when_closed)
{
    begin();
    add(100, true);
    flush();
    wal_writer_close(writer);
    AUTO(buf_done) struct buf bytes = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/%08d", folder, 0);
    ck_assert(file_read(path, SMALL_SEGMENT, &bytes, &err));
    ck_assert_uint_eq(bytes.len, WAL_PAGE_SIZE);
    open_writer(1);
    check_log();
    end();
}
END_TEST

START_TEST(is_the_only_one_to_make_a_segment)
{
    begin();
    struct wal_writer_options options = {.segment = 0, .segment_size = SMALL_SEGMENT};
    struct wal_writer *second = NULL;
    ck_assert(!wal_writer_open(folder, &options, &second, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_ptr_null(second);
    end();
}
END_TEST

/* Records end here; the bytes of the file are given. */
static size_t whole_records(const size_t *ends, size_t count, size_t size)
{
    size_t whole = 0;
    while (whole < count && ends[whole] <= size)
        whole++;
    return whole;
}

/* A log of which this much is left is repaired and written on. */
static void check_cut(const struct buf *bytes, size_t size, size_t whole)
{
    struct buf cut = {bytes->ptr, size, bytes->cap};
    test_file(folder, "00000000", &cut);
    char path[512];
    snprintf(path, sizeof path, "%s/%08d", folder, 1);
    unlink(path);
    AUTO(wal_log_destroy) struct wal_log *log = wal_log_create(folder, WAL_GAP_LOST);
    AUTO(buf_done) struct buf got = {0};
    ck_assert_uint_eq(read_all(log, &got), whole);
    ck_assert_mem_eq(got.ptr ? got.ptr : "", expected.ptr, got.len);
    uint32_t next;
    ck_assert_msg(wal_log_repair(log, &next, &err), "%s", err.msg);
    ck_assert_uint_eq(next, 1);

    open_writer(next);
    wal_writer_add(writer, "more", 4);
    flush();
    wal_writer_close(TAKE(writer));
    note(&got, "more", 4);
    AUTO(wal_log_destroy) struct wal_log *again = wal_log_create(folder, WAL_GAP_LOST);
    AUTO(buf_done) struct buf got_again = {0};
    ck_assert_uint_eq(read_all(again, &got_again), whole + 1);
    ck_assert_mem_eq(got_again.ptr, got.ptr, got.len);
}

START_TEST(loses_only_the_torn_record_wherever_it_is_cut)
{
    begin();
    size_t ends[6];
    size_t sizes[6] = {40, 300, 1, WAL_PAGE_SIZE, 70, 500};
    AUTO(buf_done) struct buf bytes = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/%08d", folder, 0);
    srand(2);
    for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
        add(sizes[i], i % 2);
        flush();
        buf_clear(&bytes);
        ck_assert(file_read(path, SMALL_SEGMENT, &bytes, &err));
        ends[i] = bytes.len;
    }
    wal_writer_close(TAKE(writer));
    for (size_t size = 0; size <= ends[5]; size += size < ends[2] || size > ends[3] ? 1 : 997)
        check_cut(&bytes, size, whole_records(ends, ARRAY_COUNT(ends), size));
    end();
}
END_TEST

START_TEST(repair_drops_what_lies_behind_damage)
{
    begin();
    add(100, false);
    flush();
    AUTO(buf_done) struct buf good = {0};
    buf_append(&good, expected.ptr, expected.len);
    for (int i = 0; i < 5; i++) {
        add(SMALL_SEGMENT / 2 - 2000, false);
        flush();
    }
    wal_writer_close(TAKE(writer));
    AUTO(buf_done) struct buf bytes = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/%08d", folder, 0);
    ck_assert(file_read(path, SMALL_SEGMENT, &bytes, &err));
    bytes.ptr[2000] ^= 1;
    test_file(folder, "00000000", &bytes);

    AUTO(wal_log_destroy) struct wal_log *log = wal_log_create(folder, WAL_GAP_LOST);
    AUTO(buf_done) struct buf got = {0};
    ck_assert_uint_eq(read_all(log, &got), 1);
    uint32_t next;
    ck_assert(wal_log_repair(log, &next, &err));
    ck_assert_uint_eq(next, 1);
    open_writer(next);
    buf_clear(&expected);
    buf_append(&expected, good.ptr, good.len);
    add(50, true);
    flush();
    check_log();
    end();
}
END_TEST

START_TEST(repair_refuses_a_folder_that_lacks_a_segment)
{
    begin();
    for (int i = 0; i < 5; i++) {
        add(SMALL_SEGMENT / 2 - 2000, false);
        flush();
    }
    test_file_remove(folder, "00000001");
    AUTO(wal_log_destroy) struct wal_log *log = wal_log_create(folder, WAL_GAP_LOST);
    AUTO(buf_done) struct buf got = {0};
    read_all(log, &got);
    uint32_t next;
    ck_assert(!wal_log_repair(log, &next, &err));
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
    end();
}
END_TEST

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(leaves_the_log_whole_when_there_is_no_space)
{
    begin();
    signal(SIGXFSZ, SIG_IGN);
    add(1000, false);
    flush();
    size_t good = expected.len;
    limit_files(5000);
    add(500, false);
    add(50000, false);
    ck_assert(!wal_writer_flush(writer, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    limit_files(RLIM_INFINITY);
    expected.len = good;
    check_log();
    add(2000, false);
    flush();
    check_log();
    end();
}
END_TEST

START_TEST(syncs_up_to_a_position)
{
    test_folder(folder, sizeof folder);
    struct wal_writer_options options = {.segment_size = SMALL_SEGMENT, .synced = true};
    ck_assert(wal_writer_open(folder, &options, &writer, &err));
    for (int i = 0; i < 5; i++) {
        add(SMALL_SEGMENT / 2 - 2000, false);
        flush();
        ck_assert(wal_writer_sync(writer, wal_writer_position(writer), &err));
    }
    check_log();
    end();
}
END_TEST

static void open_recovering_writer(void)
{
    test_folder(folder, sizeof folder);
    struct wal_writer_options options = {
        .segment_size = SMALL_SEGMENT, .synced = true, .recovers = true};
    ck_assert_msg(wal_writer_open(folder, &options, &writer, &err), "%s", err.msg);
}

static void sync_all(void)
{
    ck_assert_msg(wal_writer_sync(writer, wal_writer_position(writer), &err), "%s", err.msg);
}

/* What was written from there on is not in the file any more: the kernel has dropped its pages. */
static void forget_pages(const char *segment, uint64_t begin)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, segment);
    int fd = open(path, O_WRONLY);
    ck_assert_int_ge(fd, 0);
    static const char zeros[SMALL_SEGMENT];
    off_t end = lseek(fd, 0, SEEK_END);
    ck_assert(file_write_at(fd, zeros, (size_t)end - begin, begin));
    close(fd);
}

START_TEST(writes_again_what_a_sync_has_failed_with)
{
    open_recovering_writer();
    for (int i = 0; i < 10; i++) {
        add(WAL_PAGE_SIZE / 4, false);
        flush();
        sync_all();
    }
    uint64_t good = wal_writer_offset(writer);
    for (int i = 0; i < 2; i++) {
        add(WAL_PAGE_SIZE / 4, false);
        flush();
    }
    test_disk_fail(TEST_DISK_SYNC, 0, 1);
    ck_assert(!wal_writer_sync(writer, wal_writer_position(writer), &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.msg, "cannot sync: Input/output error"));
    forget_pages("00000000", good);
    add(100, false);
    flush();
    sync_all();
    check_log();
    struct wal_counters counters;
    wal_writer_counters(writer, &counters);
    ck_assert_uint_eq(counters.writes_failed, 1);
    end();
}
END_TEST

START_TEST(takes_nothing_until_what_was_not_synced_is)
{
    open_recovering_writer();
    add(100, false);
    flush();
    test_disk_fail(TEST_DISK_SYNC, 0, 3);
    ck_assert(!wal_writer_sync(writer, wal_writer_position(writer), &err));
    forget_pages("00000000", 0);
    size_t good = expected.len;
    for (int i = 0; i < 2; i++) {
        add(200, false);
        ck_assert(!wal_writer_flush(writer, &err));
        ck_assert_ptr_nonnull(strstr(err.msg, "cannot sync: Input/output error"));
        ck_assert(!wal_writer_sync(writer, wal_writer_position(writer), &err));
    }
    expected.len = good;
    test_disk_fail(TEST_DISK_WRITE, 0, 1);
    ck_assert(!wal_writer_cut(writer, &err));
    ck_assert(wal_writer_cut(writer, &err));
    sync_all();
    check_log();
    ck_assert_uint_eq(wal_writer_segment(writer), 1);
    end();
}
END_TEST

START_TEST(begins_no_segment_behind_one_that_is_not_synced)
{
    open_recovering_writer();
    add(SMALL_SEGMENT - 2000, false);
    flush();
    size_t good = expected.len;
    test_disk_fail(TEST_DISK_SYNC, 0, 2);
    for (int i = 0; i < 2; i++) {
        add(3000, false);
        ck_assert(!wal_writer_flush(writer, &err));
        ck_assert_uint_eq(wal_writer_segment(writer), 0);
    }
    forget_pages("00000000", 0);
    expected.len = good;
    add(10, false);
    add(3000, false);
    flush();
    ck_assert_uint_eq(wal_writer_segment(writer), 1);
    sync_all();
    check_log();
    end();
}
END_TEST

START_TEST(syncs_at_its_end_what_it_could_not_before)
{
    open_recovering_writer();
    add(100, false);
    flush();
    test_disk_fail(TEST_DISK_SYNC, 0, 1);
    ck_assert(!wal_writer_sync(writer, wal_writer_position(writer), &err));
    forget_pages("00000000", 0);
    wal_writer_close(TAKE(writer));
    check_log();
    end();
}
END_TEST

START_TEST(begins_a_segment_whose_file_was_made_in_vain)
{
    open_recovering_writer();
    add(100, false);
    flush();
    sync_all();
    test_disk_fail(TEST_DISK_SYNC, 1, 1); /* that of the folder */
    test_disk_fail(TEST_DISK_REMOVE, 0, 1);
    ck_assert(!wal_writer_cut(writer, &err));
    ck_assert_ptr_nonnull(strstr(err.msg, "cannot sync folder"));
    add(100, false);
    flush();
    ck_assert(wal_writer_cut(writer, &err));
    ck_assert_uint_eq(wal_writer_segment(writer), 1);
    add(100, false);
    flush();
    sync_all();
    check_log();
    end();
}
END_TEST

TEST_MAIN("wal_write", reads_back_byte_for_byte, packs_as_it_was_told,
          ends_pages_where_no_header_fits, begins_a_segment_when_one_is_full,
          pads_its_page_when_closed, is_the_only_one_to_make_a_segment,
          loses_only_the_torn_record_wherever_it_is_cut, repair_drops_what_lies_behind_damage,
          repair_refuses_a_folder_that_lacks_a_segment, leaves_the_log_whole_when_there_is_no_space,
          syncs_up_to_a_position, writes_again_what_a_sync_has_failed_with,
          takes_nothing_until_what_was_not_synced_is,
          begins_no_segment_behind_one_that_is_not_synced,
          syncs_at_its_end_what_it_could_not_before, begins_a_segment_whose_file_was_made_in_vain)
