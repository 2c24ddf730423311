#include "storage/live_series.h"

#include <stdlib.h>

#include "base/test.h"
#include "storage/chunk.h"
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
    ck_assert_int_eq(live_series_begin_ms(series), INT64_MAX);
    ck_assert_int_eq(live_series_oldest_ms(series), 1);
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

/* Times and start timestamps of all floats: "10:5,20:5 30:0 ", a word a chunk. */
static void expect_starts(const char *expected)
{
    AUTO(buf_done) struct buf text = {0};
    for (uint32_t i = 0; i < series->chunk_count + (series->open.count > 0); i++) {
        bool last = i == series->chunk_count;
        struct live_chunk chunk = last ? live_series_open_chunk(series) : series->chunks[i];
        struct samples floats = {.wants_starts = true};
        ck_assert_msg(chunk_decode(chunk.encoding, chunk.data, chunk.size, &floats, &err), "%s",
                      err.msg);
        for (size_t k = 0; k < floats.count; k++)
            buf_printf(&text, "%s%lld:%lld", k ? "," : "", (long long)floats.times_ms[k],
                       (long long)floats.starts_ms[k]);
        buf_byte(&text, ' ');
        samples_done(&floats);
        if (last)
            free(chunk.packed);
    }
    ck_assert_str_eq(buf_terminated(&text), expected);
}

START_TEST(keeps_start_timestamps)
{
    begin();
    ck_assert(live_series_append_started(series, 10, 0, 1));
    ck_assert(live_series_append_started(series, 20, 15, 1));
    ck_assert(live_series_append_started(series, 30, 15, 1));
    ck_assert(!live_series_append_started(series, 30, 7, 1));
    ck_assert(live_series_append_started(series, 40, 35, 1));
    expect_starts("10:0,20:15,30:15,40:35 ");
    /* Into a new chunk, which starts where the last one did. */
    ck_assert(live_series_append_started(series, LIVE_CHUNK_RANGE_MS, 35, 1));
    ck_assert(live_series_append_started(series, LIVE_CHUNK_RANGE_MS + 1, 0, 1));
    expect_starts("10:0,20:15,30:15,40:35 7200000:35,7200001:0 ");
    attach((struct test_chunk){.ref = 1, .begin_ms = 20, .step_ms = 5, .count = 2});
    expect_starts("10:0 20:0,25:0 30:15,40:35 7200000:35,7200001:0 ");
    live_series_trim(series, LIVE_CHUNK_RANGE_MS + 1, &grace);
    expect_starts("7200001:0 ");
    ck_assert(live_series_append_started(series, 2 * LIVE_CHUNK_RANGE_MS, 0, 1));
    ck_assert_uint_eq(series->extra->start_count, 0);
    end();
}
END_TEST

/* One bucket, which holds all. */
static bool append_histogram(int64_t t_ms, int64_t start_ms, uint64_t count,
                             enum histogram_hint hint)
{
    static const struct histogram_span span = {.offset = 1, .length = 1};
    struct raw_histogram h = {.hint = hint, .schema = 3, .sum = (double)count, .count = count};
    h.sides[0] = (struct raw_side){&span, &h.count, 1, 1};
    return live_series_append_histogram(series, t_ms, start_ms, &h);
}

/* The counts in each chunk and their hints (? unknown, - no reset, g gauge; s stale): "1?2-,1? ".
 */
static void expect_histograms(const char *expected)
{
    AUTO(buf_done) struct buf text = {0};
    const struct histogram_appender *open = live_series_open_histogram(series);
    for (uint32_t i = 0; i < series->chunk_count + (open != NULL); i++) {
        bool last = i == series->chunk_count;
        struct histogram_samples histograms = {0};
        struct samples floats = {.histograms = &histograms};
        const struct live_chunk *chunk = &series->chunks[i];
        ck_assert_msg(chunk_decode(last ? open->encoding : chunk->encoding,
                                   last ? open->out.bytes : chunk->data,
                                   last ? open->out.size : chunk->size, &floats, &err),
                      "%s", err.msg);
        for (size_t k = 0; k < histograms.count; k++) {
            const struct histogram *h = histograms.items[k];
            ck_assert_double_eq(h->positive.buckets[0], h->count);
            buf_printf(&text, "%g%c", h->count, "?r-g"[h->hint]);
        }
        for (size_t k = 0; k < floats.count; k++)
            buf_printf(&text, "%s", value_is_stale(floats.values[k]) ? "s" : "f");
        buf_byte(&text, ' ');
        histogram_samples_done(&histograms);
        samples_done(&floats);
    }
    ck_assert_str_eq(buf_terminated(&text), expected);
}

