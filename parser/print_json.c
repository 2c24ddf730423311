/*
 * The tree as Prometheus's web interface draws it. Keys are in the order of the alphabet, as Go
 * prints maps; so each function writes the whole of one kind of object.
 */
#include <math.h>

#include "base/float_text.h"
#include "base/quote.h"
#include "parser/print.h"

static void json_node(const struct node *node, struct buf *out);

/* `begin` is '{' in front of an object's first member, else ','. */
static void json_key(char begin, const char *key, struct buf *out)
{
    buf_printf(out, "%c\"%s\":", begin, key);
}

static void json_str(struct str s, struct buf *out)
{
    buf_byte(out, '"');
    json_escape_html(out, s);
    buf_byte(out, '"');
}

static void json_bool(char begin, const char *key, bool value, struct buf *out)
{
    json_key(begin, key, out);
    buf_text(out, value ? "true" : "false");
}

static void json_int(char begin, const char *key, int64_t value, struct buf *out)
{
    json_key(begin, key, out);
    buf_printf(out, "%lld", (long long)value);
}

static void json_text(char begin, const char *key, struct str text, struct buf *out)
{
    json_key(begin, key, out);
    json_str(text, out);
}

/* The last member of most objects. */
static void json_type(char begin, const char *type, struct buf *out)
{
    json_text(begin, "type", str_of(type), out);
    buf_byte(out, '}');
}

static void json_child(char begin, const char *key, const struct node *child, struct buf *out)
{
    json_key(begin, key, out);
    if (child)
        json_node(child, out);
    else
        buf_text(out, "null");
}

static void json_labels(char begin, const char *key, const struct str *labels, size_t count,
                        struct buf *out)
{
    json_key(begin, key, out);
    buf_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_byte(out, ',');
        json_str(labels[i], out);
    }
    buf_byte(out, ']');
}

static void json_number_text(char begin, double value, struct buf *out)
{
    char text[FLOAT_TEXT_SIZE];
    json_text(begin, "val", (struct str){text, float_text_f(text, value)}, out);
}

/* What JSON has no number for, Prometheus cannot answer at all; here it is null. */
static void json_fill(char begin, const char *key, bool has, double value, struct buf *out)
{
    json_key(begin, key, out);
    if (has && isfinite(value))
        out->len += float_text_gojson(buf_reserve(out, FLOAT_TEXT_SIZE), value);
    else
        buf_text(out, "null");
}

static void json_matching(const struct vector_matching *matching, struct buf *out)
{
    if (!matching) {
        buf_text(out, "null");
        return;
    }
    json_text('{', "card", str_of(match_card_text(matching->card)), out);
    json_key(',', "fillValues", out);
    json_fill('{', "lhs", matching->fill.has_left, matching->fill.left, out);
    json_fill(',', "rhs", matching->fill.has_right, matching->fill.right, out);
    buf_byte(out, '}');
    json_labels(',', "include", matching->include, matching->include_count, out);
    json_labels(',', "labels", matching->labels, matching->label_count, out);
    json_bool(',', "on", matching->on, out);
    buf_byte(out, '}');
}

static void json_binary(const struct binary *binary, struct buf *out)
{
    json_bool('{', "bool", binary->return_bool, out);
    json_child(',', "lhs", binary->left, out);
    json_key(',', "matching", out);
    json_matching(binary->matching, out);
    json_text(',', "op", str_of(binary_op_text(binary->op)), out);
    json_child(',', "rhs", binary->right, out);
    json_type(',', "binaryExpr", out);
}

static void json_aggregate(const struct aggregate *aggregate, struct buf *out)
{
    json_child('{', "expr", aggregate->expr, out);
    json_labels(',', "grouping", aggregate->grouping, aggregate->grouping_count, out);
    json_text(',', "op", str_of(aggregate_get(aggregate->op)->name), out);
    json_child(',', "param", aggregate->param, out);
    json_text(',', "type", STR("aggregation"), out);
    json_bool(',', "without", aggregate->without, out);
    buf_byte(out, '}');
}

static const char *param_name(char letter)
{
    switch (letter) {
    case 'v':
        return value_type_name(TYPE_VECTOR);
    case 'm':
        return value_type_name(TYPE_MATRIX);
    case 't':
        return value_type_name(TYPE_STRING);
    default:
        return value_type_name(TYPE_SCALAR);
    }
}

static void json_function(const struct function *function, struct buf *out)
{
    struct function_params params = function_params(function);
    json_key('{', "argTypes", out);
    buf_byte(out, '[');
    for (size_t i = 0; i < params.count; i++)
        buf_printf(out, "%s\"%s\"", i ? "," : "", param_name(function->params[i]));
    buf_byte(out, ']');
    json_text(',', "name", str_of(function->name), out);
    json_text(',', "returnType", str_of(param_name(function->result)), out);
    json_int(',', "variadic", params.variadic, out);
    buf_byte(out, '}');
}

static void json_call(const struct call *call, struct buf *out)
{
    json_key('{', "args", out);
    buf_byte(out, '[');
    for (size_t i = 0; i < call->arg_count; i++) {
        if (i > 0)
            buf_byte(out, ',');
        json_node(call->args[i], out);
    }
    buf_byte(out, ']');
    json_key(',', "func", out);
    json_function(call->function, out);
    json_type(',', "call", out);
}

