#include "storage/test_blocks.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/varint.h"
#include "model/histogram_samples.h"
#include "storage/block_write.h"
#include "storage/chunk.h"
#include "storage/chunk_histogram_write.h"
#include "storage/chunk_xor.h"

#define TEST_CHUNKS_MAX 64

void test_dir_init(struct test_dir *dir)
{
    strcpy(dir->path, "/tmp/millrace-test.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir->path));
    dir->arena = arena_create(NULL);
    dir->symbols = symbols_new(dir->arena);
}

void test_dir_done(struct test_dir *dir)
{
    struct err err = {0};
    ck_assert(file_remove_all(dir->path, &err));
    symbols_done(dir->symbols);
    arena_destroy(dir->arena);
}

const struct labels *test_labels(struct test_dir *dir, const char *text)
{
    struct label pairs[16];
    size_t count = 0;
    while (*text) {
        size_t name = strcspn(text, "=");
        size_t value = strcspn(text + name + 1, ",");
        ck_assert_uint_lt(count, 16);
        pairs[count].name = symbols_add(dir->symbols, (struct str){text, name});
        pairs[count++].value = symbols_add(dir->symbols, (struct str){text + name + 1, value});
        text += name + 1 + value;
        text += *text == ',';
    }
    return labels_new(dir->arena, pairs, count);
}

static void test_write_series(struct block_writer *writer, const struct labels *labels,
                              const struct test_series *series)
{
    struct xor_appender appenders[TEST_CHUNKS_MAX];
    struct block_write_chunk chunks[TEST_CHUNKS_MAX];
    size_t per_chunk = series->chunk_samples ? series->chunk_samples : series->count;
    size_t count = 0;
    for (size_t i = 0; i < series->count; i++) {
        int64_t t = series->begin_ms + (int64_t)i * series->step_ms;
        if (i % per_chunk == 0) {
            ck_assert_uint_lt(count, TEST_CHUNKS_MAX);
            xor_appender_init(&appenders[count]);
            chunks[count++] = (struct block_write_chunk){.begin_ms = t, .encoding = CHUNK_XOR};
        }
        xor_appender_append(&appenders[count - 1], t, series->first + (double)i);
        chunks[count - 1].end_ms = t;
    }
    for (size_t i = 0; i < count; i++) {
        chunks[i].data = appenders[i].bytes;
        chunks[i].size = appenders[i].size;
    }
    struct err err = {0};
    ck_assert_msg(block_writer_series(writer, labels, chunks, count, &err), "%s", err.msg);
    for (size_t i = 0; i < count; i++)
        xor_appender_done(&appenders[i]);
}

static void test_append_histogram(struct histogram_appender *appender, int64_t t, double count,
                                  bool gauge)
{
    static const struct histogram_span span = {.offset = 1, .length = 1};
    uint64_t bucket = value_bits(count);
    struct raw_histogram h = {.is_float = true, .sum = count, .count = bucket};
    h.hint = gauge ? HISTOGRAM_GAUGE : HISTOGRAM_UNKNOWN;
    h.sides[0] = (struct raw_side){&span, &bucket, 1, 1};
    histogram_appender_append(appender, t, 0, &h);
}

static void test_write_histograms(struct block_writer *writer, const struct labels *labels,
                                  const struct test_series *series)
{
    struct histogram_appender appenders[TEST_CHUNKS_MAX];
    struct block_write_chunk chunks[TEST_CHUNKS_MAX];
    size_t per_chunk = series->chunk_samples ? series->chunk_samples : series->count;
    size_t count = 0;
    for (size_t i = 0; i < series->count; i++) {
        if (i % per_chunk == 0) {
            ck_assert_uint_lt(count, TEST_CHUNKS_MAX);
            histogram_appender_init(&appenders[count++], CHUNK_FLOAT_HISTOGRAM);
        }
        test_append_histogram(&appenders[count - 1],
                              series->begin_ms + (int64_t)i * series->step_ms,
                              series->first + (double)i, series->gauge);
    }
    for (size_t i = 0; i < count; i++)
        chunks[i] = (struct block_write_chunk){
            .begin_ms = appenders[i].begin_ms,
            .end_ms = appenders[i].t_ms,
            .data = appenders[i].out.bytes,
            .size = appenders[i].out.size,
            .encoding = appenders[i].encoding,
        };
    struct err err = {0};
    ck_assert_msg(block_writer_series(writer, labels, chunks, count, &err), "%s", err.msg);
    for (size_t i = 0; i < count; i++)
        histogram_appender_done(&appenders[i]);
}

struct test_row {
    const struct labels *labels;
    const struct test_series *series;
};

static int test_row_order(const void *a, const void *b, void *symbols)
{
    return labels_cmp(symbols, ((const struct test_row *)a)->labels,
                      ((const struct test_row *)b)->labels);
}

struct ulid test_dir_block(struct test_dir *dir, unsigned number, int64_t begin_ms, int64_t end_ms,
                           const struct test_series *series, size_t count)
{
    struct err err = {0};
    AUTO(block_writer_close) struct block_writer *writer = NULL;
    struct block_write_options options = {.symbols = dir->symbols,
                                          .begin_ms = begin_ms,
                                          .end_ms = end_ms,
                                          .ulid = ulid_make(number, 0, number)};
    ck_assert_msg(block_writer_create(dir->path, &options, &writer, &err), "%s", err.msg);
    struct test_row *rows = mem_new_array(struct test_row, count);
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct test_row){test_labels(dir, series[i].labels), &series[i]};
        block_writer_declare(writer, rows[i].labels);
    }
    qsort_r(rows, count, sizeof *rows, test_row_order, dir->symbols);
    for (size_t i = 0; i < count; i++)
        if (rows[i].series->histograms)
            test_write_histograms(writer, rows[i].labels, rows[i].series);
        else
            test_write_series(writer, rows[i].labels, rows[i].series);
    ck_assert_msg(block_writer_finish(writer, &err), "%s", err.msg);
    free(rows);
    return options.ulid;
}

