#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "engine/fn/bucket_quantile.h"

/*
 * A classic histogram at one step: buckets as they came, with their upper bounds and the counts of
 * all that is not above.
 *
 * Thread: one at a time.
 */
struct classic {
    struct bucket *buckets; /* count > 0 */
    size_t count;
};

/*
 * Sorts, merges and raises the buckets in place, as Prometheus does, so that the next quantile of
 * the same histogram sees what this one left. *ret_raised: then *raises has been widened.
 */
double classic_quantile(double phi, struct classic *classic, struct arena *scratch,
                        struct bucket_raises *raises, bool *ret_raised);

double classic_fraction(double lower, double upper, struct classic *classic, struct arena *scratch);
