#include "engine/op/row_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/op/histogram_row.h"

void row_store_init(struct row_store *store, struct query *query, size_t width)
{
    assert(width > 0);
    *store = (struct row_store){.query = query, .width = width, .slab_rows = batch_rows_max(width)};
}

static bool row_store_grow(struct row_store *store, struct err *err)
{
    double *slab =
        pool_take(store->query->pool, &store->query->budget, store->slab_rows * store->width, err);
    if (!slab)
        return false;
    mem_grow(store->slabs, double *, store->slab_count, &store->slab_cap);
    store->slabs[store->slab_count++] = slab;
    store->slab_used = 0;
    return true;
}

double *row_store_take(struct row_store *store, struct err *err)
{
    double *row = store->given;
    if (row) {
        memcpy(&store->given, row, sizeof store->given);
        return row;
    }
    if (store->slab_count == 0 || store->slab_used == store->slab_rows)
        if (!row_store_grow(store, err))
            return NULL;
    return store->slabs[store->slab_count - 1] + store->width * store->slab_used++;
}

void row_store_give(struct row_store *store, double *row)
{
    memcpy(row, &store->given, sizeof store->given);
    store->given = row;
}

void row_store_done(struct row_store *store)
{
    for (size_t i = 0; i < store->slab_count; i++)
        pool_give(store->query->pool, &store->query->budget, store->slabs[i],
                  store->slab_rows * store->width);
    free(store->slabs);
    *store = (struct row_store){0};
}

bool row_store_hold(struct row_store *store, const double *values,
                    const struct histogram *const *histograms, struct held_row *ret_held,
                    struct err *err)
{
    double *row = row_store_take(store, err);
    if (!row)
        return false;
    memcpy(row, values, store->width * sizeof *row);
    *ret_held = (struct held_row){.values = row};
    if (!row_has_histogram(histograms, store->width))
        return true;
    ret_held->arena = arena_create(&store->query->budget);
    ret_held->histograms = histogram_row_keep(ret_held->arena, histograms, store->width);
    return arena_check(ret_held->arena, err);
}

bool row_store_merge(struct row_store *store, struct held_row *held, const double *values,
                     const struct histogram *const *histograms, struct err *err)
{
    size_t steps = store->width;
    for (size_t i = 0; i < steps; i++)
        held->values[i] = value_is_stale(values[i]) ? held->values[i] : values[i];
    if (!row_has_histogram(histograms, steps))
        return true;
    if (!held->arena)
        held->arena = arena_create(&store->query->budget);
    if (!held->histograms)
        held->histograms = arena_array(held->arena, const struct histogram *, steps);
    for (size_t i = 0; i < steps; i++)
        if (histograms[i])
            held->histograms[i] = histogram_keep(held->arena, histograms[i]);
    return arena_check(held->arena, err);
}

void row_store_drop(struct row_store *store, struct held_row *held)
{
    if (held->values)
        row_store_give(store, held->values);
    arena_destroy(held->arena);
    *held = (struct held_row){0};
}
