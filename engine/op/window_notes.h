#pragma once

#include "engine/fn/window.h"
#include "engine/query.h"
#include "model/labels.h"

/*
 * What Prometheus tells the user of a range function beside its result: what kernels found in the
 * windows of a row, and
 *
 *     NOTES_COUNTER   rate and increase gave a float for a metric that is not named like a counter
 *     NOTES_QUANTILE  quantile_over_time had to do with a quantile that is none
 *
 * Rows go by in their order, so that notes do not depend on the number of threads.
 *
 * Thread: the one that runs the query.
 */
enum window_notes_kind { NOTES_NONE, NOTES_COUNTER, NOTES_QUANTILE };

struct window_notes {
    enum window_notes_kind kind;
    size_t begin; /* where in the query text the notes point to */

    uint32_t looked_name; /* COUNTER: the last metric name looked at; SYM_EMPTY: none yet, */
    uint32_t looked_type; /* and its type */
    bool all_told;        /* QUANTILE: nothing new can come */
};

/* Once before the first row: the function's first scalar argument at each step, or NULL. */
void window_notes_open(struct window_notes *notes, const double *params, size_t steps);

/* Whether a row of these labels, still with their name, may have something new to tell. */
bool window_notes_may_tell(const struct window_notes *notes, const struct query *query,
                           const struct labels *labels);

/* What was found in a row. COUNTER asks for FIND_VALUE. */
void window_notes_finds(struct window_notes *notes, struct query *query,
                        const struct labels *labels, const struct window_finds *finds);

/* For QUANTILE: one row of results. */
void window_notes_row(struct window_notes *notes, struct query *query, const double *params,
                      const double *row, size_t steps);
