#include "engine/op/histogram_row.h"

void histogram_row_copy(struct arena *arena, const struct histogram *const *row, size_t steps,
                        const struct histogram **to)
{
    for (size_t i = 0; i < steps; i++) {
        bool again = i > 0 && row[i] == row[i - 1];
        to[i] = again ? to[i - 1] : row[i] ? histogram_keep(arena, row[i]) : NULL;
    }
}

const struct histogram **histogram_row_keep(struct arena *arena, const struct histogram *const *row,
                                            size_t steps)
{
    if (!row_has_histogram(row, steps))
        return NULL;
    const struct histogram **kept = arena_array(arena, const struct histogram *, steps);
    histogram_row_copy(arena, row, steps, kept);
    return kept;
}
