/*
 * min and max: the state is the best so far, the stale marker before the first. That is a NaN too,
 * so that the rule "whatever comes replaces NaN" holds for it; only a missing value replaces
 * nothing.
 */
#include "base/attr.h"
#include "engine/fn/aggregate.h"
#include "model/sample.h"

static void extreme_begin(double *state, size_t steps)
{
    for (size_t s = 0; s < steps; s++)
        state[s] = value_stale();
}

static void extreme_end(const double *state, double *out, size_t steps)
{
    for (size_t s = 0; s < steps; s++)
        out[s] = state[s];
}

HOT_INLINE double max_of(double best, double v)
{
    bool better = (best < v) | (best != best);
    return (better & !value_is_stale(v)) ? v : best;
}

HOT_INLINE double min_of(double best, double v)
{
    bool better = (best > v) | (best != best);
    return (better & !value_is_stale(v)) ? v : best;
}

KERNEL_CLONES
static void max_add_rows(double *restrict state, const double *restrict rows, size_t count,
                         size_t steps)
{
    for (size_t i = 0; i < count; i++, rows += steps)
        for (size_t s = 0; s < steps; s++)
            state[s] = max_of(state[s], rows[s]);
}

KERNEL_CLONES
static void min_add_rows(double *restrict state, const double *restrict rows, size_t count,
                         size_t steps)
{
    for (size_t i = 0; i < count; i++, rows += steps)
        for (size_t s = 0; s < steps; s++)
            state[s] = min_of(state[s], rows[s]);
}

static void max_add(double *state, const double *rows, size_t count, size_t steps)
{
    if (steps > 1) {
        max_add_rows(state, rows, count, steps);
        return;
    }
    double best = *state;
    for (size_t i = 0; i < count; i++)
        best = max_of(best, rows[i]);
    *state = best;
}

static void min_add(double *state, const double *rows, size_t count, size_t steps)
{
    if (steps > 1) {
        min_add_rows(state, rows, count, steps);
        return;
    }
    double best = *state;
    for (size_t i = 0; i < count; i++)
        best = min_of(best, rows[i]);
    *state = best;
}

const struct aggregate_kernel aggregate_max = {"max", 1, extreme_begin, max_add, extreme_end};
const struct aggregate_kernel aggregate_min = {"min", 1, extreme_begin, min_add, extreme_end};
