/*
 * stddev_over_time and stdvar_over_time: Welford's method with Kahan sums for the mean and for the
 * squares, as varianceOverTime in promql/functions.go. Nothing of a window can be used for the
 * next; they are computed side by side.
 */

#include <math.h>
#include <stdbool.h>

#include "base/kahan.h"
#include "engine/fn/kernels.h"
#include "engine/fn/lanes.h"

/* Below this, the sum of squared distances of 10^6 samples and more is finite. */
#define SPREAD_MAGNITUDE_MAX 1e150
#define SPREAD_COUNT_MAX 1000000

static double stdvar_one(const struct window_call *call, const struct span *span)
{
    struct kahan mean = {0};
    struct kahan squares = {0};
    double count = 0;

    for (size_t j = span->lo; j < span->hi; j++) {
        double value = call->values[j];
        count++;
        double delta = value - (mean.sum + mean.c);
        kahan_add(&mean, delta / count);
        kahan_add(&squares, delta * (value - (mean.sum + mean.c)));
    }
    return (squares.sum + squares.c) / count;
}

static double stddev_one(const struct window_call *call, const struct span *span)
{
    return sqrt(stdvar_one(call, span));
}

struct spread_state {
    double count[LANES];
    struct lanes_kahan mean;
    struct lanes_kahan squares;
};

HOT_INLINE void spread_step(void *state, const struct window_call *call, size_t j,
                            const double *active)
{
    struct spread_state *s = state;
    double value = call->values[j];

    KEEP_LOOP for (size_t l = 0; l < LANES; l++)
    {
        double delta = value - (s->mean.sum[l] + s->mean.c[l]);
        s->count[l] += active[l];
        double divisor = s->count[l] + (1 - active[l]); /* not 0 in a lane yet to begin */
        lanes_kahan_add(&s->mean, l, active[l] * (delta / divisor));
        double moved = value - (s->mean.sum[l] + s->mean.c[l]);
        lanes_kahan_add(&s->squares, l, active[l] * (delta * moved));
    }
}

KERNEL_CLONES static void stdvar_lanes(const struct window_call *call, const struct span *spans,
                                       double *ret)
{
    struct spread_state s = {0};
    lanes_walk(call, spans, spread_step, &s);
    for (size_t l = 0; l < LANES; l++)
        ret[l] = (s.squares.sum[l] + s.squares.c[l]) / s.count[l];
}

static void stddev_lanes(const struct window_call *call, const struct span *spans, double *ret)
{
    stdvar_lanes(call, spans, ret);
    for (size_t l = 0; l < LANES; l++)
        ret[l] = sqrt(ret[l]);
}

static void spread_run(const struct window_call *call, const struct span_kernel *finite)
{
    struct span_kernel kernel = *finite;
    kernel.one_by_one =
        call->sample_count > SPREAD_COUNT_MAX || !(span_magnitude(call) <= SPREAD_MAGNITUDE_MAX);
    span_run(call, &kernel);
}

void stdvar_window(const struct window_call *call)
{
    static const struct span_kernel kernel = {
        .sample_count_min = 1,
        .one = stdvar_one,
        .lanes = stdvar_lanes,
    };
    spread_run(call, &kernel);
}

void stddev_window(const struct window_call *call)
{
    static const struct span_kernel kernel = {
        .sample_count_min = 1,
        .one = stddev_one,
        .lanes = stddev_lanes,
    };
    spread_run(call, &kernel);
}
