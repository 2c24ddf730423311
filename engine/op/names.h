#pragma once

#include "engine/op.h"

/*
 * Metric names that an operation takes off its results: at once, or, with delayed name removal, at
 * the root of the query, until when op->drops_name remembers it.
 *
 * Thread: the one that runs the query.
 */

enum name_drop {
    NAME_KEPT,
    NAME_DROPPED,     /* the metric name alone, as histogram_count and its like do */
    METADATA_DROPPED, /* and type and unit, as all others do */
};

/* One label set, at once. */
const struct labels *names_without(const struct labels *labels, enum name_drop drop,
                                   struct arena *arena);

/* For open, once op has its labels and series_count: all series lose their names. */
bool names_drop(struct op *op, enum name_drop drop, struct err *err) MUST_CHECK;

/* For open: op's series i is the child's from[i], and loses its name if that one does. */
bool names_follow(struct op *op, const struct op *child, const uint32_t *from, struct err *err)
    MUST_CHECK;

/* The root of a query with delayed name removal: takes off what is pending. */
struct op *op_drop_names_new(struct query *query, struct op *child);
