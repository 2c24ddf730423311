#pragma once

#include "engine/fn/window.h"
#include "engine/op.h"

/*
 * A batch in the making: room for some rows of values, from the pool and charged; room for their
 * histograms and for what is found in them only once there is such a thing. Filled again and again.
 * What an operator makes itself, it makes in one:
 *
 *     struct batch out = tile_next(&self->output, op);
 *     for (size_t i = 0; i < out.row_count; i++) {
 *         ... fills batch_row(&out, i); tile_histograms(...) if it has histograms
 *         tile_cut(&self->output, &out, i);
 *     }
 *
 * Thread: one at a time.
 */
struct tile {
    struct query *query;
    double *values;
    size_t row_max;
    size_t step_count;

    const struct histogram **histograms; /* as values; NULL: none was ever needed */
    struct arena *arena;                 /* what they live in; there if histograms is */
    struct window_finds *finds;          /* a row; NULL: none was ever needed */
    bool has_histograms;                 /* since it was last begun: */
    bool has_finds;
};

bool tile_take(struct tile *tile, struct query *query, size_t rows, size_t steps, struct err *err)
    MUST_CHECK;

/* For arrange: a batch of rows, or as many as are wanted of the operator if that is less. */
bool tile_take_for(struct tile *tile, struct op *op, struct err *err) MUST_CHECK;

void tile_give(struct tile *tile); /* a zeroed one is fine */

/* Begins anew; what it held is gone. */
void tile_begin(struct tile *tile);

/* From now on the tile has histograms: all missing so far. */
bool tile_want_histograms(struct tile *tile, struct err *err) MUST_CHECK;

/* Adds to what was found in a row. */
bool tile_find(struct tile *tile, size_t row, const struct window_finds *finds, struct err *err)
    MUST_CHECK;

/* For whoever has put histograms into the arena. */
bool tile_check(const struct tile *tile, struct err *err) MUST_CHECK;

/* The batch of its first rows. */
struct batch tile_batch(const struct tile *tile, size_t row_count);

/* For pull: begins anew; the batch of the operator's next rows, to be filled. */
static inline struct batch tile_next(struct tile *tile, const struct op *op)
{
    size_t left = op->order_count - op->rows_done;
    tile_begin(tile);
    return tile_batch(tile, left < tile->row_max ? left : tile->row_max);
}

/* The histograms of a row of the batch, all missing at first; they go into tile->arena. */
const struct histogram **tile_histograms(struct tile *tile, struct batch *batch, size_t row,
                                         struct err *err) MUST_CHECK;

/* A copy of the row's histograms, which may be NULL, as those of a row of the batch. */
bool tile_copy(struct tile *tile, struct batch *batch, size_t row,
               const struct histogram *const *histograms, struct err *err) MUST_CHECK;

/* Where a batch's histograms take much memory, it ends with this row. */
#define TILE_ARENA_BYTES ((size_t)1 << 20)

static inline void tile_cut(const struct tile *tile, struct batch *batch, size_t row)
{
    if (tile->arena && arena_used(tile->arena) > TILE_ARENA_BYTES)
        batch->row_count = row + 1;
}
