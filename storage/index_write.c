/*
 * The format is drawn in index_read.c.
 *
 * Series go to the file at once. Kept are each series' number and, one after another, the label
 * pairs of all series, as indices of distinct pairs: a counting sort over them gives every pair's
 * list when the series are through.
 */
#include "storage/index_write.h"

#include <stdlib.h>

#include "base/crc32c.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "storage/out_file.h"

#define INDEX_SERIES_ALIGN 16
#define INDEX_SIZE_MAX (UINT64_C(16) * UINT32_MAX)

struct pair {
    struct label label;
    uint32_t series_count;
};

struct series_ref {
    uint32_t id;
    uint32_t pair_count;
};

struct index_writer {
    struct out_file file;
    const struct str *symbols; /* borrowed */
    size_t symbol_count;
    struct pair *pairs;
    size_t pair_count;
    size_t pair_cap;
    struct map pair_map;
    uint32_t *uses; /* the pairs of all series, one series after another */
    size_t use_count;
    size_t use_cap;
    struct series_ref *series;
    size_t series_count;
    size_t series_cap;
    struct buf body;
    struct {
        uint64_t symbols, series, label_indices, postings, table;
    } toc;
};

static bool index_write_symbols(struct index_writer *w, struct err *err)
{
    uint64_t len = 4;
    uint8_t scratch[VARINT_SIZE_MAX];
    for (size_t i = 0; i < w->symbol_count; i++)
        len += write_uvarint(scratch, w->symbols[i].len) + w->symbols[i].len;
    if (len > UINT32_MAX || w->symbol_count > UINT32_MAX)
        return err_set(err, ERR_LIMIT, "the texts of all labels take more than 4 GiB");

    w->toc.symbols = w->file.size;
    out_be32(&w->file, (uint32_t)len);
    out_crc_begin(&w->file);
    out_be32(&w->file, (uint32_t)w->symbol_count);
    for (size_t i = 0; i < w->symbol_count; i++) {
        out_uvarint(&w->file, w->symbols[i].len);
        out_bytes(&w->file, w->symbols[i].ptr, w->symbols[i].len);
    }
    out_be32(&w->file, w->file.crc);
    w->toc.series = w->file.size;
    return true;
}

bool index_writer_create(const char *path, const struct str *symbols, size_t symbol_count,
                         struct index_writer **ret_writer, struct err *err)
{
    AUTO(index_writer_destroy) struct index_writer *w = mem_new(struct index_writer);
    w->symbols = symbols;
    w->symbol_count = symbol_count;
    if (!out_file_create(path, &w->file, err))
        return false;
    out_be32(&w->file, 0xBAAAD700u);
    out_u8(&w->file, 2);
    if (!index_write_symbols(w, err))
        return false;
    *ret_writer = TAKE(w);
    return true;
}

void index_writer_destroy(struct index_writer *w)
{
    if (!w)
        return;
    out_file_done(&w->file);
    map_done(&w->pair_map);
    buf_done(&w->body);
    free(w->pairs);
    free(w->uses);
    free(w->series);
    free(w);
}

static uint32_t index_pair(struct index_writer *w, struct label label)
{
    uint64_t hash = hash_mix(0, (uint64_t)label.name << 32 | label.value);
    struct map_probe at = map_find(&w->pair_map, hash);
    for (; map_hit(&w->pair_map, &at); map_next(&w->pair_map, &at))
        if (w->pairs[at.index].label.name == label.name &&
            w->pairs[at.index].label.value == label.value)
            return at.index;
    mem_grow(w->pairs, struct pair, w->pair_count, &w->pair_cap);
    w->pairs[w->pair_count] = (struct pair){.label = label};
    map_insert(&w->pair_map, hash, (uint32_t)w->pair_count);
    return (uint32_t)w->pair_count++;
}

static void body_uvarint(struct buf *body, uint64_t v)
{
    body->len += write_uvarint((uint8_t *)buf_reserve(body, VARINT_SIZE_MAX), v);
}

static void body_varint(struct buf *body, int64_t v)
{
    body->len += write_varint((uint8_t *)buf_reserve(body, VARINT_SIZE_MAX), v);
}

static void index_chunks_body(struct buf *body, const struct chunk_meta *chunks, size_t count)
{
    body_uvarint(body, count);
    for (size_t i = 0; i < count; i++) {
        if (i == 0)
            body_varint(body, chunks[i].begin_ms);
        else
            body_uvarint(body, (uint64_t)chunks[i].begin_ms - (uint64_t)chunks[i - 1].end_ms);
        body_uvarint(body, (uint64_t)chunks[i].end_ms - (uint64_t)chunks[i].begin_ms);
        if (i == 0)
            body_uvarint(body, chunks[i].ref);
        else
            body_varint(body, (int64_t)(chunks[i].ref - chunks[i - 1].ref));
    }
}

