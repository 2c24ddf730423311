#pragma once

#include "engine/batch.h"

/*
 * A row of native histograms beside a row of values: one pointer a step, NULL where there is none;
 * or NULL altogether.
 *
 * Thread: any.
 */
/* A row's points, borrowed. */
struct point_row {
    const double *values;
    const struct histogram *const *histograms; /* NULL: none */
};

/* Has the row any point, a float or a histogram? */
static inline bool point_row_any(const double *values, const struct histogram *const *histograms,
                                 size_t steps)
{
    return row_has_point(values, steps) || row_has_histogram(histograms, steps);
}

/*
 * Copies of the histograms into to[0 .. steps), in the arena; a histogram that stands at several
 * steps on end is copied once.
 */
void histogram_row_copy(struct arena *arena, const struct histogram *const *row, size_t steps,
                        const struct histogram **to);

/* The same as a new row in the arena; NULL if there are none. */
const struct histogram **histogram_row_keep(struct arena *arena, const struct histogram *const *row,
                                            size_t steps);
