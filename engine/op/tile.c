#include "engine/op/tile.h"

#include <assert.h>
#include <string.h>

#include "engine/op/histogram_row.h"

static_assert(sizeof(struct histogram *) <= sizeof(double), "the pool counts in doubles");
static_assert(sizeof(struct window_finds) <= sizeof(double), "the pool counts in doubles");

bool tile_take(struct tile *tile, struct query *query, size_t rows, size_t steps, struct err *err)
{
    *tile = (struct tile){.query = query, .row_max = rows, .step_count = steps};
    tile->values = pool_take(query->pool, &query->budget, rows * steps, err);
    return tile->values != NULL;
}

bool tile_take_for(struct tile *tile, struct op *op, struct err *err)
{
    if (op->order_count == 0)
        return true;
    size_t rows = batch_rows_max(op->grid.count);
    return tile_take(tile, op->query, rows < op->order_count ? rows : op->order_count,
                     op->grid.count, err);
}

void tile_give(struct tile *tile)
{
    if (!tile->query)
        return;
    struct query *query = tile->query;
    size_t count = tile->row_max * tile->step_count;
    pool_give(query->pool, &query->budget, tile->values, count);
    pool_give(query->pool, &query->budget, (double *)(void *)tile->histograms, count);
    pool_give(query->pool, &query->budget, (double *)(void *)tile->finds, tile->row_max);
    arena_destroy(tile->arena);
    *tile = (struct tile){0};
}

void tile_begin(struct tile *tile)
{
    if (tile->arena)
        arena_reset(tile->arena);
    tile->has_histograms = false;
    tile->has_finds = false;
}

bool tile_want_histograms(struct tile *tile, struct err *err)
{
    if (tile->has_histograms)
        return true;
    struct query *query = tile->query;
    size_t count = tile->row_max * tile->step_count;
    if (!tile->histograms) {
        void *taken = pool_take(query->pool, &query->budget, count, err);
        if (!taken)
            return false;
        tile->histograms = taken;
        tile->arena = arena_create(&query->budget);
    }
    memset(tile->histograms, 0, count * sizeof *tile->histograms);
    tile->has_histograms = true;
    return true;
}

bool tile_find(struct tile *tile, size_t row, const struct window_finds *finds, struct err *err)
{
    if (!tile->has_finds) {
        struct query *query = tile->query;
        if (!tile->finds) {
            void *taken = pool_take(query->pool, &query->budget, tile->row_max, err);
            if (!taken)
                return false;
            tile->finds = taken;
        }
        memset(tile->finds, 0, tile->row_max * sizeof *tile->finds);
        tile->has_finds = true;
    }
    tile->finds[row].found |= finds->found;
    tile->finds[row].overlaps += finds->overlaps;
    return true;
}

bool tile_check(const struct tile *tile, struct err *err)
{
    return !tile->arena || arena_check(tile->arena, err);
}

struct batch tile_batch(const struct tile *tile, size_t row_count)
{
    return (struct batch){
        .values = tile->values,
        .histograms = tile->has_histograms ? tile->histograms : NULL,
        .row_count = row_count,
        .step_count = tile->step_count,
    };
}

const struct histogram **tile_histograms(struct tile *tile, struct batch *batch, size_t row,
                                         struct err *err)
{
    if (!tile_want_histograms(tile, err))
        return NULL;
    batch->histograms = tile->histograms;
    return batch->histograms + row * batch->step_count;
}

bool tile_copy(struct tile *tile, struct batch *batch, size_t row,
               const struct histogram *const *histograms, struct err *err)
{
    if (!row_has_histogram(histograms, tile->step_count))
        return true;
    const struct histogram **to = tile_histograms(tile, batch, row, err);
    if (!to)
        return false;
    histogram_row_copy(tile->arena, histograms, tile->step_count, to);
    return arena_check(tile->arena, err);
}
