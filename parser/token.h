#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"
#include "parser/ast.h"

/* The words and signs of PromQL, by tokens.def. */
enum token_kind {
#define TOKEN(name, text, class, uses) TOKEN_##name,
#include "parser/tokens.def"
#undef TOKEN
    TOKEN_KIND_COUNT,
};

enum token_class {
    CLASS_END,
    CLASS_VALUE,
    CLASS_SIGN,
    CLASS_OPERATOR,
    CLASS_KEYWORD,
    CLASS_WORD,
    CLASS_AGGREGATE,
};

enum token_uses {
    USE_METRIC = 1, /* may be a metric name */
    USE_LABEL = 2,  /* may be a label name in by, without, on, ignoring, group_left, group_right */
};

struct token {
    enum token_kind kind;
    struct span span;
    struct str text; /* as written */
};

const char *token_text(enum token_kind kind);
enum token_class token_class(enum token_kind kind);
bool token_may_be(enum token_kind kind, enum token_uses use);

/* The reserved word in any case, "inf" and "nan" as numbers; an identifier if it is none. */
enum token_kind token_of_word(struct str word);

static inline enum aggregate_op token_aggregate(enum token_kind kind)
{
    return (enum aggregate_op)(kind - TOKEN_AGGREGATE_sum);
}

/* As errors name it: identifier "x", <op:+>, <aggr:sum>, end of input. */
void token_describe(const struct token *token, struct buf *out);
