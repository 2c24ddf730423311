/*
 * Plan nodes to operators: the one switch over kinds of nodes. A node with several parents, and few
 * rows, becomes one operator that they share; element-wise steps over a source are handed down to
 * it, to run on the threads that make the rows.
 */
#include "engine/op/build.h"

#include <assert.h>

#include "engine/absent_labels.h"
#include "engine/fn/step_time.h"
#include "engine/op/absent.h"
#include "engine/op/aggregate.h"
#include "engine/op/broadcast.h"
#include "engine/op/count_values.h"
#include "engine/op/dedup.h"
#include "engine/op/fallback.h"
#include "engine/op/histogram_quantile.h"
#include "engine/op/info.h"
#include "engine/op/join.h"
#include "engine/op/join_fill.h"
#include "engine/op/label_call.h"
#include "engine/op/limit.h"
#include "engine/op/map.h"
#include "engine/op/names.h"
#include "engine/op/quantile.h"
#include "engine/op/scalar.h"
#include "engine/op/set.h"
#include "engine/op/shared.h"
#include "engine/op/sort.h"
#include "engine/op/sort_labels.h"
#include "engine/op/source.h"
#include "engine/op/subquery.h"
#include "engine/op/topk.h"
#include "model/notes.h"

struct op_builder {
    struct query *query;
    bool whole; /* the query's end, or a subquery's, takes the rows as they are */
    struct err *err;
    struct shared **shared; /* by plan id */
};

static struct op *op_of(struct op_builder *builder, const struct plan *plan);

static const struct node *call_arg(const struct plan *plan, size_t index)
{
    return ast_unparen(plan->ast->call.args[index]);
}

static size_t param_begin(const struct plan *plan)
{
    return ast_unparen(plan->ast->aggregate.param)->span.begin;
}

static size_t expr_begin(const struct plan *plan)
{
    return ast_unparen(plan->ast->aggregate.expr)->span.begin;
}

static enum window_notes_kind notes_of(enum function_id function)
{
    if (function == FN_rate || function == FN_increase)
        return NOTES_COUNTER;
    return function == FN_quantile_over_time ? NOTES_QUANTILE : NOTES_NONE;
}

/*
 * Where notes of a range function point to: its first argument, without parentheses. Prometheus
 * puts the rows of a subquery in its place, which then has no position any more.
 */
static size_t notes_begin(const struct plan *plan)
{
    const struct node *first = call_arg(plan, 0);
    return first->kind == NODE_SUBQUERY ? 0 : first->span.begin;
}

/* What absent_over_time is made of keeps its name, which nobody sees. */
static bool window_drops_name(const struct plan *plan)
{
    return plan->owes_name ||
           (!window_keeps_name(plan->function) && plan->function != FN_absent_over_time);
}

static struct op *op_of_source(struct op_builder *builder, const struct plan *plan,
                               struct op **params)
{
    struct source_spec spec = {.select = &plan->select};
    for (size_t i = 0; i < plan->child_count; i++)
        spec.params[i] = params[i];
    switch ((int)plan->kind) {
    case PLAN_SELECT:
        spec.kernel =
            plan->select.edges == WINDOW_SMOOTHED ? &window_select_smoothed : &window_select;
        spec.notes_begin = plan->ast->span.begin;
        break;
    case PLAN_SELECT_TIME:
        spec.kernel = plan->function == FN_timestamp ? &window_select_time : &window_select_start;
        spec.drops_name = true;
        break;
    default:
        spec.kernel = window_kernel(plan->function, plan->select.edges);
        spec.drops_name = window_drops_name(plan);
        spec.notes = notes_of(plan->function);
        spec.notes_begin = notes_begin(plan);
    }
    return op_source_new(builder->query, &plan->grid, &spec);
}

