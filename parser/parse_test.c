/* What the texts of testdata/parser/ cannot show: the tree's fields, and the limits. */
#include "parser/parse.h"

#include "base/buf.h"
#include "base/test.h"

struct parsed {
    struct arena *arena;
    struct node *root;
};

static struct parsed parsed(const char *query)
{
    static const struct parse_options options = {true, true, true};
    struct parsed result = {.arena = arena_create(NULL)};
    struct err err = {0};
    ck_assert_msg(parse_query(str_of(query), &options, result.arena, &result.root, &err), "%s",
                  err.msg);
    return result;
}

static void parsed_done(struct parsed result)
{
    ast_done(result.root);
    arena_destroy(result.arena);
}

DEFINE_AUTO(struct parsed, parsed_done)

START_TEST(keeps_all_matchers_with_the_name_last)
{
    AUTO(parsed_done) struct parsed p = parsed("up{job=~\"a.*\"}");
    const struct vector_selector *selector = &p.root->vector_selector;
    ck_assert_int_eq(p.root->kind, NODE_VECTOR_SELECTOR);
    ck_assert(str_eq(selector->name, STR("up")));
    ck_assert_uint_eq(selector->matcher_count, 2);
    ck_assert_int_eq(selector->matchers[0]->kind, MATCH_REGEX);
    ck_assert(str_eq(selector->matchers[1]->name, STR("__name__")));
    ck_assert(str_eq(selector->matchers[1]->value, STR("up")));
}
END_TEST

START_TEST(a_quoted_name_is_a_matcher_only)
{
    AUTO(parsed_done) struct parsed p = parsed("{\"disk usage\"}");
    ck_assert_uint_eq(p.root->vector_selector.name.len, 0);
    ck_assert(str_eq(p.root->vector_selector.matchers[0]->value, STR("disk usage")));
}
END_TEST

START_TEST(modifiers_of_a_range_are_its_selectors)
{
    AUTO(parsed_done) struct parsed p = parsed("up[1h30m] smoothed offset -1.5 @ 12.3456");
    const struct matrix_selector *matrix = &p.root->matrix_selector;
    const struct vector_selector *selector = &matrix->selector->vector_selector;
    ck_assert_int_eq(matrix->range_ms, 5400000);
    ck_assert_ptr_null(matrix->range_expr);
    ck_assert_int_eq(selector->modifiers.offset_ms, -1500);
    ck_assert_int_eq(selector->modifiers.at, AT_TIME);
    ck_assert_int_eq(selector->modifiers.at_ms, 12346);
    ck_assert(selector->smoothed && !selector->anchored);
}
END_TEST

START_TEST(duration_expressions_stay_trees)
{
    AUTO(parsed_done) struct parsed p = parsed("up[step() * 2:(5m)] offset (1m)");
    const struct subquery *subquery = &p.root->subquery;
    ck_assert_int_eq(subquery->range_expr->duration.op, DURATION_MUL);
    ck_assert_int_eq(subquery->range_expr->duration.left->duration.op, DURATION_STEP);
    ck_assert_double_eq(subquery->range_expr->duration.right->duration.seconds, 2);
    ck_assert(subquery->step_expr->duration.wrapped);
    ck_assert_ptr_nonnull(subquery->modifiers.offset_expr);
    ck_assert_int_eq(subquery->modifiers.offset_ms, 0);
}
END_TEST

START_TEST(scalars_have_no_matching)
{
    AUTO(parsed_done) struct parsed scalar = parsed("up + 1");
    AUTO(parsed_done) struct parsed vector = parsed("up + up");
    AUTO(parsed_done) struct parsed set = parsed("up and up");
    ck_assert_ptr_null(scalar.root->binary.matching);
    ck_assert_int_eq(vector.root->binary.matching->card, CARD_ONE_TO_ONE);
    ck_assert_int_eq(set.root->binary.matching->card, CARD_MANY_TO_MANY);
}
END_TEST

START_TEST(knows_the_types)
{
    AUTO(parsed_done) struct parsed scalar = parsed("-(1 + time())");
    AUTO(parsed_done) struct parsed vector = parsed("1 + vector(2)");
    AUTO(parsed_done) struct parsed matrix = parsed("up[5m]");
    ck_assert_int_eq(scalar.root->type, TYPE_SCALAR);
    ck_assert_int_eq(vector.root->type, TYPE_VECTOR);
    ck_assert_int_eq(matrix.root->type, TYPE_MATRIX);
}
END_TEST

START_TEST(height_counts_the_levels_below)
{
    AUTO(parsed_done) struct parsed leaf = parsed("up");
    AUTO(parsed_done) struct parsed tree = parsed("sum(rate(up[5m])) + 1 + 2");
    ck_assert_uint_eq(leaf.root->height, 0);
    ck_assert_uint_eq(tree.root->height, 5);
}
END_TEST

static void refuses(struct str query, const char *message)
{
    static const struct parse_options options = {true, true, true};
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct err err = {0};
    struct node *root = NULL;
    ck_assert(!parse_query(query, &options, arena, &root, &err));
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    ck_assert_str_eq(err.msg, message);
    ck_assert_ptr_null(root);
}

START_TEST(refuses_an_empty_query)
{
    refuses(STR(""), "unknown position: parse error: no expression found in input");
    refuses(STR(" \n"), "1:1: parse error: no expression found in input");
    refuses(STR("# only a comment"), "1:1: parse error: no expression found in input");
}
END_TEST

static void repeat(struct buf *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_text(out, text);
}

START_TEST(refuses_deep_nesting)
{
    AUTO(buf_done) struct buf query = {0};
    repeat(&query, "(", 100000);
    refuses(buf_view(&query), "1:401: parse error: expression is nested more than 400 levels deep");
    buf_clear(&query);
    repeat(&query, "-", 100000);
    refuses(buf_view(&query), "1:401: parse error: expression is nested more than 400 levels deep");
    buf_clear(&query);
    buf_text(&query, "a[");
    repeat(&query, "-", 100000);
    refuses(buf_view(&query), "1:402: parse error: expression is nested more than 400 levels deep");
}
END_TEST

START_TEST(takes_long_chains_up_to_a_limit)
{
    AUTO(buf_done) struct buf query = {0};
    buf_text(&query, "a");
    repeat(&query, "+a", PARSE_HEIGHT_MAX);
    AUTO(parsed_done) struct parsed p = parsed(buf_terminated(&query));
    ck_assert_uint_eq(p.root->height, PARSE_HEIGHT_MAX);

    repeat(&query, "+a", 100000);
    refuses(buf_view(&query), "1:1: parse error: expression has more than 2000 levels");
    buf_clear(&query);
    buf_text(&query, "a");
    repeat(&query, "[1:1]", 100000);
    refuses(buf_view(&query), "1:1: parse error: expression has more than 2000 levels");
}
END_TEST

START_TEST(refuses_long_queries)
{
    AUTO(buf_done) struct buf query = {0};
    repeat(&query, " ", PARSE_LENGTH_MAX + 1);
    refuses(buf_view(&query), "query is longer than 1048576 bytes");
}
END_TEST

TEST_MAIN("parse", keeps_all_matchers_with_the_name_last, a_quoted_name_is_a_matcher_only,
          modifiers_of_a_range_are_its_selectors, duration_expressions_stay_trees,
          scalars_have_no_matching, knows_the_types, height_counts_the_levels_below,
          refuses_an_empty_query, refuses_deep_nesting, takes_long_chains_up_to_a_limit,
          refuses_long_queries)
