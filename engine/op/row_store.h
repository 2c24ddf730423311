#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "engine/op.h"

/*
 * Rows of one width for an operator that holds many at once for a while: cut from slabs of the
 * query's pool, so that short rows (of instant queries, or bits) cost what they are. Charged; what
 * is given back is taken again before another slab, and leaves with row_store_done. What is held
 * with histograms must be dropped before.
 *
 * Thread: the one that runs the query.
 */
struct row_store {
    struct query *query;
    size_t width;
    size_t slab_rows;
    double **slabs;
    size_t slab_count;
    size_t slab_cap;
    size_t slab_used; /* rows of the last slab */
    double *given;    /* chained through their first bytes */
};

void row_store_init(struct row_store *store, struct query *query, size_t width);
double *row_store_take(struct row_store *store, struct err *err) MUST_CHECK; /* not cleared */
void row_store_give(struct row_store *store, double *row);
void row_store_done(struct row_store *store); /* a zeroed one is fine */

/*
 * A row held with its histograms, which are copied into an arena of their own. The width is the
 * row's steps. `{0}`: nothing is held.
 */
struct held_row {
    double *values;
    const struct histogram **histograms; /* NULL: none */
    struct arena *arena;
};

bool row_store_hold(struct row_store *store, const double *values,
                    const struct histogram *const *histograms, struct held_row *ret_held,
                    struct err *err) MUST_CHECK;

/* Puts the points of another row into one that is held. */
bool row_store_merge(struct row_store *store, struct held_row *held, const double *values,
                     const struct histogram *const *histograms, struct err *err) MUST_CHECK;

/* Gives up what is held, if anything. */
void row_store_drop(struct row_store *store, struct held_row *held);