static void json_matchers(const struct vector_selector *selector, struct buf *out)
{
    json_key(',', "matchers", out);
    buf_byte(out, '[');
    for (size_t i = 0; i < selector->matcher_count; i++) {
        const struct matcher *matcher = selector->matchers[i];
        if (i > 0)
            buf_byte(out, ',');
        json_text('{', "name", matcher->name, out);
        json_text(',', "type", str_of(match_kind_text(matcher->kind)), out);
        json_text(',', "value", matcher->value, out);
        buf_byte(out, '}');
    }
    buf_byte(out, ']');
}

static void json_offset(const struct modifiers *modifiers, struct buf *out)
{
    json_int(',', "offset", modifiers->offset_ms, out);
    json_child(',', "offsetExpr", modifiers->offset_expr, out);
}

static void json_start_or_end(const struct modifiers *modifiers, struct buf *out)
{
    static const char *const texts[] = {
        [AT_NONE] = "null",
        [AT_TIME] = "null",
        [AT_START] = "\"start\"",
        [AT_END] = "\"end\"",
    };
    json_key(',', "startOrEnd", out);
    buf_text(out, texts[modifiers->at]);
}

static void json_timestamp(const struct modifiers *modifiers, struct buf *out)
{
    if (modifiers->at == AT_TIME)
        json_int(',', "timestamp", modifiers->at_ms, out);
    else
        json_child(',', "timestamp", NULL, out);
}

/* `matrix` is NULL where there is no range. */
static void json_selector(const struct vector_selector *selector,
                          const struct matrix_selector *matrix, struct buf *out)
{
    json_bool('{', "anchored", selector->anchored, out);
    json_matchers(selector, out);
    json_text(',', "name", selector->name, out);
    json_offset(&selector->modifiers, out);
    if (matrix) {
        json_int(',', "range", matrix->range_ms, out);
        json_child(',', "rangeExpr", matrix->range_expr, out);
    }
    json_bool(',', "smoothed", selector->smoothed, out);
    json_start_or_end(&selector->modifiers, out);
    json_timestamp(&selector->modifiers, out);
    json_type(',', matrix ? "matrixSelector" : "vectorSelector", out);
}

static void json_subquery(const struct subquery *subquery, struct buf *out)
{
    json_child('{', "expr", subquery->expr, out);
    json_offset(&subquery->modifiers, out);
    json_int(',', "range", subquery->range_ms, out);
    json_child(',', "rangeExpr", subquery->range_expr, out);
    json_start_or_end(&subquery->modifiers, out);
    json_int(',', "step", subquery->step_ms, out);
    json_child(',', "stepExpr", subquery->step_expr, out);
    json_timestamp(&subquery->modifiers, out);
    json_type(',', "subquery", out);
}

static void json_duration(const struct duration_node *duration, struct buf *out)
{
    if (duration->op == DURATION_LITERAL) {
        json_bool('{', "duration", duration->duration_literal, out);
        json_text(',', "type", STR("numberLiteral"), out);
        json_number_text(',', duration->seconds, out);
        buf_byte(out, '}');
        return;
    }
    json_child('{', "lhs", duration->left, out);
    json_text(',', "op", str_of(duration_op_text(duration->op)), out);
    json_child(',', "rhs", duration->right, out);
    json_text(',', "type", STR("durationExpr"), out);
    json_bool(',', "wrapped", duration->wrapped, out);
    buf_byte(out, '}');
}

static void json_node(const struct node *node, struct buf *out)
{
    switch (node->kind) {
    case NODE_NUMBER:
        json_text('{', "type", STR("numberLiteral"), out);
        json_number_text(',', node->number.value, out);
        buf_byte(out, '}');
        return;
    case NODE_STRING:
        json_text('{', "type", STR("stringLiteral"), out);
        json_text(',', "val", node->string, out);
        buf_byte(out, '}');
        return;
    case NODE_VECTOR_SELECTOR:
        json_selector(&node->vector_selector, NULL, out);
        return;
    case NODE_MATRIX_SELECTOR:
        json_selector(&node->matrix_selector.selector->vector_selector, &node->matrix_selector,
                      out);
        return;
    case NODE_SUBQUERY:
        json_subquery(&node->subquery, out);
        return;
    case NODE_CALL:
        json_call(&node->call, out);
        return;
    case NODE_AGGREGATE:
        json_aggregate(&node->aggregate, out);
        return;
    case NODE_BINARY:
        json_binary(&node->binary, out);
        return;
    case NODE_UNARY:
        json_child('{', "expr", node->unary.expr, out);
        json_text(',', "op", node->unary.minus ? STR("-") : STR("+"), out);
        json_type(',', "unaryExpr", out);
        return;
    case NODE_PAREN:
        json_child('{', "expr", node->paren, out);
        json_type(',', "parenExpr", out);
        return;
    case NODE_DURATION:
        json_duration(&node->duration, out);
        return;
    }
}

void print_json(const struct node *root, struct buf *out)
{
    json_node(root, out);
}
