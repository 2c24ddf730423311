/*
 * What a node does, without its children: the line that EXPLAIN prints, and, with the children's
 * numbers, what tells two nodes apart when equal ones are made one. So it must name everything that
 * has a part in the result.
 */
#include <stdlib.h>

#include "base/float_text.h"
#include "base/mem.h"
#include "base/quote.h"
#include "engine/plan/plan.h"
#include "parser/print.h"

const char *plan_kind_text(enum plan_kind kind)
{
    static const char *const texts[] = {
        [PLAN_NUMBER] = "number",
        [PLAN_STRING] = "string",
        [PLAN_TIME] = "time",
        [PLAN_EMPTY] = "empty",
        [PLAN_SELECT] = "select",
        [PLAN_SELECT_TIME] = "select",
        [PLAN_WINDOW] = "window",
        [PLAN_SUBQUERY_WINDOW] = "window over subquery",
        [PLAN_SAMPLES] = "samples",
        [PLAN_SUBQUERY] = "subquery",
        [PLAN_MAP] = "map",
        [PLAN_NEGATE] = "negate",
        [PLAN_SCALAR_ARITH] = "scalar arithmetic",
        [PLAN_VECTOR_ARITH] = "arithmetic",
        [PLAN_JOIN] = "join",
        [PLAN_SET] = "set",
        [PLAN_AGGREGATE] = "aggregate",
        [PLAN_QUANTILE] = "aggregate",
        [PLAN_TOPK] = "aggregate",
        [PLAN_COUNT_VALUES] = "aggregate",
        [PLAN_LIMIT] = "aggregate",
        [PLAN_HISTOGRAM_QUANTILE] = "buckets",
        [PLAN_LABEL_REPLACE] = "label_replace",
        [PLAN_LABEL_JOIN] = "label_join",
        [PLAN_INFO] = "info",
        [PLAN_ABSENT] = "absent",
        [PLAN_SORT] = "sort",
        [PLAN_SORT_LABELS] = "sort",
        [PLAN_SCALAR] = "scalar",
        [PLAN_VECTOR] = "vector",
        [PLAN_DROP_NAMES] = "drop names",
        [PLAN_DEDUP_MERGE] = "merge equal labels",
        [PLAN_DEDUP_UNITE] = "unite equal labels",
        [PLAN_DEDUP_LONE] = "unite equal labels, one point each",
        [PLAN_DEDUP_STRICT] = "refuse equal labels",
        [PLAN_BROADCAST] = "repeat for every step",
        [PLAN_FALLBACK] = "fallback",
    };
    return texts[kind];
}

static void describe_names(const char *word, const struct str *names, size_t count, struct buf *out)
{
    buf_printf(out, " %s (", word);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_text(out, ", ");
        quote_append(out, names[i]);
    }
    buf_byte(out, ')');
}

static void describe_fill(const char *word, bool has, double value, struct buf *out)
{
    if (!has)
        return;
    char text[FLOAT_TEXT_SIZE];
    buf_printf(out, " %s (", word);
    buf_append(out, text, float_text_g(text, value));
    buf_byte(out, ')');
}

static void describe_matching(const struct binary *binary, struct buf *out)
{
    const struct vector_matching *m = binary->matching;
    buf_printf(out, " %s%s", binary_op_text(binary->op), binary->return_bool ? " bool" : "");
    if (!m)
        return;
    describe_names(m->on ? "on" : "ignoring", m->labels, m->label_count, out);
    if (m->card == CARD_MANY_TO_ONE)
        describe_names("group_left", m->include, m->include_count, out);
    else if (m->card == CARD_ONE_TO_MANY)
        describe_names("group_right", m->include, m->include_count, out);
    describe_fill("fill_left", m->fill.has_left, m->fill.left, out);
    describe_fill("fill_right", m->fill.has_right, m->fill.right, out);
}

static void describe_aggregate(const struct aggregate *aggregate, struct buf *out)
{
    buf_printf(out, " %s", aggregate_get(aggregate->op)->name);
    if (aggregate->without || aggregate->grouping_count > 0)
        describe_names(aggregate->without ? "without" : "by", aggregate->grouping,
                       aggregate->grouping_count, out);
    if (aggregate->op == AGGREGATE_count_values) {
        buf_byte(out, ' ');
        quote_append(out, ast_unparen(aggregate->param)->string);
    }
}

/* The strings among a call's arguments: what label_replace and label_join do. */
static void describe_strings(const struct call *call, struct buf *out)
{
    for (size_t i = 0; i < call->arg_count; i++) {
        const struct node *arg = ast_unparen(call->args[i]);
        if (arg->kind == NODE_STRING) {
            buf_byte(out, ' ');
            quote_append(out, arg->string);
        }
    }
}

static const struct node *plan_matrix_argument(const struct node *call)
{
    for (size_t i = 0; i < call->call.arg_count; i++) {
        const struct node *arg = ast_unparen(call->call.args[i]);
        if (arg->type == TYPE_MATRIX)
            return arg;
    }
    return call;
}

static void describe_subquery(const struct subquery *subquery, struct buf *out)
{
    buf_printf(out, " range %lldms step %lldms", (long long)subquery->range_ms,
               (long long)subquery->step_ms);
}

static void describe_number(double number, struct buf *out)
{
    char text[FLOAT_TEXT_SIZE];
    buf_byte(out, ' ');
    buf_append(out, text, float_text_g(text, number));
}

