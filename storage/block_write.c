/*
 * Everything is written into ULID.tmp-for-creation, the name under which Prometheus too removes
 * what was left half-written, and renamed when all is synced.
 */
#include "storage/block_write.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/symbols.h"
#include "storage/chunk.h"
#include "storage/index_write.h"
#include "storage/out_file.h"

#define SEGMENT_SIZE_MAX (512u << 20)
#define SEGMENT_HEADER_SIZE 8
#define SYMBOL_NOT_DECLARED UINT32_MAX

struct block_writer {
    struct block_write_options options;
    char *dir;              /* of the data */
    char *scratch_dir;      /* of the block while it is written; NULL once it is renamed */
    uint32_t *file_symbols; /* by the query's number: not declared, declared (0), or its number */
    size_t symbol_cap;
    struct str *texts; /* of the file's symbols; set with the first series */
    size_t text_count;
    struct index_writer *index;
    struct out_file segment;
    bool segment_open;
    uint32_t segment_number; /* of the open one, from 1 on */
    struct label *pairs;     /* of the series at hand, and of the one before, in file symbols */
    struct label *last_pairs;
    size_t pair_cap;
    size_t last_count;
    bool any;
    struct chunk_meta *metas;
    size_t meta_cap;
    struct {
        uint64_t samples, floats, histograms, series, chunks;
    } stats;
};

static void block_path(struct buf *path, const struct block_writer *w, const char *name)
{
    buf_clear(path);
    buf_printf(path, "%s/%s", w->scratch_dir, name);
}

bool block_writer_create(const char *dir, const struct block_write_options *options,
                         struct block_writer **ret_writer, struct err *err)
{
    AUTO(block_writer_close) struct block_writer *w = mem_new(struct block_writer);
    AUTO(buf_done) struct buf path = {0};
    w->options = *options;
    w->options.level = options->level ? options->level : 1;
    if (w->options.segment_size_max == 0)
        w->options.segment_size_max = SEGMENT_SIZE_MAX;
    w->dir = mem_strdup(dir);
    buf_printf(&path, "%s/%s.tmp-for-creation", dir, options->ulid.text);
    w->scratch_dir = mem_strdup(buf_terminated(&path));
    if (file_exists(w->scratch_dir) && !file_remove_all(w->scratch_dir, err))
        return false;
    if (!file_make_folder(w->scratch_dir, err))
        return false;
    block_path(&path, w, "chunks");
    if (!file_make_folder(buf_terminated(&path), err))
        return false;
    *ret_writer = TAKE(w);
    return true;
}

void block_writer_close(struct block_writer *w)
{
    if (!w)
        return;
    struct err ignored = {0};
    index_writer_destroy(w->index);
    if (w->segment_open)
        out_file_done(&w->segment);
    if (w->scratch_dir && file_exists(w->scratch_dir))
        (void)!file_remove_all(w->scratch_dir, &ignored);
    free(w->scratch_dir);
    free(w->dir);
    free(w->file_symbols);
    free(w->texts);
    free(w->pairs);
    free(w->last_pairs);
    free(w->metas);
    free(w);
}

static void block_writer_use(struct block_writer *w, uint32_t symbol)
{
    if (symbol >= w->symbol_cap) {
        size_t cap = symbols_count(w->options.symbols);
        assert(symbol < cap);
        w->file_symbols = mem_resize(w->file_symbols, uint32_t, cap);
        memset(w->file_symbols + w->symbol_cap, 0xff,
               (cap - w->symbol_cap) * sizeof *w->file_symbols);
        w->symbol_cap = cap;
    }
    if (w->file_symbols[symbol] == SYMBOL_NOT_DECLARED) {
        w->file_symbols[symbol] = 0;
        w->text_count++;
    }
}

void block_writer_declare(struct block_writer *w, const struct labels *labels)
{
    assert(!w->index);
    for (size_t i = 0; i < labels->count; i++) {
        block_writer_use(w, labels->pairs[i].name);
        block_writer_use(w, labels->pairs[i].value);
    }
}

static int symbol_text_order(const void *left, const void *right, void *context)
{
    return symbols_cmp(context, *(const uint32_t *)left, *(const uint32_t *)right);
}