struct block *test_dir_open(struct test_dir *dir, struct ulid ulid)
{
    struct err err = {0};
    struct block *block = NULL;
    const char *path = arena_printf(dir->arena, "%s/%s", dir->path, ulid.text);
    ck_assert_msg(block_open(path, &block, &err), "%s", err.msg);
    return block;
}

static uint32_t first_ref(struct test_dir *dir, struct ulid ulid)
{
    struct block *block = test_dir_open(dir, ulid);
    struct postings_view all;
    struct err err;
    ck_assert(index_postings_all(block_index(block), &all, &err));
    uint32_t ref = postings_at(all, 0);
    block_unref(block);
    return ref;
}

struct ulid test_dir_add(struct test_dir *dir, unsigned number, struct test_series series)
{
    series.labels = "a=x";
    series.step_ms = series.step_ms ? series.step_ms : 10;
    return test_dir_block(dir, number, 0, 1000, &series, 1);
}

void test_dir_delete(struct test_dir *dir, struct ulid ulid, int64_t begin_ms, int64_t end_ms)
{
    uint8_t bytes[64] = {0x01, 0x30, 0xBA, 0x30, 1};
    size_t size = 5;
    size += write_uvarint(bytes + size, first_ref(dir, ulid));
    size += write_varint(bytes + size, begin_ms);
    size += write_varint(bytes + size, end_ms);
    store_be32(bytes + size, crc32c(bytes + 5, size - 5));
    test_write_file(arena_printf(dir->arena, "%s/%s/tombstones", dir->path, ulid.text),
                    (struct str){(char *)bytes, size + 4});
}

struct append_series test_append_series(struct test_dir *dir, const char *name,
                                        const int64_t *times_ms, size_t count, bool histograms)
{
    static const struct histogram_span span = {.offset = 1, .length = 1};
    static const uint64_t bucket = 1;
    struct wal_label *label = arena_new(dir->arena, struct wal_label);
    *label = (struct wal_label){STR("__name__"), str_of(name)};
    struct append_series series = {.labels = label, .label_count = 1};
    if (histograms) {
        struct append_histogram *all = arena_array(dir->arena, struct append_histogram, count);
        for (size_t i = 0; i < count; i++)
            all[i] = (struct append_histogram){
                .t_ms = times_ms[i],
                .raw = {.sum = 1, .count = 1, .sides[0] = {&span, &bucket, 1, 1}}};
        series.histograms = all;
        series.histogram_count = count;
        return series;
    }
    struct append_sample *samples = arena_array(dir->arena, struct append_sample, count);
    for (size_t i = 0; i < count; i++)
        samples[i] = (struct append_sample){.t_ms = times_ms[i], .v = (double)times_ms[i]};
    series.samples = samples;
    series.sample_count = count;
    return series;
}

