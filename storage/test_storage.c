#include "storage/test_storage.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/histogram_samples.h"
#include "storage/chunk_pack.h"

struct test_selection {
    struct selection selection;
    const struct test_storage *storage;
    size_t *series;
};

struct test_cursor {
    struct cursor cursor;
    size_t series;
    size_t chunk;                   /* the next one */
    struct arena *arena;            /* of `before` */
    const struct histogram *before; /* the last one read, for totals; NULL: none */
    struct chunk_pack pack;         /* of the chunk handed on */
    size_t packed;                  /* the next one of its chunks */
};

static const char *test_series_label(const struct test_series *series, struct str name)
{
    for (size_t i = 0; series->labels[i]; i += 2)
        if (str_eq(str_of(series->labels[i]), name))
            return series->labels[i + 1];
    return "";
}

static struct cursor *test_cursor_create(struct selection *selection)
{
    struct test_cursor *cursor = mem_new(struct test_cursor);
    cursor->cursor.selection = selection;
    cursor->arena = arena_create(NULL);
    return &cursor->cursor;
}

static void test_cursor_destroy(struct cursor *cursor)
{
    struct test_cursor *self = CONTAINER(struct test_cursor, cursor, cursor);
    arena_destroy(self->arena);
    chunk_pack_done(&self->pack);
    free(self);
}

static void test_cursor_open(struct cursor *cursor, size_t series)
{
    struct test_cursor *self = CONTAINER(struct test_cursor, cursor, cursor);
    struct test_selection *selection =
        CONTAINER(struct test_selection, selection, cursor->selection);
    self->series = selection->series[series];
    self->chunk = 0;
    self->before = NULL;
    self->packed = self->pack.count;
}

/* A reader of totals does not see the buckets that tell whether the counter began anew. */
static void test_cursor_tell_reset(struct test_cursor *self, struct histogram_samples *histograms,
                                   size_t first)
{
    const struct histogram *h = histograms->items[first];
    if (self->before && h->hint == HISTOGRAM_UNKNOWN)
        histogram_samples_set_hint(histograms, first,
                                   histogram_is_reset(h, self->before) ? HISTOGRAM_RESET
                                                                       : HISTOGRAM_NOT_RESET);
    arena_reset(self->arena);
    self->before = histogram_copy(self->arena, histograms->items[histograms->count - 1]);
    histogram_samples_strip(histograms, first);
}

static bool test_cursor_next(struct cursor *cursor, struct samples *into, bool *ret_more,
                             struct err *err)
{
    struct test_cursor *self = CONTAINER(struct test_cursor, cursor, cursor);
    const struct test_storage *storage =
        CONTAINER(struct test_selection, selection, cursor->selection)->storage;
    const struct test_series *series = &storage->series[self->series];
    if (self->series == storage->fail_series)
        return err_set(err, ERR_CORRUPT, "series %zu is damaged", self->series);

    *ret_more = self->chunk < series->chunk_count;
    if (!*ret_more)
        return true;
    struct histogram_samples *histograms = into->histograms;
    size_t first = histograms ? histograms->count : 0;
    if (!test_series_chunk_read(series->chunks[self->chunk++], into, err))
        return false;
    if (histograms && histograms->totals_only && histograms->count > first)
        test_cursor_tell_reset(self, histograms, first);
    return true;
}

/* Packs the next chunk's samples; all, whatever the range asked for. */
static bool test_cursor_next_chunk(struct cursor *cursor, struct stored_chunk *ret_chunk,
                                   bool *ret_more, struct err *err)
{
    struct test_cursor *self = CONTAINER(struct test_cursor, cursor, cursor);
    *ret_more = true;
    if (self->packed == self->pack.count) {
        struct histogram_samples histograms = {0};
        struct samples samples = {.wants_starts = true, .histograms = &histograms};
        bool good = test_cursor_next(cursor, &samples, ret_more, err);
        if (good && *ret_more)
            chunk_pack_samples(&self->pack, &samples, INT64_MIN, INT64_MAX);
        samples_done(&samples);
        histogram_samples_done(&histograms);
        if (!good || !*ret_more)
            return good;
        self->packed = 0;
    }
    const struct packed_chunk *chunk = &self->pack.chunks[self->packed++];
    *ret_chunk = (struct stored_chunk){
        .begin_ms = chunk->begin_ms,
        .end_ms = chunk->end_ms,
        .data = (const uint8_t *)self->pack.bytes.ptr + chunk->at,
        .size = chunk->size,
        .encoding = chunk->encoding,
    };
    return true;
}

static bool test_may_hold_histograms(struct selection *selection, size_t series)
{
    const struct test_selection *self = CONTAINER(struct test_selection, selection, selection);
    const struct test_series *data = &self->storage->series[self->series[series]];
    for (size_t i = 0; i < data->chunk_count; i++)
        if (data->chunks[i]->holds_histograms)
            return true;
    return false;
}

static void test_selection_close(struct selection *selection)
{
    struct test_selection *self = CONTAINER(struct test_selection, selection, selection);
    free(self->series);
    free(self);
}

