#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "engine/op.h"
#include "parser/ast.h"

/* Which labels tell groups apart: those named, or all but those named. */
struct grouping {
    bool without;
    struct name_set names; /* `without` names the metric name too, as Prometheus always drops it */
    uint64_t maybe;        /* bit name % 64 is set for all names: most others need no search */
};

struct grouping grouping_by(struct query *query, const struct str *names, size_t count);
struct grouping grouping_without(struct query *query, const struct str *names, size_t count);

struct grouping grouping_of_symbols(struct query *query, const uint32_t *names, size_t count,
                                    bool without);

/* All labels but one, the metric name kept: what the buckets of one histogram share. */
struct grouping grouping_except(struct query *query, uint32_t name);

/* What series of two vectors must have in common to meet: by on, or but for ignoring. */
struct grouping grouping_matching(struct query *query, const struct vector_matching *matching);

/* Groups of series whose labels are all equal. */
struct grouping grouping_equal(void);

/* What remains of one series' labels; the set itself if nothing goes. */
const struct labels *grouping_labels(const struct grouping *grouping, const struct labels *labels,
                                     struct arena *arena);

/*
 * The series of an operator put together by their labels. Groups are numbered as they are first
 * seen, members stand in natural order. All in the query's arena.
 *
 * Cost: O(labels of all series), with no label set built but one a group.
 */
struct groups {
    size_t count;
    const struct labels **labels; /* a group's */
    const uint32_t *of_series;    /* a series' group */
    const uint32_t *members;      /* series, group after group */
    const uint32_t *begins;       /* where a group's members begin; count + 1 of them */
};

/* Of an opened operator's series. */
bool groups_init(struct groups *groups, const struct grouping *grouping, const struct op *op,
                 struct err *err) MUST_CHECK;

/* The same as if the operator's series stood in this order, all of them. */
bool groups_init_ordered(struct groups *groups, const struct grouping *grouping,
                         const struct op *op, const uint32_t *order, struct err *err) MUST_CHECK;

/* Of two operators' series together: the same group has the same number on both sides. */
bool groups_init_both(struct groups *left, struct groups *right, const struct grouping *grouping,
                      const struct op *left_op, const struct op *right_op, struct err *err)
    MUST_CHECK;

static inline size_t groups_size(const struct groups *groups, size_t group)
{
    return groups->begins[group + 1] - groups->begins[group];
}

static inline const uint32_t *groups_members(const struct groups *groups, size_t group)
{
    return groups->members + groups->begins[group];
}

/* The largest of these groups' sizes. */
size_t groups_size_max(const struct groups *groups, const uint32_t *order, size_t count);

/* Asks the operator for these groups' members, one group after another. */
bool groups_arrange(const struct groups *groups, struct op *op, const uint32_t *order, size_t count,
                    struct err *err) MUST_CHECK;

/* Which groups have a member that may have native histograms; NULL: none. In the arena. */
const bool *groups_hold(const struct groups *groups, struct op *child);

/* With delayed name removal: a group loses its name if one of its members does. */
bool groups_names(const struct groups *groups, struct op *op, const struct op *child,
                  struct err *err) MUST_CHECK;
