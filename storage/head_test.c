#include "storage/head.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/test.h"
#include "storage/chunk.h"
#include "storage/samples_mark.h"
#include "storage/test_log.h"

static char folder[256];
static struct err err;
static struct head *head;
static int warnings;
static char last_warning[4096];

static void note_warning(void *context, const char *message)
{
    warnings++;
    snprintf(last_warning, sizeof last_warning, "%s", message);
}

static void open_head(void)
{
    static const struct db_options options = {.read_only = true, .warn = note_warning};
    warnings = 0;
    ck_assert(head_open(folder, &options, &head, &err));
}

static void begin(void)
{
    test_folder(folder, sizeof folder);
    open_head();
}

static void end(void)
{
    head_close(head);
    test_folder_remove(folder);
}

static void refresh(int64_t blocks_end_ms)
{
    if (!head_refresh(head, blocks_end_ms, &err))
        ck_abort_msg("%s", err.msg);
}

/*
 * What a select gives, as text: "a:1,2,5 b:3 ": the values of label "n", and the times in each
 * chunk after another, those of overlapping chunks too; those of histograms behind: "a:1,h2 ".
 */
struct answer {
    struct buf text;
    size_t sample_count;
    size_t deleted_count;
};

static void answer_series(struct answer *answer, const struct symbols *symbols,
                          const struct head_series *series)
{
    buf_str(&answer->text, symbols_get(symbols, series->labels->pairs[0].value));
    struct histogram_samples histograms = {0};
    struct samples samples = {.histograms = &histograms};
    for (uint32_t i = 0; i < series->chunk_count; i++) {
        const struct head_chunk_view *chunk = &series->chunks[i];
        struct samples_mark mark = samples_mark(&samples);
        ck_assert_msg(chunk_decode(chunk->encoding, chunk->data, chunk->size, &samples, &err), "%s",
                      err.msg);
        ck_assert_int_eq(samples_first_since_ms(&samples, mark), chunk->begin_ms);
        ck_assert_int_eq(samples_last_since_ms(&samples, mark), chunk->end_ms);
        if (i > 0)
            ck_assert_int_le(series->chunks[i - 1].begin_ms, chunk->begin_ms);
    }
    char mark = ':';
    for (size_t i = 0; i < samples.count && i < 20; i++, mark = ',')
        buf_printf(&answer->text, "%c%lld", mark, (long long)samples.times_ms[i]);
    for (size_t i = 0; i < histograms.count && i < 20; i++, mark = ',')
        buf_printf(&answer->text, "%ch%lld", mark, (long long)histograms.times_ms[i]);
    buf_byte(&answer->text, ' ');
    answer->sample_count += samples.count + histograms.count;
    answer->deleted_count += series->deleted_count;
    samples_done(&samples);
    histogram_samples_done(&histograms);
}

static bool newest_only; /* what is asked for; a test sets it back */

static struct answer ask(enum match_kind kind, const char *pattern, int64_t begin_ms,
                         int64_t end_ms)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct symbols *symbols = symbols_new(arena);
    struct matcher *matcher;
    struct err local = {0};
    ck_assert(matcher_new(arena, kind, STR("n"), str_of(pattern), &matcher, &local));
    struct select_request request = {
        .matchers = &matcher,
        .matcher_count = 1,
        .begin_ms = begin_ms,
        .end_ms = end_ms,
        .newest_only = newest_only,
        .arena = arena,
        .symbols = symbols,
    };
    struct head_series_list list;
    ck_assert(head_select(head, &request, &list, &local));
    struct answer answer = {0};
    for (size_t i = 0; i < list.count; i++)
        answer_series(&answer, symbols, &list.items[i]);
    head_release(head, &list);
    matcher_done(matcher);
    symbols_done(symbols);
    return answer;
}

static void expect(const char *text)
{
    struct answer answer = ask(MATCH_REGEX, ".*", INT64_MIN, INT64_MAX);
    ck_assert_str_eq(buf_terminated(&answer.text), text);
    buf_done(&answer.text);
}

static size_t count_of(const char *name)
{
    struct answer answer = ask(MATCH_EQUAL, name, INT64_MIN, INT64_MAX);
    buf_done(&answer.text);
    return answer.sample_count;
}

