#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/test.h"
#include "storage/head.h"
#include "storage/head_chunk_writer.h"
#include "storage/live_series.h"
#include "storage/test_disk.h"
#include "storage/test_head.h"
#include "storage/test_log.h"

static char folder[256];
static char crashed[280];
static struct err err;
static struct head *head;
static struct db_options options;

static void open_at(const char *path)
{
    head = test_head_open(path, &options, INT64_MIN);
}

static void begin(void)
{
    test_folder(folder, sizeof folder);
    snprintf(crashed, sizeof crashed, "%s.crashed", folder);
    err_clear(&err);
    open_at(folder);
}

static void end(void)
{
    head_close(TAKE(head));
    test_folder_remove(folder);
}

static void reopen(void)
{
    head_close(TAKE(head));
    open_at(folder);
}

static void map_chunks(void)
{
    ck_assert_msg(head_map_chunks(head, &err), "%s", err.msg);
}

/* Samples at begin, begin + 1, ... */
static void append_run(const char *name, int64_t begin_ms, int count, bool histograms)
{
    for (int i = 0; i < count; i++)
        test_head_append(head, name, begin_ms + i, histograms);
}

static void expect(const char *expected)
{
    char *got = test_head_contents(head);
    ck_assert_str_eq(got, expected);
    free(got);
}

/* Bytes of a file of chunks; -1: it is not there. */
static long chunks_size(const char *path, const char *name)
{
    char full[400];
    snprintf(full, sizeof full, "%s/chunks_head/%s", path, name);
    struct stat st;
    return stat(full, &st) == 0 ? (long)st.st_size : -1;
}

/* So many chunks does who only reads find in the files. */
static size_t count_chunks(const char *path)
{
    char full[400];
    snprintf(full, sizeof full, "%s/chunks_head", path);
    AUTO(head_chunks_destroy) struct head_chunks *chunks = head_chunks_create(full);
    ck_assert(head_chunks_look(chunks, &err));
    struct head_chunk chunk;
    size_t count = 0;
    enum tail_read got;
    while ((got = head_chunks_next(chunks, &chunk, &err)) == TAIL_ITEM)
        count++;
    ck_assert_msg(got == TAIL_END, "%s", err.msg);
    return count;
}

START_TEST(puts_full_chunks_into_a_file)
{
    begin();
    append_run("a", 1, 3 * LIVE_CHUNK_SAMPLES + 5, false);
    append_run("h", 1, 3000, true);
    char *before = test_head_contents(head);
    ck_assert_int_eq(chunks_size(folder, "000001"), -1);
    map_chunks();
    size_t count = count_chunks(folder);
    ck_assert_uint_ge(count, 4);
    expect(before);

    /* Nothing is written twice, and what is full later goes behind it. */
    long size = chunks_size(folder, "000001");
    map_chunks();
    ck_assert_int_eq(chunks_size(folder, "000001"), size);
    append_run("a", 1000, LIVE_CHUNK_SAMPLES, false);
    map_chunks();
    ck_assert_int_gt(chunks_size(folder, "000001"), size);
    ck_assert_uint_eq(count_chunks(folder), count + 1);
    free(before);

    before = test_head_contents(head);
    reopen();
    expect(before);
    append_run("a", 2000, 2 * LIVE_CHUNK_SAMPLES, false);
    map_chunks();
    ck_assert_int_gt(chunks_size(folder, "000002"), 0);
    ck_assert_uint_eq(count_chunks(folder), count + 3);
    free(before);
    before = test_head_contents(head);
    reopen();
    expect(before);
    free(before);
    end();
}
END_TEST

START_TEST(replayed_chunks_go_into_files_too)
{
    begin();
    append_run("a", 1, 3 * LIVE_CHUNK_SAMPLES, false);
    char *before = test_head_contents(head);
    test_folder_copy(folder, crashed);
    end();
    open_at(crashed);
    ck_assert_uint_eq(count_chunks(crashed), 0);
    map_chunks();
    ck_assert_uint_eq(count_chunks(crashed), 2);
    expect(before);
    free(before);
    head_close(TAKE(head));
    test_folder_remove(crashed);
}
END_TEST

START_TEST(a_clean_end_puts_full_chunks_into_files)
{
    begin();
    append_run("a", 1, 3 * LIVE_CHUNK_SAMPLES, false);
    char *before = test_head_contents(head);
    reopen();
    ck_assert_uint_eq(count_chunks(folder), 2);
    expect(before);
    free(before);
    end();
}
END_TEST

