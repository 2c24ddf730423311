#include "engine/reference/aggregate.h"

#include <float.h>
#include <math.h>

#include "engine/fn/gomath.h"

/* Groups are numbered in the order in which the first series of each comes. */
static bool aggregation_group(struct ref_aggregation *self, struct err *err)
{
    struct ref *ref = self->ref;
    const struct aggregate *aggregate = &self->expr->node->aggregate;
    struct name_set names = ref_names(ref, aggregate->grouping, aggregate->grouping_count);
    struct label_map known = {.arena = ref->scratch};
    self->groups = arena_array(ref->arena, uint32_t, self->input.count);
    self->labels = arena_array(ref->arena, const struct labels *, self->input.count);
    for (size_t i = 0; i < self->input.count; i++) {
        const struct labels *labels = self->input.items[i].labels;
        const struct labels *group = aggregate->without
                                         ? labels_without(labels, names, ref->scratch)
                                         : labels_keep(labels, names, ref->scratch);
        bool new;
        self->groups[i] = (uint32_t)label_map_add(&known, group, &new);
        if (new)
            self->labels[self->group_count++] = label_pool_keep(&ref->labels, group);
    }
    arena_reset(ref->scratch);
    return arena_check(ref->arena, err);
}

/* The least and the greatest of a number that is written out are that number. */
static bool aggregation_param(struct ref_aggregation *self, struct err *err)
{
    struct ref_param *param = &self->param;
    if (self->expr->child_count < 2)
        return true;
    struct ref_expr *expr = self->expr->children[1];
    struct ref_matrix matrix;
    if (!ref_evaluate(self->ref, self->times, expr, &matrix, err))
        return false;
    const struct ref_points *points = &matrix.items[0].floats;
    param->values = points->items;
    param->min = expr->is_number ? expr->number : DBL_MAX;
    param->max = expr->is_number ? expr->number : -DBL_MAX;
    for (size_t i = 0; i < points->count; i++) {
        double value = points->items[i].value;
        param->max = gomath_max(param->max, value);
        param->min = gomath_min(param->min, value);
        param->has_nan |= isnan(value) != 0;
    }
    return true;
}

bool ref_aggregate(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                   struct ref_matrix *ret_matrix, struct err *err)
{
    struct ref_aggregation self = {
        .ref = ref,
        .times = times,
        .expr = expr,
        .op = expr->node->aggregate.op,
    };
    if (self.op == AGGREGATE_count_values)
        return ref_count_values(ref, times, expr, ret_matrix, err);
    if (!aggregation_param(&self, err) ||
        !ref_evaluate(ref, times, expr->children[0], &self.input, err) ||
        !aggregation_group(&self, err))
        return false;
    bool chooses = self.op == AGGREGATE_topk || self.op == AGGREGATE_bottomk ||
                   self.op == AGGREGATE_limitk || self.op == AGGREGATE_limit_ratio;
    return chooses ? ref_aggregate_k(&self, ret_matrix, err)
                   : ref_aggregate_groups(&self, ret_matrix, err);
}
