#pragma once

#include "engine/op/join_plan.h"
#include "engine/op/join_points.h"

/*
 * Finds duplicates of the one side of a join: a step at which two series of a group have a point,
 * and any series of the many side has one. The parts may come in any order; of several duplicates,
 * the one that is named is the earliest of those known by then.
 */
struct join_clash {
    const struct join_plan *plan;
    size_t step_count;
    bool found; /* duplicates, at any step */

    /* One a step. */
    uint32_t *owner; /* the series of the group being read that has the point, or JOIN_NONE */
    uint32_t *first, *second; /* a duplicate, or JOIN_NONE */

    uint64_t *many; /* presence of any series of the many side */
};

/* With one step, labels tell: names the duplicate that Prometheus would meet first. */
bool join_clash_check_settled(const struct join_plan *plan, struct err *err) MUST_CHECK;

/* In the arena of plan->query. */
void join_clash_init(struct join_clash *clash, const struct join_plan *plan, size_t step_count);

bool join_clash_add_many(struct join_clash *clash, struct point_row row, struct err *err)
    MUST_CHECK;

void join_clash_begin_group(struct join_clash *clash);
bool join_clash_add_one(struct join_clash *clash, uint32_t series, struct point_row row,
                        struct err *err) MUST_CHECK;