/* Numbers the symbols by their texts, and begins the index. */
static bool block_writer_begin(struct block_writer *w, struct err *err)
{
    uint32_t *order = mem_new_array(uint32_t, w->text_count);
    size_t count = 0;
    for (size_t i = 0; i < w->symbol_cap; i++)
        if (w->file_symbols[i] != SYMBOL_NOT_DECLARED)
            order[count++] = (uint32_t)i;
    qsort_r(order, count, sizeof *order, symbol_text_order, (void *)(uintptr_t)w->options.symbols);
    w->texts = mem_new_array(struct str, count);
    for (size_t i = 0; i < count; i++) {
        w->texts[i] = symbols_get(w->options.symbols, order[i]);
        w->file_symbols[order[i]] = (uint32_t)i;
    }
    free(order);

    AUTO(buf_done) struct buf path = {0};
    block_path(&path, w, "index");
    return index_writer_create(buf_terminated(&path), w->texts, count, &w->index, err);
}

static int pairs_cmp(const struct label *a, size_t a_count, const struct label *b, size_t b_count)
{
    for (size_t i = 0; i < a_count && i < b_count; i++) {
        if (a[i].name != b[i].name)
            return a[i].name < b[i].name ? -1 : 1;
        if (a[i].value != b[i].value)
            return a[i].value < b[i].value ? -1 : 1;
    }
    return (a_count > b_count) - (a_count < b_count);
}

/* The labels in the file's symbols, which are in the order of their texts. */
static bool block_writer_translate(struct block_writer *w, const struct labels *labels,
                                   struct err *err)
{
    if (labels->count > w->pair_cap) {
        w->pair_cap = labels->count + 16;
        w->pairs = mem_resize(w->pairs, struct label, w->pair_cap);
        w->last_pairs = mem_resize(w->last_pairs, struct label, w->pair_cap);
    }
    for (size_t i = 0; i < labels->count; i++) {
        struct label pair = labels->pairs[i];
        if (pair.name >= w->symbol_cap || w->file_symbols[pair.name] == SYMBOL_NOT_DECLARED ||
            pair.value >= w->symbol_cap || w->file_symbols[pair.value] == SYMBOL_NOT_DECLARED)
            return err_set(err, ERR_BAD_DATA, "series with labels that were not declared");
        w->pairs[i] = (struct label){w->file_symbols[pair.name], w->file_symbols[pair.value]};
        if (i > 0 && w->pairs[i].name <= w->pairs[i - 1].name)
            return err_set(err, ERR_BAD_DATA, "series with labels in no order");
    }
    if (w->any && pairs_cmp(w->last_pairs, w->last_count, w->pairs, labels->count) >= 0)
        return err_set(err, ERR_BAD_DATA, "series in no order");
    return true;
}

static bool segment_finish(struct block_writer *w, struct err *err)
{
    if (!w->segment_open)
        return true;
    w->segment_open = false;
    return out_file_finish(&w->segment, err);
}

static bool segment_begin(struct block_writer *w, struct err *err)
{
    AUTO(buf_done) struct buf path = {0};
    char name[32];
    if (!segment_finish(w, err))
        return false;
    snprintf(name, sizeof name, "chunks/%06u", ++w->segment_number);
    block_path(&path, w, name);
    if (!out_file_create(buf_terminated(&path), &w->segment, err))
        return false;
    w->segment_open = true;
    out_be32(&w->segment, 0x85BD40DDu);
    out_be32(&w->segment, 0x01000000u); /* version, and three zero bytes */
    return true;
}

static bool block_writer_chunk(struct block_writer *w, const struct block_write_chunk *chunk,
                               struct chunk_meta *ret_meta, struct err *err)
{
    size_t count = 0;
    if (!chunk_count(chunk->encoding, chunk->data, chunk->size, &count))
        return err_set(err, ERR_BAD_DATA, "a chunk of %zu bytes", chunk->size);
    size_t size = VARINT_SIZE_MAX + 1 + chunk->size + 4;
    if ((!w->segment_open || w->segment.size + size > w->options.segment_size_max) &&
        !segment_begin(w, err))
        return false;

    *ret_meta = (struct chunk_meta){chunk->begin_ms, chunk->end_ms,
                                    (uint64_t)(w->segment_number - 1) << 32 | w->segment.size};
    out_uvarint(&w->segment, chunk->size);
    out_crc_begin(&w->segment);
    out_u8(&w->segment, chunk->encoding);
    out_bytes(&w->segment, chunk->data, chunk->size);
    out_be32(&w->segment, w->segment.crc);
    w->stats.samples += count;
    if (chunk->encoding == CHUNK_XOR || chunk->encoding == CHUNK_XOR2)
        w->stats.floats += count;
    else
        w->stats.histograms += count;
    return true;
}

static bool block_writer_check_chunks(const struct block_writer *w,
                                      const struct block_write_chunk *chunks, size_t count,
                                      struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (chunks[i].begin_ms > chunks[i].end_ms || chunks[i].begin_ms < w->options.begin_ms ||
            chunks[i].end_ms >= w->options.end_ms)
            return err_set(err, ERR_BAD_DATA, "a chunk lies outside of the block's range");
        if (i > 0 && chunks[i].begin_ms <= chunks[i - 1].end_ms)
            return err_set(err, ERR_BAD_DATA, "chunks overlap or are in no order");
    }
    return true;
}

