#pragma once

#include "engine/fn/bucket_quantile.h"

/*
 * Several quantiles of one classic histogram at one step. Prometheus sorts, merges and raises its
 * buckets in place for each of them, and forgets how many are left, so that the next one sees the
 * merged buckets and, behind them, what stood there before.
 */

/* The buckets that have a count here, as they come; the others as buckets_gather has them. */
size_t buckets_gather_apart(const double *bounds, size_t bucket_count, const double *counts,
                            size_t stride, struct bucket *ret_buckets);

/*
 * The next quantile of buckets in any order, count > 0; the rest as bucket_quantile. There is room
 * for all in `items`, and for twice as many in `buckets`.
 */
double bucket_quantile_next(double phi, struct bucket *buckets, size_t count, struct go_item *items,
                            struct bucket_raises *raises, bool *ret_raised);

/* Sorts buckets as Go does, and adds up the counts of equal bounds. Room as above. */
size_t buckets_merge(struct bucket *buckets, size_t count, struct go_item *items);
