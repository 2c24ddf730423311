/*
 * Arithmetic over durations: behind '[', behind ':' in there, and behind offset. As with the other
 * operators, a table of priorities. Signs of literals are folded into them.
 */
#include "parser/literal.h"
#include "parser/parser.h"

#define PRIORITY_SIGN 4

static const struct {
    enum token_kind token;
    enum duration_op op;
    int left;
    int right;
} operators[] = {
    {TOKEN_ADD, DURATION_ADD, 2, 2}, {TOKEN_SUB, DURATION_SUB, 2, 2},
    {TOKEN_MUL, DURATION_MUL, 4, 4}, {TOKEN_DIV, DURATION_DIV, 4, 4},
    {TOKEN_MOD, DURATION_MOD, 4, 4}, {TOKEN_POW, DURATION_POW, 7, 6},
};

static struct node *parse_sub(struct parser *p, int limit);

/* The children, where there are any, stand at the edges. */
static struct node *make_duration(struct parser *p, enum duration_op op, struct span span,
                                  struct node *left, struct node *right)
{
    struct node *node = parser_node(p, NODE_DURATION, span);
    node->type = TYPE_SCALAR;
    node->duration.op = op;
    node->duration.left = left;
    node->duration.right = right;
    if (left)
        node->span.begin = left->span.begin;
    if (right)
        node->span.end = right->span.end;
    bool ok = (!left || parser_adopt(p, node, left)) && (!right || parser_adopt(p, node, right));
    return ok ? node : NULL;
}

static bool is_literal(const struct node *node)
{
    return node->duration.op == DURATION_LITERAL;
}

/* Beyond 2^63 nanoseconds there is no duration. */
static bool range_check(struct parser *p, double seconds, struct span at)
{
    if (!(seconds > 0x1p63 / 1e9) && !(seconds < -0x1p63 / 1e9))
        return true;
    return parser_fail(p, at, "duration out of range");
}

/* Whether the value is a duration at all may hang on its sign: the caller checks. */
static struct node *take_literal(struct parser *p)
{
    struct token token;
    struct node *number = parser_take(p, &token) ? parse_number(p, &token) : NULL;
    if (!number)
        return NULL;
    struct node *node = make_duration(p, DURATION_LITERAL, number->span, NULL, NULL);
    node->duration.seconds = number->number.value;
    node->duration.duration_literal = number->number.duration_literal;
    return node;
}

static bool at_literal(struct parser *p)
{
    return parser_at(p, TOKEN_NUMBER) || parser_at(p, TOKEN_DURATION);
}

/* What stands in parentheses of its own; a lone literal gets a node that can say so. */
static struct node *wrap(struct parser *p, struct node *inside, size_t begin)
{
    if (is_literal(inside))
        inside = make_duration(p, DURATION_PLUS, (struct span){begin, 0}, NULL, inside);
    if (inside)
        inside->duration.wrapped = true;
    return inside;
}

static struct node *apply_sign(struct parser *p, const struct token *sign, struct node *operand)
{
    if (!is_literal(operand)) {
        if (sign->kind == TOKEN_ADD)
            return operand;
        return make_duration(p, DURATION_MINUS, sign->span, NULL, operand);
    }
    if (sign->kind == TOKEN_SUB)
        operand->duration.seconds *= -1;
    if (!range_check(p, operand->duration.seconds, sign->span))
        return NULL;
    operand->span.begin = sign->span.begin;
    return operand;
}

/* step() and range() */
static struct node *parse_query_value(struct parser *p)
{
    struct token word;
    struct token token;
    if (!parser_take(p, &word) || !parser_expect(p, TOKEN_LEFT_PAREN, &token) ||
        !parser_expect(p, TOKEN_RIGHT_PAREN, &token))
        return NULL;
    struct span span = {word.span.begin, token.span.end};
    enum duration_op op = word.kind == TOKEN_STEP ? DURATION_STEP : DURATION_RANGE;
    return make_duration(p, op, span, NULL, NULL);
}

/* min_of(a, b) and max_of(a, b): their spans are those of the arguments, as Prometheus has it. */
static struct node *parse_extreme(struct parser *p)
{
    struct token word;
    struct token token;
    if (!parser_take(p, &word) || !parser_expect(p, TOKEN_LEFT_PAREN, &token))
        return NULL;
    struct node *left = parse_sub(p, 0);
    if (!left || !parser_expect(p, TOKEN_COMMA, &token))
        return NULL;
    struct node *right = parse_sub(p, 0);
    if (!right || !parser_expect(p, TOKEN_RIGHT_PAREN, &token))
        return NULL;
    enum duration_op op = word.kind == TOKEN_MIN_OF ? DURATION_MIN_OF : DURATION_MAX_OF;
    return make_duration(p, op, word.span, left, right);
}

