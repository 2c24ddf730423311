/*
 * State: sum | compensation | count | mean.
 *
 * Prometheus adds up and divides at the end, until the sum of a step would become infinite; from
 * there on that step keeps a running mean instead. That is rare, so the usual way is tried first:
 * a block of steps over all rows, in memory of its own, noting whether any sum overflowed. If one
 * did, the block is done again from where it stood, value by value.
 *
 * A step with a running mean has an infinite sum, so that the usual way does not take it, and a
 * mean that is not the stale marker.
 */
#include <float.h>
#include <string.h>

#include "base/attr.h"
#include "base/kahan.h"
#include "engine/fn/aggregate.h"
#include "engine/fn/kahan_steps.h"
#include "model/sample.h"

#define AVG_BLOCK 64

struct avg_step {
    double *sum;
    double *compensation;
    double *count;
    double *mean;
};

static void avg_begin(double *state, size_t steps)
{
    for (size_t s = 0; s < steps; s++) {
        state[s] = -0.0;
        state[steps + s] = 0;
        state[2 * steps + s] = 0;
        state[3 * steps + s] = value_stale();
    }
}

/* One value as Prometheus takes it, with all the cases. */
static void avg_add_value(const struct avg_step *step, double v)
{
    double count = *step->count += 1;
    if (count == 1) {
        *step->sum = v;
        return;
    }
    if (value_is_stale(*step->mean)) {
        struct kahan sum = {*step->sum, *step->compensation};
        kahan_add(&sum, v);
        if (!isinf(sum.sum)) {
            *step->sum = sum.sum;
            *step->compensation = sum.c;
            return;
        }
        *step->mean = *step->sum / (count - 1);
        *step->compensation /= count - 1;
        *step->sum = INFINITY;
    }
    double share = (count - 1) / count;
    struct kahan mean = {share * *step->mean, share * *step->compensation};
    kahan_add(&mean, v / count);
    *step->mean = mean.sum;
    *step->compensation = mean.c;
}

static void avg_add_slowly(double *state, const double *rows, size_t count, size_t steps,
                           size_t from, size_t to)
{
    for (size_t s = from; s < to; s++) {
        struct avg_step step = {state + s, state + steps + s, state + 2 * steps + s,
                                state + 3 * steps + s};
        for (size_t i = 0; i < count; i++)
            if (!value_is_stale(rows[i * steps + s]))
                avg_add_value(&step, rows[i * steps + s]);
    }
}

/* One row over `len` steps; true if a sum overflowed. */
HOT_INLINE bool avg_add_row(double *restrict sums, double *restrict compensations,
                            double *restrict counts, const double *restrict row, size_t len)
{
    unsigned overflows = 0;
    for (size_t s = 0; s < len; s++) {
        bool missing = value_is_stale(row[s]);
        double compensation = compensations[s];
        double sum = kahan_steps_add(sums[s], &compensation, missing ? -0.0 : row[s]);
        sums[s] = sum;
        compensations[s] = compensation;
        counts[s] += missing ? 0.0 : 1.0;
        overflows |= fabs(sum) > DBL_MAX;
    }
    return overflows != 0;
}

KERNEL_CLONES
static bool avg_add_block(double *state, const double *rows, size_t count, size_t steps, size_t len)
{
    double sums[AVG_BLOCK];
    double compensations[AVG_BLOCK];
    double counts[AVG_BLOCK];
    memcpy(sums, state, len * sizeof(double));
    memcpy(compensations, state + steps, len * sizeof(double));
    memcpy(counts, state + 2 * steps, len * sizeof(double));
    for (size_t i = 0; i < count; i++)
        if (avg_add_row(sums, compensations, counts, rows + i * steps, len))
            return false;
    memcpy(state, sums, len * sizeof(double));
    memcpy(state + steps, compensations, len * sizeof(double));
    memcpy(state + 2 * steps, counts, len * sizeof(double));
    return true;
}

static bool avg_is_usual(const double *state, size_t len)
{
    bool usual = true;
    for (size_t s = 0; s < len; s++)
        usual &= !isinf(state[s]);
    return usual;
}

static void avg_add(double *state, const double *rows, size_t count, size_t steps)
{
    for (size_t from = 0; from < steps; from += AVG_BLOCK) {
        size_t len = steps - from < AVG_BLOCK ? steps - from : AVG_BLOCK;
        bool done = avg_is_usual(state + from, len) &&
                    avg_add_block(state + from, rows + from, count, steps, len);
        if (!done)
            avg_add_slowly(state, rows, count, steps, from, from + len);
    }
}

static void avg_end(const double *state, double *out, size_t steps)
{
    for (size_t s = 0; s < steps; s++) {
        double compensation = state[steps + s];
        double count = state[2 * steps + s];
        double mean = state[3 * steps + s];
        if (count == 0)
            out[s] = value_stale();
        else if (value_is_stale(mean))
            out[s] = state[s] / count + compensation / count;
        else
            out[s] = mean + compensation;
    }
}

const struct aggregate_kernel aggregate_avg = {"avg", 4, avg_begin, avg_add, avg_end};