/* A segment with series a = 1, b = 2 and what a test adds. */
static struct buf segment, record;

static void fresh(void)
{
    buf_clear(&segment);
    buf_clear(&record);
}

static void add_series(uint64_t ref, const char *n)
{
    TEST_SERIES(&record, ref, "n", n);
    test_segment_take(&segment, &record);
}

static void add_samples(uint64_t ref, int64_t begin_ms, int64_t step_ms, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct test_sample sample = {ref, begin_ms + (int64_t)i * step_ms, (double)i};
        test_samples(&record, &sample, 1);
        test_segment_take(&segment, &record);
    }
}

static void write_segment(const char *name)
{
    test_file(folder, name, &segment);
    fresh();
}

static void append_segment(const char *name)
{
    test_file_append(folder, name, segment.ptr, segment.len);
    fresh();
}

static void write_chunks(const char *name, struct test_chunk chunk)
{
    AUTO(buf_done) struct buf file = {0};
    test_chunks_begin(&file);
    test_chunks_add(&file, chunk);
    test_file(folder, name, &file);
}

START_TEST(is_empty_without_a_wal)
{
    begin();
    refresh(INT64_MIN);
    expect("");
    struct head_stats stats;
    head_stats(head, &stats);
    ck_assert_int_gt(stats.begin_ms, stats.end_ms);
    end();
}
END_TEST

START_TEST(gives_series_by_reference_with_samples_in_order)
{
    begin();
    add_series(2, "b");
    add_series(1, "a");
    add_samples(1, 10, 10, 3);
    add_samples(2, 10, 10, 2);
    add_samples(1, 20, 1, 1); /* late */
    add_samples(7, 20, 1, 1); /* of nobody */
    write_segment("wal/00000000");
    refresh(INT64_MIN);
    expect("a:10,20,30 b:10,20 ");
    struct head_stats stats;
    head_stats(head, &stats);
    ck_assert_uint_eq(stats.series_count, 2);
    ck_assert_uint_eq(stats.chunk_count, 2);
    ck_assert_uint_eq(stats.label_pair_count, 2);
    ck_assert_int_eq(stats.begin_ms, 10);
    ck_assert_int_eq(stats.end_ms, 30);
    end();
}
END_TEST

START_TEST(selects_by_every_kind_of_matcher_and_by_range)
{
    static const struct {
        enum match_kind kind;
        const char *pattern, *text;
    } cases[] = {
        {MATCH_EQUAL, "a", "a:1 "},          {MATCH_NOT_EQUAL, "a", "b:2 c:3 x:4 "},
        {MATCH_EQUAL, "", "x:4 "},           {MATCH_NOT_EQUAL, "", "a:1 b:2 c:3 "},
        {MATCH_REGEX, "a|c", "a:1 c:3 "},    {MATCH_NOT_REGEX, "a|c", "b:2 x:4 "},
        {MATCH_REGEX, "[ab]", "a:1 b:2 "},   {MATCH_NOT_REGEX, "[ab]", "c:3 x:4 "},
        {MATCH_REGEX, "a|", "a:1 x:4 "},     {MATCH_REGEX, "zz.*", ""},
        {MATCH_REGEX, ".+", "a:1 b:2 c:3 "}, {MATCH_NOT_REGEX, ".+", "x:4 "},
    };
    begin();
    for (uint64_t i = 0; i < 3; i++) {
        char name[2] = {(char)('a' + i)};
        add_series(i + 1, name);
        add_samples(i + 1, (int64_t)i + 1, 1, 1);
    }
    TEST_SERIES(&record, 4, "m", "x");
    test_segment_take(&segment, &record);
    add_samples(4, 4, 1, 1);
    write_segment("wal/00000000");
    refresh(INT64_MIN);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct answer answer = ask(cases[i].kind, cases[i].pattern, INT64_MIN, INT64_MAX);
        ck_assert_str_eq(buf_terminated(&answer.text), cases[i].text);
        buf_done(&answer.text);
    }
    struct answer answer = ask(MATCH_REGEX, ".*", 2, 3);
    ck_assert_str_eq(buf_terminated(&answer.text), "b:2 c:3 ");
    buf_done(&answer.text);
    end();
}
END_TEST

