/*
 * Operators are told apart by a table of priorities, one on each side: an operator is taken while
 * its left side binds tighter than what is being read, and its right operand is read with its right
 * side. The signs + and - in front bind like '*', so that -1^2 is -(1^2).
 */
#include "parser/parse.h"

#include "parser/check.h"
#include "parser/literal.h"
#include "parser/parser.h"

#define PRIORITY_SIGN 10

static const struct {
    enum token_kind token;
    enum binary_op op;
    int left;
    int right;
} operators[] = {
    {TOKEN_OR, BINARY_OR, 2, 2},
    {TOKEN_AND, BINARY_AND, 4, 4},
    {TOKEN_UNLESS, BINARY_UNLESS, 4, 4},
    {TOKEN_EQLC, BINARY_EQL, 6, 6},
    {TOKEN_NEQ, BINARY_NEQ, 6, 6},
    {TOKEN_LSS, BINARY_LSS, 6, 6},
    {TOKEN_LTE, BINARY_LTE, 6, 6},
    {TOKEN_GTR, BINARY_GTR, 6, 6},
    {TOKEN_GTE, BINARY_GTE, 6, 6},
    {TOKEN_TRIM_UPPER, BINARY_TRIM_UPPER, 6, 6},
    {TOKEN_TRIM_LOWER, BINARY_TRIM_LOWER, 6, 6},
    {TOKEN_ADD, BINARY_ADD, 8, 8},
    {TOKEN_SUB, BINARY_SUB, 8, 8},
    {TOKEN_MUL, BINARY_MUL, 10, 10},
    {TOKEN_DIV, BINARY_DIV, 10, 10},
    {TOKEN_MOD, BINARY_MOD, 10, 10},
    {TOKEN_ATAN2, BINARY_ATAN2, 10, 10},
    {TOKEN_POW, BINARY_POW, 13, 12}, /* from the right */
};

static struct node *parse_sub(struct parser *p, int limit);

static struct node *parse_paren(struct parser *p)
{
    struct token open;
    struct token close;
    if (!parser_take(p, &open))
        return NULL;
    struct node *inside = parse_expression(p);
    if (!inside || !parser_expect(p, TOKEN_RIGHT_PAREN, &close))
        return NULL;
    struct node *node = parser_node(p, NODE_PAREN, (struct span){open.span.begin, close.span.end});
    node->paren = inside;
    node->type = inside->type;
    return parser_adopt(p, node, inside) ? node : NULL;
}

struct node *parse_number(struct parser *p, const struct token *token)
{
    struct node *node = parser_node(p, NODE_NUMBER, token->span);
    node->type = TYPE_SCALAR;
    node->number.duration_literal = token->kind == TOKEN_DURATION;
    bool ok = token->kind == TOKEN_DURATION
                  ? literal_duration(token->text, &node->number.value, p->err)
                  : literal_number(token->text, &node->number.value, p->err);
    if (!ok)
        parser_fail_at(p, token->span);
    return ok ? node : NULL;
}

static struct node *parse_string(struct parser *p, const struct token *token)
{
    struct node *node = parser_node(p, NODE_STRING, token->span);
    node->type = TYPE_STRING;
    node->string = literal_string(token->text, p->arena);
    return node;
}

/* A word: what it means, the sign behind it tells. */
static struct node *parse_word(struct parser *p)
{
    struct token word;
    if (!parser_take(p, &word) || !parser_peek(p))
        return NULL;
    bool call = parser_at(p, TOKEN_LEFT_PAREN);
    enum token_class class = token_class(word.kind);
    if (class == CLASS_AGGREGATE && (call || parser_at(p, TOKEN_BY) || parser_at(p, TOKEN_WITHOUT)))
        return parse_aggregate(p, &word);
    if (call && (class == CLASS_WORD || word.kind == TOKEN_IDENTIFIER))
        return parse_call(p, &word);
    return parse_vector_selector(p, &word);
}

static struct node *parse_primary(struct parser *p)
{
    const struct token *next = parser_peek(p);
    if (!next)
        return NULL;
    struct token token = *next;
    if (token_may_be(token.kind, USE_METRIC))
        return parse_word(p);
    if (token.kind == TOKEN_LEFT_PAREN)
        return parse_paren(p);
    if (token.kind == TOKEN_LEFT_BRACE)
        return parse_vector_selector(p, NULL);
    if (token.kind == TOKEN_NUMBER || token.kind == TOKEN_DURATION)
        return parser_take(p, &token) ? parse_number(p, &token) : NULL;
    if (token.kind == TOKEN_STRING)
        return parser_take(p, &token) ? parse_string(p, &token) : NULL;
    parser_unexpected(p);
    return NULL;
}

bool token_begins_expression(enum token_kind kind)
{
    return token_may_be(kind, USE_METRIC) || kind == TOKEN_LEFT_PAREN || kind == TOKEN_LEFT_BRACE ||
           kind == TOKEN_NUMBER || kind == TOKEN_DURATION || kind == TOKEN_STRING ||
           kind == TOKEN_ADD || kind == TOKEN_SUB;
}

