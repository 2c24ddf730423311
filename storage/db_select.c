/*
 * Series of several blocks and the head become one list in label order.
 *
 * Rows (a label set and its chain of parts) are kept sorted. A block gives its series in label
 * order too, so it is merged in one walk beside the rows: where both stand at the same label set,
 * which is nearly always, that is one memcmp of symbol numbers; texts are compared only where one
 * side has a series that the other one lacks. What is new in the middle is put aside and moved in
 * at the end of the walk, back to front. The head gives its series in no order: they find their
 * rows by hash, and only those without one are sorted.
 *
 * Chunks are looked at, not kept: a cursor reads a series' entry again when it opens it. So a
 * selection holds 24 bytes a series and 12 a part, and the labels.
 */
#include "storage/db_select.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "model/symbols.h"
#include "storage/chunk.h"
#include "storage/postings_match.h"

#define SELECT_CHECK_EVERY 1024
#define SYMBOL_PAGE 256

struct row {
    const struct labels *labels;
    uint32_t first_part;
    uint32_t last_part;
};

struct new_row {
    size_t before; /* the row it goes before */
    struct row row;
};

struct select_build {
    const struct select_request *request;
    struct db_selection *selection;
    struct row *rows;
    size_t row_count;
    size_t row_cap;
    struct new_row *added;
    size_t added_count;
    size_t added_cap;
    struct labels *scratch; /* the labels at hand */
    size_t scratch_cap;
};

/* The query's symbols for a block's, as far as they were asked for; 0: not yet, else + 1. */
struct symbol_cache {
    const struct index *index;
    struct symbols *symbols;
    struct arena *arena; /* of the pages */
    uint32_t **pages;
};

/* Room for one more member behind `count`, charged to the query. */
static bool select_grow(struct db_selection *selection, void **array, size_t count, size_t *cap,
                        size_t size, struct err *err)
{
    if (count < *cap)
        return true;
    size_t wanted = *cap ? *cap * 2 : 64;
    size_t more = (wanted - *cap) * size;
    if (!budget_charge(selection->budget, more, err))
        return false;
    selection->charged += more;
    *array = mem_resize_(*array, wanted, size);
    *cap = wanted;
    return true;
}

#define SELECT_GROW(build, array, count, cap, err) \
    select_grow((build)->selection, (void **)&(array), (count), &(cap), sizeof *(array), (err))

static bool select_check(const struct select_build *b, struct err *err)
{
    const struct select_request *request = b->request;
    if (request->cancel && atomic_load_explicit(request->cancel, memory_order_relaxed))
        return err_set(err, ERR_CANCELED, "canceled while series were selected");
    return arena_check(request->arena, err);
}

static bool symbol_cache_get(struct symbol_cache *cache, uint32_t ref, uint32_t *ret_symbol,
                             struct err *err)
{
    if (ref >= index_symbol_end(cache->index))
        return err_set(err, ERR_CORRUPT, "symbol %u of %u", ref, index_symbol_end(cache->index));
    uint32_t **page = &cache->pages[ref / SYMBOL_PAGE];
    if (!*page)
        *page = arena_array(cache->arena, uint32_t, SYMBOL_PAGE);
    uint32_t *known = &(*page)[ref % SYMBOL_PAGE];
    if (*known == 0) {
        struct str text;
        if (!index_symbol(cache->index, ref, &text, err))
            return false;
        *known = symbols_add(cache->symbols, text) + 1;
    }
    *ret_symbol = *known - 1;
    return true;
}

/* Reads the labels into the scratch. Symbols are numbered in order, so sorted names rise. */
static bool select_read_labels(struct select_build *b, struct symbol_cache *cache,
                               struct index_series *series, struct err *err)
{
    uint32_t name = 0;
    uint32_t value = 0;
    uint32_t name_before = 0;
    b->scratch->count = 0;
    while (index_series_label(series, &name, &value)) {
        struct label pair;
        if (b->scratch->count > 0 && name <= name_before)
            return err_set(err, ERR_CORRUPT, "offset %llu: labels are in no order",
                           (unsigned long long)series->offset);
        name_before = name;
        if (!symbol_cache_get(cache, name, &pair.name, err) ||
            !symbol_cache_get(cache, value, &pair.value, err))
            return false;
        if (b->scratch->count == b->scratch_cap) {
            b->scratch_cap *= 2;
            b->scratch =
                mem_resize_(b->scratch, 1, sizeof(struct labels) + b->scratch_cap * sizeof pair);
        }
        if (pair.value != SYM_EMPTY)
            b->scratch->pairs[b->scratch->count++] = pair;
    }
    return index_series_check(series, err);
}

