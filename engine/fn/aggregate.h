#pragma once

#include <stddef.h>

#include "parser/function.h"

/*
 * Aggregations over the rows of one group, step by step, with Prometheus's arithmetic: what comes
 * out depends on the order in which the rows come in. A step that no row has is missing.
 *
 *     kernel->begin(state, steps);
 *     kernel->add(state, rows, count, steps);      the next rows, `count` times `steps` values
 *     kernel->end(state, out, steps);
 *
 * The state is `arrays` arrays of `steps` values, one behind the other, and says nothing between
 * groups: a kernel keeps nothing else.
 */
struct aggregate_kernel {
    const char *name;
    size_t arrays;
    void (*begin)(double *state, size_t steps);
    void (*add)(double *state, const double *rows, size_t count, size_t steps);
    void (*end)(const double *state, double *out, size_t steps);
};

/* sum, avg, count, min, max, group, stddev, stdvar; NULL for the others. */
const struct aggregate_kernel *aggregate_kernel(enum aggregate_op op);

extern const struct aggregate_kernel aggregate_sum;
extern const struct aggregate_kernel aggregate_avg;
extern const struct aggregate_kernel aggregate_count;
extern const struct aggregate_kernel aggregate_group;
extern const struct aggregate_kernel aggregate_min;
extern const struct aggregate_kernel aggregate_max;
extern const struct aggregate_kernel aggregate_stddev;
extern const struct aggregate_kernel aggregate_stdvar;
