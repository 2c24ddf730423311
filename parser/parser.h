#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "parser/ast.h"
#include "parser/lexer.h"
#include "parser/parse.h"

/*
 * The parser's own insides, shared by the parse_*.c files. Each parse_x takes the tokens of one x
 * and answers NULL once something was wrong: the error is set then, and is the one that Prometheus
 * reports first.
 *
 * Tokens are read as late as possible. Which of two errors comes first, and where some spans end,
 * depends on it: Prometheus's parser reads one token ahead only where it needs it to decide.
 */

/* What is being read, and what could stand there, in the words of an "unexpected ..." error. */
struct parse_context {
    const char *where;    /* NULL: nothing more to say */
    const char *expected; /* NULL likewise */
};

struct made_matcher;

struct parser {
    struct lexer lexer;
    const struct parse_options *options;
    struct arena *arena;
    struct err *err;

    struct token token; /* if peeked: the next one */
    bool peeked;
    size_t last_closing; /* the end of the last number, duration, ')', ']' or '}' that was read */
    const struct parse_context *context;
    unsigned depth;
    struct made_matcher *matchers; /* all of them, to be freed if the query is refused */
};

void parser_init(struct parser *p, struct str query, const struct parse_options *options,
                 struct arena *arena, struct err *err);

/* After an error: frees what the arena cannot. */
void parser_abandon(struct parser *p);

/* The next token, or NULL after an error; take removes it. */
const struct token *parser_peek(struct parser *p);
bool parser_take(struct parser *p, struct token *ret_token);

/* Takes a token of this kind; anything else is unexpected. */
bool parser_expect(struct parser *p, enum token_kind kind, struct token *ret_token);

/* Is the next token of this kind? False also after an error: ask parser_failed. */
bool parser_at(struct parser *p, enum token_kind kind);

static inline bool parser_failed(const struct parser *p)
{
    return p->err->kind != ERR_NONE;
}

/* Records "line:col: parse error: ...". Return false, NULL. */
bool parser_fail(struct parser *p, struct span at, const char *fmt, ...) PRINTF(3, 4);
bool parser_fail_quoted(struct parser *p, struct span at, const char *before, struct str text,
                        const char *behind);
/* Puts the position before the message that is already there. */
bool parser_fail_at(struct parser *p, struct span at);

/* Complains of the next token, in the words of the context. */
bool parser_unexpected(struct parser *p);

/* Every nesting goes through these two. */
bool parser_enter(struct parser *p, struct span at);
void parser_leave(struct parser *p);

struct node *parser_node(struct parser *p, enum node_kind kind, struct span span);

/* To be said of every child: the tree must not grow too high. False after the error. */
bool parser_adopt(struct parser *p, struct node *parent, const struct node *child);

/* Whole expressions; a word that may begin one. */
struct node *parse_expression(struct parser *p);
bool token_begins_expression(enum token_kind kind);

/* The pieces. */
struct node *parse_number(struct parser *p, const struct token *token);
struct node *parse_vector_selector(struct parser *p, const struct token *name);
struct node *parse_call(struct parser *p, const struct token *name);
struct node *parse_aggregate(struct parser *p, const struct token *op);
bool token_is_modifier(enum token_kind kind);
struct node *parse_modifier(struct parser *p, struct node *expr);
bool parse_labels(struct parser *p, struct str **ret_labels, size_t *ret_count);
struct vector_matching *parse_matching(struct parser *p, bool *ret_bool);

/* Duration expressions: literal-only ones are NODE_NUMBER, in seconds. */
struct node *parse_duration(struct parser *p);
struct node *parse_offset_duration(struct parser *p);

/* A number with its sign, or a duration: of @ and of fill modifiers. */
bool parse_signed_number(struct parser *p, double *ret_value);

/* Lists grow in the arena. */
#define list_grow(arena, array, T, count) \
    ((array) = ((T *)list_grow_((arena), (array), sizeof(T), (count))))
void *list_grow_(struct arena *arena, void *array, size_t size, size_t count);

/* Remembers a matcher for parser_abandon. */
void parser_keep_matcher(struct parser *p, struct matcher *matcher);