static struct op *op_of_subquery(struct op_builder *builder, const struct plan *plan,
                                 struct op **children)
{
    struct subquery_spec spec = {
        .refs = plan->select.refs,
        .range_ms = plan->select.range_ms,
        .kernel = window_kernel(plan->function, WINDOW_PLAIN),
        .drops_name = window_drops_name(plan),
        .notes = notes_of(plan->function),
        .notes_begin = notes_begin(plan),
    };
    for (size_t i = 1; i < plan->child_count; i++)
        spec.params[i - 1] = children[i];
    return op_subquery_new(builder->query, &plan->grid, children[0], &spec);
}

/* May the node's results be histograms, if there are some below it? */
static bool plan_gives_histograms(const struct plan *plan)
{
    if (plan->kind == PLAN_WINDOW || plan->kind == PLAN_SUBQUERY_WINDOW)
        return window_kernel(plan->function, plan->select.edges)->gives_histograms;
    return plan->kind != PLAN_MAP && plan->kind != PLAN_SELECT_TIME;
}

/* Has the operation with a scalar an answer for each point? */
static bool arith_keeps_points(const struct binary *binary, bool histograms)
{
    if (binary_op_is_trim(binary->op) ||
        (binary_op_is_comparison(binary->op) && !binary->return_bool))
        return false;
    return !histograms || binary->op == BINARY_MUL ||
           (binary->op == BINARY_DIV && binary->right->type == TYPE_SCALAR);
}

/*
 * Or could the stage take points away, so that a check for equal labels below it sees fewer? Or
 * make floats of histograms, so that two clash that were none?
 */
static bool stage_keeps_points(const struct plan *plan, const struct plan *below)
{
    bool histograms = plan_gives_histograms(below);
    if (plan->kind == PLAN_VECTOR_ARITH)
        return arith_keeps_points(&plan->ast->binary, histograms);
    if (plan->kind == PLAN_NEGATE)
        return true;
    return !histograms && plan->function != FN_clamp && plan->function != FN_start_timestamp &&
           !histogram_function(plan->function);
}

static bool plan_is_dedup(const struct plan *plan)
{
    return plan->kind == PLAN_DEDUP_MERGE || plan->kind == PLAN_DEDUP_UNITE ||
           plan->kind == PLAN_DEDUP_LONE || plan->kind == PLAN_DEDUP_STRICT;
}

/* Does it take whole series, with floats and histograms of one time, and hand them on so? */
static bool plan_passes_whole(const struct plan *plan)
{
    return plan->kind == PLAN_DROP_NAMES || plan->kind == PLAN_DEDUP_UNITE ||
           plan->kind == PLAN_LABEL_REPLACE || plan->kind == PLAN_LABEL_JOIN ||
           plan->kind == PLAN_NEGATE;
}

/*
 * A stage goes down to the source below, through a check for equal labels, which takes it back if
 * there are some. With one step rows are made as soon as the source is opened, too early for that:
 * then only where the check sees the same.
 */
static struct op *op_of_stage(struct op_builder *builder, const struct plan *plan, struct op *child,
                              const struct plan *child_plan, struct map_stage *stage)
{
    assert(child);
    stage->rank = plan->rank;
    struct op *source = child;
    if (plan_is_dedup(child_plan) && child->child_count > 0 &&
        (plan->grid.count > 1 || stage_keeps_points(plan, child_plan->children[0])))
        source = child->children[0];
    if (op_source_add_stage(source, stage)) {
        AUTO(buf_done) struct buf text = {0};
        plan_describe(plan, &text);
        source->detail = arena_printf(builder->query->arena, "%s, then %s", source->detail,
                                      buf_terminated(&text));
        return child;
    }
    return op_map_new(builder->query, child, stage);
}

