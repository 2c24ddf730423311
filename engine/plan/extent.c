/*
 * What all selectors of a query look at together, found as Prometheus finds it: steps are left out,
 * and a subquery's times are not rounded. It decides in which order series come.
 */
#include "engine/plan/builder.h"
#include "parser/duration_eval.h"

struct extent_walk {
    const struct plan_request *request;
    struct plan_extent extent;
    struct err *err;
};

bool plan_duration(const struct plan_request *request, int64_t written_ms, const struct node *expr,
                   bool may_be_negative, int64_t *ret_ms, struct err *err)
{
    *ret_ms = written_ms;
    if (!expr)
        return true;
    const struct duration_values values = {
        .step = (double)request->step_ms / 1000,
        .range = (double)ms_sub(request->end_ms, request->start_ms) / 1000,
    };
    return duration_eval(expr, &values, may_be_negative, ret_ms, err);
}

struct modifiers plan_modifiers(const struct plan_request *request,
                                const struct modifiers *modifiers, bool in_param)
{
    struct modifiers known = *modifiers;
    if (known.at != AT_START && known.at != AT_END)
        return known;
    known.at = in_param ? AT_NONE : AT_TIME;
    known.at_ms = modifiers->at == AT_START ? request->start_ms : request->end_ms;
    return known;
}

static int64_t ms_sub_limited(int64_t a, int64_t b)
{
    int64_t difference;
    if (!__builtin_sub_overflow(a, b, &difference))
        return difference;
    return b > 0 ? INT64_MIN : INT64_MAX;
}

struct plan_asked plan_asked_of(const struct plan_request *request)
{
    return (struct plan_asked){
        .begin_ms = request->start_ms,
        .end_ms = request->step_ms > 0 ? request->end_ms : request->start_ms,
    };
}

bool plan_ask_selector(const struct plan_request *request, const struct vector_selector *selector,
                       int64_t range_ms, struct plan_asked asked, struct plan_extent *ret_extent,
                       struct err *err)
{
    struct modifiers modifiers = plan_modifiers(request, &selector->modifiers, asked.in_param);
    int64_t offset_ms;
    if (!plan_duration(request, modifiers.offset_ms, modifiers.offset_expr, true, &offset_ms, err))
        return false;
    if (modifiers.at != AT_NONE) {
        asked.begin_ms = asked.end_ms = modifiers.at_ms;
    } else {
        asked.begin_ms =
            ms_sub_limited(ms_sub_limited(asked.begin_ms, asked.offset_ms), asked.range_ms);
        asked.end_ms = ms_sub_limited(asked.end_ms, asked.offset_ms);
    }
    int64_t before_ms = range_ms ? range_ms : request->lookback_ms;
    if (range_ms && (selector->anchored || selector->smoothed))
        before_ms = ms_add(before_ms, request->lookback_ms);
    ret_extent->begin_ms = ms_sub_limited(ms_sub_limited(asked.begin_ms, before_ms - 1), offset_ms);
    ret_extent->end_ms = ms_sub_limited(asked.end_ms, offset_ms);
    if (selector->smoothed)
        ret_extent->end_ms = ms_sub_limited(ret_extent->end_ms, -request->lookback_ms);
    return true;
}

bool plan_ask_subquery(const struct plan_request *request, const struct subquery *subquery,
                       struct plan_asked *asked, struct err *err)
{
    struct modifiers modifiers = plan_modifiers(request, &subquery->modifiers, asked->in_param);
    int64_t range_ms, offset_ms;
    if (!plan_duration(request, subquery->range_ms, subquery->range_expr, false, &range_ms, err) ||
        !plan_duration(request, modifiers.offset_ms, modifiers.offset_expr, true, &offset_ms, err))
        return false;
    if (modifiers.at != AT_NONE) {
        asked->begin_ms = asked->end_ms = modifiers.at_ms;
        asked->offset_ms = asked->range_ms = 0;
    }
    asked->offset_ms = ms_add(asked->offset_ms, offset_ms);
    asked->range_ms = ms_add(asked->range_ms, range_ms);
    return true;
}

static bool extent_of(struct extent_walk *walk, const struct node *node, struct plan_asked asked);

static bool extent_of_selector(struct extent_walk *walk, const struct vector_selector *selector,
                               int64_t range_ms, struct plan_asked asked)
{
    struct plan_extent extent;
    if (!plan_ask_selector(walk->request, selector, range_ms, asked, &extent, walk->err))
        return false;
    if (extent.begin_ms < walk->extent.begin_ms)
        walk->extent.begin_ms = extent.begin_ms;
    if (extent.end_ms > walk->extent.end_ms)
        walk->extent.end_ms = extent.end_ms;
    return true;
}

static bool extent_of_matrix(struct extent_walk *walk, const struct matrix_selector *matrix,
                             struct plan_asked asked)
{
    int64_t range_ms;
    return plan_duration(walk->request, matrix->range_ms, matrix->range_expr, false, &range_ms,
                         walk->err) &&
           extent_of_selector(walk, &matrix->selector->vector_selector, range_ms, asked);
}

static bool extent_of_aggregate(struct extent_walk *walk, const struct aggregate *aggregate,
                                struct plan_asked asked)
{
    if (!extent_of(walk, aggregate->expr, asked))
        return false;
    asked.in_param = true;
    return !aggregate->param || extent_of(walk, aggregate->param, asked);
}

static bool extent_of(struct extent_walk *walk, const struct node *node, struct plan_asked asked)
{
    switch (node->kind) {
    case NODE_NUMBER:
    case NODE_STRING:
    case NODE_DURATION:
        return true;
    case NODE_VECTOR_SELECTOR:
        return extent_of_selector(walk, &node->vector_selector, 0, asked);
    case NODE_MATRIX_SELECTOR:
        return extent_of_matrix(walk, &node->matrix_selector, asked);
    case NODE_SUBQUERY:
        return plan_ask_subquery(walk->request, &node->subquery, &asked, walk->err) &&
               extent_of(walk, node->subquery.expr, asked);
    case NODE_CALL:
        for (size_t i = 0; i < node->call.arg_count; i++)
            if (!extent_of(walk, node->call.args[i], asked))
                return false;
        return true;
    case NODE_AGGREGATE:
        return extent_of_aggregate(walk, &node->aggregate, asked);
    case NODE_BINARY:
        return extent_of(walk, node->binary.left, asked) &&
               extent_of(walk, node->binary.right, asked);
    case NODE_UNARY:
        return extent_of(walk, node->unary.expr, asked);
    case NODE_PAREN:
        return extent_of(walk, node->paren, asked);
    }
    __builtin_unreachable();
}

bool plan_extent_find(const struct plan_request *request, struct plan_extent *ret_extent,
                      struct err *err)
{
    struct extent_walk walk = {
        .request = request,
        .extent = {INT64_MAX, INT64_MIN},
        .err = err,
    };
    if (!extent_of(&walk, request->root, plan_asked_of(request)))
        return false;
    *ret_extent = walk.extent;
    return true;
}
