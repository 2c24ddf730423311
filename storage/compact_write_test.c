#include "storage/compact_write.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/test.h"
#include "model/histogram_samples.h"
#include "storage/append.h"
#include "storage/db.h"
#include "storage/head_append.h"
#include "storage/test_blocks.h"

static struct test_dir dir;
static struct budget budget;
static struct err err;
static struct compact_result result;
static char out_path[128]; /* where new blocks go */
static bool cuts_chunks;   /* the first histogram behind a cut has no hint */

static void begin(void)
{
    test_dir_init(&dir);
    snprintf(out_path, sizeof out_path, "%s/made", dir.path);
    err_clear(&err);
    cuts_chunks = false;
    ck_assert(file_make_folder(out_path, &err));
    budget_init(&budget, NULL, "--compaction", 0);
}

static void end(void)
{
    ck_assert_uint_eq(budget.used_bytes, 0);
    test_dir_done(&dir);
}

static struct compact_options options(void)
{
    return (struct compact_options){.dir = out_path, .budget = &budget};
}

static void print_histogram(const struct samples *samples, size_t at, struct buf *out)
{
    const struct histogram_samples *histograms = samples->histograms;
    const struct histogram *h = histograms->items[at];
    buf_printf(out, " %lld/%lld:%c", (long long)histograms->times_ms[at],
               (long long)histograms->starts_ms[at], (cuts_chunks ? "???g" : "?r-g")[h->hint]);
    buf_printf(out, "%016llx,%d", (unsigned long long)value_bits(h->sum),
               h->schema + h->is_whole * 1000);
    histogram_print(h, out);
}

/* Everything of all samples, to the last bit. */
static void print_all(const char *path, struct buf *out)
{
    struct db *db = NULL;
    struct db_options read_only = {.read_only = true};
    ck_assert_msg(db_open(path, &read_only, &db, &err), "%s", err.msg);
    struct select_request request = {
        .begin_ms = INT64_MIN, .end_ms = INT64_MAX, .arena = dir.arena, .symbols = dir.symbols};
    struct selection *selection = NULL;
    ck_assert_msg(storage_select(db_storage(db), &request, &selection, &err), "%s", err.msg);
    struct histogram_samples histograms = {0};
    struct samples samples = {.histograms = &histograms, .wants_starts = true};
    struct cursor *cursor = cursor_create(selection);
    for (size_t i = 0; i < selection_count(selection); i++) {
        bool more = true;
        samples.count = 0;
        histogram_samples_clear(&histograms);
        cursor_open(cursor, i);
        while (more)
            ck_assert_msg(cursor_next(cursor, &samples, &more, &err), "%s", err.msg);
        labels_print(dir.symbols, selection_labels(selection, i), out);
        for (size_t k = 0; k < samples.count; k++)
            buf_printf(out, " %lld/%lld:%016llx", (long long)samples.times_ms[k],
                       (long long)samples.starts_ms[k],
                       (unsigned long long)value_bits(samples.values[k]));
        for (size_t k = 0; k < histograms.count; k++)
            print_histogram(&samples, k, out);
        buf_byte(out, '\n');
    }
    cursor_destroy(cursor);
    histogram_samples_done(&histograms);
    samples_done(&samples);
    selection_close(selection);
    db_close(db);
}

static void expect_equal(const char *path, const char *other)
{
    AUTO(buf_done) struct buf one = {0};
    AUTO(buf_done) struct buf two = {0};
    print_all(path, &one);
    print_all(other, &two);
    ck_assert_uint_gt(one.len, 0);
    const char *a = buf_terminated(&one);
    const char *b = buf_terminated(&two);
    size_t at = 0;
    while (a[at] && a[at] == b[at])
        at++;
    at = at > 40 ? at - 40 : 0;
    ck_assert_msg(strcmp(a, b) == 0, "offset %zu: %.120s\n not %.120s", at, b + at, a + at);
}