/* step(), range(), min_of() or max_of(): those that offset takes as they are. */
static bool at_word(struct parser *p)
{
    return parser_at(p, TOKEN_STEP) || parser_at(p, TOKEN_RANGE) || parser_at(p, TOKEN_MIN_OF) ||
           parser_at(p, TOKEN_MAX_OF);
}

static struct node *parse_word(struct parser *p)
{
    bool value = parser_at(p, TOKEN_STEP) || parser_at(p, TOKEN_RANGE);
    return value ? parse_query_value(p) : parse_extreme(p);
}

/* The inside of parentheses, and the two of them. */
static struct node *parse_paren(struct parser *p, struct token *ret_open)
{
    struct token close;
    if (!parser_take(p, ret_open))
        return NULL;
    struct node *inside = parse_sub(p, 0);
    return inside && parser_expect(p, TOKEN_RIGHT_PAREN, &close) ? inside : NULL;
}

static struct node *parse_operand(struct parser *p)
{
    struct token token;
    if (at_literal(p)) {
        struct node *literal = take_literal(p);
        bool ok = literal && range_check(p, literal->duration.seconds, literal->span);
        return ok ? literal : NULL;
    }
    if (parser_at(p, TOKEN_ADD) || parser_at(p, TOKEN_SUB)) {
        if (!parser_take(p, &token))
            return NULL;
        struct node *operand = parse_sub(p, PRIORITY_SIGN);
        return operand ? apply_sign(p, &token, operand) : NULL;
    }
    if (parser_at(p, TOKEN_LEFT_PAREN)) {
        struct node *inside = parse_paren(p, &token);
        return inside ? wrap(p, inside, token.span.begin) : NULL;
    }
    if (at_word(p))
        return parse_word(p);
    parser_unexpected(p);
    return NULL;
}

static size_t operator_next(struct parser *p)
{
    const struct token *token = parser_peek(p);
    size_t index = 0;
    while (index < ARRAY_COUNT(operators) && (!token || operators[index].token != token->kind))
        index++;
    return index;
}

static struct node *parse_binary(struct parser *p, struct node *left, size_t index)
{
    struct token sign;
    struct node *right = parser_take(p, &sign) ? parse_sub(p, operators[index].right) : NULL;
    if (!right)
        return NULL;
    enum duration_op op = operators[index].op;
    if (is_literal(right) && right->duration.seconds == 0 &&
        (op == DURATION_DIV || op == DURATION_MOD)) {
        parser_fail(p, sign.span, "%s by zero", op == DURATION_DIV ? "division" : "modulo");
        return NULL;
    }
    return make_duration(p, op, sign.span, left, right);
}

/* Operators behind an operand. */
static struct node *parse_rest(struct parser *p, struct node *expr, int limit)
{
    while (expr) {
        size_t index = operator_next(p);
        if (index == ARRAY_COUNT(operators) || operators[index].left <= limit)
            break;
        expr = parse_binary(p, expr, index);
    }
    return parser_failed(p) ? NULL : expr;
}

static struct node *parse_sub(struct parser *p, int limit)
{
    const struct token *first = parser_peek(p);
    if (!first || !parser_enter(p, first->span))
        return NULL;
    struct node *expr = parse_operand(p);
    expr = parse_rest(p, expr, limit);
    parser_leave(p);
    return expr;
}

struct node *parse_duration(struct parser *p)
{
    return parse_sub(p, 0);
}

/* A sign behind offset, and what it stands before. */
static struct node *parse_offset_signed(struct parser *p)
{
    struct token sign;
    if (!parser_take(p, &sign))
        return NULL;
    if (at_literal(p)) {
        struct node *literal = take_literal(p);
        return literal ? apply_sign(p, &sign, literal) : NULL;
    }
    if (at_word(p)) {
        struct node *word = parse_word(p);
        enum duration_op op = sign.kind == TOKEN_SUB ? DURATION_MINUS : DURATION_PLUS;
        return word ? make_duration(p, op, sign.span, NULL, word) : NULL;
    }
    if (parser_at(p, TOKEN_LEFT_PAREN)) {
        struct token open;
        struct node *inside = parse_paren(p, &open);
        struct node *wrapped = inside ? wrap(p, inside, inside->span.begin) : NULL;
        return wrapped ? apply_sign(p, &sign, wrapped) : NULL;
    }
    struct node *operand = parse_sub(p, PRIORITY_SIGN);
    operand = operand ? apply_sign(p, &sign, operand) : NULL;
    return parse_rest(p, operand, 0);
}

/*
 * Behind offset a single atom is taken, so that `a offset 1m + b` is a sum. But what begins with a
 * parenthesis, or with two signs, goes on as far as it can: that is how Prometheus's grammar fell
 * out.
 */
struct node *parse_offset_duration(struct parser *p)
{
    if (parser_at(p, TOKEN_ADD) || parser_at(p, TOKEN_SUB))
        return parse_offset_signed(p);
    if (parser_at(p, TOKEN_LEFT_PAREN))
        return parse_sub(p, 0);
    return parse_operand(p);
}
