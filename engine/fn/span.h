#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/fn/window.h"

/*
 * A window by the samples [lo, hi) in it, and the steps that see it: several, where the grid is
 * finer than the samples are or @ has pinned it.
 */
struct span {
    uint32_t lo;
    uint32_t hi;
    uint32_t step;
    uint32_t step_count;
};

/* How many windows are answered side by side. */
enum { LANES = 8 };

/*
 * A kernel whose cost is that of the window: answers one span, or LANES spans. Those lie in
 * order, neither edge goes back, and the last may be there more than once.
 */
struct span_kernel {
    size_t sample_count_min; /* a window with fewer has no result */
    bool step_by_step;       /* the result depends on the step, not on the samples alone */
    bool one_by_one;         /* leave `lanes` alone */
    double (*one)(const struct window_call *call, const struct span *span);
    void (*lanes)(const struct window_call *call, const struct span *spans, double *ret);
};

/* Fills call->out, using all of call->scratch. */
void span_run(const struct window_call *call, const struct span_kernel *kernel);

/* The largest magnitude of all values; infinite if one is, or is NaN. */
double span_magnitude(const struct window_call *call);
