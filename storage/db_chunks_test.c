/* Chunks that are handed on: as they are stored, cut, or packed anew. */
#include <string.h>

#include "base/test.h"
#include "model/histogram_samples.h"
#include "storage/chunk.h"
#include "storage/test_blocks.h"

static struct test_dir dir;
static struct err err;

static void print_samples(const struct samples *samples, struct buf *out)
{
    for (size_t i = 0; i < samples->count; i++)
        buf_printf(out, " %lld:%g", (long long)samples->times_ms[i], samples->values[i]);
    const struct histogram_samples *histograms = samples->histograms;
    for (size_t i = 0; i < histograms->count; i++)
        buf_printf(out, " %lld:%c%g", (long long)histograms->times_ms[i],
                   "?r-g"[histograms->items[i]->hint], histograms -> items[i] -> count);
}

/* "[begin,end] encoding t:v ...", a line a chunk; '+' before one that goes on. */
static void print_chunks(struct cursor *cursor, struct buf *out)
{
    struct histogram_samples histograms = {0};
    struct samples samples = {.histograms = &histograms};
    struct stored_chunk chunk;
    bool more = true;
    while (cursor_next_chunk(cursor, &chunk, &more, &err) && more) {
        buf_printf(out, "%s[%lld,%lld] %u", chunk.goes_on ? "+" : "", (long long)chunk.begin_ms,
                   (long long)chunk.end_ms, chunk.encoding);
        samples.count = 0;
        histogram_samples_clear(&histograms);
        ck_assert_msg(chunk_decode(chunk.encoding, chunk.data, chunk.size, &samples, &err), "%s",
                      err.msg);
        print_samples(&samples, out);
        buf_byte(out, '\n');
    }
    samples_done(&samples);
    histogram_samples_done(&histograms);
}

static void expect(int64_t begin_ms, int64_t end_ms, const char *expected)
{
    struct test_select select;
    test_select_open(&select, &dir, NULL, begin_ms, end_ms);
    AUTO(buf_done) struct buf text = {0};
    struct cursor *cursor = cursor_create(select.selection);
    for (size_t i = 0; i < selection_count(select.selection); i++) {
        err_clear(&err);
        cursor_open(cursor, i);
        print_chunks(cursor, &text);
        ck_assert_msg(err.kind == ERR_NONE, "%s", err.msg);
    }
    ck_assert_str_eq(buf_terminated(&text), expected);
    cursor_destroy(cursor);
    test_select_close(&select);
}

START_TEST(hands_on_chunks_as_they_are)
{
    test_dir_init(&dir);
    test_dir_add(&dir, 1, (struct test_series){.first = 1, .count = 5, .chunk_samples = 2});
    test_dir_add(&dir, 2,
                 (struct test_series){.histograms = true, .begin_ms = 100, .first = 1, .count = 2});
    expect(0, 1000,
           "[0,10] 1 0:1 10:2\n[20,30] 1 20:3 30:4\n[40,40] 1 40:5\n"
           "[100,110] 3 100:?1 110:-2\n");
    expect(15, 35, "[20,30] 1 20:3 30:4\n");
    test_dir_done(&dir);
}
END_TEST

/* The bytes too, not only what they hold. */
START_TEST(hands_on_the_very_bytes)
{
    test_dir_init(&dir);
    struct ulid ulid = test_dir_add(
        &dir, 1, (struct test_series){.histograms = true, .gauge = true, .first = 1, .count = 3});
    AUTO(buf_done) struct buf segment = {0};
    test_read_file(arena_printf(dir.arena, "%s/%s/chunks/000001", dir.path, ulid.text), &segment);
    struct test_select select;
    test_select_open(&select, &dir, NULL, 0, 1000);
    struct cursor *cursor = cursor_create(select.selection);
    struct stored_chunk chunk;
    bool more = false;
    cursor_open(cursor, 0);
    ck_assert(cursor_next_chunk(cursor, &chunk, &more, &err));
    ck_assert(more);
    ck_assert_ptr_nonnull(memmem(segment.ptr, segment.len, chunk.data, chunk.size));
    cursor_destroy(cursor);
    test_select_close(&select);
    test_dir_done(&dir);
}
END_TEST

