/*
 * stddev and stdvar. State: squares | mean | count; Welford's way, one value after another, without
 * compensation.
 *
 * Prometheus takes the first value apart from the others: mean = v, squares = 0, or NaN if v is NaN
 * or infinite. With a mean of -0.0 and a count of 0 the rule for the others gives just that:
 * -0.0 + v / 1 is v, and v * (v - v) is zero, or NaN.
 */
#include <math.h>

#include "base/attr.h"
#include "engine/fn/aggregate.h"
#include "model/sample.h"

static void variance_begin(double *state, size_t steps)
{
    for (size_t s = 0; s < steps; s++) {
        state[s] = 0;
        state[steps + s] = -0.0;
        state[2 * steps + s] = 0;
    }
}

HOT_INLINE void variance_add_value(double *squares, double *mean, double *count, double v)
{
    bool missing = value_is_stale(v);
    double next = *count + 1;
    double delta = v - *mean;
    double moved = *mean + delta / next;
    double added = *squares + delta * (v - moved);
    *squares = missing ? *squares : added;
    *mean = missing ? *mean : moved;
    *count = missing ? *count : next;
}

KERNEL_CLONES
static void variance_add_row(double *restrict squares, double *restrict means,
                             double *restrict counts, const double *restrict row, size_t steps)
{
    for (size_t s = 0; s < steps; s++)
        variance_add_value(squares + s, means + s, counts + s, row[s]);
}

static void variance_add(double *state, const double *rows, size_t count, size_t steps)
{
    if (steps > 1) {
        for (size_t i = 0; i < count; i++)
            variance_add_row(state, state + steps, state + 2 * steps, rows + i * steps, steps);
        return;
    }
    double squares = state[0];
    double mean = state[1];
    double values = state[2];
    for (size_t i = 0; i < count; i++)
        variance_add_value(&squares, &mean, &values, rows[i]);
    state[0] = squares;
    state[1] = mean;
    state[2] = values;
}

static void stdvar_end(const double *state, double *out, size_t steps)
{
    const double *counts = state + 2 * steps;
    for (size_t s = 0; s < steps; s++)
        out[s] = counts[s] > 0 ? state[s] / counts[s] : value_stale();
}

static void stddev_end(const double *state, double *out, size_t steps)
{
    const double *counts = state + 2 * steps;
    for (size_t s = 0; s < steps; s++)
        out[s] = counts[s] > 0 ? sqrt(state[s] / counts[s]) : value_stale();
}

const struct aggregate_kernel aggregate_stddev = {"stddev", 3, variance_begin, variance_add,
                                                  stddev_end};
const struct aggregate_kernel aggregate_stdvar = {"stdvar", 3, variance_begin, variance_add,
                                                  stdvar_end};
