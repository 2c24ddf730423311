/*
 * From the syntax tree to the plan, one function per kind of expression. What Prometheus does in
 * passes over its tree before it evaluates (resolving @, offsets, durations, wrapping what does not
 * depend on the step) happens here on the way down, with the grid that a sub-expression is
 * evaluated on.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "engine/plan/builder.h"

struct plan *plan_new(struct plan_builder *builder, enum plan_kind kind, const struct node *ast,
                      const struct grid *grid)
{
    struct plan *plan = arena_new(builder->arena, struct plan);
    plan->kind = kind;
    plan->ast = ast;
    plan->type = ast->type;
    plan->grid = *grid;
    return plan;
}

bool plan_add_child(struct plan *plan, struct plan *child)
{
    if (!child)
        return false;
    plan->children[plan->child_count++] = child;
    return true;
}

static struct str plan_key(struct plan_builder *builder, const struct plan *plan)
{
    AUTO(buf_done) struct buf buf = {0};
    plan_describe(plan, &buf);
    buf_printf(&buf, "|%" PRId64 " %" PRId64 " %zu", plan->grid.start_ms, plan->grid.step_ms,
               plan->grid.count);
    buf_printf(&buf, "|%" PRId64 " %" PRId64 " %" PRId64, plan->select.refs.start_ms,
               plan->select.refs.step_ms, plan->select.range_ms);
    buf_printf(&buf, " %" PRId64 " %" PRId64, plan->select.begin_ms, plan->select.end_ms);
    buf_text(&buf, plan->at_one_time ? " once" : "");
    buf_text(&buf, plan->in_param ? " param" : "");
    for (size_t i = 0; i < plan->child_count; i++)
        buf_printf(&buf, "|%zu", plan->children[i]->id);
    return arena_str(builder->arena, buf_view(&buf));
}

struct plan *plan_intern(struct plan_builder *builder, struct plan *plan)
{
    struct str key = plan_key(builder, plan);
    uint64_t hash = hash_bytes(key.ptr, key.len);
    struct map_probe at = map_find(&builder->known, hash);
    plan->rank = ++builder->rank;
    for (; map_hit(&builder->known, &at); map_next(&builder->known, &at)) {
        struct plan *known = builder->plans[at.index];
        if (!str_eq(builder->keys[at.index], key))
            continue;
        known->ast = plan->ast;
        known->rank = plan->rank;
        return known;
    }

    if (builder->plan_count == builder->plan_cap) {
        builder->plan_cap = builder->plan_cap ? builder->plan_cap * 2 : 16;
        builder->plans = mem_resize(builder->plans, struct plan *, builder->plan_cap);
        builder->keys = mem_resize(builder->keys, struct str, builder->plan_cap);
    }
    plan->id = builder->plan_count;
    builder->plans[builder->plan_count] = plan;
    builder->keys[builder->plan_count++] = key;
    map_insert(&builder->known, hash, (uint32_t)plan->id);
    for (size_t i = 0; i < plan->child_count; i++)
        plan->children[i]->use_count++;
    return plan;
}

struct plan *plan_unite(struct plan_builder *builder, struct plan *plan, enum plan_kind kind)
{
    if (!plan || plan->nameless)
        return plan;
    struct plan *dedup = plan_new(builder, kind, plan->ast, &plan->grid);
    dedup->type = TYPE_VECTOR;
    dedup->nameless = true;
    plan_add_child(dedup, plan);
    return plan_intern(builder, dedup);
}

/*
 * With delayed name removal Prometheus looks for equal labels where it puts the points of several
 * steps together, and at the end; range functions leave labels as different as they were.
 */
struct plan *plan_dedup(struct plan_builder *builder, struct plan *plan, enum plan_kind kind)
{
    if (!plan || !builder->request->delayed_names)
        return plan_unite(builder, plan, kind);
    if (kind == PLAN_DEDUP_STRICT)
        plan->nameless = true;
    return builder->at_one_time ? plan : plan_unite(builder, plan, kind);
}

