#pragma once

#include "engine/reference/fn.h"

/*
 * What rate, increase and delta have in common: they differ in whether the series is a counter and
 * in whether the result is per second.
 *
 * Thread: the one that runs the query.
 */
struct rate {
    struct ref_call *call;
    const struct ref_window *window;
    struct str metric;
    size_t begin; /* where notes point to */
    bool counter;
    bool per_second;
};

/* Do start timestamps tell that the counter began anew between two points? */
bool rate_starts_anew(const struct reference_point *before, const struct reference_point *point);

/* Does a point's start timestamp lie within the time of another series of observations? */
bool rate_starts_overlap(const struct reference_point *before, const struct reference_point *point);

/*
 * fn_rate_histogram.c: the increase of at least two histograms, in the arena; NULL, with a note, if
 * they do not fit together.
 */
const struct histogram *rate_histogram_increase(const struct rate *rate, struct arena *arena);

/*
 * The sum or the difference of two histograms, in the arena, with a note if their bounds had to be
 * reconciled; NULL, with a note, if they do not fit together.
 */
const struct histogram *rate_histogram_add(const struct rate *rate, struct arena *arena,
                                           const struct histogram *a, const struct histogram *b);
const struct histogram *rate_histogram_subtract(const struct rate *rate, struct arena *arena,
                                                const struct histogram *a,
                                                const struct histogram *b);

/* fn_rate_extended.c: with the modifiers anchored and smoothed. */
void rate_extended(const struct rate *rate);

/* fn_rate_extended_histogram.c: the same for histograms. */
void rate_extended_histogram(const struct rate *rate);

/*
 * The samples that matter for an extended window: from the last one at or before its begin, up to
 * the first one at or behind its end (smoothed) or the last one of all. False: none lie in it.
 */
bool rate_extended_edges(const struct rate *rate, const struct reference_point *points,
                         size_t count, size_t *ret_first, size_t *ret_last);