/* The nodes that read samples; false for the others. */
static bool describe_selector(const struct plan *plan, struct buf *out)
{
    const struct node *ast = plan->ast;
    switch ((int)plan->kind) {
    case PLAN_SELECT_TIME:
        buf_printf(out, " %s ", function_get(plan->function)->name);
        print_query(ast, out);
        return true;
    case PLAN_SELECT:
    case PLAN_SAMPLES:
        buf_byte(out, ' ');
        print_query(ast, out);
        return true;
    case PLAN_WINDOW:
        buf_printf(out, " %s ", function_get(plan->function)->name);
        print_query(plan_matrix_argument(ast), out);
        return true;
    case PLAN_SUBQUERY_WINDOW:
        buf_printf(out, " %s", function_get(plan->function)->name);
        describe_subquery(&plan_matrix_argument(ast)->subquery, out);
        return true;
    case PLAN_SUBQUERY:
        describe_subquery(&ast->subquery, out);
        return true;
    default:
        return false;
    }
}

/* Calls of functions that are operators of their own; false for the others. */
static bool describe_call(const struct plan *plan, struct buf *out)
{
    const struct node *ast = plan->ast;
    switch ((int)plan->kind) {
    case PLAN_SORT:
        buf_printf(out, " %s", ast->call.function->name);
        return true;
    case PLAN_SORT_LABELS:
    case PLAN_HISTOGRAM_QUANTILE:
        buf_printf(out, " %s", ast->call.function->name);
        describe_strings(&ast->call, out);
        return true;
    case PLAN_INFO:
        if (ast->call.arg_count > 1) {
            buf_byte(out, ' ');
            print_query(ast_unparen(ast->call.args[1]), out);
        }
        return true;
    case PLAN_LABEL_REPLACE:
    case PLAN_LABEL_JOIN:
        describe_strings(&ast->call, out);
        return true;
    case PLAN_ABSENT: /* its labels come from the selector's matchers */
        buf_byte(out, ' ');
        print_query(ast_unparen(ast->call.args[0]), out);
        return true;
    default:
        return false;
    }
}

static void describe_ast(const struct plan *plan, struct buf *out)
{
    const struct node *ast = plan->ast;
    if (describe_selector(plan, out) || describe_call(plan, out))
        return;
    switch (plan->kind) {
    case PLAN_NUMBER:
        describe_number(plan->number, out);
        return;
    case PLAN_STRING:
        buf_byte(out, ' ');
        quote_append(out, ast->string);
        return;
    case PLAN_MAP:
        buf_printf(out, " %s", function_get(plan->function)->name);
        return;
    case PLAN_SCALAR_ARITH:
    case PLAN_VECTOR_ARITH:
    case PLAN_JOIN:
    case PLAN_SET:
        describe_matching(&ast->binary, out);
        return;
    case PLAN_AGGREGATE:
    case PLAN_QUANTILE:
    case PLAN_TOPK:
    case PLAN_COUNT_VALUES:
    case PLAN_LIMIT:
        describe_aggregate(&ast->aggregate, out);
        return;
    case PLAN_FALLBACK:
        buf_printf(out, " (%s) ", plan->reason);
        print_query(ast, out);
        return;
    case PLAN_SELECT_TIME:
    case PLAN_SELECT:
    case PLAN_SAMPLES:
    case PLAN_WINDOW:
    case PLAN_SUBQUERY_WINDOW:
    case PLAN_SUBQUERY:
    case PLAN_SORT:
    case PLAN_SORT_LABELS:
    case PLAN_HISTOGRAM_QUANTILE:
    case PLAN_INFO:
    case PLAN_LABEL_REPLACE:
    case PLAN_LABEL_JOIN:
    case PLAN_ABSENT:
    case PLAN_TIME:
    case PLAN_EMPTY:
    case PLAN_NEGATE:
    case PLAN_SCALAR:
    case PLAN_VECTOR:
    case PLAN_DROP_NAMES:
    case PLAN_DEDUP_MERGE:
    case PLAN_DEDUP_UNITE:
    case PLAN_DEDUP_LONE:
    case PLAN_DEDUP_STRICT:
    case PLAN_BROADCAST:
        return;
    }
}

void plan_describe(const struct plan *plan, struct buf *out)
{
    buf_text(out, plan_kind_text(plan->kind));
    describe_ast(plan, out);
    if (plan->select.totals_only)
        buf_text(out, " (histograms without buckets)");
}

#define PLAN_PRINT_DEPTH_MAX 64

static void plan_print_at(const struct plan *plan, size_t depth, struct buf *out)
{
    buf_printf(out, "%*s", (int)depth * 2, "");
    plan_describe(plan, out);
    buf_byte(out, '\n');
    for (size_t i = 0; depth < PLAN_PRINT_DEPTH_MAX && i < plan->child_count; i++)
        plan_print_at(plan->children[i], depth + 1, out);
}

void plan_print(const struct plan *plan, struct buf *out)
{
    plan_print_at(plan, 0, out);
}

static void plan_each_fallback_of(const struct plan *plan, bool *seen,
                                  void (*tell)(void *context, const struct plan *plan),
                                  void *context)
{
    if (seen[plan->id])
        return;
    seen[plan->id] = true;
    if (plan->kind == PLAN_FALLBACK)
        tell(context, plan);
    for (size_t i = 0; i < plan->child_count; i++)
        plan_each_fallback_of(plan->children[i], seen, tell, context);
}

void plan_each_fallback(const struct plan *root,
                        void (*tell)(void *context, const struct plan *plan), void *context)
{
    /* Children come before their parents. */
    bool *seen = mem_new_array(bool, root->id + 1);
    plan_each_fallback_of(root, seen, tell, context);
    free(seen);
}
