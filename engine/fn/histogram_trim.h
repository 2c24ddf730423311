#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "model/histogram.h"

/*
 * The observations that are at most (`upper`) or at least `bound`: the operators </ and >/, as
 * Prometheus's TrimBuckets estimates them. A copy if that is all of them. In the arena, and
 * pointing to nothing of `h`.
 *
 * Thread: any.
 */
struct histogram *histogram_trim(struct arena *arena, const struct histogram *h, double bound,
                                 bool upper);