START_TEST(leaves_out_what_blocks_hold)
{
    begin();
    add_series(1, "a");
    add_series(2, "b");
    add_samples(1, 10, 10, 5);
    add_samples(2, 10, 10, 2);
    write_segment("wal/00000000");
    refresh(30);
    expect("a:30,40,50 ");
    struct head_stats stats;
    head_stats(head, &stats);
    ck_assert_uint_eq(stats.series_count, 1);
    ck_assert_int_eq(stats.begin_ms, 30);
    end();
}
END_TEST

START_TEST(takes_a_second_record_for_the_same_series)
{
    begin();
    add_series(1, "a");
    add_samples(1, 10, 1, 1);
    add_series(5, "a");
    add_samples(5, 20, 1, 1);
    add_samples(1, 30, 1, 1);
    write_segment("wal/00000000");
    refresh(INT64_MIN);
    expect("a:10,20,30 ");
    end();
}
END_TEST

START_TEST(head_chunks_come_before_the_wal)
{
    begin();
    write_chunks("chunks_head/000001", (struct test_chunk){1, 0, 10, 3, 0});
    add_series(1, "a");
    add_samples(1, 0, 10, 5);
    write_segment("wal/00000000");
    refresh(INT64_MIN);
    expect("a:0,10,20,30,40 ");
    /* One that comes while tailing takes the place of what was packed here. */
    write_chunks("chunks_head/000002", (struct test_chunk){1, 30, 10, 3, 0});
    refresh(INT64_MIN);
    expect("a:0,10,20,30,40,50 ");
    add_samples(1, 40, 10, 4);
    append_segment("wal/00000000");
    refresh(INT64_MIN);
    expect("a:0,10,20,30,40,50,60,70 ");
    end();
}
END_TEST

START_TEST(reads_checkpoint_then_segments_then_what_is_added)
{
    begin();
    add_series(1, "a");
    add_samples(1, 10, 1, 1);
    write_segment("wal/checkpoint.00000003/00000000");
    add_samples(1, 5, 1, 1);
    write_segment("wal/00000003");
    add_samples(1, 20, 1, 1);
    write_segment("wal/00000004");
    refresh(INT64_MIN);
    expect("a:10,20 ");
    add_samples(1, 30, 1, 1);
    append_segment("wal/00000004");
    add_series(2, "b");
    add_samples(2, 30, 1, 1);
    write_segment("wal/00000005");
    refresh(INT64_MIN);
    expect("a:10,20,30 b:30 ");
    end();
}
END_TEST

START_TEST(begins_anew_when_its_place_is_lost)
{
    begin();
    add_series(1, "a");
    add_samples(1, 10, 1, 1);
    write_segment("wal/00000000");
    refresh(INT64_MIN);
    test_file_remove(folder, "wal/00000000");
    add_series(1, "a");
    add_samples(1, 20, 1, 1);
    write_segment("wal/checkpoint.00000004/00000000");
    add_samples(1, 30, 1, 1);
    write_segment("wal/00000005");
    refresh(INT64_MIN);
    expect("a:20,30 ");
    end();
}
END_TEST

START_TEST(hides_ranges_and_drops_series_that_are_deleted)
{
    begin();
    add_series(1, "a");
    add_series(2, "b");
    add_samples(1, 10, 10, 2);
    add_samples(2, 10, 10, 2);
    test_tombstone(&record, 1, 5, 12);
    test_tombstone(&record, 2, INT64_MIN, INT64_MAX);
    test_segment_take(&segment, &record);
    add_samples(2, 50, 10, 1);
    write_segment("wal/00000000");
    refresh(INT64_MIN);
    struct answer answer = ask(MATCH_REGEX, ".*", INT64_MIN, INT64_MAX);
    ck_assert_str_eq(buf_terminated(&answer.text), "a:10,20 ");
    ck_assert_uint_eq(answer.deleted_count, 1);
    buf_done(&answer.text);

    /* While tailing, the samples stay until the blocks were looked at once more. */
    test_tombstone(&record, 1, INT64_MIN, INT64_MAX);
    test_segment_take(&segment, &record);
    append_segment("wal/00000000");
    refresh(INT64_MIN);
    expect("a:10,20 ");
    refresh(INT64_MIN);
    expect("");
    add_series(9, "a");
    add_samples(9, 60, 1, 1);
    append_segment("wal/00000000");
    refresh(INT64_MIN);
    expect("a:60 ");
    end();
}
END_TEST

