#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "engine/fn/grid.h"
#include "model/histogram_samples.h"
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

/* What a kernel met in the windows of a row that its user is to be told of. */
enum window_find {
    FIND_VALUE = 1 << 0,           /* a float came out */
    FIND_MIXED = 1 << 1,           /* floats and histograms in one window, which has no result */
    FIND_IGNORED = 1 << 2,         /* ... where the histograms were passed over */
    FIND_NOT_COUNTER = 1 << 3,     /* a gauge's histogram where a counter's should be, */
    FIND_NOT_GAUGE = 1 << 4,       /* or the other way round */
    FIND_SCHEMAS = 1 << 5,         /* exponential and custom buckets in one window */
    FIND_BOUNDS_ADD = 1 << 6,      /* custom bounds were reconciled to add, */
    FIND_BOUNDS_SUBTRACT = 1 << 7, /* to subtract, */
    FIND_BOUNDS_TOTAL = 1 << 8,    /* or to sum up all of a window */
    FIND_RESETS = 1 << 9,          /* hints of one window say reset, and no reset */
};

struct window_finds {
    uint32_t found;    /* of enum window_find */
    uint32_t overlaps; /* windows in which a start timestamp lies before the sample before it */
};

static inline bool window_finds_none(const struct window_finds *finds)
{
    return finds->found == 0 && finds->overlaps == 0;
}

#define WINDOW_PARAMS_MAX 2

struct window_call {
    const int64_t *times_ms;  /* strictly rising */
    const double *values;     /* no stale markers, but for kernels that keep them */
    const int64_t *starts_ms; /* start timestamps, 0: none; only if use_starts */
    size_t sample_count;
    bool use_starts;     /* start timestamps are to be looked at, those of histograms too */
    struct grid refs;    /* window i is (ref(i) - range_ms, ref(i)] */
    int64_t range_ms;    /* lookback for the instant kernels; > 0 */
    int64_t lookback_ms; /* anchored and smoothed: how far beyond its edges a window looks */
    int64_t
        eval_start_ms; /* query time of step 0 (refs are it less the offset), for predict_linear */
    int64_t eval_step_ms;
    const double *params[WINDOW_PARAMS_MAX]; /* scalar arguments at each step (phi, t), or NULL */
    struct scratch *scratch;
    double *out; /* refs.count values; a step without a result gets value_stale() */

    /* For series that have native histograms; the kernels of floats do not look at it. */
    const struct histogram_samples *histograms; /* NULL or empty: none */
    const struct histogram **histograms_out;    /* beside `out`; all NULL at first */
    struct arena *arena;                        /* where results live */
    struct arena *spare;                        /* for what a window needs, until the next one */
    struct window_finds *finds;                 /* what is found is added */
};

typedef void window_fn(const struct window_call *call);

/* How a selector says that its windows end. */
enum window_edges { WINDOW_PLAIN, WINDOW_ANCHORED, WINDOW_SMOOTHED };

/* How one function is computed: with one kernel where there are only floats, and with another. */
struct window_kernel {
    window_fn *floats;
    window_fn *any;        /* NULL: histograms are passed over, which is told */
    bool gives_histograms; /* `any` may */
    bool keeps_stale;      /* stale markers are among the floats that it sees */
    bool wants_starts;     /* `any` looks at start timestamps, where they are to be used */
    bool (*check)(const struct window_call *call, struct err *err); /* NULL: nothing can fail */
    bool (*may_fail)(const double *const *params, size_t steps);    /* there if check is */
};

/* Can `check` refuse these parameters, given a window with samples? */
bool window_may_fail(const struct window_kernel *kernel, const double *const *params, size_t steps);

/* NULL where the streaming engine has no kernel for that function with such edges. */
const struct window_kernel *window_kernel(enum function_id id, enum window_edges edges);

/* ERR_EXECUTION for what Prometheus refuses when a window has samples. */
bool window_run(const struct window_kernel *kernel, const struct window_call *call, struct err *err)
    MUST_CHECK;

/* first_over_time and last_over_time act like an offset: metric names stay. */
bool window_keeps_name(enum function_id id);

/*
 * Instant selectors: the newest sample of (ref - range_ms, ref], unless it is a stale marker. The
 * sample itself, its time and its start timestamp, both in seconds.
 */
extern const struct window_kernel window_select;
extern const struct window_kernel window_select_time;
extern const struct window_kernel window_select_start;

/* The time of a sample that must be a float, for info(). */
extern const struct window_kernel window_select_float_time;

/* Of smoothed selectors: the sample, or what lies between two. Without stale markers. */
extern const struct window_kernel window_select_smoothed;
