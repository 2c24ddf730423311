#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/fn/grid.h"
#include "parser/function.h"

/*
 * Range functions: one series' samples in, one row of the grid out. A kernel owns its loop over the
 * steps, with cost O(samples + steps) where an exact way exists. It keeps nothing from call to
 * call: a long series is handed over in several calls, each with some steps of the row and all
 * samples that their windows see.
 */

/* Memory that a kernel may need, kept from call to call by the thread that runs it. */
struct scratch {
    void *ptr;
    size_t size_bytes;
};

/* At least `bytes`, not zeroed, aligned for anything; what was there is lost. */
void *scratch_take(struct scratch *scratch, size_t bytes);
void scratch_done(struct scratch *scratch);

struct window_call {
    const int64_t *times_ms; /* strictly rising */
    const double *values;    /* no stale markers, but for WINDOW_KEEPS_STALE kernels */
    size_t sample_count;
    struct grid refs; /* window i is (ref(i) - range_ms, ref(i)] */
    int64_t range_ms; /* lookback for the instant kernels; > 0 */
    int64_t
        eval_start_ms; /* query time of step 0 (refs are it less the offset), for predict_linear */
    int64_t eval_step_ms;
    const double *params; /* the scalar argument at each step (phi, t), or NULL */
    struct scratch *scratch;
    double *out; /* refs.count values; a step without a result gets value_stale() */
};

typedef void window_fn(const struct window_call *call);

/* NULL where the streaming engine has no kernel for that function. */
window_fn *window_function(enum function_id id);

/* Instant selectors: the newest sample of (ref - range_ms, ref], unless it is a stale marker. The
 * value, and its time in seconds. Both read stale markers. */
window_fn window_instant;
window_fn window_instant_time;
