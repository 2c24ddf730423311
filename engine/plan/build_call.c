/* Calls: which node a function becomes. */
#include "engine/fn/histogram_map.h"
#include "engine/fn/map.h"
#include "engine/fn/window.h"
#include "engine/plan/builder.h"
#include "model/duration.h"
#include "model/sample.h"

static struct plan *plan_scalar_number(struct plan_builder *builder, const struct node *node,
                                       const struct grid *grid, double value)
{
    struct plan *plan = plan_new(builder, PLAN_NUMBER, node, grid);
    plan->type = TYPE_SCALAR;
    plan->number = value;
    plan->nameless = true;
    return plan_intern(builder, plan);
}

static double query_number(const struct plan_request *request, enum function_id id)
{
    switch ((int)id) {
    case FN_start:
        return (double)request->start_ms / 1000;
    case FN_end:
        return (double)request->end_ms / 1000;
    case FN_range:
        return duration_seconds(ms_sub(request->end_ms, request->start_ms));
    default:
        return request->start_ms == request->end_ms ? 0 : duration_seconds(request->step_ms);
    }
}

static const struct node *call_arg(const struct node *call, size_t index)
{
    return ast_unparen(call->call.args[index]);
}

/*
 * timestamp(selector) and start_timestamp(selector) look at the samples' own times; timestamp() of
 * anything else looks at the step, and start_timestamp() finds nothing there.
 */
static struct plan *plan_of_timestamp(struct plan_builder *builder, const struct node *node,
                                      const struct grid *grid)
{
    const struct node *arg = call_arg(node, 0);
    enum function_id id = node->call.function->id;
    struct plan *plan;
    if (arg->kind == NODE_VECTOR_SELECTOR) {
        const struct vector_selector *selector = &arg->vector_selector;
        plan = plan_new(builder, PLAN_SELECT_TIME, arg, grid);
        plan->function = id;
        if (!plan_set_instant(builder, plan, selector))
            return NULL;
        /* With @, Prometheus forgets the offset here, but has selected by it. */
        struct modifiers modifiers = plan_modifiers_here(builder, &selector->modifiers);
        if (modifiers.at != AT_NONE)
            plan->select.refs.start_ms = modifiers.at_ms;
    } else {
        plan = plan_new(builder, PLAN_MAP, node, grid);
        plan->function = id;
        struct plan *time = plan_new(builder, PLAN_TIME, node, grid);
        time->type = TYPE_SCALAR;
        if (!plan_add_child(plan, plan_of(builder, arg, grid)) ||
            (id == FN_timestamp && !plan_add_child(plan, plan_intern(builder, time))))
            return NULL;
        plan->nameless = plan->children[0]->nameless;
    }
    return plan_dedup(builder, plan_intern(builder, plan), PLAN_DEDUP_MERGE);
}

/* What Prometheus finds out only while it evaluates. */
static bool plan_check_edges(struct plan_builder *builder, enum function_id id,
                             enum window_edges edges)
{
    if (window_kernel(id, edges))
        return true;
    const char *anchored =
        "anchored modifier can only be used with: changes, delta, increase, "
        "rate, resets - not with ";
    const char *smoothed =
        "smoothed modifier can only be used with: delta, increase, rate - not with ";
    return err_set(builder->err, ERR_EXECUTION, "%s%s",
                   edges == WINDOW_ANCHORED ? anchored : smoothed, function_get(id)->name);
}

static bool call_labels_metadata(const struct node *node)
{
    return node->call.function->id == FN_histogram_quantiles &&
           plan_label_is_metadata(call_arg(node, 1)->string);
}

/*
 * Have the series lost their name, and got a label in its place since? Prometheus remembers that
 * the name is to go, and a range function over a subquery of them takes it away.
 */
