/*
 * The index file, big endian throughout:
 *
 *     magic u32 0xBAAAD700 | version u8
 *     symbols            length u32 | count u32 | (length uvarint | text) ... | crc u32
 *     series             each on a multiple of 16:
 *                        length uvarint | body | crc u32 of the body
 *       body             label count uvarint | (name uvarint | value uvarint) ...
 *                        | chunk count uvarint | chunk ...
 *       first chunk      begin varint | end - begin uvarint | ref uvarint
 *       other chunks     begin - last end uvarint | end - begin uvarint | ref - last ref varint
 *     postings           each on a multiple of 4: length u32 | count u32 | id u32 ... | crc u32
 *     offset table       length u32 | count u32 | entry ... | crc u32
 *       entry            2 uvarint | length uvarint | name | length uvarint | value | offset
 * uvarint contents           symbols, series, label indices, label index table, postings, offset
 * table: six u64 | crc u32
 *
 * A series' id is its offset / 16; a symbol's its number in order. In version 1 both are offsets
 * and the table is in no order; version 3 reads as 2. The pair ("", "") lists all series. Label
 * indices are of older days, and not read.
 *
 * Kept in memory are the place of every 16th symbol and of every 32nd table entry of each name: a
 * look-up is a binary search over those and a short walk. A table that is in no order is sorted
 * once, and every entry's place kept.
 */
#include "storage/index_read.h"

#include <stdlib.h>

#include "base/mem.h"
#include "storage/checksum.h"

#define INDEX_MAGIC 0xBAAAD700u
#define INDEX_HEADER_SIZE 5
#define INDEX_TOC_SIZE (6 * 8 + 4)
#define INDEX_SYMBOL_STEP 16
#define INDEX_ENTRY_STEP 32

struct index_name {
    struct str text;
    size_t first_sample;
    uint32_t value_count;
};

struct index {
    const uint8_t *bytes;
    size_t size;
    unsigned version;
    unsigned id_scale;
    struct {
        uint64_t symbols;
        uint64_t series;
        uint64_t table;
    } toc;

    size_t symbols_begin; /* the bytes of the texts, in the file */
    size_t symbols_end;
    uint32_t symbol_count;
    uint32_t *symbol_samples; /* offsets from symbols_begin */

    const uint8_t *table; /* the entries */
    size_t table_size;
    struct index_name *names; /* sorted; the first may be "", of all series */
    size_t name_count;
    size_t name_cap;
    uint32_t *samples; /* offsets of entries in the table */
    size_t sample_count;
    size_t sample_cap;
    uint32_t sample_step; /* INDEX_ENTRY_STEP, or 1 where the table is in no order */
};

struct index_entry {
    struct str name;
    struct str value;
    uint64_t postings_offset;
};

static struct str read_text(struct bytes_reader *r)
{
    uint64_t len = read_uvarint(r);
    const uint8_t *at = read_bytes(r, len);
    return (struct str){(const char *)at, at ? len : 0};
}

/* The checked body of a section "length u32 | body | crc u32". */
static bool index_section(const struct index *index, uint64_t offset, struct bytes_reader *ret_body,
                          struct err *err)
{
    if (offset > index->size || index->size - offset < 8)
        return err_set(err, ERR_CORRUPT, "offset %llu: outside of the file",
                       (unsigned long long)offset);
    const uint8_t *at = index->bytes + offset;
    size_t len = load_be32(at);
    if (len > index->size - offset - 8)
        return err_set(err, ERR_CORRUPT, "offset %llu: section of %zu bytes runs over the end",
                       (unsigned long long)offset, len);
    if (!checksum_matches(at + 4, len, load_be32(at + 4 + len)))
        return err_set(err, ERR_CORRUPT, "offset %llu: checksum does not match",
                       (unsigned long long)offset);
    *ret_body = bytes_reader_of(at + 4, len);
    return true;
}

static bool index_read_header(struct index *index, struct err *err)
{
    if (index->size < INDEX_HEADER_SIZE + INDEX_TOC_SIZE)
        return err_set(err, ERR_CORRUPT, "index of %zu bytes", index->size);
    if (load_be32(index->bytes) != INDEX_MAGIC)
        return err_set(err, ERR_CORRUPT, "offset 0: not an index");
    index->version = index->bytes[4];
    if (index->version < 1 || index->version > 3)
        return err_set(err, ERR_CORRUPT, "offset 4: unknown version %u", index->version);
    index->id_scale = index->version == 1 ? 1 : 16;

    const uint8_t *toc = index->bytes + index->size - INDEX_TOC_SIZE;
    if (!checksum_matches(toc, INDEX_TOC_SIZE - 4, load_be32(toc + INDEX_TOC_SIZE - 4)))
        return err_set(err, ERR_CORRUPT, "offset %zu: checksum of the contents does not match",
                       index->size - INDEX_TOC_SIZE);
    index->toc.symbols = load_be64(toc);
    index->toc.series = load_be64(toc + 8);
    index->toc.table = load_be64(toc + 40);
    return true;
}

