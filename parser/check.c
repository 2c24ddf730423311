#include "parser/check.h"

#include "base/quote.h"
#include "parser/scan.h"

static bool check_type(struct parser *p, struct node *node, enum value_type wanted,
                       const char *where)
{
    if (!check_node(p, node))
        return false;
    if (node->type == wanted)
        return true;
    return parser_fail(p, node->span, "expected type %s in %s, got %s", value_type_text(wanted),
                       where, value_type_text(node->type));
}

static bool check_aggregate(struct parser *p, struct node *node)
{
    struct aggregate *aggregate = &node->aggregate;
    if (!check_type(p, aggregate->expr, TYPE_VECTOR, "aggregation expression"))
        return false;
    char param = aggregate_get(aggregate->op)->param;
    if (!param)
        return true;
    return check_type(p, aggregate->param, param == 's' ? TYPE_SCALAR : TYPE_STRING,
                      "aggregation parameter");
}

/* Between the operands, without the spaces around it. */
static struct span operator_span(struct parser *p, const struct binary *binary)
{
    struct str query = p->lexer.input;
    struct span span = {binary->left->span.end, binary->right->span.begin - 1};
    while (is_space(byte_at(query, span.begin)))
        span.begin++;
    while (is_space(byte_at(query, span.end)))
        span.end--;
    return span;
}

static bool check_operator(struct parser *p, const struct binary *binary)
{
    bool comparison = binary_op_is_comparison(binary->op);
    bool scalars = binary->left->type == TYPE_SCALAR && binary->right->type == TYPE_SCALAR;
    if (binary->return_bool && !comparison)
        return parser_fail(p, operator_span(p, binary),
                           "bool modifier can only be used on comparison operators");
    if (comparison && !binary->return_bool && scalars)
        return parser_fail(p, operator_span(p, binary),
                           "comparisons between scalars must use BOOL modifier");
    return true;
}

static bool check_labels(struct parser *p, const struct binary *binary)
{
    const struct vector_matching *matching = binary->matching;
    for (size_t i = 0; matching->on && i < matching->label_count; i++)
        for (size_t j = 0; j < matching->include_count; j++)
            if (str_eq(matching->labels[i], matching->include[j]))
                return parser_fail_quoted(p, operator_span(p, binary), "label ",
                                          matching->labels[i],
                                          " must not occur in ON and GROUP clause at once");
    return true;
}

static bool check_operand(struct parser *p, const struct node *operand)
{
    if (operand->type == TYPE_SCALAR || operand->type == TYPE_VECTOR)
        return true;
    return parser_fail(p, operand->span,
                       "binary expression must contain only scalar and instant vector types");
}

static bool check_no_matching(struct parser *p, const struct node *node)
{
    const struct vector_matching *matching = node->binary.matching;
    if (matching->label_count)
        return parser_fail(p, node->span, "vector matching only allowed between instant vectors");
    if (matching->fill.has_left || matching->fill.has_right)
        return parser_fail(p, node->span,
                           "filling in missing series only allowed between instant vectors");
    return true;
}

static bool check_set_matching(struct parser *p, const struct node *node)
{
    const struct vector_matching *matching = node->binary.matching;
    if (matching->card != CARD_MANY_TO_MANY)
        return parser_fail(p, node->span, "no grouping allowed for \"%s\" operation",
                           binary_op_text(node->binary.op));
    if (matching->fill.has_left || matching->fill.has_right)
        return parser_fail(p, node->span,
                           "filling in missing series not allowed for set operators");
    return true;
}

static bool check_binary(struct parser *p, struct node *node)
{
    struct binary *binary = &node->binary;
    bool set = binary_op_is_set(binary->op);
    if (!check_node(p, binary->left) || !check_node(p, binary->right) || !check_operator(p, binary))
        return false;
    if (set && binary->matching->card == CARD_ONE_TO_ONE)
        binary->matching->card = CARD_MANY_TO_MANY;
    if (!check_labels(p, binary) || !check_operand(p, binary->left) ||
        !check_operand(p, binary->right))
        return false;

    if (binary->left->type == TYPE_VECTOR && binary->right->type == TYPE_VECTOR)
        return !set || check_set_matching(p, node);
    if (!check_no_matching(p, node))
        return false;
    binary->matching = NULL;
    if (set)
        return parser_fail(p, node->span,
                           "set operator \"%s\" not allowed in binary scalar expression",
                           binary_op_text(binary->op));
    return true;
}

