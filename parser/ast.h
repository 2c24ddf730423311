#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/matcher.h"
#include "parser/function.h"

/*
 * The syntax tree of a PromQL expression, as Prometheus's parser sees it. Built by parse, checked
 * by check, in one arena; read-only from then on. Texts that are not in the query as they stand
 * (unquoted strings) are in the arena; the others point into the query text, which must outlive the
 * tree.
 */
enum value_type { TYPE_NONE, TYPE_SCALAR, TYPE_VECTOR, TYPE_MATRIX, TYPE_STRING };

/* "scalar", "instant vector", "range vector", "string": as errors name them. */
const char *value_type_text(enum value_type type);

/* "scalar", "vector", "matrix", "string": as the API names them. */
const char *value_type_name(enum value_type type);

enum node_kind {
    NODE_NUMBER,
    NODE_STRING,
    NODE_VECTOR_SELECTOR,
    NODE_MATRIX_SELECTOR,
    NODE_SUBQUERY,
    NODE_CALL,
    NODE_AGGREGATE,
    NODE_BINARY,
    NODE_UNARY,
    NODE_PAREN,
    NODE_DURATION, /* a duration expression: only where a range, step or offset stands */
};

/* Bytes [begin, end) of the query text. */
struct span {
    size_t begin;
    size_t end;
};

enum binary_op {
    BINARY_ADD,
    BINARY_SUB,
    BINARY_MUL,
    BINARY_DIV,
    BINARY_MOD,
    BINARY_POW,
    BINARY_ATAN2,
    BINARY_EQL,
    BINARY_NEQ,
    BINARY_LSS,
    BINARY_LTE,
    BINARY_GTR,
    BINARY_GTE,
    BINARY_AND,
    BINARY_OR,
    BINARY_UNLESS,
    BINARY_TRIM_UPPER, /* </ */
    BINARY_TRIM_LOWER, /* >/ */
};

/* "+", "and", "</" */
const char *binary_op_text(enum binary_op op);

static inline bool binary_op_is_comparison(enum binary_op op)
{
    return op >= BINARY_EQL && op <= BINARY_GTE;
}

static inline bool binary_op_is_trim(enum binary_op op)
{
    return op == BINARY_TRIM_UPPER || op == BINARY_TRIM_LOWER;
}

static inline bool binary_op_is_set(enum binary_op op)
{
    return op == BINARY_AND || op == BINARY_OR || op == BINARY_UNLESS;
}

enum at_kind { AT_NONE, AT_TIME, AT_START, AT_END };

/* offset and @ of a selector or subquery. */
struct modifiers {
    int64_t offset_ms;        /* as written; 0 if offset_expr is there */
    int64_t offset_ns;        /* the same, finer: only whether it is 0, and its sign, count */
    struct node *offset_expr; /* NODE_DURATION, or NULL */
    enum at_kind at;
    int64_t at_ms; /* AT_TIME */
};

struct vector_selector {
    struct str name;           /* the bare name in front of the braces; "" if there is none */
    struct matcher **matchers; /* all of them, the implied one on __name__ among them */
    size_t matcher_count;
    struct modifiers modifiers; /* also those of the range selector around it */
    bool anchored;
    bool smoothed;
};

struct matrix_selector {
    struct node *selector; /* NODE_VECTOR_SELECTOR: modifiers, anchored and smoothed are there */
    int64_t range_ms;
    struct node *range_expr; /* NODE_DURATION, or NULL */
};

struct subquery {
    struct node *expr;
    int64_t range_ms;
    struct node *range_expr;
    int64_t step_ms; /* 0: the default */
    struct node *step_expr;
    struct modifiers modifiers;
};

struct call {
    const struct function *function;
    struct node **args;
    size_t arg_count;
};

struct aggregate {
    enum aggregate_op op;
    struct node *param; /* NULL where the operator has none */
    struct node *expr;
    struct str *grouping;
    size_t grouping_count;
    bool without;
};

enum match_card { CARD_ONE_TO_ONE, CARD_MANY_TO_ONE, CARD_ONE_TO_MANY, CARD_MANY_TO_MANY };

struct fill_values {
    bool has_left, has_right;
    double left, right;
};

/* How two vectors find each other; NULL in `struct binary` if a side is a scalar. */
struct vector_matching {
    enum match_card card;
    bool on; /* else ignoring */
    struct str *labels;
    size_t label_count;
    struct str *include; /* of group_left and group_right */
    size_t include_count;
    struct fill_values fill;
};

struct binary {
    enum binary_op op;
    struct node *left;
    struct node *right;
    struct vector_matching *matching;
    bool return_bool;
};

struct unary {
    bool minus;
    struct node *expr;
};

/* Arithmetic over seconds, evaluated when the query's range and step are known. */
enum duration_op {
    DURATION_LITERAL, /* seconds */
    DURATION_ADD,
    DURATION_SUB,
    DURATION_MUL,
    DURATION_DIV,
    DURATION_MOD,
    DURATION_POW,
    DURATION_PLUS,  /* unary, right only */
    DURATION_MINUS, /* unary, right only */
    DURATION_STEP,  /* step() */
    DURATION_RANGE, /* range() */
    DURATION_MIN_OF,
    DURATION_MAX_OF,
};

struct duration_node {
    enum duration_op op;
    double seconds;        /* DURATION_LITERAL */
    bool duration_literal; /* written as 5m rather than 300 */
    bool wrapped;          /* in parentheses of its own */
    struct node *left;
    struct node *right;
};

struct node {
    enum node_kind kind;
    enum value_type type;
    struct span span;
    unsigned height; /* levels below it: 0 for a leaf, PARSE_HEIGHT_MAX at most */
    union {
        struct {
            double value;
            bool duration_literal; /* printed back as a duration */
        } number;
        struct str string;
        struct vector_selector vector_selector;
        struct matrix_selector matrix_selector;
        struct subquery subquery;
        struct call call;
        struct aggregate aggregate;
        struct binary binary;
        struct unary unary;
        struct node *paren;
        struct duration_node duration;
    };
};

/* Frees what the arena cannot: the compiled regexes of all selectors. NULL is fine. */
void ast_done(struct node *root);

/* "+", "max_of", "step"; "" for a literal. */
const char *duration_op_text(enum duration_op op);

/* "one-to-one" */
const char *match_card_text(enum match_card card);

/* The node inside any number of parentheses. */
struct node *ast_unparen(struct node *node);