static bool node_owes_name(const struct node *node)
{
    if (node->kind == NODE_PAREN)
        return node_owes_name(node->paren);
    if (node->kind == NODE_AGGREGATE) {
        enum aggregate_op op = node->aggregate.op;
        bool chooses = op == AGGREGATE_topk || op == AGGREGATE_bottomk || op == AGGREGATE_limitk ||
                       op == AGGREGATE_limit_ratio;
        return chooses && node_owes_name(node->aggregate.expr);
    }
    if (node->kind != NODE_CALL)
        return false;
    switch ((int)node->call.function->id) {
    case FN_histogram_quantiles:
        return call_labels_metadata(node);
    case FN_sort:
    case FN_sort_desc:
    case FN_sort_by_label:
    case FN_sort_by_label_desc:
        return node_owes_name(call_arg(node, 0));
    default:
        return false;
    }
}

static struct plan *plan_of_window(struct plan_builder *builder, const struct node *node,
                                   const struct grid *grid, enum function_id function)
{
    size_t matrix_index = 0;
    while (call_arg(node, matrix_index)->type != TYPE_MATRIX)
        matrix_index++;
    const struct node *arg = call_arg(node, matrix_index);
    bool subquery = arg->kind == NODE_SUBQUERY;

    struct plan *plan =
        plan_new(builder, subquery ? PLAN_SUBQUERY_WINDOW : PLAN_WINDOW, node, grid);
    plan->function = function;
    plan->type = TYPE_VECTOR;
    if (subquery) {
        if (!plan_add_child(plan, plan_of_subquery_rows(builder, arg, grid, &plan->select.refs,
                                                        &plan->select.range_ms)))
            return NULL;
        plan->nameless = plan->children[0]->nameless;
        plan->owes_name = window_keeps_name(function) && !builder->request->delayed_names &&
                          node_owes_name(arg->subquery.expr);
    } else {
        if (!plan_set_range(builder, plan, &arg->matrix_selector) ||
            !plan_check_edges(builder, function, plan->select.edges))
            return NULL;
    }
    for (size_t i = 0; i < node->call.arg_count; i++)
        if (i != matrix_index && !plan_add_child(plan, plan_of(builder, call_arg(node, i), grid)))
            return NULL;
    plan = plan_intern(builder, plan);
    /* For absent_over_time, series that are equal without their name are no error. */
    bool keeps = window_keeps_name(function) || function == FN_absent_over_time;
    return keeps && !plan->owes_name ? plan : plan_dedup(builder, plan, PLAN_DEDUP_STRICT);
}

/* abs(v), clamp(v, s, s), hour(): the calendar functions take the step's time without argument. */
static struct plan *plan_of_map(struct plan_builder *builder, const struct node *node,
                                const struct grid *grid)
{
    struct plan *plan = plan_new(builder, PLAN_MAP, node, grid);
    plan->function = node->call.function->id;
    if (node->call.arg_count == 0) {
        struct plan *vector = plan_new(builder, PLAN_VECTOR, node, grid);
        struct plan *time = plan_new(builder, PLAN_TIME, node, grid);
        time->type = TYPE_SCALAR;
        vector->nameless = true;
        plan_add_child(vector, plan_intern(builder, time));
        plan_add_child(plan, plan_intern(builder, vector));
    }
    for (size_t i = 0; i < node->call.arg_count; i++)
        if (!plan_add_child(plan, plan_of(builder, call_arg(node, i), grid)))
            return NULL;
    if (plan->function == FN_round && plan->child_count == 1)
        plan_add_child(plan, plan_scalar_number(builder, node, grid, 1));
    plan->nameless = plan->children[0]->nameless;
    return plan_dedup(builder, plan_intern(builder, plan), PLAN_DEDUP_MERGE);
}

static struct plan *plan_of_absent(struct plan_builder *builder, const struct node *node,
                                   const struct grid *grid)
{
    struct plan *plan = plan_new(builder, PLAN_ABSENT, node, grid);
    struct plan *child = node->call.function->id == FN_absent
                             ? plan_of(builder, call_arg(node, 0), grid)
                             : plan_of_window(builder, node, grid, FN_absent_over_time);
    plan->nameless = true;
    return plan_add_child(plan, child) ? plan_intern(builder, plan) : NULL;
}

