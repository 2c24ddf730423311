#include "parser/print.h"

#include <stdlib.h>

#include "base/float_text.h"
#include "base/mem.h"
#include "base/quote.h"
#include "model/duration.h"
#include "model/labels.h"
#include "parser/literal.h"
#include "parser/print_parts.h"

/* Whoever only asks for the length stops soon behind the limit. */
struct printer {
    struct buf *out;
    size_t limit;
};

static void print_node(const struct node *node, const struct printer *printer);

static void print_number(double value, bool duration_literal, struct buf *out)
{
    if (!duration_literal) {
        out->len += float_text_f(buf_reserve(out, FLOAT_TEXT_SIZE), value);
        return;
    }
    if (value < 0)
        buf_byte(out, '-');
    double positive = value < 0 ? -value : value;
    duration_print(int64_of(positive * 1e9) / 1000000, out);
}

static void print_labels(const struct str *labels, size_t count, struct buf *out)
{
    buf_byte(out, '(');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_text(out, ", ");
        if (label_name_is_plain(labels[i]))
            buf_str(out, labels[i]);
        else
            quote_append(out, labels[i]);
    }
    buf_byte(out, ')');
}

void print_aggregate_head(const struct aggregate *aggregate, struct buf *out)
{
    buf_text(out, aggregate_get(aggregate->op)->name);
    if (!aggregate->without && aggregate->grouping_count == 0)
        return;
    buf_text(out, aggregate->without ? " without " : " by ");
    print_labels(aggregate->grouping, aggregate->grouping_count, out);
    buf_byte(out, ' ');
}

static void print_fill(const char *word, double value, struct buf *out)
{
    buf_printf(out, " %s (", word);
    out->len += float_text_g(buf_reserve(out, FLOAT_TEXT_SIZE), value);
    buf_byte(out, ')');
}

static void print_fills(const struct fill_values *fill, struct buf *out)
{
    if (fill->has_left && fill->has_right && fill->left == fill->right) {
        print_fill("fill", fill->left, out);
        return;
    }
    if (fill->has_left)
        print_fill("fill_left", fill->left, out);
    if (fill->has_right)
        print_fill("fill_right", fill->right, out);
}

void print_operator(const struct binary *binary, struct buf *out)
{
    const struct vector_matching *matching = binary->matching;
    buf_text(out, binary_op_text(binary->op));
    if (binary->return_bool)
        buf_text(out, " bool");
    if (!matching)
        return;
    bool group = matching->card == CARD_MANY_TO_ONE || matching->card == CARD_ONE_TO_MANY;
    if (matching->label_count || matching->on || group) {
        buf_text(out, matching->on ? " on " : " ignoring ");
        print_labels(matching->labels, matching->label_count, out);
    }
    if (group) {
        buf_text(out, matching->card == CARD_MANY_TO_ONE ? " group_left " : " group_right ");
        print_labels(matching->include, matching->include_count, out);
    }
    print_fills(&matching->fill, out);
}

static void print_duration(const struct node *node, struct buf *out)
{
    const struct duration_node *duration = &node->duration;
    if (duration->wrapped)
        buf_byte(out, '(');
    switch (duration->op) {
    case DURATION_LITERAL:
        print_number(duration->seconds, duration->duration_literal, out);
        break;
    case DURATION_STEP:
    case DURATION_RANGE:
        buf_printf(out, "%s()", duration_op_text(duration->op));
        break;
    case DURATION_MIN_OF:
    case DURATION_MAX_OF:
        buf_printf(out, "%s(", duration_op_text(duration->op));
        print_duration(duration->left, out);
        buf_text(out, ", ");
        print_duration(duration->right, out);
        buf_byte(out, ')');
        break;
    case DURATION_MINUS:
        buf_byte(out, '-');
        print_duration(duration->right, out);
        break;
    case DURATION_PLUS: /* never printed: it may only stand for parentheses */
        print_duration(duration->right, out);
        break;
    case DURATION_ADD:
    case DURATION_SUB:
    case DURATION_MUL:
    case DURATION_DIV:
    case DURATION_MOD:
    case DURATION_POW:
        print_duration(duration->left, out);
        buf_printf(out, " %s ", duration_op_text(duration->op));
        print_duration(duration->right, out);
        break;
    }
    if (duration->wrapped)
        buf_byte(out, ')');
}

static void print_ms_or_expr(int64_t ms, const struct node *expr, struct buf *out)
{
    if (expr)
        print_duration(expr, out);
    else
        duration_print(ms, out);
}

static void print_at(const struct modifiers *modifiers, struct buf *out)
{
    switch (modifiers->at) {
    case AT_NONE:
        return;
    case AT_START:
        buf_text(out, " @ start()");
        return;
    case AT_END:
        buf_text(out, " @ end()");
        return;
    case AT_TIME:
        buf_text(out, " @ ");
        out->len +=
            float_text_fixed(buf_reserve(out, FLOAT_TEXT_SIZE), (double)modifiers->at_ms / 1000, 3);
        return;
    }
}

static void print_offset(const struct modifiers *modifiers, struct buf *out)
{
    if (!modifiers->offset_expr && modifiers->offset_ns == 0)
        return;
    buf_text(out, " offset ");
    if (!modifiers->offset_expr && modifiers->offset_ms == 0 && modifiers->offset_ns < 0)
        buf_byte(out, '-');
    print_ms_or_expr(modifiers->offset_ms, modifiers->offset_expr, out);
}

void print_matcher(const struct matcher *matcher, struct buf *out)
{
    if (label_name_is_plain(matcher->name))
        buf_str(out, matcher->name);
    else
        quote_append(out, matcher->name);
    buf_text(out, match_kind_text(matcher->kind));
    quote_append(out, matcher->value);
}