struct plan *plan_unsupported(struct plan_builder *builder, const char *kind, const char *name)
{
    builder->unsupported = name;
    err_set(builder->err, ERR_UNSUPPORTED, "%s \"%s\" is not supported by the streaming engine",
            kind, name);
    return NULL;
}

/* After a failure: the expression goes to the reference engine, if that was the reason. */
static struct plan *plan_fallback(struct plan_builder *builder, const struct node *node,
                                  const struct grid *grid)
{
    if (builder->err->kind != ERR_UNSUPPORTED || !builder->request->fallback)
        return NULL;
    err_clear(builder->err);
    struct plan *plan = plan_new(builder, PLAN_FALLBACK, node, grid);
    plan->reason = builder->unsupported;
    plan->select.totals_only = builder->sees_totals && !builder->sees_buckets;
    plan->request = builder->request;
    plan->in_param = builder->asked.in_param;
    return plan_intern(builder, plan);
}

bool plan_range(struct plan_builder *builder, int64_t written_ms, const struct node *expr,
                bool may_be_negative, int64_t *ret_ms)
{
    return plan_duration(builder->request, written_ms, expr, may_be_negative, ret_ms, builder->err);
}

struct modifiers plan_modifiers_here(const struct plan_builder *builder,
                                     const struct modifiers *modifiers)
{
    return plan_modifiers(builder->request, modifiers, builder->asked.in_param);
}

/* Where the windows of a selector or subquery with these modifiers lie, seen from `grid`. */
static bool plan_refs(struct plan_builder *builder, const struct modifiers *modifiers,
                      const struct grid *grid, struct grid *ret_refs)
{
    int64_t offset_ms;
    if (!plan_range(builder, modifiers->offset_ms, modifiers->offset_expr, true, &offset_ms))
        return false;

    struct grid refs = *grid;
    if (modifiers->at != AT_NONE) {
        refs.start_ms = modifiers->at_ms;
        refs.step_ms = 0;
    }
    if (__builtin_sub_overflow(refs.start_ms, offset_ms, &refs.start_ms))
        return err_set(builder->err, ERR_BAD_DATA, "offset out of range");
    *ret_refs = refs;
    return true;
}

/*
 * How far from its time an @ looks. Prometheus turns it into an offset from the first time that is
 * evaluated, less the offsets of the subqueries around; for a subquery it does that anew, without
 * them, but only if the subquery begins at another time.
 */
static int64_t plan_at_shift(const struct plan_builder *builder, const struct modifiers *modifiers,
                             const struct grid *grid)
{
    const struct subquery_path *path = &builder->path;
    if (modifiers->at == AT_NONE)
        return 0;
    return path->has_at ? ms_add(path->offset_ms, ms_sub(grid->start_ms, path->at_ms))
                        : path->offset_ms;
}

/* The path for what is inside of a subquery that is seen from `grid`. */
static struct subquery_path plan_path(const struct plan_builder *builder,
                                      const struct modifiers *modifiers, const struct grid *refs,
                                      const struct grid *grid, const struct grid *inner)
{
    struct subquery_path path = {0};
    if (inner->start_ms != grid->start_ms)
        return path;
    if (modifiers->at == AT_NONE) {
        path = builder->path;
        path.offset_ms = ms_add(path.offset_ms, ms_sub(grid->start_ms, refs->start_ms));
        return path;
    }
    path.has_at = true;
    path.at_ms = modifiers->at_ms;
    path.offset_ms = ms_sub(path.at_ms, refs->start_ms);
    return path;
}

