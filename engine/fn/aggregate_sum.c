/*
 * State: sum | compensation. A sum that has seen nothing is the stale marker.
 *
 * Four rows go over the state at once, so that it is loaded and stored once for them; each step is
 * its own chain of additions, and the compiler lays steps side by side in vectors. With one step
 * there is one chain, kept in registers.
 */
#include "base/attr.h"
#include "engine/fn/aggregate.h"
#include "engine/fn/kahan_steps.h"
#include "model/sample.h"

static void sum_begin(double *state, size_t steps)
{
    for (size_t s = 0; s < steps; s++) {
        state[s] = value_stale();
        state[steps + s] = 0;
    }
}

HOT_INLINE double sum_value(double v)
{
    return value_is_stale(v) ? -0.0 : v;
}

static void sum_add_one_step(double *state, const double *values, size_t count)
{
    double sum = sum_value(state[0]);
    double compensation = state[1];
    bool seen = !value_is_stale(state[0]);
    for (size_t i = 0; i < count; i++) {
        seen |= !value_is_stale(values[i]);
        sum = kahan_steps_add(sum, &compensation, sum_value(values[i]));
    }
    if (seen)
        state[0] = sum;
    state[1] = compensation;
}

KERNEL_CLONES
static void sum_add_four(double *restrict sums, double *restrict compensations,
                         const double *restrict rows, size_t steps)
{
    for (size_t s = 0; s < steps; s++) {
        double a = rows[s];
        double b = rows[steps + s];
        double c = rows[2 * steps + s];
        double d = rows[3 * steps + s];
        double sum = sum_value(sums[s]);
        double compensation = compensations[s];
        sum = kahan_steps_add(sum, &compensation, sum_value(a));
        sum = kahan_steps_add(sum, &compensation, sum_value(b));
        sum = kahan_steps_add(sum, &compensation, sum_value(c));
        sum = kahan_steps_add(sum, &compensation, sum_value(d));
        bool nothing = value_is_stale(sums[s]) && value_is_stale(a) && value_is_stale(b) &&
                       value_is_stale(c) && value_is_stale(d);
        sums[s] = nothing ? value_stale() : sum;
        compensations[s] = compensation;
    }
}

KERNEL_CLONES
static void sum_add_row(double *restrict sums, double *restrict compensations,
                        const double *restrict row, size_t steps)
{
    for (size_t s = 0; s < steps; s++) {
        double compensation = compensations[s];
        double sum = kahan_steps_add(sum_value(sums[s]), &compensation, sum_value(row[s]));
        bool nothing = value_is_stale(sums[s]) && value_is_stale(row[s]);
        sums[s] = nothing ? value_stale() : sum;
        compensations[s] = compensation;
    }
}

static void sum_add(double *state, const double *rows, size_t count, size_t steps)
{
    if (steps == 1) {
        sum_add_one_step(state, rows, count);
        return;
    }
    size_t i = 0;
    for (; i + 4 <= count; i += 4)
        sum_add_four(state, state + steps, rows + i * steps, steps);
    for (; i < count; i++)
        sum_add_row(state, state + steps, rows + i * steps, steps);
}

static void sum_end(const double *state, double *out, size_t steps)
{
    for (size_t s = 0; s < steps; s++)
        out[s] =
            value_is_stale(state[s]) ? state[s] : kahan_steps_total(state[s], state[steps + s]);
}

const struct aggregate_kernel aggregate_sum = {"sum", 2, sum_begin, sum_add, sum_end};
