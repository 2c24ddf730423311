/*
 * Prometheus walks its tree several times before it evaluates it: it marks selectors that need no
 * buckets, folds functions into numbers, evaluates durations, and wraps what does not depend on the
 * step. Here the first three happen while the tree is built from the root down, in the same order
 * of nodes, so that of several wrong durations the same one is told.
 */
#include "engine/reference/expr.h"

#include "engine/fn/grid.h"
#include "model/duration.h"
#include "parser/duration_eval.h"

static bool expr_fold(const struct reference_request *request, struct ref_expr *expr)
{
    const struct node *node = expr->node;
    int64_t start_ms = request->query_start_ms, end_ms = request->query_end_ms;
    if (node->kind == NODE_NUMBER) {
        expr->number = node->number.value;
        return true;
    }
    if (node->kind != NODE_CALL)
        return false;
    switch ((int)node->call.function->id) {
    case FN_start:
        expr->number = (double)start_ms / 1000;
        return true;
    case FN_end:
        expr->number = (double)end_ms / 1000;
        return true;
    case FN_range:
        expr->number = duration_seconds(ms_sub(end_ms, start_ms));
        return true;
    case FN_step:
        expr->number = start_ms == end_ms ? 0 : duration_seconds(request->query_step_ms);
        return true;
    default:
        return false;
    }
}

static bool expr_duration(const struct reference_request *request, const struct node *node,
                          bool signed_allowed, int64_t *duration_ms, struct err *err)
{
    const struct duration_values values = {
        .step = duration_seconds(request->query_step_ms),
        .range = duration_seconds(ms_sub(request->query_end_ms, request->query_start_ms)),
    };
    return !node || duration_eval(node, &values, signed_allowed, duration_ms, err);
}

static bool expr_modify(const struct reference_request *request, struct ref_expr *expr,
                        const struct modifiers *modifiers, struct err *err)
{
    expr->offset_ms = modifiers->offset_ms;
    expr->has_at = modifiers->at == AT_TIME;
    expr->at_ms = modifiers->at_ms;
    return expr_duration(request, modifiers->offset_expr, true, &expr->offset_ms, err);
}

/*
 * May histograms come without buckets? A subquery needs them to see counters start anew; trimming
 * and quantiles need them in any case.
 */
static bool expr_totals_only(const struct reference_request *request, const struct ref_expr *expr)
{
    bool totals_only = false;
    for (expr = expr->parent; expr; expr = expr->parent) {
        const struct node *node = expr->node;
        if (node->kind == NODE_SUBQUERY)
            return false;
        if (node->kind == NODE_BINARY &&
            (node->binary.op == BINARY_TRIM_UPPER || node->binary.op == BINARY_TRIM_LOWER))
            return false;
        if (node->kind != NODE_CALL)
            continue;
        switch ((int)node->call.function->id) {
        case FN_histogram_count:
        case FN_histogram_sum:
        case FN_histogram_avg:
            totals_only = true;
            break;
        case FN_histogram_quantile:
        case FN_histogram_quantiles:
        case FN_histogram_fraction:
            return false;
        default:
            break;
        }
    }
    return totals_only || request->totals_only;
}

static bool expr_set(const struct reference_request *request, struct ref_expr *expr,
                     struct err *err)
{
    const struct node *node = expr->node;
    switch ((int)node->kind) {
    case NODE_VECTOR_SELECTOR:
        expr->totals_only = expr_totals_only(request, expr);
        return expr_modify(request, expr, &node->vector_selector.modifiers, err);
    case NODE_MATRIX_SELECTOR:
        expr->range_ms = node->matrix_selector.range_ms;
        return expr_duration(request, node->matrix_selector.range_expr, false, &expr->range_ms,
                             err);
    case NODE_SUBQUERY:
        expr->range_ms = node->subquery.range_ms;
        expr->step_ms = node->subquery.step_ms;
        return expr_modify(request, expr, &node->subquery.modifiers, err) &&
               expr_duration(request, node->subquery.step_expr, false, &expr->step_ms, err) &&
               expr_duration(request, node->subquery.range_expr, false, &expr->range_ms, err);
    default:
        return true;
    }
}

/* The nodes inside, at most two of them unless it is a call. */
static size_t expr_parts(const struct node *node, struct node *space[2], struct node *const **ret)
{
    *ret = space;
    switch (node->kind) {
    case NODE_NUMBER:
    case NODE_STRING:
    case NODE_VECTOR_SELECTOR:
    case NODE_DURATION:
        return 0;
    case NODE_MATRIX_SELECTOR:
        space[0] = node->matrix_selector.selector;
        return 1;
    case NODE_SUBQUERY:
        space[0] = node->subquery.expr;
        return 1;
    case NODE_CALL:
        *ret = node->call.args;
        return node->call.arg_count;
    case NODE_AGGREGATE:
        space[0] = node->aggregate.expr;
        space[1] = node->aggregate.param;
        return node->aggregate.param ? 2 : 1;
    case NODE_BINARY:
        space[0] = node->binary.left;
        space[1] = node->binary.right;
        return 2;
    case NODE_UNARY:
        space[0] = node->unary.expr;
        return 1;
    case NODE_PAREN:
        space[0] = node->paren;
        return 1;
    }
    __builtin_unreachable();
}

