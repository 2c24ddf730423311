/*
 * What was fetched, as a selection. Extents are walked once: labels become symbols, and each series
 * keeps a list of the places where its chunks lie.
 */
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "storage/chain.h"
#include "storage/remote/read_ask.h"
#include "storage/remote/read_client.h"
#include "storage/remote/read_spool.h"

#define EXTENT_NONE UINT32_MAX

struct extent {
    uint64_t at; /* of its chunks */
    uint32_t size;
    uint32_t next; /* of the same series */
    bool has_histograms;
};

struct read_series {
    const struct labels *labels;
    uint32_t first_extent;
    uint32_t last_extent;
};

struct read_selection {
    struct selection base;
    const char *name; /* of the server */
    struct spool *spool;
    int64_t begin_ms;
    int64_t end_ms;
    struct budget *budget;
    size_t charged;
    struct extent *extents;
    size_t extent_count;
    size_t extent_cap;
    struct read_series *series;
    size_t series_cap;
};

struct read_cursor {
    struct cursor base;
    struct read_selection *selection;
    struct chain chain;
    size_t series;
    bool opened;
    struct buf bytes; /* all chunks of the series */
    size_t charged;
};

static struct read_selection *read_selection_of(struct selection *selection)
{
    return CONTAINER(struct read_selection, base, selection);
}

static void read_selection_close(struct selection *base)
{
    struct read_selection *selection = read_selection_of(base);
    spool_destroy(selection->spool);
    budget_release(selection->budget, selection->charged);
    free(selection->extents);
    free(selection->series);
    free(selection->base.labels);
    free(selection);
}

static bool read_selection_may_hold_histograms(struct selection *base, size_t series)
{
    const struct read_selection *selection = read_selection_of(base);
    uint32_t at = selection->series[series].first_extent;
    for (; at != EXTENT_NONE; at = selection->extents[at].next)
        if (selection->extents[at].has_histograms)
            return true;
    return false;
}

static struct read_cursor *read_cursor_of(struct cursor *cursor)
{
    return CONTAINER(struct read_cursor, base, cursor);
}

static bool read_chain_bytes(struct chain *chain, const struct chain_piece *piece,
                             struct chunk_bytes *ret_chunk, struct err *err)
{
    *ret_chunk = (struct chunk_bytes){piece->data, piece->size, piece->encoding};
    return true;
}

static bool read_chain_blame(struct chain *chain, const struct chain_piece *piece, struct err *err)
{
    const struct read_cursor *cursor = CONTAINER(struct read_cursor, chain, chain);
    return err_wrap(err, "remote_read: remote server %s", cursor->selection->name);
}

static const struct chain_class read_chain_class = {
    .bytes = read_chain_bytes,
    .blame = read_chain_blame,
};

static struct cursor *read_cursor_create(struct selection *base)
{
    struct read_cursor *cursor = mem_new(struct read_cursor);
    cursor->base.selection = base;
    cursor->selection = read_selection_of(base);
    cursor->chain = (struct chain){
        .class = &read_chain_class,
        .begin_ms = cursor->selection->begin_ms,
        .end_ms = cursor->selection->end_ms,
    };
    return &cursor->base;
}

static void read_cursor_destroy(struct cursor *base)
{
    struct read_cursor *cursor = read_cursor_of(base);
    budget_release(cursor->selection->budget, cursor->charged);
    chain_done(&cursor->chain);
    buf_done(&cursor->bytes);
    free(cursor);
}

static void read_cursor_open(struct cursor *base, size_t series)
{
    struct read_cursor *cursor = read_cursor_of(base);
    cursor->series = series;
    cursor->opened = false;
    chain_begin(&cursor->chain);
}

/* Brings all chunks of the series in; those of a year, every 15 s, are some MiB. */
static bool read_cursor_fetch(struct read_cursor *cursor, struct err *err)
{
    const struct read_selection *selection = cursor->selection;
    uint32_t first = selection->series[cursor->series].first_extent;
    size_t size = 0;
    for (uint32_t at = first; at != EXTENT_NONE; at = selection->extents[at].next)
        size += selection->extents[at].size;
    if (size > cursor->charged) {
        if (!budget_charge(selection->budget, size - cursor->charged, err))
            return false;
        cursor->charged = size;
    }
    buf_clear(&cursor->bytes);
    buf_reserve(&cursor->bytes, size);
    for (uint32_t at = first; at != EXTENT_NONE; at = selection->extents[at].next) {
        const struct extent *extent = &selection->extents[at];
        if (!spool_read(selection->spool, extent->at, cursor->bytes.ptr + cursor->bytes.len,
                        extent->size, err))
            return false;
        cursor->bytes.len += extent->size;
    }
    return true;
}

