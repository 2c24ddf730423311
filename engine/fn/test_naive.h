#pragma once

#include <stddef.h>
#include <stdint.h>

#include "parser/function.h"

/* One window as Prometheus hands it to a function: all of its samples, and where it lies. */
struct naive_window {
    const int64_t *times_ms;
    const double *values;
    size_t count;
    int64_t start_ms; /* not in the window itself */
    int64_t end_ms;
    int64_t eval_ms;
    double param;
    double param2;
};

/*
 * The functions as their definitions read, each a walk over the whole window, and too simple to be
 * wrong: what kernels are compared with. The stale marker, if there is no result.
 */
double naive_answer(enum function_id id, const struct naive_window *window);