static int str_order(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* The name stands in front of the braces already. */
static bool matcher_is_implied(const struct vector_selector *selector,
                               const struct matcher *matcher)
{
    return matcher->kind == MATCH_EQUAL && matcher->value.len &&
           str_eq(matcher->name, STR("__name__")) && str_eq(matcher->value, selector->name);
}

/* Sorted as texts. */
static void print_matchers(const struct vector_selector *selector, struct buf *out)
{
    size_t count = selector->matcher_count;
    AUTO(buf_done) struct buf all = {0};
    AUTO(free) void *room = mem_new_array(struct str, count + 1);
    struct str *texts = room;
    size_t printed = 0;
    for (size_t i = 0; i < count; i++) {
        if (matcher_is_implied(selector, selector->matchers[i]))
            continue;
        size_t begin = all.len;
        print_matcher(selector->matchers[i], &all);
        texts[printed++].len = all.len - begin;
    }
    if (printed == 0)
        return;
    const char *text = all.ptr;
    for (size_t i = 0; i < printed; i++) {
        texts[i].ptr = text;
        text += texts[i].len;
    }
    qsort(texts, printed, sizeof *texts, str_order);
    for (size_t i = 0; i < printed; i++) {
        buf_byte(out, i ? ',' : '{');
        buf_str(out, texts[i]);
    }
    buf_byte(out, '}');
}

/* The modifiers of a range selector stand behind its range, and in another order. */
static void print_selector(const struct vector_selector *selector, bool modifiers, struct buf *out)
{
    buf_str(out, selector->name);
    print_matchers(selector, out);
    if (!modifiers)
        return;
    print_at(&selector->modifiers, out);
    if (selector->anchored || selector->smoothed)
        buf_text(out, selector->anchored ? " anchored" : " smoothed");
    print_offset(&selector->modifiers, out);
}

static void print_matrix(const struct matrix_selector *matrix, struct buf *out)
{
    const struct vector_selector *selector = &matrix->selector->vector_selector;
    print_selector(selector, false, out);
    buf_byte(out, '[');
    print_ms_or_expr(matrix->range_ms, matrix->range_expr, out);
    buf_byte(out, ']');
    if (selector->anchored || selector->smoothed)
        buf_text(out, selector->anchored ? " anchored" : " smoothed");
    print_at(&selector->modifiers, out);
    print_offset(&selector->modifiers, out);
}

void print_subquery_suffix(const struct subquery *subquery, struct buf *out)
{
    buf_byte(out, '[');
    print_ms_or_expr(subquery->range_ms, subquery->range_expr, out);
    buf_byte(out, ':');
    if (subquery->step_ms || subquery->step_expr)
        print_ms_or_expr(subquery->step_ms, subquery->step_expr, out);
    buf_byte(out, ']');
    print_at(&subquery->modifiers, out);
    print_offset(&subquery->modifiers, out);
}

static void print_call(const struct call *call, const struct printer *printer)
{
    buf_text(printer->out, call->function->name);
    buf_byte(printer->out, '(');
    for (size_t i = 0; i < call->arg_count; i++) {
        if (i > 0)
            buf_text(printer->out, ", ");
        print_node(call->args[i], printer);
    }
    buf_byte(printer->out, ')');
}

static void print_aggregate(const struct aggregate *aggregate, const struct printer *printer)
{
    print_aggregate_head(aggregate, printer->out);
    buf_byte(printer->out, '(');
    if (aggregate->param) {
        print_node(aggregate->param, printer);
        buf_text(printer->out, ", ");
    }
    print_node(aggregate->expr, printer);
    buf_byte(printer->out, ')');
}

static void print_binary(const struct binary *binary, const struct printer *printer)
{
    print_node(binary->left, printer);
    buf_byte(printer->out, ' ');
    print_operator(binary, printer->out);
    buf_byte(printer->out, ' ');
    print_node(binary->right, printer);
}

static void print_node(const struct node *node, const struct printer *printer)
{
    struct buf *out = printer->out;
    if (out->len > printer->limit)
        return;
    switch (node->kind) {
    case NODE_NUMBER:
        print_number(node->number.value, node->number.duration_literal, out);
        return;
    case NODE_STRING:
        quote_append(out, node->string);
        return;
    case NODE_VECTOR_SELECTOR:
        print_selector(&node->vector_selector, true, out);
        return;
    case NODE_MATRIX_SELECTOR:
        print_matrix(&node->matrix_selector, out);
        return;
    case NODE_SUBQUERY:
        print_node(node->subquery.expr, printer);
        print_subquery_suffix(&node->subquery, out);
        return;
    case NODE_CALL:
        print_call(&node->call, printer);
        return;
    case NODE_AGGREGATE:
        print_aggregate(&node->aggregate, printer);
        return;
    case NODE_BINARY:
        print_binary(&node->binary, printer);
        return;
    case NODE_UNARY:
        buf_byte(out, node->unary.minus ? '-' : '+');
        print_node(node->unary.expr, printer);
        return;
    case NODE_PAREN:
        buf_byte(out, '(');
        print_node(node->paren, printer);
        buf_byte(out, ')');
        return;
    case NODE_DURATION:
        print_duration(node, out);
        return;
    }
}

void print_query(const struct node *root, struct buf *out)
{
    print_node(root, &(struct printer){out, SIZE_MAX});
}

bool print_exceeds(const struct node *node, size_t limit)
{
    AUTO(buf_done) struct buf text = {0};
    print_node(node, &(struct printer){&text, limit});
    return text.len > limit;
}
