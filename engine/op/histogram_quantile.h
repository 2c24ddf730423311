#pragma once

#include "engine/op.h"

/*
 * histogram_quantile, histogram_quantiles and histogram_fraction: a row for each set of series that
 * differ in `le` only, which are the buckets of a classic histogram, or one of native ones; and one
 * for native histograms that have an `le` themselves (histogram_series.h). The child is asked for
 * one set after another, so that one is held at a time. At a step with both kinds there is no
 * result, and a warning; so is there for floats whose `le` is no number.
 *
 * Two series that differ in the metric name only come out with equal labels (see op/dedup.h).
 * Notes are about all series, asked for or not.
 *
 * Memory: O(buckets of the largest histogram x steps).
 */
struct op *op_histogram_quantile_new(struct query *query, struct op *buckets, struct op *phi,
                                     size_t phi_begin, size_t vector_begin);

struct op *op_histogram_fraction_new(struct query *query, struct op *buckets, struct op *lower,
                                     struct op *upper, size_t vector_begin);

/*
 * A row for each quantile, which is told by the label; where a quantile is not the same at each
 * step, a row for each of its values. `phi_begins` live as long as the operator.
 */
struct op *op_histogram_quantiles_new(struct query *query, struct op *buckets, struct op **phis,
                                      const size_t *phi_begins, size_t phi_count, struct str label,
                                      size_t vector_begin);
