#pragma once

#include "engine/batch.h"
#include "engine/fn/window.h"
#include "engine/query.h"

/*
 * A batch in the making: room for some rows of values, from the pool and charged; room for their
 * histograms and for what is found in them only once there is such a thing. Filled again and again.
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
