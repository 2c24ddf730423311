#include "engine/reference/match.h"

/* Which match groups have a sample in a vector, one flag a group. */
static bool *set_groups(struct ref_step *step, size_t vector)
{
    bool *there = arena_array(step->ref->scratch, bool, step->group_count);
    for (size_t i = 0; i < step->vectors[vector].count; i++)
        there[step->groups[vector][i]] = true;
    return there;
}

/* Adds the samples of a vector whose group is among `groups`, or is not. */
static void set_add(struct ref_step *step, size_t vector, const bool *groups, bool among)
{
    for (size_t i = 0; i < step->vectors[vector].count; i++)
        if (groups[step->groups[vector][i]] == among)
            ref_step_add(step, &step->vectors[vector].items[i]);
}

static bool set_step(void *context, struct ref_step *step, struct err *err)
{
    const struct ref_expr *expr = context;
    bool *none = arena_array(step->ref->scratch, bool, step->group_count);
    switch ((int)expr->node->binary.op) {
    case BINARY_AND:
        set_add(step, 0, set_groups(step, 1), true);
        break;
    case BINARY_UNLESS:
        set_add(step, 0, set_groups(step, 1), false);
        break;
    case BINARY_OR:
        set_add(step, 0, none, false);
        set_add(step, 1, set_groups(step, 0), false);
        break;
    }
    return arena_check(step->ref->scratch, err);
}

bool ref_set_binary(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                    struct ref_matrix *ret_matrix, struct err *err)
{
    struct ref_steps steps = {
        .matching = expr->node->binary.matching,
        .fn = set_step,
        .context = expr,
    };
    return ref_steps_of(ref, times, expr, &steps, ret_matrix, err);
}
