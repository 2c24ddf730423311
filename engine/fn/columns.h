#pragma once

#include <stddef.h>
#include <string.h>

/*
 * Rows turned so that what they have at one step lies close together, for operators that need all
 * values of a step at once. Blocks of COLUMNS_WIDTH steps, in them row after row: a row is written
 * in pieces of a cache line, and the lines of a block are read for eight steps in turn.
 *
 * The caller owns the memory: columns_size values for at most so many rows.
 */
#define COLUMNS_WIDTH 8

struct columns {
    double *values;
    size_t row_count;
    size_t step_count;
};

static inline size_t columns_width(size_t steps)
{
    return steps < COLUMNS_WIDTH ? steps : COLUMNS_WIDTH;
}

static inline size_t columns_size(size_t rows, size_t steps)
{
    size_t width = columns_width(steps);
    return (steps + width - 1) / width * width * rows;
}

static inline void columns_put(struct columns *columns, size_t row, const double *values)
{
    size_t steps = columns->step_count;
    size_t width = columns_width(steps);
    double *to = columns->values + row * width;
    for (size_t s = 0; s < steps; s += width, to += width * columns->row_count)
        memcpy(to, values + s, (steps - s < width ? steps - s : width) * sizeof *to);
}

/* Value of row r at this step: columns_at(...)[r * columns_width(steps)]. */
static inline const double *columns_at(const struct columns *columns, size_t step)
{
    size_t width = columns_width(columns->step_count);
    return columns->values + (step - step % width) * columns->row_count + step % width;
}