START_TEST(adds_out_of_order_samples_until_blocks_have_them)
{
    begin();
    add_series(1, "a");
    add_samples(1, 100, 10, 2);
    write_segment("wal/00000000");
    add_samples(1, 50, -10, 3);
    write_segment("wbl/00000000");
    refresh(INT64_MIN);
    expect("a:30,40,50,100,110 ");
    /* Put into a file, and marked so. */
    write_chunks("chunks_head/000001", (struct test_chunk){1, 30, 10, 3, 1});
    test_marker(&record, 1, UINT64_C(1) << 32 | 8);
    test_segment_take(&segment, &record);
    append_segment("wbl/00000000");
    refresh(INT64_MIN);
    expect("a:30,40,50,100,110 ");
    /* Compacted: a new segment, and the old one goes. */
    add_samples(1, 60, 10, 1);
    write_segment("wbl/00000001");
    refresh(INT64_MIN);
    write_segment("wbl/00000002");
    test_file_remove(folder, "wbl/00000000");
    test_file_remove(folder, "wbl/00000001");
    refresh(INT64_MIN);
    expect("a:30,40,50,60,100,110 ");
    refresh(INT64_MIN);
    expect("a:100,110 ");
    end();
}
END_TEST

static void add_histogram(uint64_t ref, int64_t t_ms, int is_float)
{
    test_histogram(&record, ref, t_ms, is_float);
    test_segment_take(&segment, &record);
}

START_TEST(takes_native_histograms_from_the_log)
{
    begin();
    add_series(1, "a");
    add_series(2, "b");
    add_histogram(1, 10, 0);
    add_histogram(1, 20, 0);
    add_histogram(1, 20, 0);
    add_samples(1, 30, 10, 2);
    add_histogram(1, 50, 1);
    add_histogram(2, 10, 1);
    write_segment("wal/00000000");
    add_histogram(1, 5, 0);
    add_histogram(1, 15, 1);
    write_segment("wbl/00000000");
    refresh(INT64_MIN);
    expect("a:30,40,h5,h10,h20,h15,h50 b:h10 ");
    refresh(21);
    refresh(21);
    expect("a:30,40,h5,h15,h50 "); /* those out of order stay with their WBL */
    end();
}
END_TEST

START_TEST(gives_the_newest_sample_alone_where_it_is_known)
{
    begin();
    for (uint64_t i = 0; i < 5; i++)
        add_series(i + 1, (const char *[]){"a", "b", "c", "d", "e"}[i]);
    add_samples(1, 10, 10, 3);
    add_samples(2, 10, 30, 3); /* up to behind the range */
    add_samples(3, 10, 10, 3); /* and some out of order */
    add_samples(4, 10, 10, 2); /* and a histogram behind them */
    add_histogram(4, 30, 0);
    add_samples(5, 10, 10, 3); /* of which the newest is deleted */
    test_tombstone(&record, 5, 30, 30);
    test_segment_take(&segment, &record);
    write_segment("wal/00000000");
    add_samples(3, 25, 10, 1);
    write_segment("wbl/00000000");
    refresh(INT64_MIN);
    newest_only = true;
    struct answer answer = ask(MATCH_REGEX, ".*", 5, 50);
    newest_only = false;
    ck_assert_str_eq(buf_terminated(&answer.text),
                     "a:30 b:10,40,70 c:10,20,30,25 d:10,20,h30 e:10,20,30 ");
    ck_assert_uint_eq(answer.deleted_count, 1);
    buf_done(&answer.text);
    end();
}
END_TEST

