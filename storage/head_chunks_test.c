#include "storage/head_chunks.h"

#include <stdio.h>

#include "base/test.h"
#include "storage/chunk.h"
#include "storage/test_log.h"

static char folder[256];
static struct err err;
static struct head_chunks *chunks;

static void begin(void)
{
    test_folder(folder, sizeof folder);
    chunks = head_chunks_create(folder);
}

static void end(void)
{
    head_chunks_destroy(chunks);
    test_folder_remove(folder);
}

/* The references of the chunks that come, as digits, until something else does. */
static enum tail_read read_all(char *out)
{
    ck_assert(head_chunks_look(chunks, &err));
    struct head_chunk chunk;
    enum tail_read got;
    while ((got = head_chunks_next(chunks, &chunk, &err)) == TAIL_ITEM) {
        struct samples samples = {0};
        ck_assert(
            chunk_decode(chunk.encoding, head_chunk_bytes(&chunk), chunk.size, &samples, &err));
        ck_assert_int_eq(samples.times_ms[0], chunk.begin_ms);
        ck_assert_int_eq(samples.times_ms[samples.count - 1], chunk.end_ms);
        samples_done(&samples);
        *out++ = (char)('0' + chunk.series_ref);
    }
    *out = '\0';
    return got;
}

static void expect(const char *refs)
{
    char got[100];
    ck_assert_int_eq(read_all(got), TAIL_END);
    ck_assert_str_eq(got, refs);
}

static void make(struct buf *file, const char *refs)
{
    buf_clear(file);
    test_chunks_begin(file);
    for (; *refs; refs++)
        test_chunks_add(file, (struct test_chunk){(uint64_t)(*refs - '0'), 1000, 10, 120, 0});
}

static void zeros(struct buf *file, size_t count)
{
    memset(buf_reserve(file, count), 0, count);
    file->len += count;
}

START_TEST(reads_files_in_order_and_what_is_added)
{
    begin();
    expect("");
    AUTO(buf_done) struct buf file = {0};
    make(&file, "34");
    zeros(&file, 500);
    test_file(folder, "000002", &file);
    make(&file, "12");
    test_file(folder, "000001", &file);
    expect("1234");
    expect("");
    make(&file, "5");
    test_file(folder, "000003", &file);
    expect("5");
    make(&file, "6");
    test_file_append(folder, "000003", file.ptr + 8, file.len - 8);
    expect("6");
    ck_assert_uint_gt(head_chunks_newest(chunks), head_chunk_place(3, 8));
    end();
}
END_TEST

START_TEST(tells_chunks_out_of_order)
{
    begin();
    AUTO(buf_done) struct buf file = {0};
    test_chunks_begin(&file);
    test_chunks_add(&file, (struct test_chunk){7, 1000, 10, 5, 1});
    test_file(folder, "000001", &file);
    ck_assert(head_chunks_look(chunks, &err));
    struct head_chunk chunk;
    ck_assert_int_eq(head_chunks_next(chunks, &chunk, &err), TAIL_ITEM);
    ck_assert(chunk.out_of_order);
    ck_assert_int_eq(chunk.encoding, CHUNK_XOR);
    end();
}
END_TEST

/* A file that is made larger ahead and filled: each chunk comes once, when it is whole. */
START_TEST(waits_for_a_chunk_that_is_half_written)
{
    AUTO(buf_done) struct buf whole = {0};
    make(&whole, "123");
    begin();
    size_t seen = 0;
    for (size_t len = 0; len <= whole.len; len += len == 0 ? 8 : 13) {
        AUTO(buf_done) struct buf part = {0};
        buf_append(&part, whole.ptr, len);
        zeros(&part, 1000);
        if (len == 0)
            test_file(folder, "000001", &part);
        char path[300];
        snprintf(path, sizeof path, "%s/000001", folder);
        FILE *file = fopen(path, "r+b");
        ck_assert_ptr_nonnull(file);
        fwrite(part.ptr, 1, part.len, file);
        fclose(file);
        char got[100];
        ck_assert_int_eq(read_all(got), TAIL_END);
        seen += strlen(got);
    }
    ck_assert_uint_ge(seen, 2);
    end();
}
END_TEST

START_TEST(drops_all_behind_a_damaged_chunk)
{
    begin();
    AUTO(buf_done) struct buf file = {0};
    make(&file, "123");
    file.ptr[file.len / 2] ^= 4;
    test_file(folder, "000001", &file);
    make(&file, "45");
    test_file(folder, "000002", &file);
    char got[100];
    ck_assert_int_eq(read_all(got), TAIL_ERR);
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.msg, "/000001: offset "));
    ck_assert_str_eq(got, "1");
    expect("");
    /* When the damaged file is gone, the others are read. */
    test_file_remove(folder, "000001");
    expect("45");
    end();
}
END_TEST

START_TEST(sees_damage_in_the_newest_file_too)
{
    begin();
    AUTO(buf_done) struct buf file = {0};
    make(&file, "123");
    file.ptr[file.len / 2] ^= 4;
    zeros(&file, 3000);
    test_file(folder, "000001", &file);
    char got[100];
    ck_assert_int_eq(read_all(got), TAIL_ERR);
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
    end();
}
END_TEST

START_TEST(refuses_what_is_no_head_chunk_file)
{
    begin();
    AUTO(buf_done) struct buf file = {0};
    buf_text(&file, "something else altogether");
    test_file(folder, "000001", &file);
    char got[100];
    ck_assert_int_eq(read_all(got), TAIL_ERR);
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
    end();
}
END_TEST

START_TEST(keeps_bytes_of_a_file_that_is_removed)
{
    begin();
    AUTO(buf_done) struct buf file = {0};
    make(&file, "1");
    test_file(folder, "000001", &file);
    ck_assert(head_chunks_look(chunks, &err));
    struct head_chunk chunk;
    ck_assert_int_eq(head_chunks_next(chunks, &chunk, &err), TAIL_ITEM);
    head_chunk_file_ref(chunk.file);
    test_file_remove(folder, "000001");
    expect("");
    struct samples samples = {0};
    ck_assert(chunk_decode(chunk.encoding, head_chunk_bytes(&chunk), chunk.size, &samples, &err));
    ck_assert_uint_eq(samples.count, 120);
    samples_done(&samples);
    head_chunk_file_unref(chunk.file);
    end();
}
END_TEST

TEST_MAIN("head_chunks", reads_files_in_order_and_what_is_added, tells_chunks_out_of_order,
          waits_for_a_chunk_that_is_half_written, drops_all_behind_a_damaged_chunk,
          sees_damage_in_the_newest_file_too, refuses_what_is_no_head_chunk_file,
          keeps_bytes_of_a_file_that_is_removed)
