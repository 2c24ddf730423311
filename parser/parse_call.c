/* What has arguments: functions, aggregations and their grouping, and the matching of operators. */
#include "base/quote.h"
#include "parser/literal.h"
#include "parser/parser.h"
#include "parser/scan.h"

static const struct parse_context context_aggregation = {"aggregation", NULL};
static const struct parse_context context_labels = {"grouping opts", "\"(\""};
static const struct parse_context context_label = {"grouping opts", "label"};
static const struct parse_context context_more_labels = {"grouping opts", "\",\" or \")\""};

struct arguments {
    struct node **nodes;
    size_t count;
};

static bool parse_arguments(struct parser *p, struct arguments *ret_args)
{
    struct arguments args = {0};
    struct token token;
    if (!parser_expect(p, TOKEN_LEFT_PAREN, &token))
        return false;
    while (!parser_at(p, TOKEN_RIGHT_PAREN)) {
        struct node *arg = parse_expression(p);
        if (!arg)
            return false;
        list_grow(p->arena, args.nodes, struct node *, args.count);
        args.nodes[args.count++] = arg;
        if (!parser_at(p, TOKEN_COMMA))
            break;

        if (!parser_take(p, &token) || !parser_peek(p))
            return false;
        if (!token_begins_expression(p->token.kind))
            return parser_fail(p, token.span, "trailing commas not allowed in function call args");
    }
    *ret_args = args;
    return parser_expect(p, TOKEN_RIGHT_PAREN, &token);
}

static bool adopt_arguments(struct parser *p, struct node *node, const struct arguments *args)
{
    for (size_t i = 0; i < args->count; i++)
        if (!parser_adopt(p, node, args->nodes[i]))
            return false;
    return true;
}

struct node *parse_call(struct parser *p, const struct token *name)
{
    struct arguments args = {0};
    if (!parse_arguments(p, &args))
        return NULL;
    const struct function *function = function_find(name->text);
    if (!function) {
        parser_fail_quoted(p, name->span, "unknown function with name ", name->text, "");
        return NULL;
    }
    if ((function->flags & FUNCTION_EXPERIMENTAL) && !p->options->experimental_functions) {
        parser_fail_quoted(p, name->span, "function ", name->text, " is not enabled");
        return NULL;
    }
    struct node *node = parser_node(p, NODE_CALL, (struct span){name->span.begin, p->last_closing});
    node->call = (struct call){function, args.nodes, args.count};
    node->type = function->result == 's' ? TYPE_SCALAR : TYPE_VECTOR;
    return adopt_arguments(p, node, &args) ? node : NULL;
}

/* A label's name: any word but `without`, or anything in quotes. */
static bool parse_label(struct parser *p, struct str *ret_label)
{
    const struct token *next = parser_peek(p);
    struct token token;
    if (!next)
        return false;
    if (next->kind != TOKEN_STRING && !token_may_be(next->kind, USE_LABEL))
        return parser_unexpected(p);
    if (!parser_take(p, &token))
        return false;
    struct str label =
        token.kind == TOKEN_STRING ? literal_string(token.text, p->arena) : token.text;
    if (label.len == 0 || !utf8_valid(label))
        return parser_fail_quoted(p, token.span, "invalid label name for grouping: ", label, "");
    *ret_label = label;
    return true;
}

bool parse_labels(struct parser *p, struct str **ret_labels, size_t *ret_count)
{
    const struct parse_context *outer = p->context;
    struct str *labels = NULL;
    size_t count = 0;
    struct token token;
    p->context = &context_labels;
    if (!parser_expect(p, TOKEN_LEFT_PAREN, &token))
        return false;
    while (!parser_at(p, TOKEN_RIGHT_PAREN)) {
        struct str label;
        p->context = &context_label;
        if (!parse_label(p, &label))
            return false;
        list_grow(p->arena, labels, struct str, count);
        labels[count++] = label;

        p->context = &context_more_labels;
        if (parser_at(p, TOKEN_RIGHT_PAREN))
            break;
        if (!parser_expect(p, TOKEN_COMMA, &token))
            return false;
    }
    if (!parser_take(p, &token))
        return false;
    p->context = outer;
    *ret_labels = labels;
    *ret_count = count;
    return true;
}

/* by (...) or without (...) */
static bool parse_grouping(struct parser *p, struct aggregate *aggregate)
{
    struct token token;
    aggregate->without = parser_at(p, TOKEN_WITHOUT);
    return parser_take(p, &token) &&
           parse_labels(p, &aggregate->grouping, &aggregate->grouping_count);
}

/*
 * Where an aggregation without grouping ends. The token behind it has been read by then; if that is
 * a ')', Prometheus goes back over spaces to the ')' in front of it, and where something else
 * stands between the two, the aggregation reaches as far as the later one.
 */
