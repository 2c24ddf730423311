/* What may stand behind an expression: [range], [range:step], offset, @, anchored, smoothed. */
#include <math.h>

#include "base/float_text.h"
#include "parser/literal.h"
#include "parser/parser.h"

static const struct parse_context context_offset = {"offset",
                                                    "number, duration, step(), or range()"};
static const struct parse_context context_at = {"@", "timestamp"};
static const struct parse_context context_range = {"subquery or range selector",
                                                   "number, duration, step(), or range()"};
static const struct parse_context context_range_end = {"subquery or range", "\":\" or \"]\""};
static const struct parse_context context_step = {"subquery selector",
                                                  "number, duration, step(), range(), or \"]\""};
static const struct parse_context context_step_end = {"subquery selector", "\"]\""};

static int64_t nanoseconds(double seconds)
{
    return int64_of(round(seconds * 1e9));
}

bool parse_signed_number(struct parser *p, double *ret_value)
{
    struct token token;
    bool minus = parser_at(p, TOKEN_SUB);
    if ((minus || parser_at(p, TOKEN_ADD)) && !parser_take(p, &token))
        return false;
    if (!parser_at(p, TOKEN_NUMBER) && !parser_at(p, TOKEN_DURATION))
        return parser_unexpected(p);
    if (!parser_take(p, &token))
        return false;
    const struct node *number = parse_number(p, &token);
    if (!number)
        return false;
    *ret_value = minus ? -number->number.value : number->number.value;
    return true;
}

/* The modifiers of a selector or subquery; NULL, with the error, of anything else. */
static struct modifiers *modifiers_of(struct parser *p, struct node *expr, const char *modifier)
{
    if (expr->kind == NODE_VECTOR_SELECTOR)
        return &expr->vector_selector.modifiers;
    if (expr->kind == NODE_MATRIX_SELECTOR)
        return &expr->matrix_selector.selector->vector_selector.modifiers;
    if (expr->kind == NODE_SUBQUERY)
        return &expr->subquery.modifiers;
    parser_fail(p, expr->span,
                "%s modifier must be preceded by an instant vector selector or range vector "
                "selector or a subquery",
                modifier);
    return NULL;
}

static struct node *parse_offset(struct parser *p, struct node *expr)
{
    const struct parse_context *outer = p->context;
    struct token token;
    p->context = &context_offset;
    struct node *duration = parser_take(p, &token) ? parse_offset_duration(p) : NULL;
    p->context = outer;
    if (!duration)
        return NULL;
    struct modifiers *modifiers = modifiers_of(p, expr, "offset");
    if (!modifiers)
        return NULL;
    if (modifiers->offset_ns != 0 || modifiers->offset_expr) {
        parser_fail(p, expr->span, "offset may not be set multiple times");
        return NULL;
    }
    if (duration->duration.op == DURATION_LITERAL) {
        modifiers->offset_ns = nanoseconds(duration->duration.seconds);
        modifiers->offset_ms = modifiers->offset_ns / 1000000;
    } else {
        modifiers->offset_expr = duration;
        if (!parser_adopt(p, expr, duration))
            return NULL;
    }
    expr->span.end = p->last_closing;
    return expr;
}

static bool at_check(struct parser *p, const struct node *expr, double seconds)
{
    if (seconds < 0x1p63 && seconds > -0x1p63)
        return true;
    char text[FLOAT_TEXT_SIZE];
    size_t len = float_text_fixed(text, seconds, 6);
    return parser_fail(p, expr->span, "timestamp out of bounds for @ modifier: %.*s", (int)len,
                       text);
}

static bool parse_at_time(struct parser *p, enum at_kind *ret_at, double *ret_seconds)
{
    struct token token;
    bool start = parser_at(p, TOKEN_START);
    if (!start && !parser_at(p, TOKEN_END)) {
        *ret_at = AT_TIME;
        return parse_signed_number(p, ret_seconds);
    }
    *ret_at = start ? AT_START : AT_END;
    return parser_take(p, &token) && parser_expect(p, TOKEN_LEFT_PAREN, &token) &&
           parser_expect(p, TOKEN_RIGHT_PAREN, &token);
}

static struct node *parse_at(struct parser *p, struct node *expr)
{
    const struct parse_context *outer = p->context;
    struct token token;
    enum at_kind at;
    double seconds = 0;
    p->context = &context_at;
    if (!parser_take(p, &token) || !parse_at_time(p, &at, &seconds))
        return NULL;
    p->context = outer;
    if (!at_check(p, expr, seconds))
        return NULL;
    struct modifiers *modifiers = modifiers_of(p, expr, "@");
    if (!modifiers)
        return NULL;
    if (modifiers->at != AT_NONE) {
        parser_fail(p, expr->span, "@ <timestamp> may not be set multiple times");
        return NULL;
    }
    modifiers->at = at;
    if (at == AT_TIME)
        modifiers->at_ms = int64_of(round(seconds * 1000));
    expr->span.end = p->last_closing;
    return expr;
}