bool index_writer_series(struct index_writer *w, const struct label *pairs, size_t pair_count,
                         const struct chunk_meta *chunks, size_t chunk_count, struct err *err)
{
    out_pad(&w->file, INDEX_SERIES_ALIGN);
    if (w->file.size > INDEX_SIZE_MAX)
        return err_set(err, ERR_LIMIT, "%s: larger than 64 GiB", w->file.path);
    mem_grow(w->series, struct series_ref, w->series_count, &w->series_cap);
    w->series[w->series_count++] =
        (struct series_ref){(uint32_t)(w->file.size / INDEX_SERIES_ALIGN), (uint32_t)pair_count};

    struct buf *body = &w->body;
    buf_clear(body);
    body_uvarint(body, pair_count);
    for (size_t i = 0; i < pair_count; i++) {
        uint32_t pair = index_pair(w, pairs[i]);
        w->pairs[pair].series_count++;
        mem_grow(w->uses, uint32_t, w->use_count, &w->use_cap);
        w->uses[w->use_count++] = pair;
        body_uvarint(body, pairs[i].name);
        body_uvarint(body, pairs[i].value);
    }
    index_chunks_body(body, chunks, chunk_count);
    out_uvarint(&w->file, body->len);
    out_crc_begin(&w->file);
    out_bytes(&w->file, body->ptr, body->len);
    out_be32(&w->file, w->file.crc);
    return true;
}

/* The lists are made of as many references as there are uses, and the table of the pairs. */
size_t index_writer_memory(const struct index_writer *w)
{
    size_t pair_size = sizeof *w->pairs + sizeof(uint32_t) + sizeof(size_t);
    return w->pair_cap * pair_size + map_size_bytes(w->pair_count) +
           w->use_cap * 2 * sizeof *w->uses +
           w->series_cap * (sizeof *w->series + sizeof(uint32_t));
}

static int index_pair_order(const void *left, const void *right, void *context)
{
    const struct pair *pairs = context;
    const struct label *a = &pairs[*(const uint32_t *)left].label;
    const struct label *b = &pairs[*(const uint32_t *)right].label;
    if (a->name != b->name)
        return a->name < b->name ? -1 : 1;
    return (a->value > b->value) - (a->value < b->value);
}

static void index_write_list(struct index_writer *w, const uint32_t *ids, size_t count)
{
    out_be32(&w->file, (uint32_t)(4 + 4 * count));
    out_crc_begin(&w->file);
    out_be32(&w->file, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        out_be32(&w->file, ids[i]);
    out_be32(&w->file, w->file.crc);
}

/* The lists of all pairs, one behind another; `ends` gets where each ends. */
static uint32_t *index_lists(const struct index_writer *w, size_t *ends)
{
    size_t total = 0;
    for (size_t i = 0; i < w->pair_count; i++) {
        ends[i] = total;
        total += w->pairs[i].series_count;
    }
    uint32_t *ids = mem_new_array(uint32_t, total);
    const uint32_t *use = w->uses;
    for (size_t i = 0; i < w->series_count; i++)
        for (uint32_t k = 0; k < w->series[i].pair_count; k++)
            ids[ends[*use++]++] = w->series[i].id;
    return ids;
}

static void index_table_entry(struct buf *table, struct str name, struct str value, uint64_t offset)
{
    body_uvarint(table, 2);
    body_uvarint(table, name.len);
    buf_str(table, name);
    body_uvarint(table, value.len);
    buf_str(table, value);
    body_uvarint(table, offset);
}

/* Writes the lists, in the order of the table, and the table's entries into `table`. */
static void index_write_postings(struct index_writer *w, struct buf *table)
{
    uint32_t *order = mem_new_array(uint32_t, w->pair_count + w->series_count);
    size_t *ends = mem_new_array(size_t, w->pair_count);
    uint32_t *ids = index_lists(w, ends);

    for (size_t i = 0; i < w->series_count; i++)
        order[i] = w->series[i].id;
    index_table_entry(table, STR(""), STR(""), w->file.size);
    index_write_list(w, order, w->series_count);

    for (size_t i = 0; i < w->pair_count; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, w->pair_count, sizeof *order, index_pair_order, w->pairs);
    for (size_t i = 0; i < w->pair_count; i++) {
        const struct pair *pair = &w->pairs[order[i]];
        index_table_entry(table, w->symbols[pair->label.name], w->symbols[pair->label.value],
                          w->file.size);
        index_write_list(w, ids + ends[order[i]] - pair->series_count, pair->series_count);
    }
    free(order);
    free(ends);
    free(ids);
}

bool index_writer_finish(struct index_writer *w, struct err *err)
{
    struct out_file *file = &w->file;
    AUTO(buf_done) struct buf table = {0};
    w->toc.label_indices = file->size;
    w->toc.postings = file->size;
    out_pad(file, 4);
    index_write_postings(w, &table);

    w->toc.table = file->size;
    if (table.len > UINT32_MAX - 4)
        return err_set(err, ERR_LIMIT, "%s: the offset table takes more than 4 GiB", file->path);
    out_be32(file, (uint32_t)(4 + table.len));
    out_crc_begin(file);
    out_be32(file, (uint32_t)w->pair_count + 1);
    out_bytes(file, table.ptr, table.len);
    out_be32(file, file->crc);

    out_crc_begin(file);
    out_be64(file, w->toc.symbols);
    out_be64(file, w->toc.series);
    out_be64(file, w->toc.label_indices);
    out_be64(file, w->toc.table); /* the label index table, which nobody reads */
    out_be64(file, w->toc.postings);
    out_be64(file, w->toc.table);
    out_be32(file, file->crc);
    return out_file_finish(file, err);
}
