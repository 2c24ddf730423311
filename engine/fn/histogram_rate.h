#pragma once

#include "engine/fn/pair_facts.h"
#include "engine/fn/window.h"

/*
 * What rate, increase and delta make of a window of histograms before they extrapolate: the last
 * one less the first, and for counters plus what every reset took away. histogramRate of
 * promql/functions.go.
 *
 * `facts` are those of call->histograms; the window is [lo, hi), of at least two samples. The
 * result is in call->spare, compacted, a gauge. NULL where there is none; why is found. Finds are
 * added to call->finds.
 */
struct histogram *histogram_rate(const struct window_call *call, struct pair_facts *facts,
                                 size_t lo, size_t hi, bool counter);

/* histogram_add and histogram_subtract, with what they met among the finds. */
struct histogram *found_add(const struct window_call *call, const struct histogram *a,
                            const struct histogram *b);
struct histogram *found_subtract(const struct window_call *call, const struct histogram *a,
                                 const struct histogram *b);
