#include "engine/op/test_storage.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define TEST_LABELS_MAX 8

struct test_series {
    char *labels[2 * TEST_LABELS_MAX + 1];
    int64_t *times_ms;
    double *values;
    size_t count;
};

struct test_selection {
    struct selection selection;
    struct test_storage *storage;
    size_t *series;
};

struct test_cursor {
    struct cursor cursor;
    size_t series;
    size_t at;
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
    return &cursor->cursor;
}

static void test_cursor_destroy(struct cursor *cursor)
{
    free(CONTAINER(struct test_cursor, cursor, cursor));
}

static void test_cursor_open(struct cursor *cursor, size_t series)
{
    struct test_cursor *self = CONTAINER(struct test_cursor, cursor, cursor);
    struct test_selection *selection =
        CONTAINER(struct test_selection, selection, cursor->selection);
    self->series = selection->series[series];
    self->at = 0;
}

static bool test_cursor_next(struct cursor *cursor, struct samples *into, bool *ret_more,
                             struct err *err)
{
    struct test_cursor *self = CONTAINER(struct test_cursor, cursor, cursor);
    struct test_storage *storage =
        CONTAINER(struct test_selection, selection, cursor->selection)->storage;
    const struct test_series *series = &storage->series[self->series];
    if (self->series == storage->fail_series)
        return err_set(err, ERR_CORRUPT, "series %zu is damaged", self->series);

    size_t count = series->count - self->at;
    if (count > storage->chunk_samples)
        count = storage->chunk_samples;
    samples_reserve(into, count);
    memcpy(into->times_ms + into->count, series->times_ms + self->at, count * sizeof(int64_t));
    memcpy(into->values + into->count, series->values + self->at, count * sizeof(double));
    into->count += count;
    self->at += count;
    *ret_more = count > 0;
    return true;
}

static void test_selection_close(struct selection *selection)
{
    struct test_selection *self = CONTAINER(struct test_selection, selection, selection);
    free(self->series);
    free(self);
}

static const struct selection_class test_selection_class = {
    .cursor_create = test_cursor_create,
    .cursor_destroy = test_cursor_destroy,
    .cursor_open = test_cursor_open,
    .cursor_next = test_cursor_next,
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
        bool matches = true;
        for (size_t m = 0; m < request->matcher_count && matches; m++)
            matches = matcher_matches(
                request->matchers[m],
                str_of(test_series_label(&self->series[i], request->matchers[m]->name)));
        if (!matches)
            continue;
        size_t at = selection->selection.count++;
        selection->series[at] = i;
        selection->selection.labels[at] = test_series_labels(&self->series[i], request);
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
        .chunk_samples = 120,
        .fail_series = SIZE_MAX,
    };
}

void test_storage_done(struct test_storage *storage)
{
    for (size_t i = 0; i < storage->count; i++) {
        struct test_series *series = &storage->series[i];
        for (size_t j = 0; series->labels[j]; j++)
            free(series->labels[j]);
        free(series->times_ms);
        free(series->values);
    }
    free(storage->series);
}

void test_storage_add(struct test_storage *storage, const char *const *labels,
                      const int64_t *times_ms, const double *values, size_t count)
{
    mem_grow(storage->series, struct test_series, storage->count, &storage->cap);
    struct test_series *series = &storage->series[storage->count++];
    *series = (struct test_series){.count = count};
    for (size_t i = 0; labels[i] && i < 2 * TEST_LABELS_MAX; i++)
        series->labels[i] = mem_strdup(labels[i]);
    series->times_ms = mem_new_array(int64_t, count);
    series->values = mem_new_array(double, count);
    if (count) {
        memcpy(series->times_ms, times_ms, count * sizeof *times_ms);
        memcpy(series->values, values, count * sizeof *values);
    }
}