bool plan_set_windows(struct plan_builder *builder, struct plan *plan,
                      const struct modifiers *modifiers, int64_t before_ms, int64_t ahead_ms)
{
    struct plan_select *select = &plan->select;
    select->totals_only = builder->sees_totals && !builder->sees_buckets;
    if (!plan_refs(builder, modifiers, &plan->grid, &select->refs))
        return false;
    if (__builtin_sub_overflow(select->refs.start_ms, before_ms - 1, &select->begin_ms))
        select->begin_ms = INT64_MIN;
    if (__builtin_add_overflow(grid_end(&select->refs), ahead_ms, &select->end_ms))
        select->end_ms = INT64_MAX;
    return true;
}

/* What its windows see, but no more than it is asked for. `range_ms` 0: an instant selector. */
static bool plan_set_select(struct plan_builder *builder, struct plan *plan,
                            const struct vector_selector *selector, int64_t range_ms,
                            int64_t before_ms, int64_t ahead_ms)
{
    struct plan_select *select = &plan->select;
    struct modifiers modifiers = plan_modifiers_here(builder, &selector->modifiers);
    struct plan_extent extent;
    select->selector = selector;
    if (!plan_set_windows(builder, plan, &modifiers, before_ms, ahead_ms) ||
        !plan_ask_selector(builder->request, selector, range_ms, builder->asked, &extent,
                           builder->err))
        return false;
    if (select->begin_ms < extent.begin_ms)
        select->begin_ms = extent.begin_ms;
    if (select->end_ms > extent.end_ms)
        select->end_ms = extent.end_ms;
    /* What is read is what @ says. */
    int64_t shift_ms = plan_at_shift(builder, &modifiers, &plan->grid);
    select->refs.start_ms = ms_add(select->refs.start_ms, shift_ms);
    return true;
}

bool plan_set_instant(struct plan_builder *builder, struct plan *plan,
                      const struct vector_selector *selector)
{
    int64_t lookback_ms = builder->request->lookback_ms;
    plan->select.range_ms = lookback_ms;
    if (selector->smoothed) {
        plan->select.edges = WINDOW_SMOOTHED;
        plan->select.lookback_ms = lookback_ms;
    }
    return plan_set_select(builder, plan, selector, 0, lookback_ms, plan->select.lookback_ms);
}

bool plan_set_range(struct plan_builder *builder, struct plan *plan,
                    const struct matrix_selector *matrix)
{
    const struct vector_selector *selector = &matrix->selector->vector_selector;
    struct plan_select *select = &plan->select;
    if (!plan_range(builder, matrix->range_ms, matrix->range_expr, false, &select->range_ms))
        return false;
    select->edges = selector->anchored   ? WINDOW_ANCHORED
                    : selector->smoothed ? WINDOW_SMOOTHED
                                         : WINDOW_PLAIN;
    if (select->edges != WINDOW_PLAIN)
        select->lookback_ms = builder->request->lookback_ms;
    int64_t ahead_ms = select->edges == WINDOW_SMOOTHED ? select->lookback_ms : 0;
    return plan_set_select(builder, plan, selector, select->range_ms,
                           ms_add(select->range_ms, select->lookback_ms), ahead_ms);
}

static struct plan *plan_of_selector(struct plan_builder *builder, const struct node *node,
                                     const struct grid *grid)
{
    struct plan *plan = plan_new(builder, PLAN_SELECT, node, grid);
    if (!plan_set_instant(builder, plan, &node->vector_selector))
        return NULL;
    /* Nothing there says that @ makes all steps one, so they go on from the first. */
    if (builder->asked.in_param)
        plan->select.refs.step_ms = grid->step_ms;
    plan->nameless = builder->request->delayed_names;
    return plan_intern(builder, plan);
}

/*
 * The grid of a subquery's inner expression: multiples of its step since the epoch, the first one
 * after the first window's begin, the last one not after the last window's end.
 */