/* Does the series have a chunk that is wanted? Leaves `series` behind its labels. */
static bool select_has_chunk(const struct select_build *b, const struct block *block, uint32_t id,
                             struct index_series *series)
{
    size_t deleted_count = 0;
    const struct time_range *deleted = tombstones_find(block_tombstones(block), id, &deleted_count);
    struct chunk_meta meta;
    index_series_skip_labels(series);
    while (index_series_chunk(series, &meta))
        if (chunk_is_wanted(b->selection, meta.begin_ms, meta.end_ms, deleted, deleted_count))
            return true;
    return false;
}

/* A part that is not in a chain yet. */
static bool select_add_part(struct select_build *b, uint32_t source, uint32_t id,
                            uint32_t *ret_part, struct err *err)
{
    struct db_selection *selection = b->selection;
    if (selection->part_count >= DB_PART_NONE)
        return err_set(err, ERR_LIMIT, "more than %u series", DB_PART_NONE);
    if (!SELECT_GROW(b, selection->parts, selection->part_count, selection->part_cap, err))
        return false;
    *ret_part = (uint32_t)selection->part_count;
    selection->parts[selection->part_count++] = (struct db_part){source, id, DB_PART_NONE};
    return true;
}

static bool select_append_row(struct select_build *b, struct row row, struct err *err)
{
    if (!SELECT_GROW(b, b->rows, b->row_count, b->row_cap, err))
        return false;
    b->rows[b->row_count++] = row;
    return true;
}

static bool select_add_row(struct select_build *b, size_t before, struct row row, struct err *err)
{
    if (!SELECT_GROW(b, b->added, b->added_count, b->added_cap, err))
        return false;
    b->added[b->added_count++] = (struct new_row){before, row};
    return true;
}

/* Moves the rows put aside to their places. */
static bool select_settle_rows(struct select_build *b, struct err *err)
{
    size_t from = b->row_count;
    for (size_t i = 0; i < b->added_count; i++)
        if (!select_append_row(b, (struct row){0}, err))
            return false;
    size_t to = b->row_count;
    while (b->added_count) {
        const struct new_row *added = &b->added[b->added_count - 1];
        while (from > added->before)
            b->rows[--to] = b->rows[--from];
        b->rows[--to] = added->row;
        b->added_count--;
    }
    return true;
}

/* Goes to the row that `labels` belong at, from *at on; true if it is theirs. */
static bool select_seek_row(const struct select_build *b, const struct labels *labels, size_t *at,
                            size_t end)
{
    for (; *at < end; ++*at) {
        const struct labels *here = b->rows[*at].labels;
        if (labels_equal(here, labels))
            return true;
        if (labels_cmp(b->request->symbols, here, labels) > 0)
            return false;
    }
    return false;
}

/* Merges one series of a block: its labels are in the scratch. */
static bool select_merge_series(struct select_build *b, uint32_t part, size_t *at, size_t end,
                                struct err *err)
{
    if (select_seek_row(b, b->scratch, at, end)) {
        struct row *row = &b->rows[(*at)++];
        b->selection->parts[row->last_part].next = part;
        row->last_part = part;
        return true;
    }
    const struct labels *labels =
        labels_new(b->request->arena, b->scratch->pairs, b->scratch->count);
    struct row row = {labels, part, part};
    return *at == end ? select_append_row(b, row, err) : select_add_row(b, *at, row, err);
}

static bool select_block_series(struct select_build *b, uint32_t source, struct symbol_cache *cache,
                                const struct postings *postings, struct err *err)
{
    struct block *block = b->selection->sources.blocks[source - 1];
    struct block_windows windows = {.entered = &b->selection->windows_entered};
    size_t end = b->row_count;
    size_t at = 0;
    for (size_t i = 0; i < postings->count; i++) {
        uint32_t id = postings->ids[i];
        struct index_series series;
        block_enter_series(block, &windows, id);
        if (!index_series_open(cache->index, id, &series, err))
            return false;
        struct index_series chunks = series;
        uint32_t part = 0;
        if (!select_has_chunk(b, block, id, &chunks)) {
            if (!index_series_check(&chunks, err))
                return false;
        } else if (!select_read_labels(b, cache, &series, err) ||
                   !select_add_part(b, source, id, &part, err) ||
                   !select_merge_series(b, part, &at, end, err)) {
            return false;
        }
        db_selection_has_read(b->selection);
        if (i % SELECT_CHECK_EVERY == 0 && !select_check(b, err))
            return false;
    }
    return select_settle_rows(b, err);
}

