#include "engine/reference/matrix.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/reference/label_map.h"

void ref_points_add(struct arena *arena, struct ref_points *points,
                    const struct reference_point *point)
{
    if (points->count == points->cap) {
        points->cap = points->cap ? points->cap * 2 : 4;
        struct reference_point *items = arena_array(arena, struct reference_point, points->cap);
        if (points->count)
            memcpy(items, points->items, points->count * sizeof *items);
        points->items = items;
    }
    points->items[points->count++] = *point;
}

void ref_series_add(struct arena *arena, struct ref_series *series, int64_t time_ms, double value,
                    const struct histogram *histogram)
{
    const struct reference_point point = {
        .time_ms = time_ms,
        .value = value,
        .histogram = histogram,
    };
    ref_points_add(arena, histogram ? &series->histograms : &series->floats, &point);
}

void ref_matrix_add(struct arena *arena, struct ref_matrix *matrix, const struct ref_series *series)
{
    if (matrix->count == matrix->cap) {
        matrix->cap = matrix->cap ? matrix->cap * 2 : 4;
        struct ref_series *items = arena_array(arena, struct ref_series, matrix->cap);
        if (matrix->count)
            memcpy(items, matrix->items, matrix->count * sizeof *items);
        matrix->items = items;
    }
    matrix->items[matrix->count++] = *series;
}

static struct ref_points ref_points_copy(struct arena *arena, const struct ref_points *points)
{
    struct ref_points copy = {.count = points->count, .cap = points->count};
    if (copy.count == 0)
        return copy;
    copy.items = arena_array(arena, struct reference_point, copy.count);
    memcpy(copy.items, points->items, copy.count * sizeof *copy.items);
    return copy;
}

void ref_matrix_settle(struct arena *arena, struct arena *growing, struct ref_matrix *matrix,
                       const struct ref_series *series)
{
    struct ref_series settled = *series;
    settled.floats = ref_points_copy(arena, &series->floats);
    settled.histograms = ref_points_copy(arena, &series->histograms);
    if (ref_series_count(&settled) > 0)
        ref_matrix_add(arena, matrix, &settled);
    arena_reset(growing);
}

static const struct reference_point *ref_points_take(struct ref_points *points, int64_t time_ms)
{
    if (points->next == points->count || points->items[points->next].time_ms != time_ms)
        return NULL;
    return &points->items[points->next++];
}

const struct reference_point *ref_series_take(struct ref_series *series, int64_t time_ms)
{
    const struct reference_point *point = ref_points_take(&series->floats, time_ms);
    return point ? point : ref_points_take(&series->histograms, time_ms);
}

static int series_cmp(const void *a, const void *b, void *symbols)
{
    const struct ref_series *left = a, *right = b;
    return labels_cmp(symbols, left->labels, right->labels);
}

void ref_matrix_sort(struct symbols *symbols, struct ref_matrix *matrix)
{
    if (matrix->count > 1)
        qsort_r(matrix->items, matrix->count, sizeof *matrix->items, series_cmp, symbols);
}

bool ref_clash(struct err *err)
{
    return err_set(err, ERR_EXECUTION, "vector cannot contain metrics with the same labelset");
}

bool ref_matrix_clashes(struct arena *scratch, const struct ref_matrix *matrix)
{
    struct label_map seen = {.arena = scratch};
    for (size_t i = 0; i < matrix->count; i++) {
        bool new;
        label_map_add(&seen, matrix->items[i].labels, &new);
        if (!new)
            return true;
    }
    return false;
}

static int point_cmp(const void *a, const void *b)
{
    const struct reference_point *x = a, *y = b;
    return (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);
}

static bool ref_points_merge(struct arena *arena, struct ref_points *points,
                             const struct ref_points *more, struct err *err)
{
    if (more->count == 0)
        return true;
    struct ref_points all = {0};
    for (size_t i = 0; i < points->count; i++)
        ref_points_add(arena, &all, &points->items[i]);
    for (size_t i = 0; i < more->count; i++)
        ref_points_add(arena, &all, &more->items[i]);
    assert(all.items);
    qsort(all.items, all.count, sizeof *all.items, point_cmp);
    for (size_t i = 1; i < all.count; i++)
        if (all.items[i].time_ms == all.items[i - 1].time_ms)
            return ref_clash(err);
    *points = all;
    return arena_check(arena, err);
}

bool ref_matrix_merge(struct arena *arena, struct ref_matrix *matrix, struct err *err)
{
    struct label_map seen = {.arena = arena};
    size_t count = 0;
    for (size_t i = 0; i < matrix->count; i++) {
        const struct ref_series *series = &matrix->items[i];
        bool new;
        size_t index = label_map_add(&seen, series->labels, &new);
        if (new) {
            matrix->items[count++] = *series;
            continue;
        }
        struct ref_series *base = &matrix->items[index];
        if (!ref_points_merge(arena, &base->floats, &series->floats, err) ||
            !ref_points_merge(arena, &base->histograms, &series->histograms, err))
            return false;
    }
    matrix->count = count;
    return true;
}
