#include "storage/live_series.h"

#include <stdlib.h>

#include "base/test.h"
#include "storage/test_log.h"

static struct grace grace;
static struct live_series *series;
static char folder[256];
static struct head_chunks *files;
static struct err err;

static void begin(void)
{
    grace_init(&grace);
    series = live_series_create(1);
    test_folder(folder, sizeof folder);
    files = head_chunks_create(folder);
}

static void end(void)
{
    live_series_destroy(series);
    grace_done(&grace);
    head_chunks_destroy(files);
    test_folder_remove(folder);
}

/* A chunk from a file, numbered anew each time. */
static void attach(struct test_chunk chunk)
{
    static char number = '0';
    AUTO(buf_done) struct buf file = {0};
    test_chunks_begin(&file);
    test_chunks_add(&file, chunk);
    char name[] = "000000";
    name[5] = ++number;
    test_file(folder, name, &file);
    ck_assert(head_chunks_look(files, &err));
    struct head_chunk read;
    ck_assert_int_eq(head_chunks_next(files, &read, &err), TAIL_ITEM);
    live_series_attach(series, &read, 0, &grace);
}

/* The times of all samples in order, chunk after chunk; the chunks must not overlap. */
static struct samples all(void)
{
    struct samples samples = {0};
    for (uint32_t i = 0; i < series->chunk_count; i++) {
        const struct live_chunk *chunk = &series->chunks[i];
        size_t from = samples.count;
        ck_assert(chunk_xor_decode(chunk->data, chunk->size, &samples, &err));
        ck_assert_int_eq(samples.times_ms[from], chunk->begin_ms);
        ck_assert_int_eq(samples.times_ms[samples.count - 1], chunk->end_ms);
    }
    if (series->open.count)
        ck_assert(chunk_xor_decode(series->open.bytes, series->open.size, &samples, &err));
    for (size_t i = 1; i < samples.count; i++)
        ck_assert_int_lt(samples.times_ms[i - 1], samples.times_ms[i]);
    return samples;
}