static bool check_arg_count(struct parser *p, const struct node *node)
{
    const struct call *call = &node->call;
    struct function_params params = function_params(call->function);
    size_t least = params.variadic ? params.count - 1 : params.count;
    size_t most = least + (params.variadic > 0 ? (size_t)params.variadic : 0);
    const char *words;
    size_t expected = least;
    if (!params.variadic && call->arg_count != params.count) {
        words = "";
    } else if (call->arg_count < least) {
        words = "at least ";
    } else if (params.variadic > 0 && call->arg_count > most) {
        words = "at most ";
        expected = most;
    } else {
        return true;
    }
    return parser_fail(p, node->span, "expected %s%zu argument(s) in call to \"%s\", got %zu",
                       words, expected, call->function->name, call->arg_count);
}

static bool check_arg_type(struct parser *p, struct span at, const struct call *call,
                           enum value_type wanted, enum value_type got)
{
    if (wanted == got)
        return true;
    return parser_fail(p, at, "expected type %s in call to function \"%s\", got %s",
                       value_type_text(wanted), call->function->name, value_type_text(got));
}

/* The second argument of info() is a selector without a name, and may select everything. */
static bool check_info(struct parser *p, const struct node *node)
{
    const struct node *arg = node->call.args[1];
    if (!check_arg_type(p, node->span, &node->call, TYPE_VECTOR, arg->type))
        return false;
    if (arg->kind != NODE_VECTOR_SELECTOR)
        return parser_fail(p, arg->span, "expected label selectors only");
    if (arg->vector_selector.name.len)
        return parser_fail(p, arg->span,
                           "expected label selectors only, got vector selector instead");
    return true;
}

static enum value_type param_type(char letter)
{
    switch (letter) {
    case 'v':
        return TYPE_VECTOR;
    case 'm':
        return TYPE_MATRIX;
    case 't':
        return TYPE_STRING;
    default:
        return TYPE_SCALAR;
    }
}

static bool check_call(struct parser *p, struct node *node)
{
    const struct call *call = &node->call;
    struct function_params params = function_params(call->function);
    bool info = call->function->id == FN_info && call->arg_count > 1;
    if (!check_arg_count(p, node) || (info && !check_info(p, node)))
        return false;
    for (size_t i = 0; i < call->arg_count; i++) {
        struct node *arg = call->args[i];
        if (!(info && i == 1) && !check_node(p, arg))
            return false;
        size_t param = i < params.count ? i : params.count - 1;
        enum value_type wanted = param_type(call->function->params[param]);
        if (!check_arg_type(p, arg->span, call, wanted, arg->type))
            return false;
    }
    return true;
}

static bool check_unary(struct parser *p, struct node *node)
{
    struct node *expr = node->unary.expr;
    if (!check_node(p, expr))
        return false;
    if (expr->type == TYPE_SCALAR || expr->type == TYPE_VECTOR)
        return true;
    return parser_fail(p, node->span,
                       "unary expression only allowed on expressions of type scalar or instant "
                       "vector, got \"%s\"",
                       value_type_text(expr->type));
}

static bool check_subquery(struct parser *p, struct node *node)
{
    struct node *expr = node->subquery.expr;
    if (!check_node(p, expr))
        return false;
    if (expr->type == TYPE_VECTOR)
        return true;
    return parser_fail(p, node->span, "subquery is only allowed on instant vector, got %s instead",
                       value_type_name(expr->type));
}

/* A name is set once, and a selector without one must not select everything. */
static bool check_selector(struct parser *p, const struct node *node)
{
    const struct vector_selector *selector = &node->vector_selector;
    bool selective = false;
    for (size_t i = 0; i < selector->matcher_count; i++) {
        const struct matcher *matcher = selector->matchers[i];
        if (!selector->name.len) {
            selective = selective || !matcher_matches(matcher, STR(""));
        } else if (i + 1 < selector->matcher_count && str_eq(matcher->name, STR("__name__"))) {
            AUTO(buf_done) struct buf names = {0};
            quote_append(&names, selector->name);
            buf_text(&names, " or ");
            quote_append(&names, matcher->value);
            return parser_fail(p, node->span, "metric name must not be set twice: %.*s",
                               STR_ARGS(buf_view(&names)));
        }
    }
    if (selective || selector->name.len)
        return true;
    return parser_fail(p, node->span,
                       "vector selector must contain at least one non-empty matcher");
}

bool check_node(struct parser *p, struct node *node)
{
    switch (node->kind) {
    case NODE_NUMBER:
    case NODE_STRING:
    case NODE_DURATION:
        return true;
    case NODE_VECTOR_SELECTOR:
        return check_selector(p, node);
    case NODE_MATRIX_SELECTOR:
        return check_node(p, node->matrix_selector.selector);
    case NODE_SUBQUERY:
        return check_subquery(p, node);
    case NODE_CALL:
        return check_call(p, node);
    case NODE_AGGREGATE:
        return check_aggregate(p, node);
    case NODE_BINARY:
        return check_binary(p, node);
    case NODE_UNARY:
        return check_unary(p, node);
    case NODE_PAREN:
        return check_node(p, node->paren);
    }
    __builtin_unreachable();
}