static size_t aggregate_end(const struct parser *p)
{
    struct str query = p->lexer.input;
    size_t last = p->lexer.last_begin;
    if (last >= query.len || query.ptr[last] != ')')
        return p->last_closing;
    for (size_t i = last - 1; i > 0 && (is_space(query.ptr[i]) || query.ptr[i] == ')'); i--)
        if (query.ptr[i] == ')')
            return i + 1;
    return p->last_closing;
}

static bool aggregate_take_arguments(struct parser *p, struct node *node,
                                     const struct arguments *args)
{
    struct aggregate *aggregate = &node->aggregate;
    const struct aggregate_info *info = aggregate_get(aggregate->op);
    if (args->count == 0)
        return parser_fail(p, node->span, "no arguments for aggregate expression provided");
    if ((info->flags & FUNCTION_EXPERIMENTAL) && !p->options->experimental_functions)
        return parser_fail(p, node->span,
                           "%s() is experimental and must be enabled with "
                           "--enable-feature=promql-experimental-functions",
                           info->name);
    size_t wanted = info->param ? 2 : 1;
    if (args->count != wanted)
        return parser_fail(p, node->span,
                           "wrong number of arguments for aggregate expression provided, "
                           "expected %zu, got %zu",
                           wanted, args->count);
    if (info->param)
        aggregate->param = args->nodes[0];
    aggregate->expr = args->nodes[wanted - 1];
    return adopt_arguments(p, node, args);
}

struct node *parse_aggregate(struct parser *p, const struct token *op)
{
    const struct parse_context *outer = p->context;
    struct node *node = parser_node(p, NODE_AGGREGATE, op->span);
    node->type = TYPE_VECTOR;
    node->aggregate.op = token_aggregate(op->kind);

    p->context = &context_aggregation;
    struct arguments args = {0};
    bool grouped = !parser_at(p, TOKEN_LEFT_PAREN);
    if (grouped && !parse_grouping(p, &node->aggregate))
        return NULL;
    if (!parse_arguments(p, &args))
        return NULL;
    bool grouping_follows = !grouped && (parser_at(p, TOKEN_BY) || parser_at(p, TOKEN_WITHOUT));
    if (grouping_follows && !parse_grouping(p, &node->aggregate))
        return NULL;
    p->context = outer;
    if (parser_failed(p))
        return NULL;

    node->span.end = grouped || grouping_follows ? p->last_closing : aggregate_end(p);
    return aggregate_take_arguments(p, node, &args) ? node : NULL;
}

static bool parse_fill(struct parser *p, double *ret_value)
{
    struct token token;
    return parser_take(p, &token) && parser_expect(p, TOKEN_LEFT_PAREN, &token) &&
           parse_signed_number(p, ret_value) && parser_expect(p, TOKEN_RIGHT_PAREN, &token);
}

static bool parse_fills(struct parser *p, struct fill_values *fill)
{
    if (parser_at(p, TOKEN_FILL)) {
        fill->has_left = fill->has_right = true;
        if (!parse_fill(p, &fill->left))
            return false;
        fill->right = fill->left;
        return true;
    }
    for (;;) {
        if (parser_at(p, TOKEN_FILL_LEFT) && !fill->has_left) {
            fill->has_left = true;
            if (!parse_fill(p, &fill->left))
                return false;
        } else if (parser_at(p, TOKEN_FILL_RIGHT) && !fill->has_right) {
            fill->has_right = true;
            if (!parse_fill(p, &fill->right))
                return false;
        } else {
            return !parser_failed(p);
        }
    }
}

/* group_left or group_right, with labels or without. */
static bool parse_group(struct parser *p, struct vector_matching *matching)
{
    struct token token;
    matching->card = parser_at(p, TOKEN_GROUP_LEFT) ? CARD_MANY_TO_ONE : CARD_ONE_TO_MANY;
    if (!parser_take(p, &token) || !parser_peek(p))
        return false;
    /* What follows without labels is the operand, but a '(' is always the labels'. */
    if (p->token.kind != TOKEN_LEFT_PAREN && token_begins_expression(p->token.kind))
        return true;
    return parse_labels(p, &matching->include, &matching->include_count);
}

struct vector_matching *parse_matching(struct parser *p, bool *ret_bool)
{
    struct vector_matching *matching = arena_new(p->arena, struct vector_matching);
    struct token token;
    *ret_bool = parser_at(p, TOKEN_BOOL);
    if (*ret_bool && !parser_take(p, &token))
        return NULL;
    matching->on = parser_at(p, TOKEN_ON);
    if (matching->on || parser_at(p, TOKEN_IGNORING)) {
        if (!parser_take(p, &token) || !parse_labels(p, &matching->labels, &matching->label_count))
            return NULL;
        if ((parser_at(p, TOKEN_GROUP_LEFT) || parser_at(p, TOKEN_GROUP_RIGHT)) &&
            !parse_group(p, matching))
            return NULL;
    }
    return parse_fills(p, &matching->fill) ? matching : NULL;
}
