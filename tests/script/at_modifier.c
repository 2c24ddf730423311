#include "tests/script/at_modifier.h"

#include "parser/print.h"

struct fixing {
    int64_t at_ms;
    bool looks_at_clock;
};

static void modifiers_fix(struct modifiers *modifiers, const struct fixing *fixing)
{
    if (modifiers->at == AT_TIME)
        return;
    modifiers->at = AT_TIME;
    modifiers->at_ms = fixing->at_ms;
}

static bool function_looks_at_clock(enum function_id id)
{
    switch ((int)id) {
    case FN_day_of_month:
    case FN_day_of_week:
    case FN_day_of_year:
    case FN_days_in_month:
    case FN_end:
    case FN_hour:
    case FN_minute:
    case FN_month:
    case FN_predict_linear:
    case FN_range:
    case FN_start:
    case FN_step:
    case FN_time:
    case FN_timestamp:
    case FN_year:
        return true;
    default:
        return false;
    }
}

static void node_fix(struct node *node, struct fixing *fixing)
{
    switch (node->kind) {
    case NODE_NUMBER:
    case NODE_STRING:
    case NODE_DURATION:
        break;
    case NODE_VECTOR_SELECTOR:
        modifiers_fix(&node->vector_selector.modifiers, fixing);
        break;
    case NODE_MATRIX_SELECTOR:
        node_fix(node->matrix_selector.selector, fixing);
        break;
    case NODE_SUBQUERY:
        /* Fixed itself, it fixes all inside: there nobody looks further. */
        modifiers_fix(&node->subquery.modifiers, fixing);
        break;
    case NODE_CALL:
        if (function_looks_at_clock(node->call.function->id))
            fixing->looks_at_clock = true;
        for (size_t i = 0; i < node->call.arg_count; i++)
            node_fix(node->call.args[i], fixing);
        break;
    case NODE_AGGREGATE:
        if (node->aggregate.param)
            node_fix(node->aggregate.param, fixing);
        node_fix(node->aggregate.expr, fixing);
        break;
    case NODE_BINARY:
        node_fix(node->binary.left, fixing);
        node_fix(node->binary.right, fixing);
        break;
    case NODE_UNARY:
        node_fix(node->unary.expr, fixing);
        break;
    case NODE_PAREN:
        node_fix(node->paren, fixing);
        break;
    }
}

bool at_modifier_fix(struct str query, const struct parse_options *options, int64_t at_ms,
                     struct arena *arena, struct str *ret_query, struct err *err)
{
    struct node *root;
    if (!parse_query(query, options, arena, &root, err))
        return false;
    struct fixing fixing = {.at_ms = at_ms};
    node_fix(root, &fixing);
    *ret_query = STR("");
    if (!fixing.looks_at_clock) {
        AUTO(buf_done) struct buf text = {0};
        print_query(root, &text);
        *ret_query = arena_str(arena, buf_view(&text));
    }
    ast_done(root);
    return true;
}