START_TEST(drops_what_new_blocks_hold_and_series_a_block_later)
{
    begin();
    add_series(1, "a");
    add_series(2, "b");
    add_samples(1, 0, 10, 300);
    add_samples(2, 0, 10, 10);
    write_segment("wal/00000000");
    refresh(INT64_MIN);
    ck_assert_uint_eq(count_of("a"), 300);
    refresh(2400);
    ck_assert_uint_eq(count_of("a"), 60);
    ck_assert_uint_eq(count_of("b"), 0);
    /* A late sample by the old reference still finds its series. */
    add_samples(2, 3000, 10, 1);
    append_segment("wal/00000000");
    refresh(2400);
    ck_assert_uint_eq(count_of("b"), 1);
    refresh(4000);
    refresh(5000);
    expect("");
    add_samples(2, 6000, 10, 1); /* nobody's any more */
    add_series(3, "b");
    add_samples(3, 6010, 10, 1);
    append_segment("wal/00000000");
    refresh(5000);
    expect("b:6010 ");
    end();
}
END_TEST

START_TEST(what_a_select_lends_stays_until_its_release)
{
    begin();
    write_chunks("chunks_head/000001", (struct test_chunk){1, 0, 10, 120, 0});
    add_series(1, "a");
    add_samples(1, 1200, 10, 200);
    write_segment("wal/00000000");
    refresh(INT64_MIN);

    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct symbols *symbols = symbols_new(arena);
    struct select_request request = {.end_ms = INT64_MAX, .arena = arena, .symbols = symbols};
    struct head_series_list list;
    ck_assert(head_select(head, &request, &list, &err));
    test_file_remove(folder, "chunks_head/000001");
    add_samples(1, 5000, 10, 300);
    append_segment("wal/00000000");
    refresh(100000);
    refresh(200000);
    expect("");
    struct answer answer = {0};
    answer_series(&answer, symbols, &list.items[0]);
    ck_assert_uint_eq(answer.sample_count, 320);
    buf_done(&answer.text);
    head_release(head, &list);
    symbols_done(symbols);
    end();
}
END_TEST

START_TEST(tells_of_damage_once_and_counts_it)
{
    begin();
    add_series(1, "a");
    add_samples(1, 10, 10, 1);
    size_t good = segment.len;
    add_samples(1, 20, 10, 3);
    segment.ptr[good + 10] ^= 1;
    write_segment("wal/00000000");
    add_samples(1, 90, 10, 1);
    write_segment("wal/00000001");
    refresh(INT64_MIN);
    refresh(INT64_MIN);
    expect("a:10 ");
    ck_assert_int_eq(warnings, 1);
    ck_assert_ptr_nonnull(strstr(last_warning, "/wal/00000000: offset "));
    struct head_stats stats;
    head_stats(head, &stats);
    ck_assert_uint_eq(stats.corrupt_count, 1);
    end();
}
END_TEST

START_TEST(names_labels_values_and_counts)
{
    begin();
    for (uint64_t i = 1; i <= 12; i++) {
        char value[8];
        snprintf(value, sizeof value, "v%02d", (int)(12 - i));
        TEST_SERIES(&record, i, "__name__", i % 2 ? "odd" : "even", "n", value);
        test_segment_take(&segment, &record);
        add_samples(i, 10, 1, i > 1);
    }
    write_segment("wal/00000000");
    refresh(INT64_MIN);
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct names_request request = {.end_ms = 100, .arena = arena};
    struct names names;
    ck_assert(head_label_names(head, &request, &names, &err));
    ck_assert_uint_eq(names.count, 2);
    ck_assert(str_eq(names.items[0], STR("__name__")));
    request.limit = 3;
    ck_assert(head_label_values(head, &request, STR("n"), &names, &err));
    ck_assert_uint_eq(names.count, 4);
    ck_assert(str_eq(names.items[0], STR("v00")));
    request.limit = 0;

    struct matcher *matcher;
    ck_assert(matcher_new(arena, MATCH_EQUAL, STR("__name__"), STR("odd"), &matcher, &err));
    struct matcher *const *sets[] = {&matcher};
    request.matcher_sets = sets;
    request.matcher_counts = (const size_t[]){1};
    request.set_count = 1;
    ck_assert(head_label_values(head, &request, STR("n"), &names, &err));
    ck_assert_uint_eq(names.count, 5); /* the first has no samples */
    ck_assert(str_eq(names.items[0], STR("v01")));
    request.begin_ms = 50;
    ck_assert(head_label_values(head, &request, STR("n"), &names, &err));
    ck_assert_uint_eq(names.count, 0);
    matcher_done(matcher);

    struct db_cardinality counts;
    head_cardinality(head, 3, arena, &counts);
    ck_assert_uint_eq(counts.series_by_metric_count, 2);
    ck_assert(str_eq(counts.series_by_metric[0].name, STR("even")));
    ck_assert_uint_eq(counts.series_by_metric[0].count, 6);
    ck_assert_uint_eq(counts.values_by_label[0].count, 11);
    ck_assert_uint_eq(counts.series_by_pair_count, 3);
    ck_assert(str_eq(counts.series_by_pair[1].name, STR("__name__=odd")));
    end();
}
END_TEST

