#pragma once

#include "engine/op.h"

/*
 * histogram_quantile(phi, buckets) over classic buckets: a row for each set of series that differ
 * in `le` only. The child is asked for one histogram after another, so that one is held at a time.
 * Series whose `le` is no number are left out, with a warning once they have a point.
 *
 * Two series that differ in the metric name only come out with equal labels (see op/dedup.h).
 * Warnings and infos are about the rows asked for; `phi_begin` and `vector_begin` are where the
 * arguments stand in the query.
 *
 * Memory: O(buckets of the largest histogram x steps).
 */
struct op *op_histogram_quantile_new(struct query *query, struct op *buckets, struct op *phi,
                                     size_t phi_begin, size_t vector_begin);
