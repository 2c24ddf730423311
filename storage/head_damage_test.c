/*
 * A bit flipped anywhere in WAL, checkpoint, WBL or head chunks: opening and selecting all must
 * end, and must not crash; what a chunk lends must decode or be refused.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/test.h"
#include "storage/chunk.h"
#include "storage/head.h"
#include "storage/test_log.h"

static char folder[256];
static struct err err;

struct file {
    const char *name;
    struct buf bytes;
};

static struct file files[] = {
    {.name = "wal/checkpoint.00000001/00000000"},
    {.name = "wal/00000002"},
    {.name = "wal/00000003"},
    {.name = "wbl/00000000"},
    {.name = "chunks_head/000001"},
    {.name = "chunks_head/000002"},
};

static void make_wal(struct buf *segment, uint64_t first_ref, int64_t begin_ms,
                     enum test_packing packing)
{
    struct buf record = {0};
    for (uint64_t i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "%d", (int)(first_ref + i));
        TEST_SERIES(&record, first_ref + i, "__name__", "metric", "n", name);
    }
    test_segment_add(segment, &record, packing);
    for (int64_t i = 0; i < 4; i++) {
        struct test_sample samples[3];
        for (uint64_t k = 0; k < 3; k++)
            samples[k] = (struct test_sample){first_ref + k, begin_ms + i * 10, (double)i};
        buf_clear(&record);
        if (i % 2)
            test_samples(&record, samples, 3);
        else
            test_samples_v2(&record, samples, 3);
        test_segment_add(segment, &record, packing);
    }
    buf_clear(&record);
    test_tombstone(&record, first_ref, begin_ms, begin_ms + 15);
    test_segment_add(segment, &record, packing);
    buf_clear(&record);
    test_histogram(&record, first_ref + 1, begin_ms + 100, packing == TEST_PLAIN);
    test_segment_add(segment, &record, packing);
    buf_done(&record);
}

static void make_files(void)
{
    make_wal(&files[0].bytes, 1, 1000, TEST_SNAPPY);
    make_wal(&files[1].bytes, 3, 2000, TEST_PLAIN);
    make_wal(&files[2].bytes, 6, 3000, TEST_ZSTD);
    make_wal(&files[3].bytes, 1, 500, TEST_PLAIN);
    struct buf record = {0};
    test_marker(&record, 1, UINT64_C(1) << 32 | 8);
    test_segment_take(&files[3].bytes, &record);
    buf_done(&record);
    for (int i = 4; i < 6; i++) {
        test_chunks_begin(&files[i].bytes);
        test_chunks_add(&files[i].bytes, (struct test_chunk){1, i * 100, 7, 9, 0});
        test_chunks_add(&files[i].bytes, (struct test_chunk){2, i * 100, 7, 9, i == 4});
        memset(buf_reserve(&files[i].bytes, 40), 0, 40);
        files[i].bytes.len += 40;
    }
}

static size_t count_all(void)
{
    static const struct db_options options = {.read_only = true};
    AUTO(head_close) struct head *head = NULL;
    ck_assert(head_open(folder, &options, &head, &err));
    size_t count = 0;
    if (head_refresh(head, 600, &err) && head_refresh(head, 700, &err)) {
        AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
        struct symbols *symbols = symbols_new(arena);
        struct select_request request = {
            .begin_ms = INT64_MIN, .end_ms = INT64_MAX, .arena = arena, .symbols = symbols};
        struct head_series_list list;
        struct histogram_samples histograms = {0};
        struct samples samples = {.histograms = &histograms};
        ck_assert(head_select(head, &request, &list, &err));
        for (size_t i = 0; i < list.count; i++)
            for (uint32_t k = 0; k < list.items[i].chunk_count; k++) {
                const struct head_chunk_view *chunk = &list.items[i].chunks[k];
                if (!chunk_decode(chunk->encoding, chunk->data, chunk->size, &samples, &err))
                    ck_assert_int_ne(err.kind, ERR_NONE);
            }
        count = samples.count + histograms.count;
        samples_done(&samples);
        histogram_samples_done(&histograms);
        head_release(head, &list);
        symbols_done(symbols);
    }
    err_clear(&err);
    return count;
}

START_TEST(a_flipped_bit_does_no_harm)
{
    test_folder(folder, sizeof folder);
    make_files();
    for (size_t i = 0; i < ARRAY_COUNT(files); i++)
        test_file(folder, files[i].name, &files[i].bytes);
    size_t whole = count_all();
    ck_assert_uint_gt(whole, 50);

    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        struct buf *bytes = &files[i].bytes;
        for (size_t at = 0; at < bytes->len; at++) {
            char flip = (char)(1 << (at * 5 % 8));
            bytes->ptr[at] ^= flip;
            test_file(folder, files[i].name, bytes);
            ck_assert_uint_le(count_all(), whole + 100);
            bytes->ptr[at] ^= flip;
        }
        test_file(folder, files[i].name, bytes);
    }
    ck_assert_uint_eq(count_all(), whole);
    test_folder_remove(folder);
}
END_TEST

START_TEST(a_file_cut_anywhere_does_no_harm)
{
    test_folder(folder, sizeof folder);
    make_files();
    for (size_t i = 0; i < ARRAY_COUNT(files); i++)
        test_file(folder, files[i].name, &files[i].bytes);
    size_t whole = count_all();
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        struct buf cut = files[i].bytes;
        for (cut.len = 0; cut.len < files[i].bytes.len; cut.len++) {
            test_file(folder, files[i].name, &cut);
            ck_assert_uint_le(count_all(), whole + 100);
        }
        test_file(folder, files[i].name, &files[i].bytes);
    }
    test_folder_remove(folder);
}
END_TEST

TEST_MAIN("head_damage", a_flipped_bit_does_no_harm, a_file_cut_anywhere_does_no_harm)