static size_t count_entries(const char *path)
{
    size_t count = 0;
    DIR *folder = opendir(path);
    ck_assert_ptr_nonnull(folder);
    struct dirent *entry;
    while ((entry = readdir(folder)))
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static struct block_meta made_meta(void)
{
    struct block_meta meta = {0};
    ck_assert_msg(
        block_meta_read(arena_printf(dir.arena, "%s/%s", out_path, result.ulid.text), &meta, &err),
        "%s", err.msg);
    return meta;
}

static void merge(const struct ulid *ulids, size_t count)
{
    struct block *blocks[4];
    struct compact_options to = options();
    for (size_t i = 0; i < count; i++)
        blocks[i] = test_dir_open(&dir, ulids[i]);
    ck_assert_msg(compact_blocks(blocks, count, &to, &result, &err), "%s", err.msg);
    for (size_t i = 0; i < count; i++)
        block_unref(blocks[i]);
}

START_TEST(merges_blocks_side_by_side)
{
    begin();
    const struct test_series first[] = {
        {.labels = "__name__=a,job=x", .step_ms = 10, .count = 100, .chunk_samples = 30},
        {.labels = "__name__=b", .begin_ms = 5, .step_ms = 10, .count = 90, .histograms = true},
    };
    const struct test_series second[] = {
        {.labels = "__name__=a,job=x", .begin_ms = 1000, .step_ms = 10, .count = 100, .first = 7},
        {.labels = "__name__=c", .begin_ms = 1000, .step_ms = 10, .count = 3},
    };
    struct ulid ulids[] = {test_dir_block(&dir, 2, 1000, 2000, second, 2),
                           test_dir_block(&dir, 1, 0, 1000, first, 2)};
    merge(ulids, 2);
    expect_equal(dir.path, out_path);
    ck_assert(result.written);
    ck_assert_uint_eq(result.series_count, 3);

    struct block_meta meta = made_meta();
    ck_assert_int_eq(meta.begin_ms, 0);
    ck_assert_int_eq(meta.end_ms, 2000);
    ck_assert_uint_eq(meta.sample_count, 293);
    ck_assert_uint_eq(meta.histogram_count, 90);
    ck_assert_uint_eq(meta.float_count, 203);
    ck_assert_uint_eq(meta.chunk_count, 7);
    ck_assert_uint_eq(meta.level, 2);
    ck_assert_uint_eq(meta.source_count, 2);
    ck_assert_str_eq(meta.sources[0].text, ulids[1].text);
    ck_assert_uint_eq(meta.parent_count, 2);
    ck_assert_str_eq(meta.parents[0].ulid.text, ulids[1].text);
    ck_assert_int_eq(meta.parents[1].begin_ms, 1000);
    ck_assert_int_eq(meta.parents[1].end_ms, 2000);
    block_meta_done(&meta);
    end();
}
END_TEST

/* Equal times differ in their values: what a query gets is kept, once. */
START_TEST(merges_blocks_that_overlap_as_a_query_does)
{
    begin();
    const struct test_series first[] = {
        {.labels = "__name__=a", .step_ms = 10, .count = 100, .chunk_samples = 30},
        {.labels = "__name__=h", .step_ms = 10, .count = 100, .histograms = true},
    };
    const struct test_series second[] = {
        {.labels = "__name__=a", .begin_ms = 105, .step_ms = 5, .count = 160, .first = 7000},
        {.labels = "__name__=h", .begin_ms = 95, .step_ms = 15, .count = 40, .first = 5000},
    };
    struct ulid ulids[] = {test_dir_block(&dir, 1, 0, 1000, first, 2),
                           test_dir_block(&dir, 2, 0, 1000, second, 1)};
    merge(ulids, 2);
    expect_equal(dir.path, out_path);
    struct block_meta meta = made_meta();
    ck_assert_uint_eq(meta.sample_count, 100 + 80 + 100);
    block_meta_done(&meta);
    end();
}
END_TEST

START_TEST(leaves_out_what_was_deleted)
{
    begin();
    const struct test_series series[] = {
        {.labels = "__name__=a", .step_ms = 10, .count = 100, .chunk_samples = 30},
        {.labels = "__name__=b", .step_ms = 10, .count = 50},
    };
    struct ulid ulid = test_dir_block(&dir, 1, 0, 1000, series, 2);
    test_dir_delete(&dir, ulid, 100, 399);
    struct block *block = test_dir_open(&dir, ulid);
    struct compact_options to = options();
    ck_assert_msg(compact_block_anew(block, &to, &result, &err), "%s", err.msg);
    block_unref(block);
    expect_equal(dir.path, out_path);
    struct block_meta meta = made_meta();
    ck_assert_uint_eq(meta.sample_count, 120);
    ck_assert_uint_eq(meta.level, 1);
    ck_assert_uint_eq(meta.source_count, 1);
    ck_assert_str_eq(meta.sources[0].text, result.ulid.text);
    ck_assert_uint_eq(meta.parent_count, 1);
    ck_assert_str_eq(meta.parents[0].ulid.text, ulid.text);
    block_meta_done(&meta);
    end();
}
END_TEST

/* Else what was deleted since the block was opened would come back for good. */
START_TEST(takes_no_block_whose_tombstones_it_does_not_know)
{
    begin();
    const struct test_series series = {.labels = "__name__=a", .step_ms = 10, .count = 100};
    struct ulid ulid = test_dir_block(&dir, 1, 0, 1000, &series, 1);
    struct block *block = test_dir_open(&dir, ulid);
    test_dir_delete(&dir, ulid, 100, 399);
    struct compact_options to = options();
    ck_assert(!compact_blocks(&block, 1, &to, &result, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    err_clear(&err);
    ck_assert(!compact_block_anew(block, &to, &result, &err));
    ck_assert_uint_eq(count_entries(out_path), 0);
    block_unref(block);
    end();
}
END_TEST

START_TEST(makes_no_block_of_nothing)
{
    begin();
    const struct test_series series = {.labels = "__name__=a", .step_ms = 10, .count = 100};
    struct ulid ulid = test_dir_block(&dir, 1, 0, 1000, &series, 1);
    test_dir_delete(&dir, ulid, 0, 999);
    struct block *block = test_dir_open(&dir, ulid);
    struct compact_options to = options();
    ck_assert_msg(compact_block_anew(block, &to, &result, &err), "%s", err.msg);
    block_unref(block);
    ck_assert(!result.written);
    ck_assert_uint_eq(count_entries(out_path), 0);
    end();
}
END_TEST

/* As Prometheus; and where one is lost, another one says how far the head is in blocks. */
START_TEST(keeps_hints)
{
    begin();
    const struct test_series series = {.labels = "__name__=a", .step_ms = 10, .count = 10};
    struct ulid ulids[] = {test_dir_block(&dir, 1, 0, 1000, &series, 1),
                           test_dir_block(&dir, 2, 0, 1000, &series, 1)};
    for (size_t late = 1; late <= 2; late++) {
        const char *path = arena_printf(dir.arena, "%s/%s", dir.path, ulids[late - 1].text);
        struct block_meta meta = {0};
        ck_assert(block_meta_read(path, &meta, &err));
        meta.hints = BLOCK_FROM_OUT_OF_ORDER;
        ck_assert(block_meta_write(path, &meta, &err));
        block_meta_done(&meta);

        merge(ulids, 2);
        meta = made_meta();
        ck_assert_uint_eq(meta.hints, late == 2 ? BLOCK_FROM_OUT_OF_ORDER : BLOCK_ENDS_HEAD);
        ck_assert(meta.beside_head == (late == 2));
        block_meta_done(&meta);
    }
    end();
}
END_TEST

START_TEST(leaves_nothing_behind_a_failure)
{
    begin();
    const struct test_series series = {
        .labels = "__name__=a", .step_ms = 10, .count = 100, .chunk_samples = 30};
    struct block *block = test_dir_open(&dir, test_dir_block(&dir, 1, 0, 1000, &series, 1));
    struct compact_options to = options();
    _Atomic bool cancel = true;
    to.cancel = &cancel;
    ck_assert(!compact_block_anew(block, &to, &result, &err));
    ck_assert_int_eq(err.kind, ERR_CANCELED);
    to.cancel = NULL;
    err_clear(&err);
    budget_init(&budget, NULL, "--compaction", 1000);
    ck_assert(!compact_block_anew(block, &to, &result, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    to.dir = "/nowhere";
    err_clear(&err);
    budget_init(&budget, NULL, "--compaction", 0);
    ck_assert(!compact_block_anew(block, &to, &result, &err));
    ck_assert(err.kind == ERR_IO || err.kind == ERR_NOT_FOUND);
    ck_assert_uint_eq(count_entries(out_path), 0);
    block_unref(block);
    end();
}
END_TEST

/* All kinds of samples, in a head of its own. */
#define SAMPLE_COUNT 700
#define STEP_MS 15000
#define RANGE_MS ((int64_t)2 * 60 * 60 * 1000)

static const struct wal_label float_labels[] = {{{"__name__", 8}, {"floats", 6}}};
static const struct wal_label whole_labels[] = {{{"__name__", 8}, {"whole", 5}}};
static const struct wal_label custom_labels[] = {{{"__name__", 8}, {"custom", 6}}};
static const struct wal_label gauge_labels[] = {{{"__name__", 8}, {"gauge", 5}}};

static double float_at(size_t i)
{
    uint64_t odd_nan = UINT64_C(0x7ff4000000000000) + i;
    if (i % 50 == 3)
        return value_stale();
    if (i % 50 == 4)
        return value_of_bits(odd_nan);
    return i % 50 == 5 ? -0.0 : 0.1 * (double)i;
}

static struct append_series series_at(const struct wal_label *labels, size_t i)
{
    struct append_series series = {.labels = labels, .label_count = 1};
    int64_t t_ms = (int64_t)i * STEP_MS;
    int64_t start_ms = i < 300 ? 1 : (int64_t)(i / 100) * 100 * STEP_MS;
    static const struct histogram_span spans[] = {{-2, 2}, {3, 1}};
    static const double bounds[] = {0.5, 2, 8};
    if (labels == float_labels) {
        struct append_sample *sample = arena_new(dir.arena, struct append_sample);
        *sample = (struct append_sample){t_ms, start_ms, float_at(i)};
        series.samples = sample;
        series.sample_count = 1;
        return series;
    }
    struct append_histogram *h = arena_new(dir.arena, struct append_histogram);
    uint64_t *buckets = arena_array(dir.arena, uint64_t, 3);
    *h = (struct append_histogram){.t_ms = t_ms, .start_ms = start_ms};
    h->raw.sum = float_at(i);
    h->raw.is_float = labels == gauge_labels;
    uint64_t base = i % 400; /* begins anew once */
    double scale = 0.5;
    for (size_t k = 0; k < 3; k++)
        buckets[k] = h->raw.is_float ? value_bits(scale * (double)(base + k)) : base * (k + 1);
    h->raw.count = h->raw.is_float ? value_bits(scale * (double)(3 * base + 3)) : base * 6;
    h->raw.sides[0] = (struct raw_side){spans, buckets, 2, 3};
    if (labels == custom_labels) {
        static const struct histogram_span custom_span = {0, 3};
        h->raw.schema = HISTOGRAM_SCHEMA_CUSTOM;
        h->raw.custom_bounds = bounds;
        h->raw.custom_bound_count = 3;
        h->raw.sides[0] = (struct raw_side){&custom_span, buckets, 1, 3};
    }
    if (labels == gauge_labels)
        h->raw.hint = HISTOGRAM_GAUGE;
    series.histograms = h;
    series.histogram_count = 1;
    return series;
}

static void fill_head(struct head *head)
{
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct append_series series[] = {series_at(custom_labels, i), series_at(float_labels, i),
                                         series_at(gauge_labels, i), series_at(whole_labels, i)};
        struct append_batch batch = {.series = series, .count = 4, .future_ms = INT64_MAX};
        struct append_result appended;
        ck_assert_msg(head_append(head, &batch, APPEND_ALL_OR_NOTHING, &appended, &err), "%s",
                      err.msg);
    }
}

static struct head *open_head(const struct db_options *opened)
{
    struct head *head;
    ck_assert_msg(head_open(dir.path, opened, &head, &err), "%s", err.msg);
    ck_assert_msg(head_refresh(head, INT64_MIN, &err), "%s", err.msg);
    return head;
}

/* In parts that cut chunks in two, so that some are copied and some are packed anew. */
START_TEST(keeps_every_bit_of_a_head)
{
    begin();
    cuts_chunks = true;
    const struct db_options opened = {.keeps_starts = true};
    struct head *head = open_head(&opened);
    ck_assert_msg(head_begin_writing(head, &err), "%s", err.msg);
    fill_head(head);
    head_close(head);

    head = open_head(&opened);
    struct compact_options to = options();
    uint64_t sample_count = 0;
    const int64_t cuts[] = {0, RANGE_MS, RANGE_MS + 100 * STEP_MS + 1, INT64_C(1) << 40};
    for (size_t i = 0; i + 1 < ARRAY_COUNT(cuts); i++) {
        ck_assert_msg(compact_head(head, cuts[i], cuts[i + 1], &to, &result, &err), "%s", err.msg);
        ck_assert(result.written);
        ck_assert_uint_eq(result.series_count, 4);
        sample_count += result.sample_count;
        struct block_meta meta = made_meta();
        ck_assert_uint_eq(meta.level, 1);
        ck_assert_uint_eq(meta.float_count * 3, meta.histogram_count);
        block_meta_done(&meta);
    }
    ck_assert_uint_eq(sample_count, 4 * SAMPLE_COUNT);
    ck_assert_uint_eq(count_entries(out_path), 3);
    head_close(head);
    expect_equal(dir.path, out_path);
    end();
}
END_TEST

TEST_MAIN("compact_write", merges_blocks_side_by_side, merges_blocks_that_overlap_as_a_query_does,
          leaves_out_what_was_deleted, takes_no_block_whose_tombstones_it_does_not_know,
          makes_no_block_of_nothing, keeps_hints, leaves_nothing_behind_a_failure,
          keeps_every_bit_of_a_head)
