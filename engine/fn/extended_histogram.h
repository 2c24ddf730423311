#pragma once

#include "engine/fn/extended.h"
#include "engine/fn/pair_facts.h"

/* A window of histograms of an anchored or smoothed selector. */
struct extended_histograms {
    const struct window_call *call;
    struct pair_facts *facts; /* of call->histograms */
    struct extended_window window;
    bool counter;
    size_t lo; /* the first sample that may be looked at */
};

/*
 * Its change, divided by `seconds` unless that is 1; in call->arena. NULL where there is none; why
 * is found. extendedHistogramRate of promql/functions.go.
 */
const struct histogram *extended_of_histograms(const struct extended_histograms *of,
                                               double seconds);