static bool select_block(struct select_build *b, uint32_t source, struct err *err)
{
    struct block *block = b->selection->sources.blocks[source - 1];
    const struct select_request *request = b->request;
    AUTO(arena_destroy) struct arena *arena = arena_create(request->budget);
    struct symbol_cache cache = {
        .index = block_index(block), .symbols = request->symbols, .arena = arena};
    size_t page_count = index_symbol_end(cache.index) / SYMBOL_PAGE + 1;
    cache.pages = arena_alloc(arena, page_count, sizeof *cache.pages);

    AUTO(postings_done) struct postings postings = {0};
    bool ok = postings_select(cache.index, request->matchers, request->matcher_count,
                              request->budget, &postings, err) &&
              select_block_series(b, source, &cache, &postings, err) && arena_check(arena, err);
    block_forget(block);
    return block_index_end(block, ok, err);
}

/* Only the head answers: its own order. */
static bool select_head_alone(struct select_build *b, struct err *err)
{
    const struct head_series_list *list = &b->selection->sources.head_series;
    for (size_t i = 0; i < list->count; i++) {
        uint32_t part = 0;
        if (!select_add_part(b, DB_SOURCE_HEAD, (uint32_t)i, &part, err) ||
            !select_append_row(b, (struct row){list->items[i].labels, part, part}, err))
            return false;
    }
    return true;
}

static int select_labels_order(const void *left, const void *right, void *context)
{
    const struct row *a = left;
    const struct row *b = right;
    return labels_cmp(context, a->labels, b->labels);
}

/* Gives each head series its row; those without one come back in `ret_rest`. */
static bool select_join_head(struct select_build *b, struct map *map, struct row *ret_rest,
                             size_t *ret_rest_count, struct err *err)
{
    const struct head_series_list *list = &b->selection->sources.head_series;
    for (size_t i = 0; i < b->row_count; i++)
        map_insert(map, labels_hash(b->rows[i].labels), (uint32_t)i);
    for (size_t i = 0; i < list->count; i++) {
        const struct labels *labels = list->items[i].labels;
        uint32_t part = 0;
        if (!select_add_part(b, DB_SOURCE_HEAD, (uint32_t)i, &part, err))
            return false;
        struct map_probe at = map_find(map, labels_hash(labels));
        while (map_hit(map, &at) && !labels_equal(b->rows[at.index].labels, labels))
            map_next(map, &at);
        if (map_hit(map, &at)) {
            b->selection->parts[part].next = b->rows[at.index].first_part;
            b->rows[at.index].first_part = part;
        } else {
            ret_rest[(*ret_rest_count)++] = (struct row){labels, part, part};
        }
    }
    return true;
}

static bool select_head_beside_blocks(struct select_build *b, struct err *err)
{
    const struct head_series_list *list = &b->selection->sources.head_series;
    size_t size = map_size_bytes(b->row_count) + list->count * sizeof(struct row);
    if (!budget_charge(b->request->budget, size, err))
        return false;
    AUTO(map_done) struct map map = {0};
    AUTO(free) void *memory = mem_new_array(struct row, list->count);
    struct row *rest = memory;
    size_t rest_count = 0;
    bool ok = select_join_head(b, &map, rest, &rest_count, err);
    if (ok)
        qsort_r(rest, rest_count, sizeof *rest, select_labels_order, b->request->symbols);
    size_t at = 0;
    size_t end = b->row_count;
    for (size_t i = 0; ok && i < rest_count; i++) {
        select_seek_row(b, rest[i].labels, &at, end);
        ok = select_add_row(b, at, rest[i], err);
    }
    ok = ok && select_settle_rows(b, err);
    budget_release(b->request->budget, size);
    return ok;
}

/* The rows become what a selection keeps. */
static bool select_finish(struct select_build *b, struct err *err)
{
    struct db_selection *selection = b->selection;
    size_t count = b->row_count;
    size_t size = count * (sizeof(const struct labels *) + sizeof(uint32_t));
    if (!budget_charge(selection->budget, size, err))
        return false;
    selection->charged += size;
    selection->base.count = count;
    selection->base.labels = mem_new_array(const struct labels *, count);
    selection->first_parts = mem_new_array(uint32_t, count);
    for (size_t i = 0; i < count; i++) {
        selection->base.labels[i] = b->rows[i].labels;
        selection->first_parts[i] = b->rows[i].first_part;
    }
    return select_check(b, err);
}

static bool select_build_all(struct select_build *b, struct err *err)
{
    const struct db_sources *sources = &b->selection->sources;
    for (size_t i = 0; i < sources->block_count; i++)
        if (!select_block(b, (uint32_t)i + 1, err))
            return false;
    bool ok = true;
    if (!sources->sorted)
        ok = select_head_alone(b, err);
    else if (sources->head_series.count > 0)
        ok = select_head_beside_blocks(b, err);
    return ok && select_finish(b, err);
}