/* ast_unparen for a tree that is only read. */
static const struct node *node_unparen(const struct node *node)
{
    while (node->kind == NODE_PAREN)
        node = node->paren;
    return node;
}

static bool expr_build(const struct reference_request *request, const struct node *node,
                       struct ref_expr *parent, struct ref_expr **ret_expr, struct err *err)
{
    struct arena *arena = request->query->arena;
    struct ref_expr *expr = arena_new(arena, struct ref_expr);
    expr->node = node_unparen(node);
    expr->parent = parent;
    *ret_expr = expr;
    expr->is_number = expr_fold(request, expr);
    if (expr->is_number)
        return true;
    if (!expr_set(request, expr, err))
        return false;

    struct node *space[2];
    struct node *const *parts;
    expr->child_count = expr_parts(expr->node, space, &parts);
    expr->children = arena_array(arena, struct ref_expr *, expr->child_count);
    for (size_t i = 0; i < expr->child_count; i++)
        if (!expr_build(request, parts[i], expr, &expr->children[i], err))
            return false;
    return arena_check(arena, err);
}

/* Their result is another at each step whatever their arguments are. */
static bool function_sees_step(enum function_id id)
{
    switch ((int)id) {
    case FN_days_in_month:
    case FN_day_of_month:
    case FN_day_of_week:
    case FN_day_of_year:
    case FN_hour:
    case FN_minute:
    case FN_month:
    case FN_year:
    case FN_predict_linear:
    case FN_time:
    case FN_timestamp:
        return true;
    default:
        return false;
    }
}

/* `wrap`: if it is evaluated once, that is worth saying; not so for numbers and range vectors. */
struct invariance {
    bool invariant;
    bool wrap;
};

static struct invariance expr_resolve(const struct reference_request *request,
                                      struct ref_expr *expr);

static void expr_resolve_at(const struct reference_request *request, struct ref_expr *expr,
                            const struct modifiers *modifiers)
{
    if (modifiers->at != AT_START && modifiers->at != AT_END)
        return;
    expr->has_at = true;
    expr->at_ms = modifiers->at == AT_START ? request->query_start_ms : request->query_end_ms;
}

/* timestamp(x @ 1) is the same at each step, timestamp(abs(x @ 1)) is not. */
static struct invariance expr_resolve_call(const struct reference_request *request,
                                           struct ref_expr *expr)
{
    enum function_id id = expr->node->call.function->id;
    bool invariant = !function_sees_step(id);
    bool all_selectors = id == FN_timestamp;
    for (size_t i = 0; i < expr->child_count; i++) {
        struct ref_expr *arg = expr->children[i];
        struct invariance inner = expr_resolve(request, arg);
        arg->once = inner.wrap;
        invariant = invariant && inner.invariant;
        all_selectors = all_selectors && inner.invariant && ref_expr_is(arg, NODE_VECTOR_SELECTOR);
    }
    if (!invariant && !all_selectors)
        return (struct invariance){false, false};
    for (size_t i = 0; i < expr->child_count; i++)
        expr->children[i]->once = false;
    return (struct invariance){true, true};
}

static struct invariance expr_resolve_binary(const struct reference_request *request,
                                             struct ref_expr *expr)
{
    struct invariance left = expr_resolve(request, expr->children[0]);
    struct invariance right = expr_resolve(request, expr->children[1]);
    if (left.invariant && right.invariant)
        return (struct invariance){true, true};
    expr->children[0]->once = left.wrap;
    expr->children[1]->once = right.wrap;
    return (struct invariance){false, false};
}

