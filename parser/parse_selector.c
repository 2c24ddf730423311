#include "parser/literal.h"
#include "parser/parser.h"

static const struct parse_context context_begin = {"label matching", "identifier or \"}\""};
static const struct parse_context context_next = {"label matching", "\",\" or \"}\""};
static const struct parse_context context_operator = {"label matching", "label matching operator"};
static const struct parse_context context_value = {"label matching", "string"};

static const struct str metric_name = {"__name__", 8};

static bool match_kind_of(enum token_kind token, enum match_kind *ret_kind)
{
    static const enum token_kind tokens[] = {
        [MATCH_EQUAL] = TOKEN_EQL,
        [MATCH_NOT_EQUAL] = TOKEN_NEQ,
        [MATCH_REGEX] = TOKEN_EQL_REGEX,
        [MATCH_NOT_REGEX] = TOKEN_NEQ_REGEX,
    };
    for (size_t i = 0; i < ARRAY_COUNT(tokens); i++) {
        if (tokens[i] != token)
            continue;
        *ret_kind = (enum match_kind)i;
        return true;
    }
    return false;
}

/* What is quoted and stands alone is the metric's name. */
static bool parse_matcher(struct parser *p, struct matcher **ret_matcher)
{
    struct token name;
    if (!parser_at(p, TOKEN_IDENTIFIER) && !parser_at(p, TOKEN_STRING))
        return parser_unexpected(p);
    if (!parser_take(p, &name))
        return false;
    bool quoted = name.kind == TOKEN_STRING;
    struct str label = quoted ? literal_string(name.text, p->arena) : name.text;

    const struct token *sign = parser_peek(p);
    enum match_kind kind;
    if (!sign)
        return false;
    if (!match_kind_of(sign->kind, &kind)) {
        p->context = &context_operator;
        if (!quoted)
            return parser_unexpected(p);
        return matcher_new(p->arena, MATCH_EQUAL, metric_name, label, ret_matcher, p->err);
    }
    struct token value;
    p->context = &context_value;
    if (!parser_take(p, &value) || !parser_expect(p, TOKEN_STRING, &value))
        return false;
    if (matcher_new(p->arena, kind, label, literal_string(value.text, p->arena), ret_matcher,
                    p->err))
        return true;
    return parser_fail_at(p, (struct span){name.span.begin, value.span.end});
}

static bool parse_matchers(struct parser *p, struct vector_selector *selector)
{
    while (!parser_at(p, TOKEN_RIGHT_BRACE)) {
        struct matcher *matcher = NULL;
        p->context = &context_begin;
        if (!parse_matcher(p, &matcher))
            return false;
        parser_keep_matcher(p, matcher);
        list_grow(p->arena, selector->matchers, struct matcher *, selector->matcher_count);
        selector->matchers[selector->matcher_count++] = matcher;

        struct token comma;
        p->context = &context_next;
        if (parser_at(p, TOKEN_RIGHT_BRACE))
            break;
        if (!parser_expect(p, TOKEN_COMMA, &comma))
            return false;
    }
    return !parser_failed(p);
}

static bool parse_braces(struct parser *p, struct vector_selector *selector, size_t *ret_end)
{
    const struct parse_context *outer = p->context;
    struct token token;
    if (!parser_take(p, &token) || !parse_matchers(p, selector) || !parser_take(p, &token))
        return false;
    p->context = outer;
    *ret_end = token.span.end;
    return true;
}

struct node *parse_vector_selector(struct parser *p, const struct token *name)
{
    const struct token *first = name ? name : parser_peek(p);
    if (!first)
        return NULL;
    struct node *node = parser_node(p, NODE_VECTOR_SELECTOR, first->span);
    struct vector_selector *selector = &node->vector_selector;
    node->type = TYPE_VECTOR;
    if (parser_at(p, TOKEN_LEFT_BRACE) && !parse_braces(p, selector, &node->span.end))
        return NULL;
    if (parser_failed(p))
        return NULL;
    if (!name)
        return node;

    struct matcher *matcher;
    selector->name = name->text;
    if (!matcher_new(p->arena, MATCH_EQUAL, metric_name, name->text, &matcher, p->err))
        return NULL;
    list_grow(p->arena, selector->matchers, struct matcher *, selector->matcher_count);
    selector->matchers[selector->matcher_count++] = matcher;
    return node;
}