static struct chain *read_cursor_chain(struct cursor *base, struct err *err)
{
    struct read_cursor *cursor = read_cursor_of(base);
    if (cursor->opened)
        return &cursor->chain;
    if (!read_cursor_fetch(cursor, err))
        return NULL;
    const struct buf *bytes = &cursor->bytes;
    for (size_t at = 0; at < bytes->len;) {
        struct spooled_chunk chunk;
        memcpy(&chunk, bytes->ptr + at, sizeof chunk);
        at += sizeof chunk;
        struct chain_piece piece = {
            .begin_ms = chunk.begin_ms,
            .end_ms = chunk.end_ms,
            .ref = at, /* their order, where they begin at one time */
            .data = (const uint8_t *)bytes->ptr + at,
            .size = chunk.size,
            .encoding = (uint8_t)chunk.encoding,
        };
        chain_add(&cursor->chain, &piece);
        at += chunk.size;
    }
    chain_sort(&cursor->chain, 0, false);
    cursor->opened = true;
    return &cursor->chain;
}

static bool read_cursor_next(struct cursor *base, struct samples *into, bool *ret_more,
                             struct err *err)
{
    struct chain *chain = read_cursor_chain(base, err);
    return chain && chain_next(chain, into, ret_more, err);
}

static bool read_cursor_next_chunk(struct cursor *base, struct stored_chunk *ret_chunk,
                                   bool *ret_more, struct err *err)
{
    struct chain *chain = read_cursor_chain(base, err);
    return chain && chain_next_chunk(chain, ret_chunk, ret_more, err);
}

static const struct selection_class read_selection_class = {
    .may_hold_histograms = read_selection_may_hold_histograms,
    .cursor_create = read_cursor_create,
    .cursor_destroy = read_cursor_destroy,
    .cursor_open = read_cursor_open,
    .cursor_next = read_cursor_next,
    .cursor_next_chunk = read_cursor_next_chunk,
    .cursor_chain = read_cursor_chain,
    .close = read_selection_close,
};

/* A selection while it is made. */
struct select_walk {
    struct read_selection *selection;
    const struct read_client_options *options;
    const struct select_request *request;
    struct buf text; /* of an extent's labels */
    struct label *pairs;
    size_t pair_cap;
};

static int pair_cmp(const void *a, const void *b, void *symbols)
{
    const struct label *left = a, *right = b;
    return symbols_cmp(symbols, left->name, right->name);
}

/* The labels of an extent, without those that were asked for by ourselves. */
static bool walk_labels(struct select_walk *walk, const struct labels **ret_labels, struct err *err)
{
    const struct select_request *request = walk->request;
    size_t count = 0;
    for (size_t at = 0; at < walk->text.len;) {
        struct spooled_label head;
        memcpy(&head, walk->text.ptr + at, sizeof head);
        struct str name = {walk->text.ptr + at + sizeof head, head.name_size};
        struct str value = {name.ptr + name.len, head.value_size};
        at += sizeof head + name.len + value.len;
        if (value.len == 0 || read_ask_adds(walk->options, request, name))
            continue;
        mem_grow(walk->pairs, struct label, count, &walk->pair_cap);
        walk->pairs[count++] = (struct label){symbols_add(request->symbols, name),
                                              symbols_add(request->symbols, value)};
    }
    if (count > 1)
        qsort_r(walk->pairs, count, sizeof *walk->pairs, pair_cmp, request->symbols);
    for (size_t i = 1; i < count; i++)
        if (walk->pairs[i - 1].name == walk->pairs[i].name) {
            struct str name = symbols_get(request->symbols, walk->pairs[i].name);
            return err_set(err, ERR_CORRUPT,
                           "remote_read: remote server %s: duplicate label with name: %.*s",
                           walk->options->name, STR_ARGS(name));
        }
    *ret_labels = labels_new(request->arena, walk->pairs, count);
    return true;
}

static bool walk_charge(struct read_selection *selection, size_t bytes, struct err *err)
{
    if (!budget_charge(selection->budget, bytes, err))
        return false;
    selection->charged += bytes;
    return true;
}

static bool walk_room(struct read_selection *selection, struct err *err)
{
    size_t before = selection->extent_cap, series_before = selection->series_cap;
    mem_grow(selection->extents, struct extent, selection->extent_count, &selection->extent_cap);
    mem_grow(selection->series, struct read_series, selection->base.count, &selection->series_cap);
    return walk_charge(selection,
                       (selection->extent_cap - before) * sizeof(struct extent) +
                           (selection->series_cap - series_before) * sizeof(struct read_series),
                       err);
}

