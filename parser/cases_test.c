/*
 * Runs the cases of testdata/parser/: a query, "=>", what is expected of it, "----". One file for
 * each thing that may be expected.
 */
#include <stdio.h>
#include <string.h>

#include "base/test.h"
#include "parser/parse.h"
#include "parser/print.h"

static const struct parse_options all_features = {true, true, true};
static const struct parse_options no_features = {false, false, false};

/* What came of a query, into `out`. */
typedef void expect_fn(struct str query, struct buf *out);

static bool take_line(struct str *text, struct str *ret_line)
{
    if (text->len == 0)
        return false;
    const char *end = memchr(text->ptr, '\n', text->len);
    ret_line->ptr = text->ptr;
    ret_line->len = end ? (size_t)(end - text->ptr) : text->len;
    size_t taken = ret_line->len + (end != NULL);
    text->ptr += taken;
    text->len -= taken;
    return true;
}

/* The lines up to one that says `mark`; without the last line's end. */
static bool take_until(struct str *text, struct str mark, struct str *ret_lines)
{
    struct str line;
    ret_lines->ptr = text->ptr;
    while (take_line(text, &line)) {
        if (!str_eq(line, mark))
            continue;
        size_t len = (size_t)(line.ptr - ret_lines->ptr);
        ret_lines->len = len ? len - 1 : 0;
        return true;
    }
    return false;
}

/* Comments and empty lines in front of a case. */
static void skip_between(struct str *text)
{
    struct str line;
    struct str rest = *text;
    while (take_line(&rest, &line) && (line.len == 0 || line.ptr[0] == '#'))
        *text = rest;
}

static void run_cases(const char *name, expect_fn *expect)
{
    AUTO(buf_done) struct buf path = {0};
    AUTO(buf_done) struct buf file = {0};
    AUTO(buf_done) struct buf got = {0};
    buf_printf(&path, "%s/%s", PARSER_CASES, name);
    FILE *in = fopen(buf_terminated(&path), "rb");
    ck_assert_msg(in != NULL, "%s", path.ptr);
    for (size_t len = 1; len > 0; file.len += len)
        len = fread(buf_reserve(&file, 4096), 1, 4096, in);
    fclose(in);

    struct str text = buf_view(&file);
    struct str query;
    struct str wanted;
    size_t count = 0;
    for (skip_between(&text); take_until(&text, STR("=>"), &query); skip_between(&text)) {
        ck_assert(take_until(&text, STR("----"), &wanted));
        buf_clear(&got);
        expect(query, &got);
        ck_assert_msg(str_eq(buf_view(&got), wanted), "%s: %.*s\nwanted: %.*s\ngot:    %.*s", name,
                      STR_ARGS(query), STR_ARGS(wanted), STR_ARGS(buf_view(&got)));
        count++;
    }
    ck_assert(count > 0);
}

typedef void print_fn(const struct node *root, struct buf *out);

static void print_with(struct str query, const struct parse_options *options, print_fn *print,
                       struct buf *out)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct err err = {0};
    struct node *root = NULL;
    if (!parse_query(query, options, arena, &root, &err)) {
        buf_text(out, err.msg);
        return;
    }
    print(root, out);
    ast_done(root);
}

static void span_kind(const struct node *node, struct buf *out)
{
    static const char *const names[] = {
        [NODE_NUMBER] = "num",    [NODE_STRING] = "str",   [NODE_VECTOR_SELECTOR] = "vec",
        [NODE_SUBQUERY] = "sub",  [NODE_CALL] = "call",    [NODE_MATRIX_SELECTOR] = "mat",
        [NODE_AGGREGATE] = "agg", [NODE_BINARY] = "bin",   [NODE_UNARY] = "un",
        [NODE_PAREN] = "par",     [NODE_DURATION] = "dur",
    };
    bool literal = node->kind == NODE_DURATION && node->duration.op == DURATION_LITERAL;
    if (out->len)
        buf_byte(out, ' ');
    buf_printf(out, "%s:%zu-%zu", literal ? "num" : names[node->kind], node->span.begin,
               node->span.end);
}

static void print_spans(const struct node *node, struct buf *out)
{
    if (!node)
        return;
    span_kind(node, out);
    switch (node->kind) {
    case NODE_NUMBER:
    case NODE_STRING:
        return;
    case NODE_VECTOR_SELECTOR:
        print_spans(node->vector_selector.modifiers.offset_expr, out);
        return;
    case NODE_MATRIX_SELECTOR:
        print_spans(node->matrix_selector.selector, out);
        print_spans(node->matrix_selector.range_expr, out);
        return;
    case NODE_SUBQUERY:
        print_spans(node->subquery.expr, out);
        print_spans(node->subquery.range_expr, out);
        print_spans(node->subquery.step_expr, out);
        print_spans(node->subquery.modifiers.offset_expr, out);
        return;
    case NODE_CALL:
        for (size_t i = 0; i < node->call.arg_count; i++)
            print_spans(node->call.args[i], out);
        return;
    case NODE_AGGREGATE:
        print_spans(node->aggregate.expr, out);
        print_spans(node->aggregate.param, out);
        return;
    case NODE_BINARY:
        print_spans(node->binary.left, out);
        print_spans(node->binary.right, out);
        return;
    case NODE_UNARY:
        print_spans(node->unary.expr, out);
        return;
    case NODE_PAREN:
        print_spans(node->paren, out);
        return;
    case NODE_DURATION:
        print_spans(node->duration.left, out);
        print_spans(node->duration.right, out);
        return;
    }
}

static void expect_print(struct str query, struct buf *out)
{
    print_with(query, &all_features, print_query, out);
}

static void expect_pretty(struct str query, struct buf *out)
{
    print_with(query, &all_features, print_pretty, out);
}

static void expect_json(struct str query, struct buf *out)
{
    print_with(query, &all_features, print_json, out);
}

static void expect_spans(struct str query, struct buf *out)
{
    print_with(query, &all_features, print_spans, out);
}

static void expect_error_without_features(struct str query, struct buf *out)
{
    print_with(query, &no_features, print_query, out);
}

static void expect_selector(struct str query, struct buf *out)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct err err = {0};
    struct matcher **matchers = NULL;
    size_t count = 0;
    if (!parse_selector(query, arena, &matchers, &count, &err)) {
        buf_text(out, err.msg);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_byte(out, ' ');
        print_matcher(matchers[i], out);
        matcher_done(matchers[i]);
    }
}

START_TEST(prints_on_one_line)
{
    run_cases("print.txt", expect_print);
}
END_TEST

START_TEST(prints_over_lines)
{
    run_cases("pretty.txt", expect_pretty);
}
END_TEST

START_TEST(prints_json)
{
    run_cases("json.txt", expect_json);
}
END_TEST

START_TEST(knows_where_each_node_stands)
{
    run_cases("spans.txt", expect_spans);
}
END_TEST

START_TEST(refuses_as_prometheus)
{
    run_cases("errors.txt", expect_print);
}
END_TEST

START_TEST(refuses_what_is_not_enabled)
{
    run_cases("errors_features_off.txt", expect_error_without_features);
}
END_TEST

START_TEST(reads_selectors)
{
    run_cases("selectors.txt", expect_selector);
}
END_TEST

TEST_MAIN("parser_cases", prints_on_one_line, prints_over_lines, prints_json,
          knows_where_each_node_stands, refuses_as_prometheus, refuses_what_is_not_enabled,
          reads_selectors)
