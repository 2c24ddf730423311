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
    size_t pair_count;
    size_t last_count;
    bool any;
    struct chunk_meta *metas; /* of the series at hand */
    size_t meta_count;
    size_t meta_cap;
    struct block_meta meta; /* borrows sources, parents and hints */
    size_t charged;
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
    w->meta = (struct block_meta){
        .ulid = options->ulid,
        .begin_ms = options->begin_ms,
        .end_ms = options->end_ms,
        .level = options->level ? options->level : 1,
        .hints = options->hints,
        .other_hints = (char **)(uintptr_t)options->other_hints,
        .other_hint_count = options->other_hint_count,
        .sources = options->sources ? (struct ulid *)(uintptr_t)options->sources : &w->options.ulid,
        .source_count = options->sources ? options->source_count : 1,
        .parents = (struct block_desc *)(uintptr_t)options->parents,
        .parent_count = options->parent_count,
    };
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
    if (w->options.budget)
        budget_release(w->options.budget, w->charged);
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

static bool block_writer_check_chunk(const struct block_writer *w,
                                     const struct block_write_chunk *chunk, struct err *err)
{
    if (chunk->begin_ms > chunk->end_ms || chunk->begin_ms < w->options.begin_ms ||
        chunk->end_ms >= w->options.end_ms)
        return err_set(err, ERR_BAD_DATA, "a chunk lies outside of the block's range");
    if (w->meta_count > 0 && chunk->begin_ms <= w->metas[w->meta_count - 1].end_ms)
        return err_set(err, ERR_BAD_DATA, "chunks overlap or are in no order");
    return true;
}

bool block_writer_chunk(struct block_writer *w, const struct block_write_chunk *chunk,
                        struct err *err)
{
    size_t count = 0;
    if (!block_writer_check_chunk(w, chunk, err))
        return false;
    if (!chunk_count(chunk->encoding, chunk->data, chunk->size, &count))
        return err_set(err, ERR_BAD_DATA, "a chunk of %zu bytes", chunk->size);
    size_t size = VARINT_SIZE_MAX + 1 + chunk->size + 4;
    if ((!w->segment_open || w->segment.size + size > w->options.segment_size_max) &&
        !segment_begin(w, err))
        return false;

    mem_grow(w->metas, struct chunk_meta, w->meta_count, &w->meta_cap);
    w->metas[w->meta_count++] = (struct chunk_meta){
        chunk->begin_ms, chunk->end_ms, (uint64_t)(w->segment_number - 1) << 32 | w->segment.size};
    out_uvarint(&w->segment, chunk->size);
    out_crc_begin(&w->segment);
    out_u8(&w->segment, chunk->encoding);
    out_bytes(&w->segment, chunk->data, chunk->size);
    out_be32(&w->segment, w->segment.crc);
    w->meta.sample_count += count;
    if (chunk_encoding_is_float(chunk->encoding))
        w->meta.float_count += count;
    else
        w->meta.histogram_count += count;
    return true;
}

bool block_writer_begin_series(struct block_writer *w, const struct labels *labels, struct err *err)
{
    w->meta_count = 0;
    if (!w->index && !block_writer_begin(w, err))
        return false;
    w->pair_count = labels->count;
    return block_writer_translate(w, labels, err);
}

/* Charges what was taken since the last time. */
static bool block_writer_charge(struct block_writer *w, struct err *err)
{
    if (!w->options.budget)
        return true;
    size_t held = index_writer_memory(w->index) + w->symbol_cap * sizeof *w->file_symbols +
                  w->text_count * sizeof *w->texts + w->meta_cap * sizeof *w->metas;
    if (held <= w->charged)
        return true;
    if (!budget_charge(w->options.budget, held - w->charged, err))
        return false;
    w->charged = held;
    return true;
}

bool block_writer_end_series(struct block_writer *w, struct err *err)
{
    if (!index_writer_series(w->index, w->pairs, w->pair_count, w->metas, w->meta_count, err))
        return false;
    w->meta.series_count++;
    w->meta.chunk_count += w->meta_count;

    struct label *before = w->last_pairs;
    w->last_pairs = w->pairs;
    w->last_count = w->pair_count;
    w->pairs = before;
    w->any = true;
    return block_writer_charge(w, err);
}

bool block_writer_series(struct block_writer *w, const struct labels *labels,
                         const struct block_write_chunk *chunks, size_t chunk_count,
                         struct err *err)
{
    if (!block_writer_begin_series(w, labels, err))
        return false;
    for (size_t i = 0; i < chunk_count; i++)
        if (!block_writer_chunk(w, &chunks[i], err))
            return false;
    return block_writer_end_series(w, err);
}

const struct block_meta *block_writer_meta(const struct block_writer *w)
{
    return &w->meta;
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

bool block_writer_finish(struct block_writer *w, struct err *err)
{
    if (!w->index && !block_writer_begin(w, err))
        return false;
    if (!index_writer_finish(w->index, err) || !segment_finish(w, err) ||
        !block_write_tombstones(w, err) || !block_meta_write(w->scratch_dir, &w->meta, err))
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