static atomic_bool stop;

static void *read_all_the_time(void *context)
{
    size_t *rounds = context;
    size_t before = 0;
    while (!atomic_load(&stop)) {
        size_t count = count_of("a");
        ck_assert_uint_ge(count, before); /* nothing goes in this test */
        before = count;
        ++*rounds;
    }
    return NULL;
}

/* What is looked through may be much more than what is told. */
START_TEST(series_that_are_looked_at_are_charged)
{
    begin();
    fresh();
    for (uint64_t ref = 1; ref <= 3000; ref++) {
        char name[24];
        snprintf(name, sizeof name, "%llu", (unsigned long long)ref);
        add_series(ref, name);
    }
    add_samples(1, 10, 1, 1);
    write_segment("wal/00000000");
    refresh(INT64_MIN);
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct matcher *any;
    ck_assert(matcher_new(arena, MATCH_REGEX, STR("n"), STR(".+"), &any, &err));
    struct matcher *const *const sets[] = {&any};
    struct budget budget;
    struct names names;
    const struct names_request request = {
        .matcher_sets = sets,
        .matcher_counts = (const size_t[]){1},
        .set_count = 1,
        .end_ms = 100,
        .arena = arena,
        .budget = &budget,
    };
    budget_init(&budget, NULL, "--query.memory-limit", 10000);
    ck_assert(!head_label_names(head, &request, &names, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert_uint_eq(budget.used_bytes, 0);
    budget.limit_bytes = 20000;
    ck_assert(head_label_names(head, &request, &names, &err));
    ck_assert_uint_eq(names.count, 1);
    ck_assert_uint_eq(budget.used_bytes, 0);
    matcher_done(any);
    end();
}
END_TEST

START_TEST(answers_while_it_refreshes)
{
    begin();
    add_series(1, "a");
    write_segment("wal/00000000");
    refresh(INT64_MIN);
    pthread_t threads[3];
    size_t rounds[3] = {0};
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, read_all_the_time, &rounds[i]);
    for (int64_t i = 0; i < 100; i++) {
        char name[32];
        snprintf(name, sizeof name, "chunks_head/%06d", (int)i + 1);
        add_samples(1, i * 1000, 10, 100);
        add_series((uint64_t)i + 2, "b");
        append_segment("wal/00000000");
        refresh(INT64_MIN);
        if (i % 10 == 5) {
            write_chunks(name, (struct test_chunk){1, (i - 1) * 1000, 10, 100, 0});
            refresh(INT64_MIN);
        }
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(count_of("a"), 10000);
    end();
}
END_TEST

TEST_MAIN("head", is_empty_without_a_wal, gives_series_by_reference_with_samples_in_order,
          selects_by_every_kind_of_matcher_and_by_range, leaves_out_what_blocks_hold,
          takes_a_second_record_for_the_same_series, head_chunks_come_before_the_wal,
          reads_checkpoint_then_segments_then_what_is_added, begins_anew_when_its_place_is_lost,
          hides_ranges_and_drops_series_that_are_deleted,
          adds_out_of_order_samples_until_blocks_have_them, takes_native_histograms_from_the_log,
          gives_the_newest_sample_alone_where_it_is_known,
          drops_what_new_blocks_hold_and_series_a_block_later,
          what_a_select_lends_stays_until_its_release, tells_of_damage_once_and_counts_it,
          names_labels_values_and_counts, series_that_are_looked_at_are_charged,
          answers_while_it_refreshes)
