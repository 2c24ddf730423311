#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "engine/fn/span.h"

/*
 * Sums whose last bit depends on their order cannot be shared between windows; but windows lie side
 * by side in lanes, each with its own sequence. Sample after sample goes to all lanes; one whose
 * window does not hold it adds 0 times the sample, so there must be no infinity or NaN. The loops
 * over the lanes are what the compiler turns into vectors, which it holds in registers for the
 * whole walk.
 */
struct lanes_kahan {
    double sum[LANES];
    double c[LANES];
};

/*
 * kahan_add of kahan.h in lane l, for sums that cannot overflow. What is lost in sum + inc is
 * itself a number, which Neumaier's comparison and Knuth's six operations (here) both find exactly:
 * they cannot differ. Adding 0 of either sign changes nothing, as no such sum is ever -0.
 */
HOT_INLINE void lanes_kahan_add(struct lanes_kahan *kahan, size_t l, double inc)
{
    double sum = kahan->sum[l];
    double t = sum + inc;
    double part = t - sum;
    kahan->c[l] += (sum - (t - part)) + (inc - part);
    kahan->sum[l] = t;
}

/* Row l of either: 1 where a lane is active, 0 elsewhere, when l lanes have begun; have ended. */
extern const double lanes_begun[LANES + 1][LANES];
extern const double lanes_ended[LANES + 1][LANES];

/* Gives sample j of the call to the active lanes. */
typedef void lanes_step(void *state, const struct window_call *call, size_t j,
                        const double *active);

/* Walks over all samples of spans that hold some in common. */
HOT_INLINE void lanes_walk_common(const struct window_call *call, const struct span *spans,
                                  lanes_step *step, void *state)
{
    static const double all[LANES] = {1, 1, 1, 1, 1, 1, 1, 1};
    size_t j = spans[0].lo;
    size_t begun = 1;
    size_t ended = 1;

    for (; j < spans[LANES - 1].lo; j++) {
        while (spans[begun].lo <= j)
            begun++;
        step(state, call, j, lanes_begun[begun]);
    }
    for (; j < spans[0].hi; j++)
        step(state, call, j, all);
    for (; j < spans[LANES - 1].hi; j++) {
        while (spans[ended].hi <= j)
            ended++;
        step(state, call, j, lanes_ended[ended]);
    }
}

/* Where some end before others begin. */
HOT_INLINE void lanes_walk_chain(const struct window_call *call, const struct span *spans,
                                 lanes_step *step, void *state)
{
    size_t begun = 1;
    size_t ended = 0;

    for (size_t j = spans[0].lo; j < spans[LANES - 1].hi; j++) {
        double active[LANES];
        while (begun < LANES && spans[begun].lo <= j)
            begun++;
        while (spans[ended].hi <= j)
            ended++;
        for (size_t l = 0; l < LANES; l++)
            active[l] = lanes_begun[begun][l] * lanes_ended[ended][l];
        step(state, call, j, active);
    }
}

/* Walks over all samples from the first span's to the last span's. */
HOT_INLINE void lanes_walk(const struct window_call *call, const struct span *spans,
                           lanes_step *step, void *state)
{
    if (spans[LANES - 1].lo < spans[0].hi)
        lanes_walk_common(call, spans, step, state);
    else
        lanes_walk_chain(call, spans, step, state);
}
