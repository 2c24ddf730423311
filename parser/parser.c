#include "parser/parser.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/quote.h"

struct made_matcher {
    struct matcher *matcher;
    struct made_matcher *next;
};

void parser_init(struct parser *p, struct str query, const struct parse_options *options,
                 struct arena *arena, struct err *err)
{
    static const struct parse_context nothing = {0};
    *p = (struct parser){.options = options, .arena = arena, .err = err, .context = &nothing};
    lexer_init(&p->lexer, query);
    err_clear(err);
}

void parser_keep_matcher(struct parser *p, struct matcher *matcher)
{
    struct made_matcher *made = arena_new(p->arena, struct made_matcher);
    made->matcher = matcher;
    made->next = p->matchers;
    p->matchers = made;
}

void parser_abandon(struct parser *p)
{
    for (; p->matchers; p->matchers = p->matchers->next)
        matcher_done(p->matchers->matcher);
}

/* Lines and columns count from 1, columns in bytes. */
bool parser_fail_at(struct parser *p, struct span at)
{
    struct str query = p->lexer.input;
    if (query.len == 0)
        return err_wrap(p->err, "unknown position: parse error");

    size_t line = 1;
    size_t line_begin = 0;
    for (size_t i = 0; i < at.begin && i < query.len; i++) {
        if (query.ptr[i] != '\n')
            continue;
        line++;
        line_begin = i + 1;
    }
    return err_wrap(p->err, "%zu:%zu: parse error", line, at.begin - line_begin + 1);
}

bool parser_fail(struct parser *p, struct span at, const char *fmt, ...)
{
    AUTO(buf_done) struct buf message = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&message, fmt, ap);
    va_end(ap);
    err_set(p->err, ERR_BAD_DATA, "%.*s", STR_ARGS(buf_view(&message)));
    return parser_fail_at(p, at);
}

bool parser_fail_quoted(struct parser *p, struct span at, const char *before, struct str text,
                        const char *behind)
{
    AUTO(buf_done) struct buf quoted = {0};
    quote_append(&quoted, text);
    return parser_fail(p, at, "%s%.*s%s", before, STR_ARGS(buf_view(&quoted)), behind);
}

bool parser_unexpected(struct parser *p)
{
    AUTO(buf_done) struct buf message = {0};
    if (!parser_peek(p))
        return false;
    buf_text(&message, "unexpected ");
    token_describe(&p->token, &message);
    if (p->context->where) {
        buf_text(&message, " in ");
        buf_text(&message, p->context->where);
    }
    if (p->context->expected) {
        buf_text(&message, ", expected ");
        buf_text(&message, p->context->expected);
    }
    return parser_fail(p, p->token.span, "%.*s", STR_ARGS(buf_view(&message)));
}

const struct token *parser_peek(struct parser *p)
{
    if (parser_failed(p))
        return NULL;
    if (p->peeked)
        return &p->token;

    if (!lexer_next(&p->lexer, &p->token, p->err)) {
        parser_fail_at(p, (struct span){p->lexer.begin, p->lexer.input.len});
        return NULL;
    }
    p->peeked = true;
    enum token_kind kind = p->token.kind;
    if (kind == TOKEN_NUMBER || kind == TOKEN_DURATION || kind == TOKEN_RIGHT_PAREN ||
        kind == TOKEN_RIGHT_BRACKET || kind == TOKEN_RIGHT_BRACE)
        p->last_closing = p->token.span.end;
    return &p->token;
}

bool parser_take(struct parser *p, struct token *ret_token)
{
    if (!parser_peek(p))
        return false;
    p->peeked = false;
    *ret_token = p->token;
    return true;
}

bool parser_at(struct parser *p, enum token_kind kind)
{
    const struct token *token = parser_peek(p);
    return token && token->kind == kind;
}

bool parser_expect(struct parser *p, enum token_kind kind, struct token *ret_token)
{
    if (!parser_at(p, kind))
        return parser_unexpected(p);
    return parser_take(p, ret_token);
}

bool parser_enter(struct parser *p, struct span at)
{
    if (++p->depth > PARSE_DEPTH_MAX)
        return parser_fail(p, at, "expression is nested more than %d levels deep", PARSE_DEPTH_MAX);
    return true;
}

void parser_leave(struct parser *p)
{
    p->depth--;
}

struct node *parser_node(struct parser *p, enum node_kind kind, struct span span)
{
    struct node *node = arena_new(p->arena, struct node);
    node->kind = kind;
    node->span = span;
    return node;
}

bool parser_adopt(struct parser *p, struct node *parent, const struct node *child)
{
    if (parent->height <= child->height)
        parent->height = child->height + 1;
    if (parent->height <= PARSE_HEIGHT_MAX)
        return true;
    return parser_fail(p, parent->span, "expression has more than %d levels", PARSE_HEIGHT_MAX);
}

/* Room is doubled at each power of two, so that no capacity need be kept. */
void *list_grow_(struct arena *arena, void *array, size_t size, size_t count)
{
    if (count != 0 && (count < 4 || (count & (count - 1)) != 0))
        return array;
    void *grown = arena_alloc(arena, count ? count * 2 : 4, size);
    if (count)
        memcpy(grown, array, count * size);
    return grown;
}