/* Prometheus does not look into the parameter of an aggregation, only at its expression. */
static struct invariance expr_resolve(const struct reference_request *request,
                                      struct ref_expr *expr)
{
    const struct node *node = expr->node;
    if (expr->is_number)
        return (struct invariance){true, false};
    switch (node->kind) {
    case NODE_NUMBER:
    case NODE_STRING:
        return (struct invariance){true, false};
    case NODE_VECTOR_SELECTOR:
        expr_resolve_at(request, expr, &node->vector_selector.modifiers);
        return (struct invariance){expr->has_at, expr->has_at};
    case NODE_MATRIX_SELECTOR:
        return (struct invariance){expr_resolve(request, expr->children[0]).invariant, false};
    case NODE_SUBQUERY:
        expr->children[0]->once = expr_resolve(request, expr->children[0]).invariant;
        expr_resolve_at(request, expr, &node->subquery.modifiers);
        return (struct invariance){expr->has_at, false};
    case NODE_CALL:
        return expr_resolve_call(request, expr);
    case NODE_BINARY:
        return expr_resolve_binary(request, expr);
    case NODE_AGGREGATE:
    case NODE_UNARY:
    case NODE_PAREN:
        return expr_resolve(request, expr->children[0]);
    case NODE_DURATION:
        break;
    }
    __builtin_unreachable();
}

/* What the expressions around a selector ask it for: the query's time, or that of an @. */
struct asked {
    int64_t begin_ms, end_ms;
    int64_t offset_ms; /* of the subqueries inside of that */
    int64_t range_ms;
};

static void expr_ask_selector(const struct reference_request *request, struct ref_expr *expr,
                              struct asked asked)
{
    const struct vector_selector *selector = &expr->node->vector_selector;
    bool ranges = expr->parent && ref_expr_is(expr->parent, NODE_MATRIX_SELECTOR);
    int64_t lookback_ms = request->query->lookback_ms;
    int64_t before_ms = ranges ? expr->parent->range_ms : lookback_ms;
    if (ranges && (selector->anchored || selector->smoothed))
        before_ms = ms_add(before_ms, lookback_ms);
    if (expr->has_at) {
        asked.begin_ms = asked.end_ms = expr->at_ms;
    } else {
        asked.end_ms = ms_sub(asked.end_ms, asked.offset_ms);
        asked.begin_ms = ms_sub(ms_sub(asked.begin_ms, asked.offset_ms), asked.range_ms);
    }
    expr->asked_begin_ms = ms_sub(ms_sub(asked.begin_ms, before_ms - 1), expr->offset_ms);
    expr->asked_end_ms = ms_sub(asked.end_ms, expr->offset_ms);
    if (selector->smoothed)
        expr->asked_end_ms = ms_add(expr->asked_end_ms, lookback_ms);
}

static void expr_ask(const struct reference_request *request, struct ref_expr *expr,
                     struct asked asked)
{
    if (ref_expr_is(expr, NODE_VECTOR_SELECTOR))
        expr_ask_selector(request, expr, asked);
    if (ref_expr_is(expr, NODE_SUBQUERY)) {
        if (expr->has_at)
            asked = (struct asked){.begin_ms = expr->at_ms, .end_ms = expr->at_ms};
        asked.offset_ms = ms_add(asked.offset_ms, expr->offset_ms);
        asked.range_ms = ms_add(asked.range_ms, expr->range_ms);
    }
    for (size_t i = 0; i < expr->child_count; i++)
        expr_ask(request, expr->children[i], asked);
}

bool ref_expr_new(const struct reference_request *request, struct ref_expr **ret_root,
                  struct err *err)
{
    struct ref_expr *root;
    if (!expr_build(request, request->root, NULL, &root, err))
        return false;
    if (!request->in_param)
        root->once = expr_resolve(request, root).wrap;
    expr_ask(request, root,
             (struct asked){
                 .begin_ms = request->grid.start_ms,
                 .end_ms = request->grid.count ? grid_end(&request->grid) : request->grid.start_ms,
             });
    *ret_root = root;
    return true;
}

/* Offsets of the subqueries around a selector, inwards from the last one that has an @. */
struct subquery_path {
    int64_t offset_ms;
    bool has_at;
    int64_t at_ms;
};

static void expr_shift(struct ref_expr *expr, int64_t start_ms, struct subquery_path path)
{
    if (expr->has_at) {
        int64_t offset_ms = path.offset_ms;
        if (path.has_at)
            offset_ms = ms_add(offset_ms, ms_sub(start_ms, path.at_ms));
        int64_t to_at_ms = ms_sub(ms_sub(start_ms, expr->at_ms), offset_ms);
        expr->shift_ms = ms_add(expr->offset_ms, to_at_ms);
    } else {
        expr->shift_ms = expr->offset_ms;
    }
    if (ref_expr_is(expr, NODE_SUBQUERY)) {
        path.offset_ms = expr->has_at ? expr->offset_ms : ms_add(path.offset_ms, expr->offset_ms);
        if (expr->has_at) {
            path.has_at = true;
            path.at_ms = expr->at_ms;
        }
    }
    for (size_t i = 0; i < expr->child_count; i++)
        expr_shift(expr->children[i], start_ms, path);
}

void ref_expr_shift(struct ref_expr *root, int64_t start_ms)
{
    expr_shift(root, start_ms, (struct subquery_path){0});
}
