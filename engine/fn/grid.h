#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The times a query is evaluated at: start, start + step, ... `count` of them. An instant query has
 * one. A step of 0 repeats one time (a window that @ has pinned, seen from many steps).
 */
struct grid {
    int64_t start_ms;
    int64_t step_ms;
    size_t count;
};

/* Times are a client's to choose: at the ends of int64 they wrap around, as Go's do. */
static inline int64_t ms_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static inline int64_t ms_sub(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static inline int64_t grid_time(const struct grid *grid, size_t step)
{
    return ms_add(grid->start_ms, (int64_t)(step * (uint64_t)grid->step_ms));
}

static inline int64_t grid_end(const struct grid *grid)
{
    return grid_time(grid, grid->count - 1);
}
