#include "parser/ast.h"

const char *value_type_text(enum value_type type)
{
    if (type == TYPE_VECTOR)
        return "instant vector";
    if (type == TYPE_MATRIX)
        return "range vector";
    return value_type_name(type);
}

const char *value_type_name(enum value_type type)
{
    static const char *const names[] = {
        [TYPE_NONE] = "none",     [TYPE_SCALAR] = "scalar", [TYPE_VECTOR] = "vector",
        [TYPE_MATRIX] = "matrix", [TYPE_STRING] = "string",
    };
    return names[type];
}

const char *binary_op_text(enum binary_op op)
{
    static const char *const texts[] = {
        [BINARY_ADD] = "+",         [BINARY_SUB] = "-",         [BINARY_MUL] = "*",
        [BINARY_DIV] = "/",         [BINARY_MOD] = "%",         [BINARY_POW] = "^",
        [BINARY_ATAN2] = "atan2",   [BINARY_EQL] = "==",        [BINARY_NEQ] = "!=",
        [BINARY_LSS] = "<",         [BINARY_LTE] = "<=",        [BINARY_GTR] = ">",
        [BINARY_GTE] = ">=",        [BINARY_AND] = "and",       [BINARY_OR] = "or",
        [BINARY_UNLESS] = "unless", [BINARY_TRIM_UPPER] = "</", [BINARY_TRIM_LOWER] = ">/",
    };
    return texts[op];
}

const char *duration_op_text(enum duration_op op)
{
    static const char *const texts[] = {
        [DURATION_LITERAL] = "",      [DURATION_ADD] = "+",       [DURATION_SUB] = "-",
        [DURATION_MUL] = "*",         [DURATION_DIV] = "/",       [DURATION_MOD] = "%",
        [DURATION_POW] = "^",         [DURATION_PLUS] = "+",      [DURATION_MINUS] = "-",
        [DURATION_STEP] = "step",     [DURATION_RANGE] = "range", [DURATION_MIN_OF] = "min_of",
        [DURATION_MAX_OF] = "max_of",
    };
    return texts[op];
}

const char *match_card_text(enum match_card card)
{
    static const char *const texts[] = {
        [CARD_ONE_TO_ONE] = "one-to-one",
        [CARD_MANY_TO_ONE] = "many-to-one",
        [CARD_ONE_TO_MANY] = "one-to-many",
        [CARD_MANY_TO_MANY] = "many-to-many",
    };
    return texts[card];
}

static void selector_done(struct vector_selector *selector)
{
    for (size_t i = 0; i < selector->matcher_count; i++)
        matcher_done(selector->matchers[i]);
}

void ast_done(struct node *root)
{
    if (!root)
        return;
    switch (root->kind) {
    case NODE_NUMBER:
    case NODE_STRING:
    case NODE_DURATION:
        return;
    case NODE_VECTOR_SELECTOR:
        selector_done(&root->vector_selector);
        return;
    case NODE_MATRIX_SELECTOR:
        ast_done(root->matrix_selector.selector);
        return;
    case NODE_SUBQUERY:
        ast_done(root->subquery.expr);
        return;
    case NODE_CALL:
        for (size_t i = 0; i < root->call.arg_count; i++)
            ast_done(root->call.args[i]);
        return;
    case NODE_AGGREGATE:
        ast_done(root->aggregate.param);
        ast_done(root->aggregate.expr);
        return;
    case NODE_BINARY:
        ast_done(root->binary.left);
        ast_done(root->binary.right);
        return;
    case NODE_UNARY:
        ast_done(root->unary.expr);
        return;
    case NODE_PAREN:
        ast_done(root->paren);
        return;
    }
}

struct node *ast_unparen(struct node *node)
{
    while (node->kind == NODE_PAREN)
        node = node->paren;
    return node;
}