/* The file cut anywhere, by a kill or a loss of power: the log has what is gone. */
START_TEST(survives_a_file_cut_at_every_byte)
{
    begin();
    append_run("a", 1, 2 * LIVE_CHUNK_SAMPLES + 1, false);
    append_run("h", 1, 3000, true);
    map_chunks();
    append_run("a", 1000, 5, false);
    char *expected = test_head_contents(head);
    head_close(TAKE(head));
    long size = chunks_size(folder, "000001");
    size_t count = count_chunks(folder);
    ck_assert_uint_ge(count, 3);
    test_folder_copy(folder, crashed);
    char path[400];
    snprintf(path, sizeof path, "%s/chunks_head/000001", crashed);
    AUTO(buf_done) struct buf whole = {0};
    ck_assert(file_read(path, 1 << 20, &whole, &err));
    for (long len = size; len >= 0; len--) {
        struct buf part = {.ptr = whole.ptr, .len = (size_t)len};
        test_folder_remove(crashed);
        test_folder_copy(folder, crashed);
        test_file(crashed, "chunks_head/000001", &part);
        open_at(crashed);
        expect(expected);
        ck_assert_uint_le(count_chunks(crashed), count); /* and what is left is whole */
        map_chunks();
        expect(expected);
        head_close(TAKE(head));
        open_at(crashed);
        expect(expected);
        head_close(TAKE(head));
        len -= len > 64 && len < size - 64 ? 61 : 0;
    }
    test_folder_remove(crashed);
    test_folder_remove(folder);
    free(expected);
}
END_TEST