/* Puts an extent to its series, which mostly is that of the extent in front of it. */
static bool walk_add(struct select_walk *walk, const struct labels *labels,
                     const struct extent *extent, struct err *err)
{
    struct read_selection *selection = walk->selection;
    if (!walk_room(selection, err))
        return false;
    uint32_t at = (uint32_t)selection->extent_count++;
    selection->extents[at] = *extent;
    struct read_series *last =
        selection->base.count ? &selection->series[selection->base.count - 1] : NULL;
    if (last && labels_equal(last->labels, labels)) {
        selection->extents[last->last_extent].next = at;
        last->last_extent = at;
    } else {
        selection->series[selection->base.count++] = (struct read_series){labels, at, at};
    }
    return selection->extent_count < EXTENT_NONE ||
           err_set(err, ERR_LIMIT, "an answer has more than %u parts", EXTENT_NONE);
}

static bool walk_extents(struct select_walk *walk, struct err *err)
{
    const struct spool *spool = walk->selection->spool;
    const _Atomic bool *cancel = walk->request->cancel;
    for (uint64_t at = 0; at < spool_size(spool);) {
        struct extent_head head;
        const struct labels *labels = NULL;
        if (cancel && atomic_load_explicit(cancel, memory_order_relaxed))
            return err_set(err, ERR_CANCELED, "query was canceled in expression evaluation");
        if (!spool_read(spool, at, &head, sizeof head, err))
            return false;
        at += sizeof head;
        buf_clear(&walk->text);
        if (!spool_read(spool, at, buf_reserve(&walk->text, head.labels_size), head.labels_size,
                        err))
            return false;
        walk->text.len = head.labels_size;
        at += head.labels_size;
        struct extent extent = {at, head.chunks_size, EXTENT_NONE,
                                head.flags & EXTENT_HAS_HISTOGRAMS};
        at += head.chunks_size;
        if (extent.size == 0 && !walk->request->labels_only)
            continue; /* nobody would miss it */
        if (!walk_labels(walk, &labels, err) || !walk_add(walk, labels, &extent, err) ||
            !arena_check(walk->request->arena, err))
            return false;
    }
    return true;
}

static int series_cmp(const void *a, const void *b, void *symbols)
{
    const struct read_series *left = a, *right = b;
    int order = labels_cmp(symbols, left->labels, right->labels);
    if (order != 0)
        return order;
    return (left->first_extent > right->first_extent) - (left->first_extent < right->first_extent);
}

/* Sorted, each label set once: taking labels away may have made some equal. */
static void walk_settle(struct select_walk *walk)
{
    struct read_selection *selection = walk->selection;
    struct read_series *series = selection->series;
    size_t count = selection->base.count;
    bool sorted = true;
    for (size_t i = 1; i < count && sorted; i++)
        sorted = labels_cmp(walk->request->symbols, series[i - 1].labels, series[i].labels) < 0;
    if (sorted)
        return;
    qsort_r(series, count, sizeof *series, series_cmp, walk->request->symbols);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        struct read_series *last = &series[kept - 1];
        if (labels_equal(last->labels, series[i].labels)) {
            selection->extents[last->last_extent].next = series[i].first_extent;
            last->last_extent = series[i].last_extent;
        } else {
            series[kept++] = series[i];
        }
    }
    selection->base.count = kept;
}

bool read_client_select(struct read_client *client, const struct select_request *request,
                        struct spool *spool, struct selection **ret_selection, struct err *err)
{
    AUTO(selection_close) struct selection *base = NULL;
    struct read_selection *selection = mem_new(struct read_selection);
    base = &selection->base;
    base->class = &read_selection_class;
    selection->name = read_client_options(client)->name;
    selection->spool = spool;
    selection->begin_ms = request->begin_ms;
    selection->end_ms = request->end_ms;
    selection->budget = request->budget;

    struct select_walk walk = {
        .selection = selection, .options = read_client_options(client), .request = request};
    bool good = walk_extents(&walk, err);
    buf_done(&walk.text);
    free(walk.pairs);
    if (!good)
        return false;
    walk_settle(&walk);
    if (!walk_charge(selection, base->count * sizeof *base->labels, err))
        return false;
    base->labels = mem_new_array(const struct labels *, base->count ? base->count : 1);
    for (size_t i = 0; i < base->count; i++)
        base->labels[i] = selection->series[i].labels;
    *ret_selection = TAKE(base);
    return true;
}