static struct op *op_of_map(struct op_builder *builder, const struct plan *plan,
                            struct op **children)
{
    struct map_stage stage;
    if (plan->kind == PLAN_NEGATE)
        stage = map_stage_negate();
    else if (plan->function == FN_timestamp)
        stage = map_stage_time(children[1]);
    else if (plan->function == FN_start_timestamp)
        stage = map_stage_function(map_nothing, NULL, 0);
    else if (histogram_function(plan->function))
        stage = map_stage_of_histogram(histogram_function(plan->function));
    else
        stage =
            map_stage_function(map_function(plan->function), children + 1, plan->child_count - 1);
    return op_of_stage(builder, plan, children[0], plan->children[0], &stage);
}

static struct op *op_of_vector_arith(struct op_builder *builder, const struct plan *plan,
                                     struct op **children)
{
    const struct binary *binary = &plan->ast->binary;
    bool scalar_left = binary->left->type == TYPE_SCALAR;
    struct map_stage stage =
        map_stage_arith(binary->op, binary->return_bool, children[!scalar_left], scalar_left,
                        plan->ast->span.begin);
    return op_of_stage(builder, plan, children[scalar_left], plan->children[scalar_left], &stage);
}

static struct op *op_of_join(struct op_builder *builder, const struct plan *plan,
                             struct op **children)
{
    const struct binary *binary = &plan->ast->binary;
    const struct fill_values *fill = &binary->matching->fill;
    size_t begin = plan->ast->span.begin;
    if (fill->has_left || fill->has_right)
        return op_join_fill_new(builder->query, children[0], children[1], binary, begin);
    return op_join_new(builder->query, children[0], children[1], binary, begin);
}

static struct grouping grouping_of(struct op_builder *builder, const struct plan *plan)
{
    const struct aggregate *aggregate = &plan->ast->aggregate;
    return aggregate->without
               ? grouping_without(builder->query, aggregate->grouping, aggregate->grouping_count)
               : grouping_by(builder->query, aggregate->grouping, aggregate->grouping_count);
}

static struct op *op_of_aggregate(struct op_builder *builder, const struct plan *plan,
                                  struct op **children)
{
    struct query *query = builder->query;
    const struct aggregate *aggregate = &plan->ast->aggregate;
    struct grouping grouping = grouping_of(builder, plan);
    switch ((int)plan->kind) {
    case PLAN_TOPK:
        return op_topk_new(query, children[0], children[1], aggregate->op, &grouping,
                           plan->ast->span.begin);
    case PLAN_QUANTILE:
        return op_quantile_new(query, children[0], children[1], &grouping, param_begin(plan),
                               expr_begin(plan));
    case PLAN_COUNT_VALUES:
        return op_count_values_new(query, children[0], ast_unparen(aggregate->param)->string,
                                   &grouping);
    case PLAN_LIMIT:
        if (aggregate->op == AGGREGATE_limitk)
            return op_limitk_new(query, children[0], children[1], &grouping);
        return op_limit_ratio_new(query, children[0], children[1], &grouping, param_begin(plan));
    default:
        return op_aggregate_new(query, children[0], aggregate->op, &grouping, expr_begin(plan));
    }
}

static struct op *op_of_histogram(struct op_builder *builder, const struct plan *plan,
                                  struct op **children)
{
    struct query *query = builder->query;
    const struct call *call = &plan->ast->call;
    switch ((int)call->function->id) {
    case FN_histogram_fraction:
        return op_histogram_fraction_new(query, children[2], children[0], children[1],
                                         call_arg(plan, 2)->span.begin);
    case FN_histogram_quantile:
        return op_histogram_quantile_new(query, children[1], children[0],
                                         call_arg(plan, 0)->span.begin,
                                         call_arg(plan, 1)->span.begin);
    default:
        break;
    }
    size_t count = call->arg_count - 2;
    size_t *begins = arena_array(query->arena, size_t, count);
    for (size_t i = 0; i < count; i++)
        begins[i] = call_arg(plan, i + 2)->span.begin;
    return op_histogram_quantiles_new(query, children[0], children + 1, begins, count,
                                      call_arg(plan, 1)->string, call_arg(plan, 0)->span.begin);
}