bool block_writer_series(struct block_writer *w, const struct labels *labels,
                         const struct block_write_chunk *chunks, size_t chunk_count,
                         struct err *err)
{
    if (!w->index && !block_writer_begin(w, err))
        return false;
    if (!block_writer_translate(w, labels, err) ||
        !block_writer_check_chunks(w, chunks, chunk_count, err))
        return false;
    if (chunk_count > w->meta_cap) {
        w->meta_cap = chunk_count + 16;
        w->metas = mem_resize(w->metas, struct chunk_meta, w->meta_cap);
    }
    for (size_t i = 0; i < chunk_count; i++)
        if (!block_writer_chunk(w, &chunks[i], &w->metas[i], err))
            return false;
    if (!index_writer_series(w->index, w->pairs, labels->count, w->metas, chunk_count, err))
        return false;
    w->stats.series++;
    w->stats.chunks += chunk_count;

    struct label *before = w->last_pairs;
    w->last_pairs = w->pairs;
    w->last_count = labels->count;
    w->pairs = before;
    w->any = true;
    return true;
}

static bool block_write_tombstones(const struct block_writer *w, struct err *err)
{
    AUTO(buf_done) struct buf path = {0};
    AUTO(out_file_done) struct out_file file = {.fd = -1};
    block_path(&path, w, "tombstones");
    if (!out_file_create(buf_terminated(&path), &file, err))
        return false;
    out_be32(&file, 0x0130BA30u);
    out_u8(&file, 1);
    out_be32(&file, 0); /* the sum of no stones */
    return out_file_finish(&file, err);
}

/* As Prometheus prints it: tabs, and its order of fields. */
static bool block_write_meta(const struct block_writer *w, struct err *err)
{
    const struct block_write_options *o = &w->options;
    AUTO(buf_done) struct buf json = {0};
    buf_printf(&json, "{\n\t\"ulid\": \"%s\",\n\t\"minTime\": %lld,\n\t\"maxTime\": %lld,\n",
               o->ulid.text, (long long)o->begin_ms, (long long)o->end_ms);
    buf_printf(&json, "\t\"stats\": {\n\t\t\"numSamples\": %llu,\n",
               (unsigned long long)w->stats.samples);
    if (w->stats.floats)
        buf_printf(&json, "\t\t\"numFloatSamples\": %llu,\n", (unsigned long long)w->stats.floats);
    if (w->stats.histograms)
        buf_printf(&json, "\t\t\"numHistogramSamples\": %llu,\n",
                   (unsigned long long)w->stats.histograms);
    buf_printf(&json, "\t\t\"numSeries\": %llu,\n\t\t\"numChunks\": %llu\n\t},\n",
               (unsigned long long)w->stats.series, (unsigned long long)w->stats.chunks);
    buf_printf(&json, "\t\"compaction\": {\n\t\t\"level\": %u,\n\t\t\"sources\": [", o->level);
    size_t source_count = o->sources ? o->source_count : 1;
    const struct ulid *sources = o->sources ? o->sources : &o->ulid;
    for (size_t i = 0; i < source_count; i++)
        buf_printf(&json, "%s\n\t\t\t\"%s\"", i ? "," : "", sources[i].text);
    buf_printf(&json, "\n\t\t]\n\t},\n\t\"version\": 1\n}");

    AUTO(buf_done) struct buf path = {0};
    block_path(&path, w, "meta.json");
    return file_write_whole(buf_terminated(&path), buf_view(&json), err);
}

bool block_writer_finish(struct block_writer *w, struct err *err)
{
    if (!w->index && !block_writer_begin(w, err))
        return false;
    if (!index_writer_finish(w->index, err) || !segment_finish(w, err) ||
        !block_write_tombstones(w, err) || !block_write_meta(w, err))
        return false;

    AUTO(buf_done) struct buf path = {0};
    block_path(&path, w, "chunks");
    if (!file_sync_folder(buf_terminated(&path), err) || !file_sync_folder(w->scratch_dir, err))
        return false;
    buf_clear(&path);
    buf_printf(&path, "%s/%s", w->dir, w->options.ulid.text);
    if (rename(w->scratch_dir, buf_terminated(&path)) != 0)
        return err_set(err, ERR_IO, "%s: cannot rename to: %s", buf_terminated(&path),
                       strerror(errno));
    free(w->scratch_dir);
    w->scratch_dir = NULL;
    return file_sync_folder(w->dir, err);
}