START_TEST(packs_histograms_and_their_stale_markers)
{
    begin();
    ck_assert(append_histogram(10, 0, 1, HISTOGRAM_UNKNOWN));
    ck_assert(!append_histogram(10, 0, 1, HISTOGRAM_UNKNOWN));
    ck_assert(live_series_append(series, 20, value_stale()));
    ck_assert_uint_eq(series->open.count, 0);
    ck_assert(append_histogram(30, 0, 1, HISTOGRAM_UNKNOWN));
    expect_histograms("1?s 1? ");
    ck_assert(live_series_append(series, 40, 1));
    ck_assert(live_series_append(series, 50, value_stale()));
    expect_histograms("1?s 1? ");
    ck_assert_uint_eq(series->open.count, 2);
    ck_assert_uint_eq(live_series_chunk_count(series), 3);
    ck_assert(append_histogram(60, 0, 1, HISTOGRAM_UNKNOWN));
    expect_histograms("1?s 1? fs 1? ");
    end();
}
END_TEST

START_TEST(cuts_chunks_of_histograms_where_the_head_does)
{
    begin();
    append_histogram(10, 0, 5, HISTOGRAM_UNKNOWN);
    append_histogram(20, 0, 6, HISTOGRAM_UNKNOWN);
    append_histogram(30, 0, 2, HISTOGRAM_UNKNOWN); /* less: begun anew */
    append_histogram(40, 0, 3, HISTOGRAM_RESET);   /* says so */
    append_histogram(50, 0, 3, HISTOGRAM_GAUGE);
    append_histogram(60, 0, 1, HISTOGRAM_GAUGE);
    append_histogram(70, 0, 1, HISTOGRAM_NOT_RESET);
    append_histogram(80, 7, 1, HISTOGRAM_NOT_RESET); /* its chunk has start timestamps */
    append_histogram(90, 0, 1, HISTOGRAM_NOT_RESET);
    append_histogram(LIVE_CHUNK_RANGE_MS, 0, 1, HISTOGRAM_NOT_RESET);
    expect_histograms("5?6- 2? 3? 3g1g 1? 1?1- 1? ");
    end();
}
END_TEST

START_TEST(cuts_large_chunks_of_histograms)
{
    begin();
    for (int64_t i = 1; i < 2000; i++)
        append_histogram(i * 1000, 0, (uint64_t)(i * i * i), HISTOGRAM_UNKNOWN);
    ck_assert_uint_gt(series->chunk_count, 3);
    for (uint32_t i = 0; i < series->chunk_count; i++) {
        ck_assert_uint_gt(series->chunks[i].size, LIVE_HISTOGRAM_TARGET_BYTES / 4);
        ck_assert_uint_lt(series->chunks[i].size, LIVE_HISTOGRAM_TARGET_BYTES * 5 / 2);
        if (i > 0)
            ck_assert_int_lt(series->chunks[i - 1].end_ms, series->chunks[i].begin_ms);
    }
    end();
}
END_TEST

START_TEST(chunks_of_files_take_the_place_of_histograms)
{
    begin();
    for (int64_t i = 1; i <= 6; i++)
        append_histogram(i * 10, 0, (uint64_t)i, HISTOGRAM_UNKNOWN);
    append_histogram(70, 0, 1, HISTOGRAM_UNKNOWN);
    /* A chunk of floats stands for any: their samples are not looked at. */
    attach((struct test_chunk){.ref = 1, .begin_ms = 12, .step_ms = 3, .count = 2});
    expect_histograms("1? ff 2?3-4-5-6- 1? ");
    attach((struct test_chunk){.ref = 1, .begin_ms = 30, .step_ms = 10, .count = 2});
    expect_histograms("1? ff 2? ff 5?6- 1? ");
    attach((struct test_chunk){.ref = 1, .begin_ms = 60, .step_ms = 10, .count = 2});
    expect_histograms("1? ff 2? ff 5? ff ");
    ck_assert(append_histogram(80, 0, 1, HISTOGRAM_UNKNOWN));
    end();
}
END_TEST

START_TEST(trims_histograms)
{
    begin();
    for (int64_t i = 1; i <= 6; i++)
        append_histogram(i * 10, i * 10 - 1, (uint64_t)i, HISTOGRAM_UNKNOWN);
    append_histogram(70, 0, 1, HISTOGRAM_UNKNOWN);
    append_histogram(80, 0, 2, HISTOGRAM_UNKNOWN);
    live_series_trim(series, 35, &grace);
    expect_histograms("4?5-6- 1?2- ");
    ck_assert_int_eq(live_series_begin_ms(series), 40);
    live_series_trim(series, 75, &grace);
    expect_histograms("2? ");
    live_series_trim(series, 100, &grace);
    ck_assert(live_series_is_empty(series));
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
          trims_out_of_order_samples_by_their_segment, keeps_start_timestamps,
          packs_histograms_and_their_stale_markers, cuts_chunks_of_histograms_where_the_head_does,
          cuts_large_chunks_of_histograms, chunks_of_files_take_the_place_of_histograms,
          trims_histograms, trims_what_ends_before)
