#pragma once

#include "model/histogram.h"

/*
 * Histograms that differ in nothing but their counts, as neighbours in a series mostly do: one less
 * the other is a walk over their buckets.
 */
bool histograms_alike(const struct histogram *a, const struct histogram *b);

/*
 * (a - b) * factor, compacted, a gauge, of two that are alike: equal to the last bit to what
 * histogram_subtract, histogram_compact and histogram_multiply make of them one after another.
 */
struct histogram *histograms_difference(struct arena *arena, const struct histogram *a,
                                        const struct histogram *b, double factor);
