#pragma once

#include "engine/op.h"
#include "model/labels.h"
#include "parser/function.h"

/*
 * What an aggregation does with the native histograms among the points of a group: sum and avg add
 * them up, step by step; count and group count them; the others pass over them, and say so. At a
 * step with floats and histograms sum and avg have no result.
 *
 *     aggregate_histograms_begin                a new group
 *     aggregate_histograms_add                  each row that has any, until then without floats
 *     aggregate_histograms_end                  if `any`
 *
 * Holds the histograms of one group, O(steps), in an arena of its own.
 */
struct histogram_step;

struct aggregate_histograms {
    struct query *query;
    size_t step_count;
    enum aggregate_op op;
    size_t begin; /* where notes point to: what is aggregated */

    bool any;            /* the group has one, and is to add them up */
    struct arena *arena; /* NULL before the first */
    struct histogram_step *steps;
};

/* For sum and avg, before the group's first row that has any: where floats have been seen. */
bool aggregate_histograms_begin(struct aggregate_histograms *histograms, const double *floats,
                                struct err *err) MUST_CHECK;

/* One row of the group, of a series with these labels. */
bool aggregate_histograms_add(struct aggregate_histograms *histograms, const double *values,
                              const struct histogram *const *row, const struct labels *labels,
                              struct err *err) MUST_CHECK;

/* The results go into to[], in `arena`; floats that met histograms are taken away. */
bool aggregate_histograms_end(struct aggregate_histograms *histograms, double *floats,
                              const struct histogram **to, struct arena *arena, struct err *err)
    MUST_CHECK;

void aggregate_histograms_done(struct aggregate_histograms *histograms);