void test_select_open(struct test_select *select, struct test_dir *dir, const char *matcher,
                      int64_t begin_ms, int64_t end_ms)
{
    struct err err = {0};
    struct db_options options = {.read_only = true};
    ck_assert_msg(db_open(dir->path, &options, &select->db, &err), "%s", err.msg);
    select->matcher = matcher ? test_matcher(dir, matcher) : NULL;
    struct select_request request = {
        .matchers = &select->matcher,
        .matcher_count = matcher != NULL,
        .begin_ms = begin_ms,
        .end_ms = end_ms,
        .arena = dir->arena,
        .symbols = dir->symbols,
    };
    ck_assert_msg(storage_select(db_storage(select->db), &request, &select->selection, &err), "%s",
                  err.msg);
}

void test_select_close(struct test_select *select)
{
    selection_close(select->selection);
    matcher_done(select->matcher);
    db_close(select->db);
}

struct matcher *test_matcher(struct test_dir *dir, const char *text)
{
    static const struct {
        const char *text;
        enum match_kind kind;
    } kinds[] = {
        {"=~", MATCH_REGEX}, {"!~", MATCH_NOT_REGEX}, {"!=", MATCH_NOT_EQUAL}, {"=", MATCH_EQUAL}};
    struct err err = {0};
    struct matcher *made = NULL;
    size_t name = strcspn(text, "=!");
    for (size_t i = 0; i < ARRAY_COUNT(kinds) && !made; i++) {
        size_t len = strlen(kinds[i].text);
        if (strncmp(text + name, kinds[i].text, len) == 0)
            ck_assert_msg(matcher_new(dir->arena, kinds[i].kind, (struct str){text, name},
                                      str_of(text + name + len), &made, &err),
                          "%s", err.msg);
    }
    ck_assert_ptr_nonnull(made);
    return made;
}

static void test_print_samples(const struct samples *samples, struct buf *out)
{
    const struct histogram_samples *histograms = samples->histograms;
    size_t h = 0;
    for (size_t i = 0; i <= samples->count; i++) {
        int64_t t = i < samples->count ? samples->times_ms[i] : INT64_MAX;
        for (; h < histograms->count && histograms->times_ms[h] < t; h++)
            buf_printf(out, " %lld:%c%g", (long long)histograms->times_ms[h],
                       "?r-g"[histograms->items[h]->hint], histograms -> items[h] -> count);
        if (i < samples->count)
            buf_printf(out, " %lld:%g", (long long)t, samples->values[i]);
    }
}

static void test_print_series(struct selection *selection, const struct symbols *symbols,
                              bool totals_only, struct buf *out)
{
    struct err err = {0};
    struct histogram_samples histograms = {.totals_only = totals_only};
    struct samples samples = {.histograms = &histograms};
    struct cursor *cursor = cursor_create(selection);
    for (size_t i = 0; i < selection_count(selection); i++) {
        bool more = true;
        samples.count = 0;
        histogram_samples_clear(&histograms);
        cursor_open(cursor, i);
        while (more)
            ck_assert_msg(cursor_next(cursor, &samples, &more, &err), "%s", err.msg);
        labels_print(symbols, selection_labels(selection, i), out);
        test_print_samples(&samples, out);
        buf_byte(out, '\n');
    }
    cursor_destroy(cursor);
    histogram_samples_done(&histograms);
    samples_done(&samples);
}

void test_print(struct selection *selection, const struct symbols *symbols, struct buf *out)
{
    test_print_series(selection, symbols, false, out);
}

void test_print_totals(struct selection *selection, const struct symbols *symbols, struct buf *out)
{
    test_print_series(selection, symbols, true, out);
}

void test_read_file(const char *path, struct buf *out)
{
    struct err err = {0};
    ck_assert_msg(file_read(path, 1 << 30, out, &err), "%s", err.msg);
}

void test_write_file(const char *path, struct str bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes.ptr, bytes.len), (ssize_t)bytes.len);
    close(fd);
}
