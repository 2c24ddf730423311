#pragma once

#include "engine/op/group.h"

/*
 * The series that histogram_quantile and its like hand out.
 *
 * Series of the child that differ in `le` only are a set: the buckets of a classic histogram, or
 * one of native ones. A series of native histograms that has an `le` all the same is nobody's
 * bucket but a histogram of its own, which keeps its labels: a loner. What it has in floats is a
 * bucket of its set, so that a set's rows are all that have to be read for it and its loners.
 *
 * Each histogram, set or loner, has a row for each variant: the quantile or fraction, or one for
 * each value of each quantile.
 *
 * Prometheus takes classic histograms out of a map, and over several steps all of them: here they
 * stand in order of their labels. With one step native histograms come first, as they stand.
 */
struct variant {
    size_t param;
    uint32_t text; /* of the label that tells them apart */
};

struct histogram_series {
    struct groups sets;
    uint32_t *loners; /* series of the child */
    size_t loner_count;
    uint32_t *loner_of; /* by series of the child: which loner, + 1; NULL: there are none */
    bool *has_loner;    /* by set; NULL: no */
    uint32_t *natives;  /* with one step, by histogram: the series of a native one, or UINT32_MAX */

    size_t variant_count;
    uint32_t *results; /* by series: variant * histograms + histogram */
};

/* Finds the sets and loners of an opened child. */
bool histogram_series_group(struct histogram_series *series, struct op *child, struct err *err)
    MUST_CHECK;

/*
 * Labels, number and order of op's series; op->children[0] is the child. `label` gets the text of
 * the variant; NULL: there is one variant, which nothing tells.
 */
bool histogram_series_name(struct histogram_series *series, struct op *op,
                           const struct variant *variants, size_t variant_count,
                           const uint32_t *label, struct err *err) MUST_CHECK;

/* How many histograms there are, sets first. */
static inline size_t histogram_series_count(const struct histogram_series *series)
{
    return series->sets.count + series->loner_count;
}

/* The set that is to be read for a series of the result. */
uint32_t histogram_series_set(const struct histogram_series *series, uint32_t result_series);
