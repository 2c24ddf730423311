#pragma once

#include "base/buf.h"
#include "model/histogram.h"

/*
 * A native histogram as Prometheus's API writes it: {"count":"3","sum":"4.5","buckets":[[0,"1","2",
 * "3"],...]}. Empty buckets are left out, and "buckets" where all are. The first member of a bucket
 * tells which of its bounds belong to it: 0 the upper, 1 the lower, 2 none, 3 both.
 */
void histogram_json(const struct histogram *h, struct buf *out);
