#pragma once

#include <stdatomic.h>

#include "engine/fn/window.h"
#include "engine/op/tile.h"
#include "engine/plan/plan.h"
#include "engine/query.h"
#include "model/sample.h"

/*
 * What one thread needs to make rows: a cursor, the samples it has read, the kernel's scratch. Kept
 * from row to row; charged to the query's budget as it grows.
 *
 * Thread: one at a time.
 */
struct lane {
    struct cursor *cursor;
    struct samples samples;
    struct histogram_samples histograms;
    bool first_hint_due; /* totals_only: no histogram of the series has come yet */
    int64_t *stale_ms;   /* totals_only: where stale markers were, if windows lie apart */
    size_t stale_count;
    size_t stale_cap;
    struct scratch scratch;
    struct arena *spare; /* the kernel's, for histograms; NULL: none was ever needed */
    size_t charged_bytes;
    _Atomic uint64_t samples_read; /* others may look while it runs */
    uint64_t *step_samples;        /* sample_count.h, one a step; NULL: not asked for */
};

/* What all rows of one source have in common. Read-only while lanes run. */
struct row_spec {
    struct query *query;
    struct selection *selection;
    const struct plan_select *select;
    const struct window_kernel *kernel;
    bool finds_values;                       /* FIND_VALUE is asked for */
    const double *params[WINDOW_PARAMS_MAX]; /* one a step, or NULL */
    struct grid grid;                        /* the query's own times */
};

/* Fills one row of the tile with the kernel's results over the series' samples. */
bool lane_fill_row(struct lane *lane, const struct row_spec *spec, size_t series, struct tile *tile,
                   size_t row, struct err *err) MUST_CHECK;
void lane_done(struct lane *lane, struct query *query);