static struct grid subquery_grid(const struct grid *refs, int64_t range_ms, int64_t step_ms)
{
    int64_t begin_ms = ms_sub(refs->start_ms, range_ms);
    struct grid inner = {.start_ms = step_ms * (begin_ms / step_ms), .step_ms = step_ms};
    if (inner.start_ms <= begin_ms)
        inner.start_ms = ms_add(inner.start_ms, step_ms);
    int64_t end_ms = grid_end(refs);
    if (end_ms >= inner.start_ms)
        inner.count = (size_t)(ms_sub(end_ms, inner.start_ms) / step_ms) + 1;
    return inner;
}

struct plan *plan_of_subquery_rows(struct plan_builder *builder, const struct node *node,
                                   const struct grid *grid, struct grid *ret_refs,
                                   int64_t *ret_range_ms)
{
    const struct subquery *subquery = &node->subquery;
    struct modifiers modifiers = plan_modifiers_here(builder, &subquery->modifiers);
    struct plan_asked asked = builder->asked;
    int64_t step_ms;
    if (!plan_range(builder, subquery->range_ms, subquery->range_expr, false, ret_range_ms) ||
        !plan_range(builder, subquery->step_ms, subquery->step_expr, false, &step_ms) ||
        !plan_refs(builder, &modifiers, grid, ret_refs) ||
        !plan_ask_subquery(builder->request, subquery, &builder->asked, builder->err))
        return NULL;
    if (step_ms == 0)
        step_ms = builder->request->subquery_step_ms;

    /* With @ all windows are the first one; Prometheus evaluates for the others nevertheless. */
    struct grid refs = *ret_refs;
    refs.step_ms = grid->step_ms;
    refs.start_ms = ms_add(refs.start_ms, plan_at_shift(builder, &modifiers, grid));
    struct grid inner = subquery_grid(&refs, *ret_range_ms, step_ms);
    if (inner.count > 0) {
        bool saw_buckets = builder->sees_buckets, at_one_time = builder->at_one_time;
        builder->sees_buckets = true; /* where counters start anew is found by them */
        builder->at_one_time = inner.start_ms == grid_end(&refs);
        const struct node *invariant = builder->invariant;
        struct subquery_path path = builder->path;
        builder->invariant = NULL;
        builder->path = plan_path(builder, &modifiers, ret_refs, grid, &inner);
        struct plan *rows = plan_of(builder, subquery->expr, &inner);
        builder->invariant = invariant;
        builder->path = path;
        builder->asked = asked;
        builder->sees_buckets = saw_buckets;
        builder->at_one_time = at_one_time;
        return rows;
    }
    builder->asked = asked;
    inner.count = 1;
    struct plan *empty = plan_new(builder, PLAN_EMPTY, subquery->expr, &inner);
    empty->nameless = true;
    return plan_intern(builder, empty);
}

static bool binary_keeps_name(const struct binary *binary)
{
    return !binary->return_bool &&
           (binary_op_is_comparison(binary->op) || binary_op_is_trim(binary->op));
}

static struct plan *plan_of_binary_scalar(struct plan_builder *builder, const struct node *node,
                                          const struct grid *grid)
{
    const struct binary *binary = &node->binary;
    bool scalars = node->type == TYPE_SCALAR;
    if (scalars && binary_op_is_trim(binary->op)) {
        err_set(builder->err, ERR_EXECUTION, "operator \"%s\" not allowed for Scalar operations",
                binary_op_text(binary->op));
        return NULL;
    }
    struct plan *plan =
        plan_new(builder, scalars ? PLAN_SCALAR_ARITH : PLAN_VECTOR_ARITH, node, grid);
    if (!plan_add_child(plan, plan_of(builder, binary->left, grid)) ||
        !plan_add_child(plan, plan_of(builder, binary->right, grid)))
        return NULL;
    if (scalars)
        return plan_intern(builder, plan);

    struct plan *vector = plan->children[binary->left->type == TYPE_SCALAR];
    plan->nameless = vector->nameless;
    bool keeps_name = binary_keeps_name(binary);
    plan = plan_intern(builder, plan);
    return keeps_name ? plan : plan_dedup(builder, plan, PLAN_DEDUP_MERGE);
}

