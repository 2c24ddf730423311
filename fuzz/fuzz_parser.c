/*
 * Any bytes as a query: no crash, and what is printed is a query again that prints the same, on one
 * line and over several. The first byte says which features are on.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "parser/parse.h"
#include "parser/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * A few texts of Prometheus's do not read back, and ours are the same: "+Inf" as a base ("+Inf ^ 2"
 * is a sign in front of a power), and durations that are printed coarser than they were written.
 */
static bool number_reads_back(double value, bool duration_literal)
{
    if (duration_literal) {
        double ns = fabs(value) * 1e9; /* printed as whole milliseconds, cut off as integers are */
        return ns < 0x1p63 && (double)((int64_t)ns / 1000000) == round(fabs(value) * 1e3);
    }
    return !isinf(value);
}

static bool duration_reads_back(const struct node *node)
{
    if (!node)
        return true;
    const struct duration_node *duration = &node->duration;
    return number_reads_back(duration->seconds, duration->duration_literal) &&
           duration_reads_back(duration->left) && duration_reads_back(duration->right);
}

/* What stands at the left edge, if no parenthesis is opened before it. */
static const struct node *duration_first(const struct node *expr)
{
    while (!expr->duration.wrapped && expr->duration.left && expr->duration.op != DURATION_MIN_OF &&
           expr->duration.op != DURATION_MAX_OF)
        expr = expr->duration.left;
    return expr;
}

/*
 * Behind offset only what begins with a parenthesis or two signs is read as a sum; signs that were
 * folded away in front of one are missed.
 */
static bool offset_reads_back(const struct node *expr)
{
    if (!expr)
        return true;
    const struct node *first = duration_first(expr);
    bool two_signs = first->duration.op == DURATION_MINUS &&
                     first->duration.right->duration.op == DURATION_MINUS;
    return (first == expr || first->duration.wrapped || two_signs) && duration_reads_back(expr);
}

static bool modifiers_read_back(const struct modifiers *modifiers)
{
    bool fine = modifiers->offset_ns == modifiers->offset_ms * 1000000;
    /* Beyond 2^53 the three decimals of @ are not exact. */
    return fine && modifiers->at_ms < INT64_C(1) << 53 && modifiers->at_ms > -(INT64_C(1) << 53) &&
           offset_reads_back(modifiers->offset_expr);
}

/*
 * Does it end in an offset that would go on if an operator followed? "offset +(5m)" does not, but
 * is printed without its sign.
 */
static bool ends_in_open_offset(const struct node *node)
{
    while (node->kind == NODE_BINARY || node->kind == NODE_UNARY)
        node = node->kind == NODE_BINARY ? node->binary.right : node->unary.expr;
    const struct node *offset = NULL;
    if (node->kind == NODE_VECTOR_SELECTOR)
        offset = node->vector_selector.modifiers.offset_expr;
    else if (node->kind == NODE_MATRIX_SELECTOR)
        offset = node->matrix_selector.selector->vector_selector.modifiers.offset_expr;
    else if (node->kind == NODE_SUBQUERY)
        offset = node->subquery.modifiers.offset_expr;
    return offset && duration_first(offset)->duration.wrapped;
}

static bool reads_back(const struct node *node)
{
    switch (node->kind) {
    case NODE_NUMBER:
        return number_reads_back(node->number.value, node->number.duration_literal);
    case NODE_STRING:
    case NODE_DURATION:
        return true;
    case NODE_VECTOR_SELECTOR:
        /* The second argument of info() may be empty, and is printed as nothing at all. */
        return node->vector_selector.matcher_count > 0 &&
               modifiers_read_back(&node->vector_selector.modifiers);
    case NODE_MATRIX_SELECTOR:
        return (node->matrix_selector.range_ms || node->matrix_selector.range_expr) &&
               duration_reads_back(node->matrix_selector.range_expr) &&
               reads_back(node->matrix_selector.selector);
    case NODE_SUBQUERY:
        return (node->subquery.range_ms || node->subquery.range_expr) &&
               duration_reads_back(node->subquery.range_expr) &&
               duration_reads_back(node->subquery.step_expr) &&
               modifiers_read_back(&node->subquery.modifiers) && reads_back(node->subquery.expr);
    case NODE_CALL:
        for (size_t i = 0; i < node->call.arg_count; i++)
            if (!reads_back(node->call.args[i]))
                return false;
        return true;
    case NODE_AGGREGATE:
        return (!node->aggregate.param || reads_back(node->aggregate.param)) &&
               reads_back(node->aggregate.expr);
    case NODE_BINARY:
        return !ends_in_open_offset(node->binary.left) && reads_back(node->binary.left) &&
               reads_back(node->binary.right);
    case NODE_UNARY:
        return reads_back(node->unary.expr);
    case NODE_PAREN:
        return reads_back(node->paren);
    }
    return false;
}

static void give_up(const char *why, struct str query, const char *more)
{
    fprintf(stderr, "%s: %.*s\n%s\n", why, STR_ARGS(query), more);
    abort();
}

/* Both prints of a query must parse, and print on one line as `wanted`. */
static void read_back(struct str query, const struct parse_options *options, struct str wanted)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(buf_done) struct buf again = {0};
    struct node *root = NULL;
    static struct err err;
    if (!parse_query(query, options, arena, &root, &err))
        give_up("does not parse again", query, err.msg);
    print_query(root, &again);
    ast_done(root);
    if (!str_eq(buf_view(&again), wanted))
        give_up("prints differently", wanted, buf_terminated(&again));
}

static void try_selector(struct str text)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct matcher **matchers = NULL;
    size_t count = 0;
    static struct err err;
    if (!parse_selector(text, arena, &matchers, &count, &err))
        return;
    for (size_t i = 0; i < count; i++)
        matcher_done(matchers[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct parse_options options = {data[0] & 1, data[0] & 2, data[0] & 4};
    struct str query = {(const char *)data + 1, size - 1};
    try_selector(query);

    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(buf_done) struct buf line = {0};
    AUTO(buf_done) struct buf pretty = {0};
    AUTO(buf_done) struct buf json = {0};
    static struct err err;
    struct node *root = NULL;
    if (!parse_query(query, &options, arena, &root, &err)) {
        if (err.kind != ERR_BAD_DATA)
            give_up("wrong kind of error", query, err.msg);
        return 0;
    }
    print_query(root, &line);
    print_pretty(root, &pretty);
    print_json(root, &json);
    bool stable = reads_back(root);
    ast_done(root);
    if (stable) {
        read_back(buf_view(&line), &options, buf_view(&line));
        read_back(buf_view(&pretty), &options, buf_view(&line));
    }
    return 0;
}
