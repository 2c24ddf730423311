/* info(): when its info series are looked at. */
#include "engine/plan/builder.h"

struct info_time {
    struct plan_builder *builder;
    struct modifiers modifiers; /* offset_ms and at are used */
};

static bool info_add_modifiers(struct info_time *time, const struct modifiers *written)
{
    struct modifiers modifiers = plan_modifiers_here(time->builder, written);
    int64_t offset_ms;
    if (!plan_range(time->builder, modifiers.offset_ms, modifiers.offset_expr, true, &offset_ms))
        return false;
    time->modifiers.offset_ms = ms_add(time->modifiers.offset_ms, offset_ms);
    time->modifiers.at = modifiers.at;
    time->modifiers.at_ms = modifiers.at_ms;
    return true;
}

static bool info_find_time(struct info_time *time, const struct node *node, bool *ret_found);

static bool info_find_time_of(struct info_time *time, struct node *const *nodes, size_t count,
                              bool *ret_found)
{
    for (size_t i = 0; i < count && !*ret_found; i++)
        if (nodes[i] && !info_find_time(time, nodes[i], ret_found))
            return false;
    return true;
}

/* Subqueries around the selector shift it, until one of them, or the selector, has an @. */
static bool info_find_time_of_subquery(struct info_time *time, const struct subquery *subquery,
                                       bool *ret_found)
{
    if (!info_find_time(time, subquery->expr, ret_found))
        return false;
    return !*ret_found || time->modifiers.at != AT_NONE ||
           info_add_modifiers(time, &subquery->modifiers);
}

static bool info_find_time_of_aggregate(struct info_time *time, const struct aggregate *aggregate,
                                        bool *ret_found)
{
    struct plan_asked *asked = &time->builder->asked;
    bool in_param = asked->in_param;
    if (!info_find_time(time, aggregate->expr, ret_found))
        return false;
    asked->in_param = true;
    bool ok = info_find_time_of(time, &aggregate->param, 1, ret_found);
    asked->in_param = in_param;
    return ok;
}

/* The modifiers of the first selector. */
static bool info_find_time(struct info_time *time, const struct node *node, bool *ret_found)
{
    switch (node->kind) {
    case NODE_VECTOR_SELECTOR:
        *ret_found = true;
        return info_add_modifiers(time, &node->vector_selector.modifiers);
    case NODE_MATRIX_SELECTOR:
        return info_find_time(time, node->matrix_selector.selector, ret_found);
    case NODE_SUBQUERY:
        return info_find_time_of_subquery(time, &node->subquery, ret_found);
    case NODE_CALL:
        return info_find_time_of(time, node->call.args, node->call.arg_count, ret_found);
    case NODE_AGGREGATE:
        return info_find_time_of_aggregate(time, &node->aggregate, ret_found);
    case NODE_BINARY: {
        struct node *const nodes[] = {node->binary.left, node->binary.right};
        return info_find_time_of(time, nodes, 2, ret_found);
    }
    case NODE_UNARY:
        return info_find_time(time, node->unary.expr, ret_found);
    case NODE_PAREN:
        return info_find_time(time, node->paren, ret_found);
    case NODE_NUMBER:
    case NODE_STRING:
    case NODE_DURATION:
        return true;
    }
    __builtin_unreachable();
}

struct plan *plan_of_info(struct plan_builder *builder, const struct node *node,
                          const struct grid *grid)
{
    struct plan *plan = plan_new(builder, PLAN_INFO, node, grid);
    struct info_time time = {.builder = builder};
    bool found = false;
    const struct node *base = ast_unparen(node->call.args[0]);
    if (!info_find_time(&time, base, &found))
        return NULL;
    int64_t lookback_ms = builder->request->lookback_ms;
    plan->select.range_ms = lookback_ms;
    if (!plan_add_child(plan, plan_of(builder, base, grid)) ||
        !plan_set_windows(builder, plan, &time.modifiers, lookback_ms, 0))
        return NULL;
    plan = plan_unite(builder, plan_intern(builder, plan), PLAN_DEDUP_MERGE);
    plan->nameless = false;
    return plan;
}
