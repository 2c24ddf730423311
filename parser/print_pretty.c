/*
 * What fits on a line stays on one; the rest is opened at its parentheses or around its operator,
 * each level two spaces further in. A node begins its own line, and so indents itself.
 */
#include <string.h>

#include "parser/print_parts.h"

#define LINE_MAX_BYTES 100

static void pretty_node(const struct node *node, size_t level, struct buf *out);

static void indent(size_t level, struct buf *out)
{
    for (size_t i = 0; i < level; i++)
        buf_text(out, "  ");
}

/* The end of what was opened with "(\n". */
static void pretty_close(size_t level, struct buf *out)
{
    buf_byte(out, '\n');
    indent(level, out);
    buf_byte(out, ')');
}

static void pretty_aggregate(const struct aggregate *aggregate, size_t level, struct buf *out)
{
    indent(level, out);
    print_aggregate_head(aggregate, out);
    buf_text(out, "(\n");
    if (aggregate->param) {
        pretty_node(aggregate->param, level + 1, out);
        buf_text(out, ",\n");
    }
    pretty_node(aggregate->expr, level + 1, out);
    pretty_close(level, out);
}

static void pretty_call(const struct call *call, size_t level, struct buf *out)
{
    indent(level, out);
    buf_text(out, call->function->name);
    buf_text(out, "(\n");
    for (size_t i = 0; i < call->arg_count; i++) {
        if (i > 0)
            buf_text(out, ",\n");
        pretty_node(call->args[i], level + 1, out);
    }
    pretty_close(level, out);
}

static void pretty_binary(const struct binary *binary, size_t level, struct buf *out)
{
    pretty_node(binary->left, level + 1, out);
    buf_byte(out, '\n');
    indent(level, out);
    print_operator(binary, out);
    buf_byte(out, '\n');
    pretty_node(binary->right, level + 1, out);
}

/* The sign comes between the operand and its indentation. */
static void pretty_unary(const struct unary *unary, size_t level, struct buf *out)
{
    indent(level, out);
    buf_byte(out, unary->minus ? '-' : '+');
    size_t begin = out->len;
    pretty_node(unary->expr, level, out);
    size_t spaces = 0;
    while (begin + spaces < out->len && out->ptr[begin + spaces] == ' ')
        spaces++;
    out->len -= spaces;
    memmove(out->ptr + begin, out->ptr + begin + spaces, out->len - begin);
}

static void pretty_line(const struct node *node, size_t level, struct buf *out)
{
    indent(level, out);
    print_query(node, out);
}

static void pretty_long(const struct node *node, size_t level, struct buf *out)
{
    switch (node->kind) {
    case NODE_NUMBER:
    case NODE_STRING:
    case NODE_VECTOR_SELECTOR:
    case NODE_MATRIX_SELECTOR:
    case NODE_DURATION:
        pretty_line(node, level, out);
        return;
    case NODE_SUBQUERY:
        pretty_node(node->subquery.expr, level, out);
        print_subquery_suffix(&node->subquery, out);
        return;
    case NODE_CALL:
        pretty_call(&node->call, level, out);
        return;
    case NODE_AGGREGATE:
        pretty_aggregate(&node->aggregate, level, out);
        return;
    case NODE_BINARY:
        pretty_binary(&node->binary, level, out);
        return;
    case NODE_UNARY:
        pretty_unary(&node->unary, level, out);
        return;
    case NODE_PAREN:
        indent(level, out);
        buf_text(out, "(\n");
        pretty_node(node->paren, level + 1, out);
        pretty_close(level, out);
        return;
    }
}

static void pretty_node(const struct node *node, size_t level, struct buf *out)
{
    if (print_exceeds(node, LINE_MAX_BYTES))
        pretty_long(node, level, out);
    else if (node->kind == NODE_SUBQUERY)
        print_query(node, out); /* Prometheus forgets to indent it */
    else
        pretty_line(node, level, out);
}

void print_pretty(const struct node *root, struct buf *out)
{
    pretty_node(root, 0, out);
}