/* What goes with the metric's name, so that series which differ in it may be equal afterwards. */
bool plan_label_is_metadata(struct str name)
{
    return str_eq(name, STR("__name__")) || str_eq(name, STR("__type__")) ||
           str_eq(name, STR("__unit__"));
}

static bool names_have_metadata(const struct str *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (plan_label_is_metadata(names[i]))
            return true;
    return false;
}

/* Does an operation of two vectors leave no name? A comparison that filters lets series through. */
static bool binary_drops_names(const struct binary *binary)
{
    const struct vector_matching *matching = binary->matching;
    if (binary_op_is_set(binary->op) || binary_keeps_name(binary))
        return false;
    return !names_have_metadata(matching->include, matching->include_count);
}

static struct plan *plan_of_binary(struct plan_builder *builder, const struct node *node,
                                   const struct grid *grid)
{
    const struct binary *binary = &node->binary;
    if (binary->left->type == TYPE_SCALAR || binary->right->type == TYPE_SCALAR)
        return plan_of_binary_scalar(builder, node, grid);

    bool set = binary_op_is_set(binary->op);
    struct plan *plan = plan_new(builder, set ? PLAN_SET : PLAN_JOIN, node, grid);
    if (!plan_add_child(plan, plan_of(builder, binary->left, grid)) ||
        !plan_add_child(plan, plan_of(builder, binary->right, grid)))
        return NULL;
    bool nameless = plan->children[0]->nameless && plan->children[1]->nameless;
    plan = plan_intern(builder, plan);
    if (set && binary->op != BINARY_OR)
        return plan;
    struct plan *dedup = plan_dedup(builder, plan, PLAN_DEDUP_MERGE);
    if (dedup == plan)
        return plan;
    plan = dedup;
    plan->nameless = binary_drops_names(binary) || nameless;
    return plan;
}

enum plan_kind plan_unite_kind(struct plan_builder *builder, const struct node *node,
                               const struct node *vector)
{
    if (builder->invariant != node)
        return PLAN_DEDUP_UNITE;
    builder->invariant = vector;
    return PLAN_DEDUP_LONE;
}

static struct plan *plan_of_unary(struct plan_builder *builder, const struct node *node,
                                  const struct grid *grid)
{
    enum plan_kind unite = plan_unite_kind(builder, node, ast_unparen(node->unary.expr));
    struct plan *child = plan_of(builder, node->unary.expr, grid);
    if (!child || !node->unary.minus)
        return child;
    struct plan *plan = plan_new(builder, PLAN_NEGATE, node, grid);
    plan->nameless = child->nameless || child->type == TYPE_SCALAR;
    plan_add_child(plan, child);
    plan = plan_intern(builder, plan);
    return builder->request->delayed_names ? plan : plan_unite(builder, plan, unite);
}

static struct plan *plan_of_param(struct plan_builder *builder, const struct node *node,
                                  const struct grid *grid)
{
    bool in_param = builder->asked.in_param;
    builder->asked.in_param = true;
    struct plan *plan = plan_of(builder, node, grid);
    builder->asked.in_param = in_param;
    return plan;
}