static bool index_read_symbols(struct index *index, struct err *err)
{
    struct bytes_reader r;
    if (!index_section(index, index->toc.symbols, &r, err))
        return err_wrap(err, "symbols");
    index->symbol_count = read_be32(&r);
    if (index->symbol_count > read_left(&r))
        return err_set(err, ERR_CORRUPT, "offset %llu: more symbols than bytes",
                       (unsigned long long)index->toc.symbols);
    index->symbols_begin = (size_t)(r.at - index->bytes);
    index->symbols_end = (size_t)(r.end - index->bytes);
    index->symbol_samples =
        mem_new_array(uint32_t, (size_t)index->symbol_count / INDEX_SYMBOL_STEP + 1);
    for (uint32_t i = 0; i < index->symbol_count && !r.failed; i++) {
        if (i % INDEX_SYMBOL_STEP == 0)
            index->symbol_samples[i / INDEX_SYMBOL_STEP] =
                (uint32_t)((size_t)(r.at - index->bytes) - index->symbols_begin);
        read_text(&r);
    }
    return !r.failed || err_set(err, ERR_CORRUPT, "offset %llu: symbols are cut short",
                                (unsigned long long)index->toc.symbols);
}

static struct index_entry index_entry_read(struct bytes_reader *r)
{
    struct index_entry entry = {0};
    if (read_uvarint(r) != 2)
        r->failed = true;
    entry.name = read_text(r);
    entry.value = read_text(r);
    entry.postings_offset = read_uvarint(r);
    return entry;
}

static struct index_entry index_entry_at(const struct index *index, uint32_t offset)
{
    struct bytes_reader r = bytes_reader_of(index->table + offset, index->table_size - offset);
    return index_entry_read(&r);
}

static int index_entry_cmp(const struct index_entry *a, const struct index_entry *b)
{
    int order = str_cmp(a->name, b->name);
    return order ? order : str_cmp(a->value, b->value);
}

static int index_entry_order(const void *left, const void *right, void *context)
{
    struct index_entry a = index_entry_at(context, *(const uint32_t *)left);
    struct index_entry b = index_entry_at(context, *(const uint32_t *)right);
    return index_entry_cmp(&a, &b);
}

static void index_add_entry(struct index *index, const struct index_entry *entry, uint32_t offset)
{
    struct index_name *name = index->name_count ? &index->names[index->name_count - 1] : NULL;
    if (!name || !str_eq(name->text, entry->name)) {
        mem_grow(index->names, struct index_name, index->name_count, &index->name_cap);
        name = index->names + index->name_count++;
        *name = (struct index_name){.text = entry->name, .first_sample = index->sample_count};
    }
    if (name->value_count % index->sample_step == 0) {
        mem_grow(index->samples, uint32_t, index->sample_count, &index->sample_cap);
        index->samples[index->sample_count++] = offset;
    }
    name->value_count++;
}

/* For a table that is in no order: the places of all entries, sorted. */
static bool index_sort_table(struct index *index, uint32_t *offsets, size_t count, struct err *err)
{
    index->sample_step = 1;
    index->name_count = 0;
    index->sample_count = 0;
    qsort_r(offsets, count, sizeof *offsets, index_entry_order, index);
    for (size_t i = 0; i < count; i++) {
        struct index_entry entry = index_entry_at(index, offsets[i]);
        if (i > 0) {
            struct index_entry before = index_entry_at(index, offsets[i - 1]);
            if (index_entry_cmp(&before, &entry) == 0)
                return err_set(err, ERR_CORRUPT, "offset table: a pair stands twice");
        }
        index_add_entry(index, &entry, offsets[i]);
    }
    return true;
}

/* Walks the table; *ret_sorted tells if it may be searched as it stands. */
static bool index_walk_table(struct index *index, struct bytes_reader *r, uint32_t *offsets,
                             size_t count, bool *ret_sorted)
{
    struct index_entry before = {0};
    *ret_sorted = true;
    for (size_t i = 0; i < count; i++) {
        offsets[i] = (uint32_t)(r->at - index->table);
        struct index_entry entry = index_entry_read(r);
        if (r->failed)
            return false;
        if (i > 0 && index_entry_cmp(&before, &entry) >= 0)
            *ret_sorted = false;
        if (*ret_sorted)
            index_add_entry(index, &entry, offsets[i]);
        before = entry;
    }
    return true;
}

