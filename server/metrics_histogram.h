#pragma once

#include "base/buf.h"
#include "base/classic_histogram.h"

/*
 * The lines of a histogram behind its head, in Prometheus's text format. `labels` as "a=\"b\"",
 * without braces, or "". Thread: any.
 */
void put_histogram(struct buf *out, const char *name, const char *labels,
                   const struct classic_histogram *histogram, const struct classic_scale *scale);
