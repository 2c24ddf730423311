/* count and group: the state is how many values there were. */
#include "base/attr.h"
#include "engine/fn/aggregate.h"
#include "model/sample.h"

static void count_begin(double *state, size_t steps)
{
    for (size_t s = 0; s < steps; s++)
        state[s] = 0;
}

KERNEL_CLONES
static void count_add_rows(double *restrict state, const double *restrict rows, size_t count,
                           size_t steps)
{
    for (size_t i = 0; i < count; i++, rows += steps)
        for (size_t s = 0; s < steps; s++)
            state[s] += value_is_stale(rows[s]) ? 0.0 : 1.0;
}

static void count_add(double *state, const double *rows, size_t count, size_t steps)
{
    if (steps > 1) {
        count_add_rows(state, rows, count, steps);
        return;
    }
    size_t there = 0;
    for (size_t i = 0; i < count; i++)
        there += !value_is_stale(rows[i]);
    *state += (double)there;
}

static void count_end(const double *state, double *out, size_t steps)
{
    for (size_t s = 0; s < steps; s++)
        out[s] = state[s] > 0 ? state[s] : value_stale();
}

static void group_end(const double *state, double *out, size_t steps)
{
    for (size_t s = 0; s < steps; s++)
        out[s] = state[s] > 0 ? 1 : value_stale();
}

const struct aggregate_kernel aggregate_count = {"count", 1, count_begin, count_add, count_end};
const struct aggregate_kernel aggregate_group = {"group", 1, count_begin, count_add, group_end};
