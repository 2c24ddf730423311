#pragma once

#include "engine/op/group.h"

/*
 * What a join of two vectors knows once both have told their labels: which series meet, and what
 * comes out. The "one" side may have several series of a group, as long as never two of them have
 * points at the same step; with group_left(labels) they may give different results, so that a pair
 * is a series of the many side and a class of the one side: those of a group that are alike in the
 * labels taken from them.
 */
struct join_pair {
    uint32_t many;
    uint32_t class;
    uint32_t conflict; /* pairs with the same number may not both have a point at a step */
};

#define JOIN_NONE UINT32_MAX

struct join_plan {
    struct query *query;
    enum match_card card;
    bool on;                   /* else ignoring */
    struct name_set listed;    /* by on or ignoring */
    struct name_set include;   /* by group_left or group_right */
    struct grouping signature; /* what must be equal for series to meet */
    bool drop_name;

    /* From here on by join_plan_open. */
    const struct op *many_op, *one_op;
    struct groups many, one; /* with the same numbers on both sides */
    bool may_clash;          /* some group has several series of the one side */

    uint32_t *class_of;    /* of each series of the one side */
    uint32_t *class_begin; /* classes of group g are [class_begin[g] .. class_begin[g + 1]) */
    uint32_t *class_group;
    uint32_t *class_first; /* a series of the one side */
    size_t class_count;

    struct join_pair *pairs; /* in the order of the many side */
    const struct labels **labels;
    size_t pair_count;
    size_t conflict_count;
};

void join_plan_init(struct join_plan *plan, struct query *query,
                    const struct vector_matching *matching, bool drop_name);

/* Both operators are open. */
bool join_plan_open(struct join_plan *plan, const struct op *many, const struct op *one,
                    struct err *err) MUST_CHECK;

/* The labels of a result: the many side's, changed as operator and modifiers say. */
const struct labels *join_plan_labels(const struct join_plan *plan, struct labels_builder *builder,
                                      const struct labels *many, const struct labels *one);

/* Does a result of the operator lose the name at once? */
bool join_plan_drops_name(const struct query *query, const struct binary *binary);

/* Two results for one match group, or with equal labels. */
bool join_plan_conflict_error(const struct join_plan *plan, struct err *err);
