#pragma once

#include "engine/query.h"
#include "model/labels.h"

/*
 * Prometheus tells of every metric that rate or increase gave a point for and whose name does not
 * look like a counter's. `{0}` with the position is ready for use.
 *
 * Thread: the one that runs the query.
 */
struct counter_hint {
    bool wanted;
    size_t begin;         /* where in the query text the argument stands */
    uint32_t looked_name; /* the last metric name that was looked at; SYM_EMPTY: none yet */
};

void counter_hint_row(struct counter_hint *hint, struct query *query, const struct labels *labels,
                      const double *row, size_t steps);