static struct op *op_of_absent(struct op_builder *builder, const struct plan *plan,
                               struct op *child)
{
    const struct node *arg = call_arg(plan, 0);
    if (arg->kind == NODE_MATRIX_SELECTOR)
        arg = arg->matrix_selector.selector;
    const struct labels *labels = &labels_empty;
    if (arg->kind == NODE_VECTOR_SELECTOR)
        labels = absent_labels(builder->query, arg->vector_selector.matchers,
                               arg->vector_selector.matcher_count);
    return op_absent_new(builder->query, child, labels);
}

/* Prometheus warns behind the arguments, as of all that the call itself tells. */
static void note_vain_sort(struct op_builder *builder, const struct plan *plan)
{
    struct annotations *notes = &builder->query->annotations;
    if (plan->at_one_time)
        return;
    notes->rank = plan->rank;
    note_sort(notes, plan->ast->span.begin);
    notes->rank = 0;
}

static struct op *op_of_sort(struct op_builder *builder, const struct plan *plan, struct op *child)
{
    note_vain_sort(builder, plan);
    return op_sort_new(builder->query, child, plan->ast->call.function->id == FN_sort_desc);
}

static struct op *op_of_sort_labels(struct op_builder *builder, const struct plan *plan,
                                    struct op *child)
{
    const struct call *call = &plan->ast->call;
    note_vain_sort(builder, plan);
    struct str *names = arena_array(builder->query->arena, struct str, call->arg_count);
    for (size_t i = 1; i < call->arg_count; i++)
        names[i - 1] = call_arg(plan, i)->string;
    return op_sort_labels_new(builder->query, child, names, call->arg_count - 1,
                              call->function->id == FN_sort_by_label_desc);
}

static struct op *op_of_label_call(struct op_builder *builder, const struct plan *plan,
                                   struct op *child)
{
    const struct call *call = &plan->ast->call;
    struct str *texts = arena_array(builder->query->arena, struct str, call->arg_count);
    for (size_t i = 1; i < call->arg_count; i++)
        texts[i - 1] = call_arg(plan, i)->string;
    if (plan->kind == PLAN_LABEL_JOIN)
        return op_label_join_new(builder->query, child, texts[0], texts[1], texts + 2,
                                 call->arg_count - 3);
    return op_label_replace_new(builder->query, child, texts[0], texts[1], texts[2], texts[3]);
}

static struct op *op_of_info(struct op_builder *builder, const struct plan *plan, struct op *base)
{
    const struct vector_selector *selector = NULL;
    if (plan->ast->call.arg_count > 1)
        selector = &call_arg(plan, 1)->vector_selector;
    return op_info_new(builder->query, base, selector, &plan->select);
}

