#include "engine/plan/plan.h"

/* Functions whose result depends on the step whatever their arguments are. */
static bool function_depends_on_step(enum function_id id)
{
    switch ((int)id) {
    case FN_day_of_month:
    case FN_day_of_week:
    case FN_day_of_year:
    case FN_days_in_month:
    case FN_hour:
    case FN_minute:
    case FN_month:
    case FN_predict_linear:
    case FN_time:
    case FN_timestamp:
    case FN_year:
        return true;
    default:
        return false;
    }
}

bool plan_is_of_query(enum function_id id)
{
    return id == FN_end || id == FN_range || id == FN_start || id == FN_step;
}

static bool call_is_invariant(const struct call *call)
{
    bool all = true;
    bool all_selectors = true;
    for (size_t i = 0; i < call->arg_count; i++) {
        const struct node *arg = ast_unparen(call->args[i]);
        bool invariant = plan_is_invariant(arg);
        all = all && invariant;
        all_selectors = all_selectors && invariant && arg->kind == NODE_VECTOR_SELECTOR;
    }
    if (call->function->id == FN_timestamp)
        return all_selectors;
    return all && !function_depends_on_step(call->function->id);
}

bool plan_is_invariant(const struct node *node)
{
    switch (node->kind) {
    case NODE_NUMBER:
    case NODE_STRING:
        return true;
    case NODE_VECTOR_SELECTOR:
        return node->vector_selector.modifiers.at != AT_NONE;
    case NODE_MATRIX_SELECTOR:
        return plan_is_invariant(node->matrix_selector.selector);
    case NODE_SUBQUERY:
        return node->subquery.modifiers.at != AT_NONE;
    case NODE_CALL:
        return call_is_invariant(&node->call);
    case NODE_AGGREGATE:
        /* The parameter is not asked: Prometheus reads it at the first step only. */
        return plan_is_invariant(node->aggregate.expr);
    case NODE_BINARY:
        return plan_is_invariant(node->binary.left) && plan_is_invariant(node->binary.right);
    case NODE_UNARY:
        return plan_is_invariant(node->unary.expr);
    case NODE_PAREN:
        return plan_is_invariant(node->paren);
    case NODE_DURATION:
        break;
    }
    __builtin_unreachable();
}