START_TEST(removes_files_behind_a_damage)
{
    begin();
    append_run("a", 1, 2 * LIVE_CHUNK_SAMPLES + 1, false);
    map_chunks();
    reopen();
    append_run("a", 1000, LIVE_CHUNK_SAMPLES, false);
    map_chunks();
    reopen();
    append_run("a", 2000, LIVE_CHUNK_SAMPLES, false);
    map_chunks();
    ck_assert_int_gt(chunks_size(folder, "000003"), 0);
    char *expected = test_head_contents(head);
    head_close(TAKE(head));

    char path[400];
    snprintf(path, sizeof path, "%s/chunks_head/000002", folder);
    AUTO(buf_done) struct buf bytes = {0};
    ck_assert(file_read(path, 1 << 20, &bytes, &err));
    bytes.ptr[40] ^= 1;
    test_file(folder, "chunks_head/000002", &bytes);
    open_at(folder);
    expect(expected);
    ck_assert_int_eq(chunks_size(folder, "000002"), HEAD_CHUNK_FILE_HEADER_SIZE);
    ck_assert_int_eq(chunks_size(folder, "000003"), -1);
    map_chunks();
    expect(expected);
    reopen();
    expect(expected);
    free(expected);
    end();
}
END_TEST

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(keeps_chunks_in_memory_while_they_cannot_be_written)
{
    begin();
    signal(SIGXFSZ, SIG_IGN);
    append_run("a", 1, 2 * LIVE_CHUNK_SAMPLES + 1, false);
    map_chunks();
    long size = chunks_size(folder, "000001");
    append_run("a", 1000, 4 * LIVE_CHUNK_SAMPLES, false);
    char *expected = test_head_contents(head);

    limit_files((rlim_t)size + 100);
    ck_assert(!head_map_chunks(head, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    err_clear(&err);
    expect(expected);
    ck_assert_int_eq(chunks_size(folder, "000001"), size);
    limit_files(RLIM_INFINITY);
    map_chunks();
    ck_assert_uint_eq(count_chunks(folder), 6);
    expect(expected);
    reopen();
    expect(expected);
    free(expected);
    end();
}
END_TEST

START_TEST(removes_files_that_nobody_needs)
{
    begin();
    append_run("a", 1, 2 * LIVE_CHUNK_SAMPLES, false);
    map_chunks();
    ck_assert_msg(head_truncate(head, 1, NULL, &err), "%s", err.msg); /* ends the file */
    append_run("a", 1000, 2 * LIVE_CHUNK_SAMPLES, false);
    map_chunks();
    ck_assert_int_gt(chunks_size(folder, "000001"), 0);
    ck_assert_int_gt(chunks_size(folder, "000002"), 0);
    ck_assert_msg(head_truncate(head, 1000, NULL, &err), "%s", err.msg);
    ck_assert_int_eq(chunks_size(folder, "000001"), -1);
    ck_assert_int_gt(chunks_size(folder, "000002"), 0);
    char *expected = test_head_contents(head);
    ck_assert(strncmp(expected, "a:1000,", 7) == 0);
    head_close(TAKE(head));
    head = test_head_open(folder, &options, 1000);
    expect(expected);
    free(expected);
    end();
}
END_TEST

/* Ends the file, if it can be synced; then two more full chunks go into one. */
static void end_file_and_map(int64_t begin_ms)
{
    ck_assert_msg(head_truncate(head, 1, NULL, &err), "%s", err.msg);
    append_run("a", begin_ms, 2 * LIVE_CHUNK_SAMPLES, false);
    map_chunks();
}

START_TEST(begins_no_file_behind_one_that_was_not_synced_and_not_written_again)
{
    begin();
    append_run("a", 1, 2 * LIVE_CHUNK_SAMPLES + 1, false);
    map_chunks();
    test_disk_fail(TEST_DISK_SYNC, 0, 1);
    end_file_and_map(1000);
    test_disk_fail(TEST_DISK_WRITE, 0, 1); /* a sync would succeed */
    end_file_and_map(2000);
    ck_assert_int_eq(chunks_size(folder, "000002"), -1);
    end_file_and_map(3000);
    ck_assert_int_gt(chunks_size(folder, "000002"), 0);
    ck_assert_uint_eq(count_chunks(folder), 8);
    end();
}
END_TEST

START_TEST(begins_no_file_behind_one_whose_chunks_are_gone)
{
    begin();
    append_run("a", 1, 2 * LIVE_CHUNK_SAMPLES + 1, false);
    map_chunks();
    test_disk_fail(TEST_DISK_SYNC, 0, 1);
    ck_assert(head_truncate(head, 1, NULL, &err));
    char path[400];
    snprintf(path, sizeof path, "%s/chunks_head/000001", folder);
    int fd = open(path, O_WRONLY);
    ck_assert(file_write_at(fd, "x", 1, (uint64_t)chunks_size(folder, "000001") - 1));
    close(fd);
    end_file_and_map(1000);
    ck_assert_int_eq(chunks_size(folder, "000002"), -1);
    end();
}
END_TEST

START_TEST(begins_a_file_that_was_made_in_vain)
{
    begin();
    append_run("a", 1, 2 * LIVE_CHUNK_SAMPLES + 1, false);
    test_disk_fail(TEST_DISK_MAP, 0, 1);
    test_disk_fail(TEST_DISK_REMOVE, 0, 1);
    ck_assert(!head_map_chunks(head, &err));
    err_clear(&err);
    ck_assert_int_gt(chunks_size(folder, "000001"), 0);
    map_chunks();
    ck_assert_uint_eq(count_chunks(folder), 2);
    end();
}
END_TEST

START_TEST(begins_no_file_beyond_its_size)
{
    begin();
    /* Chunks of histograms are large where buckets are many: here one of nearly a whole file. */
    char path[400];
    snprintf(path, sizeof path, "%s/chunks_head", folder);
    ck_assert(file_make_folder(path, &err));
    AUTO(head_chunks_destroy) struct head_chunks *chunks = head_chunks_create(path);
    AUTO(head_chunk_writer_destroy)
    struct head_chunk_writer *writer = head_chunk_writer_create(path, chunks, 1);
    static uint8_t data[HEAD_CHUNK_SIZE_MAX - 100];
    for (uint64_t i = 1; i <= 9; i++) {
        struct head_chunk chunk = {
            .series_ref = i, .begin_ms = 1, .end_ms = 2, .size = sizeof data, .encoding = 2};
        data[0] = (uint8_t)i;
        ck_assert(head_chunk_writer_begin(writer, head_chunk_size(sizeof data), &err));
        head_chunk_writer_add(writer, &chunk, data);
        ck_assert(head_chunk_writer_flush(writer, &err));
        ck_assert_uint_eq(head_chunk_bytes(&chunk)[0], i);
        ck_assert_uint_eq(head_chunk_writer_number(writer), i <= 8 ? 1 : 2);
    }
    ck_assert_int_le(chunks_size(folder, "000001"), (long)HEAD_CHUNK_FILE_SIZE_MAX);
    ck_assert_uint_eq(count_chunks(folder), 9);
    end();
}
END_TEST

TEST_MAIN("head_map", puts_full_chunks_into_a_file, replayed_chunks_go_into_files_too,
          a_clean_end_puts_full_chunks_into_files, survives_a_file_cut_at_every_byte,
          removes_files_behind_a_damage, keeps_chunks_in_memory_while_they_cannot_be_written,
          removes_files_that_nobody_needs, begins_no_file_beyond_its_size,
          begins_no_file_behind_one_that_was_not_synced_and_not_written_again,
          begins_no_file_behind_one_whose_chunks_are_gone, begins_a_file_that_was_made_in_vain)