static struct op *op_of_kind(struct op_builder *builder, const struct plan *plan,
                             struct op **children)
{
    struct query *query = builder->query;
    const struct node *ast = plan->ast;
    switch (plan->kind) {
    case PLAN_NUMBER:
        return op_number_new(query, &plan->grid, plan->number);
    case PLAN_TIME:
        return op_time_new(query, &plan->grid);
    case PLAN_EMPTY:
        return op_empty_new(query, &plan->grid);
    case PLAN_SELECT:
    case PLAN_SELECT_TIME:
    case PLAN_WINDOW:
        return op_of_source(builder, plan, children);
    case PLAN_SUBQUERY_WINDOW:
        return op_of_subquery(builder, plan, children);
    case PLAN_MAP:
    case PLAN_NEGATE:
        return op_of_map(builder, plan, children);
    case PLAN_SCALAR_ARITH:
        return op_scalar_arith_new(query, children[0], children[1], ast->binary.op);
    case PLAN_VECTOR_ARITH:
        return op_of_vector_arith(builder, plan, children);
    case PLAN_JOIN:
        return op_of_join(builder, plan, children);
    case PLAN_SET:
        return op_set_new(query, children[0], children[1], &ast->binary);
    case PLAN_AGGREGATE:
    case PLAN_QUANTILE:
    case PLAN_TOPK:
    case PLAN_COUNT_VALUES:
    case PLAN_LIMIT:
        return op_of_aggregate(builder, plan, children);
    case PLAN_HISTOGRAM_QUANTILE:
        return op_of_histogram(builder, plan, children);
    case PLAN_INFO:
        return op_of_info(builder, plan, children[0]);
    case PLAN_LABEL_REPLACE:
    case PLAN_LABEL_JOIN:
        return op_of_label_call(builder, plan, children[0]);
    case PLAN_ABSENT:
        return op_of_absent(builder, plan, children[0]);
    case PLAN_SORT:
        return op_of_sort(builder, plan, children[0]);
    case PLAN_SORT_LABELS:
        return op_of_sort_labels(builder, plan, children[0]);
    case PLAN_SCALAR:
        return op_scalar_new(query, children[0]);
    case PLAN_VECTOR:
        return op_vector_new(query, children[0]);
    case PLAN_DROP_NAMES:
        return op_drop_names_new(query, children[0]);
    case PLAN_DEDUP_MERGE:
        return op_dedup_new(query, children[0], DEDUP_MERGE);
    case PLAN_DEDUP_UNITE:
        return op_dedup_new(query, children[0], builder->whole ? DEDUP_UNITE_WHOLE : DEDUP_UNITE);
    case PLAN_DEDUP_LONE:
        return op_dedup_new(query, children[0], DEDUP_UNITE_LONE);
    case PLAN_DEDUP_STRICT:
        return op_dedup_new(query, children[0], DEDUP_STRICT);
    case PLAN_BROADCAST:
        return op_broadcast_new(query, &plan->grid, children[0]);
    case PLAN_FALLBACK:
        return op_fallback_new(query, plan);
    case PLAN_STRING:
    case PLAN_SAMPLES:
    case PLAN_SUBQUERY:
        break; /* roots only, which the engine answers itself */
    }
    __builtin_unreachable();
}

/* Worth holding for a second consumer: as many rows as groups, or one step; or dear to make. */
static bool plan_has_few_rows(const struct plan *plan)
{
    return plan->grid.count == 1 || plan->kind == PLAN_AGGREGATE || plan->kind == PLAN_QUANTILE ||
           plan->kind == PLAN_HISTOGRAM_QUANTILE || plan->kind == PLAN_SCALAR ||
           plan->kind == PLAN_FALLBACK;
}

static struct op *op_of(struct op_builder *builder, const struct plan *plan)
{
    if (builder->shared[plan->id])
        return op_shared_new(builder->query, builder->shared[plan->id]);

    struct op *children[PLAN_CHILDREN_MAX] = {NULL};
    bool whole = builder->whole;
    for (size_t i = 0; i < plan->child_count; i++) {
        builder->whole =
            i == 0 && (plan->kind == PLAN_SUBQUERY_WINDOW || (whole && plan_passes_whole(plan)));
        children[i] = op_of(builder, plan->children[i]);
    }
    builder->whole = whole;
    struct op *op = op_of_kind(builder, plan, children);
    if (!op->detail) {
        op->rank = plan->rank;
        AUTO(buf_done) struct buf text = {0};
        plan_describe(plan, &text);
        op->detail = arena_text(builder->query->arena, buf_view(&text));
    }
    if (plan->use_count < 2 || !plan_has_few_rows(plan))
        return op;
    builder->shared[plan->id] = shared_new(builder->query, op);
    return op_shared_new(builder->query, builder->shared[plan->id]);
}

struct op *op_build(struct query *query, const struct plan *plan, struct err *err)
{
    struct op_builder builder = {
        .query = query,
        .whole = true,
        .err = err,
        .shared = arena_array(query->arena, struct shared *, plan->id + 1),
    };
    struct op *op = op_of(&builder, plan);
    return arena_check(query->arena, err) ? op : NULL;
}