/* A node over one vector argument, with what else the call says in strings or not at all. */
static struct plan *plan_of_simple(struct plan_builder *builder, const struct node *node,
                                   const struct grid *grid, enum plan_kind kind)
{
    struct plan *plan = plan_new(builder, kind, node, grid);
    bool relabels = kind == PLAN_LABEL_REPLACE || kind == PLAN_LABEL_JOIN;
    enum plan_kind dedup_kind =
        relabels ? plan_unite_kind(builder, node, call_arg(node, 0)) : PLAN_DEDUP_MERGE;
    for (size_t i = 0; i < node->call.arg_count; i++) {
        const struct node *arg = call_arg(node, i);
        if (arg->type != TYPE_STRING && !plan_add_child(plan, plan_of(builder, arg, grid)))
            return NULL;
    }
    bool sorts = kind == PLAN_SORT || kind == PLAN_SORT_LABELS;
    plan->at_one_time = sorts && builder->at_one_time;
    plan->nameless =
        sorts ? plan->children[0]->nameless : kind == PLAN_SCALAR || kind == PLAN_VECTOR;
    plan = plan_intern(builder, plan);
    if (!relabels && kind != PLAN_HISTOGRAM_QUANTILE)
        return plan;
    struct plan *dedup =
        relabels ? plan_unite(builder, plan, dedup_kind) : plan_dedup(builder, plan, dedup_kind);
    /* label_replace may set a name, or leave one. */
    if (dedup && (kind != PLAN_HISTOGRAM_QUANTILE || call_labels_metadata(node)))
        dedup->nameless = false;
    return dedup;
}

struct plan *plan_of_call(struct plan_builder *builder, const struct node *node,
                          const struct grid *grid)
{
    enum function_id id = node->call.function->id;
    if (builder->request->disabled && builder->request->disabled[id])
        return plan_unsupported(builder, "function", node->call.function->name);
    switch ((int)id) {
    case FN_time: {
        struct plan *plan = plan_new(builder, PLAN_TIME, node, grid);
        plan->nameless = true;
        return plan_intern(builder, plan);
    }
    case FN_pi:
        return plan_scalar_number(builder, node, grid, 3.14159265358979323846);
    case FN_start_timestamp:
    case FN_timestamp:
        return plan_of_timestamp(builder, node, grid);
    case FN_scalar:
        return plan_of_simple(builder, node, grid, PLAN_SCALAR);
    case FN_vector:
        return plan_of_simple(builder, node, grid, PLAN_VECTOR);
    case FN_sort:
    case FN_sort_desc:
        return plan_of_simple(builder, node, grid, PLAN_SORT);
    case FN_sort_by_label:
    case FN_sort_by_label_desc:
        return plan_of_simple(builder, node, grid, PLAN_SORT_LABELS);
    case FN_start:
    case FN_end:
    case FN_step:
    case FN_range:
        return plan_scalar_number(builder, node, grid, query_number(builder->request, id));
    case FN_label_replace:
        return plan_of_simple(builder, node, grid, PLAN_LABEL_REPLACE);
    case FN_label_join:
        return plan_of_simple(builder, node, grid, PLAN_LABEL_JOIN);
    case FN_info:
        return plan_of_info(builder, node, grid);
    case FN_histogram_fraction:
    case FN_histogram_quantile:
    case FN_histogram_quantiles:
        return plan_of_simple(builder, node, grid, PLAN_HISTOGRAM_QUANTILE);
    case FN_absent:
    case FN_absent_over_time:
        return plan_of_absent(builder, node, grid);
    default:
        break;
    }
    if (window_kernel(id, WINDOW_PLAIN))
        return plan_of_window(builder, node, grid, id);
    if (map_function(id) || histogram_function(id))
        return plan_of_map(builder, node, grid);

    return plan_unsupported(builder, "function", node->call.function->name);
}