START_TEST(cuts_chunks_at_the_range)
{
    test_dir_init(&dir);
    test_dir_add(&dir, 1, (struct test_series){.first = 1, .count = 6, .chunk_samples = 4});
    expect(10, 40, "[10,30] 1 10:2 20:3 30:4\n[40,40] 1 40:5\n");
    expect(11, 19, "");
    expect(1000, 0, "");
    test_dir_done(&dir);
}
END_TEST

START_TEST(cuts_histograms_and_says_that_they_go_on)
{
    test_dir_init(&dir);
    test_dir_add(
        &dir, 1,
        (struct test_series){.histograms = true, .first = 1, .count = 6, .chunk_samples = 4});
    expect(10, 1000, "+[10,30] 3 10:?2 20:-3 30:-4\n[40,50] 3 40:?5 50:-6\n");
    /* Among several blocks that is not trusted. */
    test_dir_add(&dir, 2,
                 (struct test_series){.histograms = true, .begin_ms = 100, .first = 9, .count = 2});
    expect(10, 1000,
           "[10,30] 3 10:?2 20:-3 30:-4\n[40,50] 3 40:?5 50:-6\n[100,110] 3 100:?9 110:-10\n");
    test_dir_done(&dir);
}
END_TEST

START_TEST(leaves_deleted_samples_out)
{
    test_dir_init(&dir);
    struct ulid ulid = test_dir_add(
        &dir, 1, (struct test_series){.histograms = true, .gauge = true, .first = 1, .count = 6});
    test_dir_delete(&dir, ulid, 20, 30);
    expect(0, 1000, "[0,50] 3 0:g1 10:g2 40:g5 50:g6\n");
    test_dir_delete(&dir, ulid, 0, 30);
    expect(0, 1000, "+[40,50] 3 40:g5 50:g6\n");
    test_dir_done(&dir);
}
END_TEST

START_TEST(merges_chunks_that_overlap)
{
    test_dir_init(&dir);
    test_dir_add(&dir, 1, (struct test_series){.first = 1, .count = 4, .chunk_samples = 2});
    test_dir_add(&dir, 2, (struct test_series){.begin_ms = 25, .first = 70, .count = 2});
    expect(0, 1000, "[0,10] 1 0:1 10:2\n[20,35] 1 20:3 25:70 30:4 35:71\n");
    expect(0, 30, "[0,10] 1 0:1 10:2\n[20,30] 1 20:3 25:70 30:4\n");
    test_dir_done(&dir);
}
END_TEST

START_TEST(merges_chunks_of_both_kinds)
{
    test_dir_init(&dir);
    test_dir_add(&dir, 1, (struct test_series){.histograms = true, .first = 1, .count = 4});
    test_dir_add(&dir, 2,
                 (struct test_series){.begin_ms = 15, .step_ms = 20, .first = 70, .count = 2});
    expect(0, 1000,
           "[0,10] 3 0:?1 10:-2\n[15,15] 1 15:70\n[20,30] 3 20:?3 30:-4\n[35,35] 1 35:71\n");
    test_dir_done(&dir);
}
END_TEST

START_TEST(cuts_long_groups_into_chunks)
{
    test_dir_init(&dir);
    test_dir_add(&dir, 1, (struct test_series){.first = 1, .step_ms = 2, .count = 200});
    test_dir_add(&dir, 2,
                 (struct test_series){.begin_ms = 1, .step_ms = 100, .first = 70, .count = 1});
    struct test_select select;
    test_select_open(&select, &dir, NULL, 0, 1000);
    struct cursor *cursor = cursor_create(select.selection);
    struct stored_chunk chunk;
    bool more = true;
    size_t total = 0, count, chunks = 0;
    cursor_open(cursor, 0);
    while (cursor_next_chunk(cursor, &chunk, &more, &err) && more) {
        ck_assert(chunk_count(chunk.encoding, chunk.data, chunk.size, &count));
        total += count;
        chunks++;
    }
    ck_assert_uint_eq(total, 201);
    ck_assert_uint_eq(chunks, 2);
    cursor_destroy(cursor);
    test_select_close(&select);
    test_dir_done(&dir);
}
END_TEST

TEST_MAIN("db_chunks", hands_on_chunks_as_they_are, hands_on_the_very_bytes,
          cuts_chunks_at_the_range, cuts_histograms_and_says_that_they_go_on,
          leaves_deleted_samples_out, merges_chunks_that_overlap, merges_chunks_of_both_kinds,
          cuts_long_groups_into_chunks)