static struct plan *plan_of_aggregate(struct plan_builder *builder, const struct node *node,
                                      const struct grid *grid)
{
    const struct aggregate *aggregate = &node->aggregate;
    enum plan_kind kind = PLAN_AGGREGATE;
    switch ((int)aggregate->op) {
    case AGGREGATE_topk:
    case AGGREGATE_bottomk:
        kind = PLAN_TOPK;
        break;
    case AGGREGATE_quantile:
        kind = PLAN_QUANTILE;
        break;
    case AGGREGATE_count_values:
        kind = PLAN_COUNT_VALUES;
        break;
    case AGGREGATE_limitk:
    case AGGREGATE_limit_ratio:
        kind = PLAN_LIMIT;
        break;
    default:
        break;
    }
    struct plan *plan = plan_new(builder, kind, node, grid);
    bool chooses = kind == PLAN_TOPK || kind == PLAN_LIMIT;
    bool has_param = chooses || kind == PLAN_QUANTILE;
    struct plan *param = has_param ? plan_of_param(builder, aggregate->param, grid) : NULL;
    if ((has_param && !param) || !plan_add_child(plan, plan_of(builder, aggregate->expr, grid)))
        return NULL;
    if (has_param)
        plan_add_child(plan, param);
    /* `without` leaves type and unit. */
    plan->nameless = chooses
                         ? plan->children[0]->nameless
                         : !aggregate->without &&
                               !names_have_metadata(aggregate->grouping, aggregate->grouping_count);
    if (kind == PLAN_COUNT_VALUES && plan_label_is_metadata(ast_unparen(aggregate->param)->string))
        plan->nameless = false;
    return plan_intern(builder, plan);
}

static bool plan_wants_broadcast(const struct node *node, const struct grid *grid, bool invariant)
{
    if (!invariant || grid->count == 1 || node->kind == NODE_NUMBER || node->kind == NODE_STRING ||
        (node->kind == NODE_CALL && plan_is_of_query(node->call.function->id)))
        return false;
    return node->type != TYPE_MATRIX;
}

static struct plan *plan_broadcast(struct plan_builder *builder, const struct node *node,
                                   const struct grid *grid)
{
    struct grid one = {.start_ms = grid->start_ms, .step_ms = grid->step_ms, .count = 1};
    struct plan *child = plan_of(builder, node, &one);
    if (!child)
        return NULL;
    struct plan *plan = plan_new(builder, PLAN_BROADCAST, node, grid);
    plan->nameless = child->nameless;
    plan_add_child(plan, child);
    return plan_intern(builder, plan);
}

/* What the node asks of histograms below it: Prometheus's detectHistogramStatsDecoding. */
static void plan_see_histograms(struct plan_builder *builder, const struct node *node)
{
    if (node->kind == NODE_BINARY)
        builder->sees_buckets = builder->sees_buckets || node->binary.op == BINARY_TRIM_UPPER ||
                                node->binary.op == BINARY_TRIM_LOWER;
    if (node->kind != NODE_CALL)
        return;
    switch ((int)node->call.function->id) {
    case FN_histogram_avg:
    case FN_histogram_count:
    case FN_histogram_sum:
        builder->sees_totals = true;
        break;
    case FN_histogram_fraction:
    case FN_histogram_quantile:
    case FN_histogram_quantiles:
        builder->sees_buckets = true;
        break;
    default:
        break;
    }
}

static struct plan *plan_of_kind(struct plan_builder *builder, const struct node *node,
                                 const struct grid *grid)
{
    switch (node->kind) {
    case NODE_NUMBER: {
        struct plan *plan = plan_new(builder, PLAN_NUMBER, node, grid);
        plan->number = node->number.value;
        plan->nameless = true;
        return plan_intern(builder, plan);
    }
    case NODE_STRING:
        return plan_intern(builder, plan_new(builder, PLAN_STRING, node, grid));
    case NODE_VECTOR_SELECTOR:
        return plan_of_selector(builder, node, grid);
    case NODE_CALL:
        return plan_of_call(builder, node, grid);
    case NODE_AGGREGATE:
        return plan_of_aggregate(builder, node, grid);
    case NODE_BINARY:
        return plan_of_binary(builder, node, grid);
    case NODE_UNARY:
        return plan_of_unary(builder, node, grid);
    case NODE_MATRIX_SELECTOR:
    case NODE_SUBQUERY:
    case NODE_PAREN:
    case NODE_DURATION:
        break;
    }
    __builtin_unreachable();
}

