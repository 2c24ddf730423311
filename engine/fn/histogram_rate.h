#pragma once

#include "engine/fn/pair_facts.h"
#include "engine/fn/window.h"

/*
 * What rate, increase and delta make of a window of histograms before they extrapolate: the last
 * one less the first, and for counters plus what every reset took away. histogramRate of
 * promql/functions.go.
 */
struct histogram_change {
    double count; /* of the change */
    /* Either made, compacted, in call->spare; or `last` less `first`, which are alike. */
    struct histogram *made;
    const struct histogram *first, *last;
};

/*
 * Of the window [lo, hi), which has at least two samples; `facts` are those of call->histograms.
 * False where there is no result; why is among the finds.
 */
bool histogram_change_find(const struct window_call *call, struct pair_facts *facts, size_t lo,
                           size_t hi, bool counter, struct histogram_change *ret_change);

/* What the window's first sample has counted is added. False as above. */
bool histogram_change_add(const struct window_call *call, struct histogram_change *change,
                          const struct histogram *h);

/* Times the factor, in call->arena; a gauge. */
const struct histogram *histogram_change_times(const struct window_call *call,
                                               const struct histogram_change *change,
                                               double factor);

/* histogram_add and histogram_subtract, with what they met among the finds. */
struct histogram *found_add(const struct window_call *call, const struct histogram *a,
                            const struct histogram *b);
struct histogram *found_subtract(const struct window_call *call, const struct histogram *a,
                                 const struct histogram *b);
