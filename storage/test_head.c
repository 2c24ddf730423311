#include "storage/test_head.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/test.h"
#include "storage/chunk.h"
#include "storage/head_append.h"

struct head *test_head_open(const char *folder, const struct db_options *options,
                            int64_t blocks_end_ms)
{
    struct head *head;
    struct err local = {0};
    ck_assert(head_open(folder, options, &head, &local));
    ck_assert_msg(head_refresh(head, blocks_end_ms, &local), "%s", local.msg);
    ck_assert_msg(head_begin_writing(head, &local), "%s", local.msg);
    return head;
}

/* One sample of the series with this name: of value t, or a histogram of count t. */
void test_head_append(struct head *head, const char *name, int64_t t_ms, bool is_histogram)
{
    static const struct histogram_span span = {.offset = 1, .length = 1};
    uint64_t bucket = (uint64_t)t_ms;
    struct wal_label label = {STR("__name__"), str_of(name)};
    struct append_sample sample = {.t_ms = t_ms, .v = (double)t_ms};
    struct append_histogram histogram = {
        .t_ms = t_ms,
        .raw = {.sum = 1, .count = (uint64_t)t_ms, .sides[0] = {&span, &bucket, 1, 1}},
    };
    struct append_series series = {.labels = &label, .label_count = 1};
    if (is_histogram) {
        series.histograms = &histogram;
        series.histogram_count = 1;
    } else {
        series.samples = &sample;
        series.sample_count = 1;
    }
    struct append_batch batch = {.series = &series, .count = 1, .future_ms = INT64_MAX};
    struct append_result result;
    struct err local = {0};
    ck_assert_msg(head_append(head, &batch, APPEND_ALL_OR_NOTHING, &result, &local), "%s",
                  local.msg);
}

/* "a:1,2 h:3 ": all that is there, a time each; values are checked against them. */
static void print_series(struct buf *out, const struct symbols *symbols,
                         const struct head_series *series)
{
    struct histogram_samples histograms = {0};
    struct samples samples = {.histograms = &histograms};
    struct err local = {0};
    for (uint32_t i = 0; i < series->chunk_count; i++) {
        const struct head_chunk_view *chunk = &series->chunks[i];
        ck_assert_msg(chunk_decode(chunk->encoding, chunk->data, chunk->size, &samples, &local),
                      "%s", local.msg);
    }
    buf_str(out, symbols_get(symbols, series->labels->pairs[0].value));
    char mark = ':';
    for (size_t i = 0; i < samples.count; i++, mark = ',') {
        ck_assert_double_eq(samples.values[i], (double)samples.times_ms[i]);
        buf_printf(out, "%c%lld", mark, (long long)samples.times_ms[i]);
    }
    for (size_t i = 0; i < histograms.count; i++, mark = ',')
        buf_printf(out, "%ch%lld", mark, (long long)histograms.times_ms[i]);
    buf_byte(out, ' ');
    samples_done(&samples);
    histogram_samples_done(&histograms);
}

static void print_details(struct buf *out, const struct symbols *symbols,
                          const struct head_series *series)
{
    for (uint32_t i = 0; i < series->labels->count; i++)
        buf_str(out, symbols_get(symbols, series->labels->pairs[i].value));
    for (uint32_t i = 0; i < series->chunk_count; i++) {
        const struct head_chunk_view *chunk = &series->chunks[i];
        buf_printf(out, " %lld-%lld/%d/%llx", (long long)chunk->begin_ms, (long long)chunk->end_ms,
                   chunk->encoding, (unsigned long long)hash_bytes(chunk->data, chunk->size));
    }
    for (uint32_t i = 0; i < series->deleted_count; i++)
        buf_printf(out, " -%lld-%lld", (long long)series->deleted[i].begin_ms,
                   (long long)series->deleted[i].end_ms);
    buf_byte(out, '\n');
}

typedef void print_function(struct buf *out, const struct symbols *symbols,
                            const struct head_series *series);

static void print_all(struct head *head, print_function *print, struct buf *out)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct symbols *symbols = symbols_new(arena);
    struct matcher *all;
    struct err local = {0};
    ck_assert(matcher_new(arena, MATCH_REGEX, STR("__name__"), STR(".*"), &all, &local));
    struct select_request request = {
        .matchers = &all,
        .matcher_count = 1,
        .begin_ms = INT64_MIN,
        .end_ms = INT64_MAX,
        .arena = arena,
        .symbols = symbols,
    };
    struct head_series_list list;
    ck_assert(head_select(head, &request, &list, &local));
    for (size_t i = 0; i < list.count; i++)
        print(out, symbols, &list.items[i]);
    head_release(head, &list);
    matcher_done(all);
    symbols_done(symbols);
}

char *test_head_contents(struct head *head)
{
    struct buf out = {0};
    print_all(head, print_series, &out);
    buf_terminated(&out);
    return out.ptr;
}

char *test_head_details(struct head *head)
{
    struct buf out = {0};
    print_all(head, print_details, &out);
    struct head_stats stats;
    head_stats(head, &stats);
    buf_printf(&out, "%lld to %lld, %zu series, %zu chunks\n", (long long)stats.begin_ms,
               (long long)stats.end_ms, stats.series_count, stats.chunk_count);
    buf_terminated(&out);
    return out.ptr;
}

char *test_log_details(const char *folder, int64_t blocks_end_ms)
{
    static const struct db_options reading = {.read_only = true};
    struct head *head;
    struct err local = {0};
    ck_assert(head_open(folder, &reading, &head, &local));
    ck_assert_msg(head_refresh(head, blocks_end_ms, &local), "%s", local.msg);
    char *got = test_head_details(head);
    head_close(head);
    return got;
}

void test_folder_copy(const char *from, const char *to)
{
    char command[1024];
    snprintf(command, sizeof command, "rm -rf '%s' && cp -r '%s' '%s'", to, from, to);
    ck_assert_int_eq(system(command), 0);
}