/* The sign of a number becomes part of it. */
static struct node *parse_signed(struct parser *p)
{
    struct token sign;
    if (!parser_take(p, &sign))
        return NULL;
    struct node *expr = parse_sub(p, PRIORITY_SIGN);
    if (!expr)
        return NULL;
    if (expr->kind == NODE_NUMBER) {
        if (sign.kind == TOKEN_SUB)
            expr->number.value *= -1;
        expr->span.begin = sign.span.begin;
        return expr;
    }
    struct node *node = parser_node(p, NODE_UNARY, (struct span){sign.span.begin, expr->span.end});
    node->unary.minus = sign.kind == TOKEN_SUB;
    node->unary.expr = expr;
    node->type = expr->type;
    return parser_adopt(p, node, expr) ? node : NULL;
}

static struct node *parse_operand(struct parser *p)
{
    if (parser_at(p, TOKEN_ADD) || parser_at(p, TOKEN_SUB))
        return parse_signed(p);
    struct node *expr = parse_primary(p);
    while (expr && parser_peek(p) && token_is_modifier(p->token.kind))
        expr = parse_modifier(p, expr);
    return expr;
}

static struct node *parse_binary(struct parser *p, struct node *left, size_t index)
{
    struct token sign;
    if (!parser_take(p, &sign))
        return NULL;
    bool return_bool = false;
    struct vector_matching *matching = parse_matching(p, &return_bool);
    if (!matching)
        return NULL;
    struct node *right = parse_sub(p, operators[index].right);
    if (!right)
        return NULL;

    struct span span = {left->span.begin, right->span.end};
    struct node *node = parser_node(p, NODE_BINARY, span);
    node->binary = (struct binary){
        .op = operators[index].op,
        .left = left,
        .right = right,
        .matching = matching,
        .return_bool = return_bool,
    };
    bool scalars = left->type == TYPE_SCALAR && right->type == TYPE_SCALAR;
    node->type = scalars ? TYPE_SCALAR : TYPE_VECTOR;
    if ((matching->fill.has_left || matching->fill.has_right) && !p->options->fill_modifiers) {
        parser_fail(p, span, "binop fill modifiers are experimental and not enabled");
        return NULL;
    }
    return parser_adopt(p, node, left) && parser_adopt(p, node, right) ? node : NULL;
}

/* Behind the table if the next token is no operator, or there is no next token. */
static size_t operator_next(struct parser *p)
{
    const struct token *token = parser_peek(p);
    size_t index = 0;
    while (index < ARRAY_COUNT(operators) && (!token || operators[index].token != token->kind))
        index++;
    return index;
}

static struct node *parse_sub(struct parser *p, int limit)
{
    const struct token *first = parser_peek(p);
    if (!first || !parser_enter(p, first->span))
        return NULL;
    struct node *expr = parse_operand(p);
    while (expr) {
        size_t index = operator_next(p);
        if (index == ARRAY_COUNT(operators) || operators[index].left <= limit)
            break;
        expr = parse_binary(p, expr, index);
    }
    parser_leave(p);
    return parser_failed(p) ? NULL : expr;
}

struct node *parse_expression(struct parser *p)
{
    return parse_sub(p, 0);
}

static bool length_check(struct str query, struct err *err)
{
    if (query.len <= PARSE_LENGTH_MAX)
        return true;
    return err_set(err, ERR_BAD_DATA, "query is longer than %d bytes", PARSE_LENGTH_MAX);
}

bool parse_query(struct str query, const struct parse_options *options, struct arena *arena,
                 struct node **ret_root, struct err *err)
{
    if (!length_check(query, err))
        return false;

    struct parser p;
    parser_init(&p, query, options, arena, err);
    struct node *root = NULL;
    if (parser_at(&p, TOKEN_INPUT_END))
        parser_fail(&p, (struct span){0, 0}, "no expression found in input");
    else
        root = parse_expression(&p);
    if (root && !parser_at(&p, TOKEN_INPUT_END))
        parser_unexpected(&p);

    if (parser_failed(&p) || !check_node(&p, root) || !arena_check(arena, err)) {
        parser_abandon(&p);
        return false;
    }
    *ret_root = root;
    return true;
}

bool parse_selector(struct str text, struct arena *arena, struct matcher ***ret_matchers,
                    size_t *ret_count, struct err *err)
{
    static const struct parse_options options = {0};
    if (!length_check(text, err))
        return false;

    struct parser p;
    parser_init(&p, text, &options, arena, err);
    struct node *node = NULL;
    struct token name;
    const struct token *first = parser_peek(&p);
    if (first && first->kind == TOKEN_LEFT_BRACE)
        node = parse_vector_selector(&p, NULL);
    else if (first && token_may_be(first->kind, USE_METRIC) && parser_take(&p, &name))
        node = parse_vector_selector(&p, &name);
    if (!node || !parser_at(&p, TOKEN_INPUT_END))
        parser_unexpected(&p);

    if (!node || parser_failed(&p) || !arena_check(arena, err)) {
        parser_abandon(&p);
        return false;
    }
    *ret_matchers = node->vector_selector.matchers;
    *ret_count = node->vector_selector.matcher_count;
    return true;
}