static bool index_read_table(struct index *index, struct err *err)
{
    struct bytes_reader r;
    if (!index_section(index, index->toc.table, &r, err))
        return err_wrap(err, "offset table");
    size_t count = read_be32(&r);
    if (r.failed || count > read_left(&r) / 4)
        return err_set(err, ERR_CORRUPT, "offset %llu: more entries than bytes",
                       (unsigned long long)index->toc.table);
    index->table = r.at;
    index->table_size = read_left(&r);
    index->sample_step = INDEX_ENTRY_STEP;

    uint32_t *offsets = mem_new_array(uint32_t, count);
    bool sorted = false;
    bool ok = index_walk_table(index, &r, offsets, count, &sorted) ||
              err_set(err, ERR_CORRUPT, "offset %llu: offset table is cut short",
                      (unsigned long long)index->toc.table);
    if (ok && !sorted)
        ok = index_sort_table(index, offsets, count, err);
    free(offsets);
    return ok;
}

bool index_open(const uint8_t *bytes, size_t size, struct index **ret_index, struct err *err)
{
    AUTO(index_close) struct index *index = mem_new(struct index);
    index->bytes = bytes;
    index->size = size;
    if (!index_read_header(index, err) || !index_read_symbols(index, err) ||
        !index_read_table(index, err))
        return false;
    *ret_index = TAKE(index);
    return true;
}

void index_close(struct index *index)
{
    if (!index)
        return;
    free(index->symbol_samples);
    free(index->names);
    free(index->samples);
    free(index);
}

size_t index_symbol_bytes(const struct index *index)
{
    return ((size_t)index->symbol_count / INDEX_SYMBOL_STEP + 1) * sizeof *index->symbol_samples;
}

uint32_t index_symbol_end(const struct index *index)
{
    return index->version == 1 ? (uint32_t)index->symbols_end : index->symbol_count;
}

bool index_symbol(const struct index *index, uint32_t ref, struct str *ret_text, struct err *err)
{
    struct bytes_reader r = bytes_reader_of(index->bytes, index->symbols_end);
    if (index->version == 1) {
        r.at += ref < index->symbols_end ? ref : index->symbols_end;
    } else {
        if (ref >= index->symbol_count)
            return err_set(err, ERR_CORRUPT, "symbol %u of %u", ref, index->symbol_count);
        r.at += index->symbols_begin + index->symbol_samples[ref / INDEX_SYMBOL_STEP];
        for (uint32_t i = ref % INDEX_SYMBOL_STEP; i > 0; i--)
            read_text(&r);
    }
    *ret_text = read_text(&r);
    return !r.failed || err_set(err, ERR_CORRUPT, "no symbol at %u", ref);
}

/* The name "" is no label's: it lists all series. */
static size_t index_first_name(const struct index *index)
{
    return index->name_count && index->names[0].text.len == 0;
}

size_t index_name_count(const struct index *index)
{
    return index->name_count - index_first_name(index);
}

struct str index_name(const struct index *index, size_t name)
{
    return index->names[name + index_first_name(index)].text;
}