static bool extended_set(struct parser *p, struct node *expr, const struct token *word)
{
    bool anchored = word->kind == TOKEN_ANCHORED;
    const char *name = token_text(word->kind);
    if (!p->options->extended_selectors)
        return parser_fail(p, expr->span, "%s modifier is experimental and not enabled", name);
    if (expr->kind == NODE_SUBQUERY)
        return parser_fail(p, expr->span, "%s modifier is not supported for subqueries", name);
    if (expr->kind != NODE_VECTOR_SELECTOR && expr->kind != NODE_MATRIX_SELECTOR)
        return parser_fail(p, expr->span, "%s modifier not implemented", name);

    struct node *node = expr->kind == NODE_MATRIX_SELECTOR ? expr->matrix_selector.selector : expr;
    struct vector_selector *selector = &node->vector_selector;
    *(anchored ? &selector->anchored : &selector->smoothed) = true;
    if (selector->anchored && selector->smoothed)
        return parser_fail(p, expr->span,
                           "anchored and smoothed modifiers cannot be used together");
    return true;
}

/* A range or step: what is known to be no positive duration is refused here, the rest at its use.
 */
static struct node *parse_positive_duration(struct parser *p)
{
    struct node *duration = parse_duration(p);
    if (duration && duration->duration.op == DURATION_LITERAL && duration->duration.seconds <= 0) {
        parser_fail(p, duration->span, "duration must be greater than 0");
        return NULL;
    }
    return duration;
}

/* Either the literal's milliseconds, or the expression. */
static bool duration_keep(struct parser *p, struct node *parent, struct node *duration,
                          int64_t *ret_ms, struct node **ret_expr)
{
    if (duration->duration.op == DURATION_LITERAL) {
        *ret_ms = nanoseconds(duration->duration.seconds) / 1000000;
        return true;
    }
    *ret_expr = duration;
    return parser_adopt(p, parent, duration);
}

static struct node *make_range(struct parser *p, struct node *expr, struct node *range,
                               struct span brackets)
{
    const char *wrong = NULL;
    if (expr->kind != NODE_VECTOR_SELECTOR)
        wrong = "ranges only allowed for vector selectors";
    else if (expr->vector_selector.modifiers.offset_ns ||
             expr->vector_selector.modifiers.offset_expr)
        wrong = "no offset modifiers allowed before range";
    else if (expr->vector_selector.modifiers.at != AT_NONE)
        wrong = "no @ modifiers allowed before range";
    if (wrong) {
        parser_fail(p, brackets, "%s", wrong);
        return NULL;
    }
    struct node *node =
        parser_node(p, NODE_MATRIX_SELECTOR, (struct span){expr->span.begin, brackets.end});
    struct matrix_selector *matrix = &node->matrix_selector;
    node->type = TYPE_MATRIX;
    matrix->selector = expr;
    bool ok = duration_keep(p, node, range, &matrix->range_ms, &matrix->range_expr) &&
              parser_adopt(p, node, expr);
    return ok ? node : NULL;
}

/* Behind the colon; `step` is NULL where the default is meant. */
static struct node *make_subquery(struct parser *p, struct node *expr, struct node *range,
                                  struct node *step)
{
    struct token close;
    if (!parser_expect(p, TOKEN_RIGHT_BRACKET, &close))
        return NULL;
    struct node *node =
        parser_node(p, NODE_SUBQUERY, (struct span){expr->span.begin, close.span.end});
    struct subquery *subquery = &node->subquery;
    node->type = TYPE_MATRIX;
    subquery->expr = expr;
    bool ok = parser_adopt(p, node, expr) &&
              duration_keep(p, node, range, &subquery->range_ms, &subquery->range_expr) &&
              (!step || duration_keep(p, node, step, &subquery->step_ms, &subquery->step_expr));
    if (ok && step && !subquery->step_ms && !subquery->step_expr)
        /* Less than a millisecond: Prometheus takes it and then divides by zero. */
        ok = parser_fail(p, step->span, "duration must be greater than 0");
    return ok ? node : NULL;
}

static struct node *parse_brackets(struct parser *p, struct node *expr)
{
    const struct parse_context *outer = p->context;
    struct token open;
    struct token token;
    p->context = &context_range;
    if (!parser_take(p, &open))
        return NULL;
    struct node *range = parse_positive_duration(p);
    if (!range)
        return NULL;
    p->context = &context_range_end;
    if (!parser_at(p, TOKEN_COLON)) {
        if (!parser_expect(p, TOKEN_RIGHT_BRACKET, &token))
            return NULL;
        p->context = outer;
        return make_range(p, expr, range, (struct span){open.span.begin, token.span.end});
    }
    p->context = &context_step;
    struct node *step = NULL;
    if (!parser_take(p, &token))
        return NULL;
    if (!parser_at(p, TOKEN_RIGHT_BRACKET)) {
        step = parse_positive_duration(p);
        if (!step)
            return NULL;
        p->context = &context_step_end;
    }
    struct node *node = make_subquery(p, expr, range, step);
    p->context = outer;
    return node;
}

bool token_is_modifier(enum token_kind kind)
{
    return kind == TOKEN_LEFT_BRACKET || kind == TOKEN_OFFSET || kind == TOKEN_AT ||
           kind == TOKEN_ANCHORED || kind == TOKEN_SMOOTHED;
}

/* The expression with the modifier that comes next: changed, or inside a new node. */
struct node *parse_modifier(struct parser *p, struct node *expr)
{
    struct token word;
    if (parser_at(p, TOKEN_LEFT_BRACKET))
        return parse_brackets(p, expr);
    if (parser_at(p, TOKEN_OFFSET))
        return parse_offset(p, expr);
    if (parser_at(p, TOKEN_AT))
        return parse_at(p, expr);
    return parser_take(p, &word) && extended_set(p, expr, &word) ? expr : NULL;
}