static void expect_times(int64_t first, int64_t step, size_t count)
{
    struct samples samples = all();
    ck_assert_uint_eq(samples.count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(samples.times_ms[i], first + (int64_t)i * step);
    samples_done(&samples);
}

START_TEST(takes_samples_in_order_only)
{
    begin();
    ck_assert(live_series_is_empty(series));
    ck_assert(live_series_append(series, 100, 1));
    ck_assert(!live_series_append(series, 100, 1));
    ck_assert(!live_series_append(series, 99, 1));
    ck_assert(!live_series_append(series, INT64_MIN, 1));
    ck_assert(live_series_append(series, 101, 1));
    ck_assert_uint_eq(live_series_chunk_count(series), 1);
    ck_assert_int_eq(live_series_begin_ms(series), 100);
    expect_times(100, 1, 2);
    end();
}
END_TEST

START_TEST(cuts_chunks_by_count_and_at_block_borders)
{
    begin();
    for (int64_t i = 0; i < 300; i++)
        live_series_append(series, i, 1);
    ck_assert_uint_eq(series->chunk_count, 2);
    ck_assert_uint_eq(series->open.count, 60);
    live_series_append(series, LIVE_CHUNK_RANGE_MS, 1);
    ck_assert_uint_eq(series->chunk_count, 3);
    ck_assert_int_eq(series->chunks[2].end_ms, 299);
    end();
}
END_TEST

START_TEST(a_chunk_of_a_file_replaces_what_was_packed_here)
{
    begin();
    for (int64_t i = 0; i < 500; i++)
        live_series_append(series, i * 10, (double)i);
    attach((struct test_chunk){1, 0, 10, 150, 0});
    expect_times(0, 10, 500);
    ck_assert_ptr_nonnull(series->chunks[0].file);
    attach((struct test_chunk){1, 1500, 10, 340, 0});
    expect_times(0, 10, 500);
    ck_assert_uint_eq(series->chunk_count, 2);
    ck_assert_uint_eq(series->open.count, 10);
    end();
}
END_TEST

START_TEST(a_chunk_of_a_file_in_the_middle_leaves_what_is_around_it)
{
    begin();
    for (int64_t i = 0; i < 100; i++)
        live_series_append(series, i, (double)i);
    attach((struct test_chunk){1, 30, 1, 20, 0});
    expect_times(0, 1, 100);
    ck_assert_uint_eq(series->chunk_count, 2);
    end();
}
END_TEST

START_TEST(samples_that_a_file_has_are_not_taken_again)
{
    begin();
    attach((struct test_chunk){1, 0, 10, 100, 0});
    attach((struct test_chunk){1, 0, 10, 100, 0});
    for (int64_t i = 50; i < 200; i++)
        ck_assert_int_eq(live_series_append(series, i * 10, 1), i >= 100);
    expect_times(0, 10, 200);
    end();
}
END_TEST

START_TEST(out_of_order_samples_stand_aside_until_a_file_has_them)
{
    begin();
    for (int64_t i = 300; i > 0; i--) {
        live_series_insert_ooo(series, i, 1, 4);
        live_series_insert_ooo(series, i, 2, 4); /* the first one stays */
    }
    const struct live_extra *extra = series->extra;
    ck_assert_uint_eq(extra->ooo_count, 2);
    ck_assert_uint_eq(extra->ooo.count, 300 - 2 * LIVE_OOO_SAMPLES);
    ck_assert_int_eq(live_series_begin_ms(series), 1);
    attach((struct test_chunk){1, 0, 1, 301, 1});
    live_series_forget_ooo(series, &grace);
    ck_assert_uint_eq(live_series_chunk_count(series), 1);
    ck_assert_ptr_nonnull(extra->ooo_chunks[0].chunk.file);
    live_series_trim_ooo(series, 1, &grace);
    ck_assert(live_series_is_empty(series));
    end();
}
END_TEST

START_TEST(trims_out_of_order_samples_by_their_segment)
{
    begin();
    live_series_insert_ooo(series, 5, 1, 4);
    live_series_trim_ooo(series, 4, &grace);
    ck_assert(!live_series_is_empty(series));
    live_series_trim_ooo(series, 5, &grace);
    ck_assert(live_series_is_empty(series));
    end();
}
END_TEST

START_TEST(notes_histograms_and_their_stale_markers)
{
    begin();
    ck_assert(live_series_note_histogram(series, 10, false));
    ck_assert(!live_series_note_histogram(series, 10, false));
    ck_assert(live_series_append(series, 20, value_stale()));
    ck_assert_uint_eq(series->open.count, 0);
    ck_assert_int_eq(series->extra->histogram_end_ms, 20);
    ck_assert(live_series_append(series, 30, 1));
    ck_assert(live_series_append(series, 40, value_stale()));
    ck_assert_uint_eq(series->open.count, 2);
    live_series_trim(series, 21, &grace);
    ck_assert_uint_eq(live_series_chunk_count(series), 1);
    end();
}
END_TEST

START_TEST(trims_what_ends_before)
{
    begin();
    for (int64_t i = 0; i < 300; i++)
        live_series_append(series, i, 1);
    live_series_delete_range(series, (struct time_range){10, 20});
    live_series_delete_range(series, (struct time_range){200, 290});
    live_series_delete_range(series, (struct time_range){280, 295});
    ck_assert_uint_eq(series->extra->deleted_count, 2);
    live_series_trim(series, 120, &grace);
    expect_times(120, 1, 180);
    ck_assert_uint_eq(series->extra->deleted_count, 1);
    ck_assert_int_eq(series->extra->deleted[0].end_ms, 295);
    live_series_trim(series, 300, &grace);
    ck_assert(live_series_is_empty(series));
    ck_assert(live_series_append(series, 300, 1));
    live_series_clear(series, &grace);
    ck_assert(live_series_is_empty(series));
    end();
}
END_TEST

TEST_MAIN("live_series", takes_samples_in_order_only, cuts_chunks_by_count_and_at_block_borders,
          a_chunk_of_a_file_replaces_what_was_packed_here,
          a_chunk_of_a_file_in_the_middle_leaves_what_is_around_it,
          samples_that_a_file_has_are_not_taken_again,
          out_of_order_samples_stand_aside_until_a_file_has_them,
          trims_out_of_order_samples_by_their_segment, notes_histograms_and_their_stale_markers,
          trims_what_ends_before)