static const struct selection_class test_selection_class = {
    .may_hold_histograms = test_may_hold_histograms,
    .cursor_create = test_cursor_create,
    .cursor_destroy = test_cursor_destroy,
    .cursor_open = test_cursor_open,
    .cursor_next = test_cursor_next,
    .cursor_next_chunk = test_cursor_next_chunk,
    .close = test_selection_close,
};

static const struct labels *test_series_labels(const struct test_series *series,
                                               const struct select_request *request)
{
    struct labels_builder builder = {0};
    labels_builder_reset(&builder, request->symbols, &labels_empty);
    for (size_t i = 0; series->labels[i]; i += 2)
        labels_builder_set(&builder, symbols_add(request->symbols, str_of(series->labels[i])),
                           symbols_add(request->symbols, str_of(series->labels[i + 1])));
    const struct labels *labels = labels_builder_labels(&builder, request->arena);
    labels_builder_done(&builder);
    return labels;
}

static bool series_matches(const struct test_series *series, const struct select_request *request)
{
    for (size_t i = 0; i < request->matcher_count; i++)
        if (!matcher_matches(request->matchers[i],
                             str_of(test_series_label(series, request->matchers[i]->name))))
            return false;
    return true;
}

/* A series without samples is one that has a chunk all the same. */
static bool series_in_range(const struct test_series *series, const struct select_request *request)
{
    for (size_t i = 0; i < series->chunk_count; i++)
        if (series->chunks[i]->begin_ms <= request->end_ms &&
            series->chunks[i]->end_ms >= request->begin_ms)
            return true;
    return series->chunk_count == 0;
}

static bool test_storage_select(struct storage *storage, const struct select_request *request,
                                struct selection **ret_selection, struct err *err)
{
    struct test_storage *self = CONTAINER(struct test_storage, storage, storage);
    struct test_selection *selection = mem_new(struct test_selection);
    selection->selection.class = &test_selection_class;
    selection->storage = self;
    selection->series = mem_new_array(size_t, self->count);
    selection->selection.labels = arena_array(request->arena, const struct labels *, self->count);
    for (size_t i = 0; i < self->count; i++) {
        const struct test_series *series = &self->series[i];
        if (!series_matches(series, request) || !series_in_range(series, request))
            continue;
        size_t at = selection->selection.count++;
        selection->series[at] = i;
        selection->selection.labels[at] = test_series_labels(series, request);
    }
    *ret_selection = &selection->selection;
    return true;
}

static const struct storage_class test_storage_class = {
    .name = "test",
    .select = test_storage_select,
};

void test_storage_init(struct test_storage *storage)
{
    *storage = (struct test_storage){
        .storage.class = &test_storage_class,
        .arena = arena_create(NULL),
        .chunk_samples = 120,
        .fail_series = SIZE_MAX,
    };
}

void test_storage_clear(struct test_storage *storage)
{
    for (size_t i = 0; i < storage->count; i++)
        test_series_done(&storage->series[i]);
    storage->count = 0;
    arena_reset(storage->arena);
}

void test_storage_done(struct test_storage *storage)
{
    test_storage_clear(storage);
    free(storage->series);
    arena_destroy(storage->arena);
}

static struct test_series *test_storage_new_series(struct test_storage *storage, size_t label_count)
{
    mem_grow(storage->series, struct test_series, storage->count, &storage->cap);
    struct test_series *series = &storage->series[storage->count++];
    *series = (struct test_series){
        .labels = arena_array(storage->arena, const char *, 2 * label_count + 1),
        .chunk_samples = storage->chunk_samples,
    };
    return series;
}

void test_storage_add(struct test_storage *storage, const char *const *labels,
                      const int64_t *times_ms, const double *values, size_t count)
{
    size_t label_count = 0;
    while (labels[2 * label_count])
        label_count++;
    struct test_series *series = test_storage_new_series(storage, label_count);
    for (size_t i = 0; i < 2 * label_count; i++)
        series->labels[i] = arena_text(storage->arena, str_of(labels[i]));
    for (size_t i = 0; i < count; i++) {
        struct err err;
        if (!test_series_append(series,
                                &(struct test_sample){.time_ms = times_ms[i], .value = values[i]},
                                storage->arena, &err))
            abort();
    }
}

static bool series_has_labels(const struct test_series *series, const struct symbols *symbols,
                              const struct labels *labels)
{
    for (uint32_t i = 0; i < labels->count; i++)
        if (!series->labels[2 * i] ||
            !str_eq(str_of(series->labels[2 * i]), symbols_get(symbols, labels->pairs[i].name)) ||
            !str_eq(str_of(series->labels[2 * i + 1]),
                    symbols_get(symbols, labels->pairs[i].value)))
            return false;
    return !series->labels[2 * labels->count];
}

struct test_series *test_storage_series(struct test_storage *storage, const struct symbols *symbols,
                                        const struct labels *labels)
{
    for (size_t i = 0; i < storage->count; i++)
        if (series_has_labels(&storage->series[i], symbols, labels))
            return &storage->series[i];
    struct test_series *series = test_storage_new_series(storage, labels->count);
    for (uint32_t i = 0; i < labels->count; i++) {
        series->labels[2 * i] =
            arena_text(storage->arena, symbols_get(symbols, labels->pairs[i].name));
        series->labels[2 * i + 1] =
            arena_text(storage->arena, symbols_get(symbols, labels->pairs[i].value));
    }
    return series;
}