static void select_build_done(struct select_build *b)
{
    size_t size = b->row_cap * sizeof *b->rows + b->added_cap * sizeof *b->added;
    budget_release(b->selection->budget, size);
    b->selection->charged -= size;
    free(b->rows);
    free(b->added);
    free(b->scratch);
}

void db_sources_done(struct db_sources *sources)
{
    for (size_t i = 0; i < sources->block_count; i++)
        block_unref(sources->blocks[i]);
    free(sources->blocks);
    if (sources->head)
        head_release(sources->head, &sources->head_series);
    *sources = (struct db_sources){0};
}

struct block_windows *db_selection_windows_new(struct db_selection *selection)
{
    size_t count = selection->sources.block_count;
    struct block_windows *windows = mem_new_array(struct block_windows, count);
    for (size_t i = 0; i < count; i++)
        windows[i].entered = &selection->windows_entered;
    return windows;
}

void db_selection_forget(struct db_selection *selection)
{
    atomic_store_explicit(&selection->windows_entered, 0, memory_order_relaxed);
    for (size_t i = 0; i < selection->sources.block_count; i++)
        block_forget(selection->sources.blocks[i]);
}

static void db_selection_close(struct selection *base)
{
    struct db_selection *selection = db_selection_of(base);
    db_selection_forget(selection);
    db_sources_done(&selection->sources);
    budget_release(selection->budget, selection->charged);
    free(selection->base.labels);
    free(selection->first_parts);
    free(selection->parts);
    free(selection->windows);
    free(selection);
}

static bool head_series_has_histograms(const struct db_selection *selection, uint32_t id)
{
    const struct head_series *series = &selection->sources.head_series.items[id];
    for (uint32_t i = 0; i < series->chunk_count; i++)
        if (!chunk_encoding_is_float(series->chunks[i].encoding))
            return true;
    return false;
}

static bool block_series_may_have_histograms(struct db_selection *selection,
                                             const struct db_part *part)
{
    const struct block *block = selection->sources.blocks[part->source - 1];
    if (block_meta(block)->floats_only)
        return false;
    struct block_windows *windows = &selection->windows[part->source - 1];
    struct index_series series;
    struct err err = {0};
    block_enter_series(block, windows, part->id);
    if (!index_series_open(block_index(block), part->id, &series, &err))
        return true;
    index_series_skip_labels(&series);
    struct chunk_meta meta;
    while (index_series_chunk(&series, &meta))
        if (chunk_is_wanted(selection, meta.begin_ms, meta.end_ms, NULL, 0) &&
            !block_chunk_is_float(block, windows, meta.ref))
            return true;
    db_selection_has_read(selection);
    return !index_series_check(&series, &err);
}

static bool db_selection_may_hold_histograms(struct selection *base, size_t series)
{
    struct db_selection *selection = db_selection_of(base);
    uint32_t next = selection->first_parts[series];
    while (next != DB_PART_NONE) {
        const struct db_part *part = &selection->parts[next];
        if (part->source == DB_SOURCE_HEAD ? head_series_has_histograms(selection, part->id)
                                           : block_series_may_have_histograms(selection, part))
            return true;
        next = part->next;
    }
    return false;
}

static const struct selection_class db_selection_class = {
    .may_hold_histograms = db_selection_may_hold_histograms,
    .cursor_create = db_cursor_create,
    .cursor_destroy = db_cursor_destroy,
    .cursor_open = db_cursor_open,
    .cursor_next = db_cursor_next,
    .cursor_next_chunk = db_cursor_next_chunk,
    .cursor_chain = db_cursor_chain,
    .close = db_selection_close,
};

bool db_select(struct db_sources *sources, const struct select_request *request,
               struct selection **ret_selection, struct err *err)
{
    AUTO(selection_close) struct selection *base = NULL;
    struct db_selection *selection = mem_new(struct db_selection);
    base = &selection->base;
    base->class = &db_selection_class;
    selection->sources = *sources;
    *sources = (struct db_sources){0};
    selection->begin_ms = request->begin_ms;
    selection->end_ms = request->end_ms;
    selection->budget = request->budget;
    selection->windows = db_selection_windows_new(selection);

    struct select_build build = {.request = request, .selection = selection, .scratch_cap = 64};
    build.scratch =
        mem_resize_(NULL, 1, sizeof(struct labels) + build.scratch_cap * sizeof(struct label));
    bool ok = select_build_all(&build, err);
    select_build_done(&build);
    if (!ok)
        return false;
    *ret_selection = TAKE(base);
    return true;
}