struct plan *plan_of(struct plan_builder *builder, const struct node *node, const struct grid *grid)
{
    while (node->kind == NODE_PAREN)
        node = node->paren;
    if (!arena_check(builder->arena, builder->err))
        return NULL;
    bool saw_totals = builder->sees_totals, saw_buckets = builder->sees_buckets;
    bool at_one_time = builder->at_one_time;
    const struct node *invariant = builder->invariant;
    bool is_invariant = !builder->asked.in_param && plan_is_invariant(node);
    builder->at_one_time = at_one_time || is_invariant;
    if (!invariant && is_invariant)
        builder->invariant = node;
    plan_see_histograms(builder, node);
    struct plan *plan = plan_wants_broadcast(node, grid, is_invariant)
                            ? plan_broadcast(builder, node, grid)
                            : plan_of_kind(builder, node, grid);
    builder->sees_totals = saw_totals;
    builder->sees_buckets = saw_buckets;
    builder->at_one_time = at_one_time;
    builder->invariant = invariant;
    return plan ? plan : plan_fallback(builder, node, grid);
}

/* Names that have waited for the end go now; series that are equal without them become one. */
static struct plan *plan_finish(struct plan_builder *builder, struct plan *plan)
{
    if (!plan || plan->type != TYPE_VECTOR || !builder->request->delayed_names)
        return plan;
    struct plan *last = plan_new(builder, PLAN_DROP_NAMES, plan->ast, &plan->grid);
    last->type = TYPE_VECTOR;
    plan_add_child(last, plan);
    return plan_unite(builder, plan_intern(builder, last), PLAN_DEDUP_UNITE);
}

/* A range vector can only be the root, of an instant query: its samples are the answer. */
static struct plan *plan_of_matrix_root(struct plan_builder *builder, const struct node *node,
                                        const struct grid *grid)
{
    if (node->kind == NODE_SUBQUERY) {
        struct plan *plan = plan_new(builder, PLAN_SUBQUERY, node, grid);
        struct plan *rows =
            plan_of_subquery_rows(builder, node, grid, &plan->select.refs, &plan->select.range_ms);
        if (!plan_add_child(plan, plan_finish(builder, rows)))
            return NULL;
        return plan_intern(builder, plan);
    }
    struct plan *plan = plan_new(builder, PLAN_SAMPLES, node, grid);
    if (!plan_set_range(builder, plan, &node->matrix_selector))
        return NULL;
    return plan_intern(builder, plan);
}

struct grid plan_root_grid(const struct plan_request *request)
{
    /* Instant queries step by 1 ms, which no step uses but subqueries' alignment sees. */
    struct grid grid = {
        .start_ms = request->start_ms,
        .step_ms = request->step_ms > 0 ? request->step_ms : 1,
        .count = 1,
    };
    if (request->step_ms > 0)
        grid.count = (size_t)(ms_sub(request->end_ms, request->start_ms) / request->step_ms) + 1;
    return grid;
}

bool plan_build(const struct plan_request *request, struct arena *arena, struct plan **ret_plan,
                struct err *err)
{
    struct plan_request *copy = arena_new(arena, struct plan_request);
    *copy = *request;
    struct plan_builder builder = {
        .request = copy,
        .arena = arena,
        .err = err,
        .asked = plan_asked_of(copy),
        .at_one_time = request->step_ms == 0 || request->start_ms == request->end_ms,
    };
    struct grid grid = plan_root_grid(request);
    const struct node *root = request->root;
    while (root->kind == NODE_PAREN)
        root = root->paren;
    struct plan *plan = NULL;
    if (root->type != TYPE_MATRIX) {
        plan = plan_finish(&builder, plan_of(&builder, root, &grid));
    } else {
        plan = plan_of_matrix_root(&builder, root, &grid);
        if (!plan)
            plan = plan_fallback(&builder, root, &grid);
    }
    map_done(&builder.known);
    free(builder.plans);
    free(builder.keys);
    if (!plan)
        return false;
    plan->use_count++;
    *ret_plan = plan;
    return true;
}