static const struct index_name *index_find_name(const struct index *index, struct str name)
{
    size_t low = 0;
    size_t high = index->name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(index->names[middle].text, name);
        if (order == 0)
            return &index->names[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

size_t index_value_count(const struct index *index, struct str name)
{
    const struct index_name *found = index_find_name(index, name);
    return found ? found->value_count : 0;
}

void index_values_begin(const struct index *index, struct str name, struct index_values *values)
{
    const struct index_name *found = index_find_name(index, name);
    *values = (struct index_values){.index = index, .name = found};
    if (!found)
        return;
    values->left = found->value_count;
    values->sample = found->first_sample;
    values->offset = index->samples[found->first_sample];
}

bool index_values_next(struct index_values *values)
{
    if (values->left == 0)
        return false;
    const struct index *index = values->index;
    struct bytes_reader r =
        bytes_reader_of(index->table + values->offset, index->table_size - values->offset);
    struct index_entry entry = index_entry_read(&r);
    values->value = entry.value;
    values->postings_offset = entry.postings_offset;
    values->left--;
    if (index->sample_step > 1)
        values->offset = (uint32_t)(r.at - index->table);
    else if (values->left)
        values->offset = index->samples[++values->sample];
    return true;
}

void index_values_seek(struct index_values *values, struct str value)
{
    const struct index *index = values->index;
    if (values->left == 0)
        return;
    const struct index_name *found = values->name;
    uint32_t done = found->value_count - values->left;
    size_t step = index->sample_step;

    /* The last sample that is not behind `value`, if it lies ahead. */
    size_t low = done / step;
    size_t high = (found->value_count + step - 1) / step;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        uint32_t offset = index->samples[found->first_sample + middle];
        if (str_cmp(index_entry_at(index, offset).value, value) <= 0)
            low = middle;
        else
            high = middle;
    }
    if (low * step > done) {
        values->sample = found->first_sample + low;
        values->offset = index->samples[values->sample];
        values->left = found->value_count - (uint32_t)(low * step);
    }
    struct index_values ahead = *values;
    while (index_values_next(&ahead) && str_cmp(ahead.value, value) < 0)
        *values = ahead;
}

bool index_postings_at(const struct index *index, uint64_t offset, struct postings_view *ret_view,
                       struct err *err)
{
    struct bytes_reader r = {0};
    if (!index_section(index, offset, &r, err))
        return err_wrap(err, "postings");
    size_t count = read_be32(&r);
    if (r.failed || read_left(&r) != 4 * count)
        return err_set(err, ERR_CORRUPT, "offset %llu: %zu postings in %zu bytes",
                       (unsigned long long)offset, count, read_left(&r));
    *ret_view = (struct postings_view){r.at, count};
    return true;
}

bool index_postings(const struct index *index, struct str name, struct str value,
                    struct postings_view *ret_view, struct err *err)
{
    struct index_values values;
    index_values_begin(index, name, &values);
    index_values_seek(&values, value);
    if (index_values_next(&values) && str_eq(values.value, value))
        return index_postings_at(index, values.postings_offset, ret_view, err);
    *ret_view = (struct postings_view){0};
    return true;
}

bool index_postings_all(const struct index *index, struct postings_view *ret_view, struct err *err)
{
    return index_postings(index, STR(""), STR(""), ret_view, err);
}

uint64_t index_series_offset(const struct index *index, uint32_t id)
{
    return (uint64_t)id * index->id_scale;
}

bool index_series_open(const struct index *index, uint32_t id, struct index_series *ret_series,
                       struct err *err)
{
    uint64_t offset = index_series_offset(index, id);
    if (offset < index->toc.series || offset >= index->size)
        return err_set(err, ERR_CORRUPT, "offset %llu: no place for a series",
                       (unsigned long long)offset);
    struct bytes_reader r = bytes_reader_of(index->bytes + offset, index->size - offset);
    uint64_t len = read_uvarint(&r);
    const uint8_t *body = read_bytes(&r, len);
    uint32_t crc = read_be32(&r);
    if (r.failed)
        return err_set(err, ERR_CORRUPT, "offset %llu: series runs over the end",
                       (unsigned long long)offset);
    if (!checksum_matches(body, len, crc))
        return err_set(err, ERR_CORRUPT, "offset %llu: checksum of a series does not match",
                       (unsigned long long)offset);
    *ret_series = (struct index_series){.at = bytes_reader_of(body, len), .offset = offset};
    ret_series->labels_left = read_uvarint(&ret_series->at);
    return true;
}

bool index_series_label(struct index_series *series, uint32_t *ret_name, uint32_t *ret_value)
{
    if (series->labels_left == 0 || series->at.failed)
        return false;
    uint64_t name = read_uvarint(&series->at);
    uint64_t value = read_uvarint(&series->at);
    if (name > UINT32_MAX || value > UINT32_MAX)
        series->at.failed = true;
    series->labels_left--;
    *ret_name = (uint32_t)name;
    *ret_value = (uint32_t)value;
    return !series->at.failed;
}

void index_series_skip_labels(struct index_series *series)
{
    uint32_t name;
    uint32_t value;
    while (index_series_label(series, &name, &value))
        ;
}

bool index_series_chunk(struct index_series *series, struct chunk_meta *ret_meta)
{
    struct bytes_reader *r = &series->at;
    struct chunk_meta *last = &series->last;
    bool first = !series->in_chunks;
    if (first) {
        series->chunks_left = read_uvarint(r);
        series->in_chunks = true;
    }
    if (series->chunks_left == 0 || r->failed)
        return false;
    int64_t before_ms = first ? INT64_MIN : last->end_ms;
    if (first) {
        last->begin_ms = read_varint(r);
        last->end_ms = (int64_t)((uint64_t)last->begin_ms + read_uvarint(r));
        last->ref = read_uvarint(r);
    } else {
        last->begin_ms = (int64_t)((uint64_t)last->end_ms + read_uvarint(r));
        last->end_ms = (int64_t)((uint64_t)last->begin_ms + read_uvarint(r));
        last->ref += (uint64_t)read_varint(r);
    }
    if (last->end_ms < last->begin_ms || last->begin_ms < before_ms)
        r->failed = true;
    series->chunks_left--;
    *ret_meta = *last;
    return !r->failed;
}

bool index_series_check(const struct index_series *series, struct err *err)
{
    return !series->at.failed || err_set(err, ERR_CORRUPT, "offset %llu: a series is cut short",
                                         (unsigned long long)series->offset);
}
