#include "engine/plan/plan.h"

#include "base/test.h"
#include "parser/parse.h"

/* The plan of an expression as EXPLAIN prints it, on an hour by the minute, or on one step. */
static void plans(const char *expr, int64_t step_ms, const char *want)
{
    struct err err = {0};
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    const struct parse_options options = {.extended_selectors = true};
    struct node *root = NULL;
    ck_assert_msg(parse_query(str_of(expr), &options, arena, &root, &err), "%s", err.msg);
    const struct plan_request request = {
        .root = root,
        .start_ms = 3600000,
        .end_ms = step_ms ? 7200000 : 3600000,
        .step_ms = step_ms,
        .lookback_ms = 300000,
        .subquery_step_ms = 60000,
    };
    struct plan *plan = NULL;
    AUTO(buf_done) struct buf buf = {0};
    if (plan_build(&request, arena, &plan, &err))
        plan_print(plan, &buf);
    else
        buf_text(&buf, err.msg);
    ast_done(root);
    ck_assert_msg(strcmp(buf_terminated(&buf), want) == 0, "%s\n--- got\n%s--- want\n%s", expr,
                  buf.ptr, want);
}

#define RANGE 60000
#define INSTANT 0

START_TEST(names_are_dropped_and_doubles_found)
{
    plans("sum by (job) (rate(x[5m]))", RANGE,
          "aggregate sum by (\"job\")\n"
          "  refuse equal labels\n"
          "    window rate x[5m]\n");
    plans("abs(x)", RANGE,
          "merge equal labels\n"
          "  map abs\n"
          "    select x\n");
    plans("abs(sum(x))", RANGE,
          "map abs\n"
          "  aggregate sum\n"
          "    select x\n");
    plans("x > 5", RANGE,
          "arithmetic >\n"
          "  select x\n"
          "  number 5\n");
}
END_TEST

START_TEST(what_does_not_depend_on_the_step_is_done_once)
{
    plans("x - sum(x @ 10)", RANGE,
          "merge equal labels\n"
          "  join - ignoring ()\n"
          "    select x\n"
          "    repeat for every step\n"
          "      aggregate sum\n"
          "        select x @ 10.000\n");
    plans("sum(x @ 10)", INSTANT,
          "aggregate sum\n"
          "  select x @ 10.000\n");
    plans("predict_linear(x[5m] @ 10, 60)", RANGE,
          "refuse equal labels\n"
          "  window predict_linear x[5m] @ 10.000\n"
          "    number 60\n");
}
END_TEST

START_TEST(subqueries_have_a_grid_of_their_own)
{
    plans("max_over_time(rate(x[1m])[5m:30s])", INSTANT,
          "window over subquery max_over_time range 300000ms step 30000ms\n"
          "  refuse equal labels\n"
          "    window rate x[1m]\n");
}
END_TEST

static const struct plan *only_plan(const char *expr, struct arena *arena, struct node **ret_root)
{
    struct err err = {0};
    const struct parse_options options = {0};
    ck_assert(parse_query(str_of(expr), &options, arena, ret_root, &err));
    const struct plan_request request = {
        .root = *ret_root,
        .start_ms = 3600000,
        .end_ms = 7200000,
        .step_ms = RANGE,
        .lookback_ms = 300000,
        .subquery_step_ms = 60000,
    };
    struct plan *plan = NULL;
    ck_assert_msg(plan_build(&request, arena, &plan, &err), "%s", err.msg);
    return plan;
}

START_TEST(equal_expressions_are_one_node)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct node *root;
    const struct plan *join = only_plan("sum(x) / (sum(x) + 1)", arena, &root);
    while (join->kind != PLAN_JOIN)
        join = join->children[0];
    const struct plan *left = join->children[0];
    const struct plan *right = join->children[1];
    while (right->kind != PLAN_AGGREGATE)
        right = right->children[0];
    ck_assert_ptr_eq(left, right);
    ck_assert_uint_eq(left->use_count, 2);
    ast_done(root);

    join = only_plan("sum(x) - sum(x offset 1m)", arena, &root);
    while (join->kind != PLAN_JOIN)
        join = join->children[0];
    ck_assert_ptr_ne(join->children[0], join->children[1]);
    ast_done(root);
}
END_TEST

START_TEST(windows_lie_where_offset_and_at_put_them)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct node *root;
    const struct plan *plan = only_plan("x offset 2m", arena, &root);
    ck_assert_int_eq(plan->select.refs.start_ms, 3600000 - 120000);
    ck_assert_int_eq(plan->select.begin_ms, 3600000 - 120000 - 300000 + 1);
    ck_assert_int_eq(plan->select.end_ms, 7200000 - 120000);
    ast_done(root);

    plan = only_plan("sum_over_time(x[10m] @ end() offset 1m)", arena, &root);
    while (plan->kind != PLAN_WINDOW)
        plan = plan->children[0];
    ck_assert_uint_eq(plan->grid.count, 1);
    ck_assert_int_eq(plan->select.end_ms, 7200000 - 60000);
    ck_assert_int_eq(plan->select.begin_ms, 7200000 - 60000 - 600000 + 1);
    ast_done(root);
}
END_TEST

/* What all selectors of a query from 3600 to 7200 look at together, in seconds. */
static void looks_at(const char *expr, double begin, double end)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    const struct parse_options options = {.extended_selectors = true};
    struct err err = {0};
    struct node *root = NULL;
    ck_assert_msg(parse_query(str_of(expr), &options, arena, &root, &err), "%s", err.msg);
    const struct plan_request request = {
        .root = root,
        .start_ms = 3600000,
        .end_ms = 7200000,
        .step_ms = 60000,
        .lookback_ms = 300000,
        .subquery_step_ms = 60000,
    };
    struct plan_extent extent;
    ck_assert_msg(plan_extent_find(&request, &extent, &err), "%s", err.msg);
    ck_assert_int_eq(extent.begin_ms, (int64_t)(begin * 1000));
    ck_assert_int_eq(extent.end_ms, (int64_t)(end * 1000));
    ast_done(root);
}

START_TEST(an_extent_holds_all_selectors)
{
    looks_at("x", 3600 - 300 + 0.001, 7200);
    looks_at("x + rate(y[10m] offset 1h)", 0 - 600 + 0.001, 7200);
    looks_at("x @ 100", 100 - 300 + 0.001, 100);
    looks_at("max_over_time(x[1h:7m] offset 1m)", 0 - 60 - 300 + 0.001, 7200 - 60);
    looks_at("max_over_time(rate(x[5m])[10m:] @ end())", 7200 - 600 - 300 + 0.001, 7200);
    looks_at("rate(x[5m] smoothed)", 3600 - 600 + 0.001, 7200 + 300);
    looks_at("rate(x[5m] anchored)", 3600 - 600 + 0.001, 7200);
}
END_TEST

static void reason_add(void *context, const struct plan *plan)
{
    buf_printf(context, "%s ", plan->reason);
}

/* The same with a fallback, and without some functions. */
static void plans_with_fallback(const char *expr, const bool *disabled, const char *want,
                                const char *want_reasons)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    const struct parse_options options = {.extended_selectors = true};
    struct err err = {0};
    struct node *root = NULL;
    ck_assert_msg(parse_query(str_of(expr), &options, arena, &root, &err), "%s", err.msg);
    const struct plan_request request = {
        .root = root,
        .start_ms = 3600000,
        .end_ms = 7200000,
        .step_ms = 60000,
        .lookback_ms = 300000,
        .subquery_step_ms = 60000,
        .fallback = true,
        .disabled = disabled,
    };
    struct plan *plan = NULL;
    ck_assert_msg(plan_build(&request, arena, &plan, &err), "%s", err.msg);
    AUTO(buf_done) struct buf text = {0};
    plan_print(plan, &text);
    ck_assert_str_eq(buf_terminated(&text), want);
    AUTO(buf_done) struct buf reasons = {0};
    plan_each_fallback(plan, reason_add, &reasons);
    ck_assert_str_eq(buf_terminated(&reasons), want_reasons);
    ast_done(root);
}

START_TEST(what_it_cannot_do_is_left_to_the_reference_engine)
{
    bool disabled[FN_COUNT] = {[FN_abs] = true, [FN_rate] = true};
    plans_with_fallback("sum(abs(x))", disabled,
                        "aggregate sum\n"
                        "  fallback (abs) abs(x)\n",
                        "abs ");
    plans_with_fallback("abs(sum(x)) + abs(sum(x))", disabled,
                        "merge equal labels\n"
                        "  join + ignoring ()\n"
                        "    fallback (abs) abs(sum(x))\n"
                        "    fallback (abs) abs(sum(x))\n",
                        "abs ");
    plans_with_fallback("max_over_time(rate(x[5m])[1h:]) / sum(abs(x @ 10))", disabled,
                        "merge equal labels\n"
                        "  join / ignoring ()\n"
                        "    refuse equal labels\n"
                        "      window over subquery max_over_time range 3600000ms step 0ms\n"
                        "        fallback (rate) rate(x[5m])\n"
                        "    repeat for every step\n"
                        "      aggregate sum\n"
                        "        fallback (abs) abs(x @ 10.000)\n",
                        "rate abs ");
    plans_with_fallback("sum(x)", disabled,
                        "aggregate sum\n"
                        "  select x\n",
                        "");
}
END_TEST

START_TEST(buckets_are_left_out_where_nobody_looks_at_them)
{
    plans("histogram_count(sum(rate(x[5m])))", RANGE,
          "map histogram_count\n"
          "  aggregate sum\n"
          "    refuse equal labels\n"
          "      window rate x[5m] (histograms without buckets)\n");
    plans("histogram_avg(x) > 1", RANGE,
          "arithmetic >\n"
          "  merge equal labels\n"
          "    map histogram_avg\n"
          "      select x (histograms without buckets)\n"
          "  number 1\n");
    /* Subqueries, trims and quantiles look at them, wherever they stand. */
    plans("sum_over_time(histogram_count(x)[5m:1m])", INSTANT,
          "window over subquery sum_over_time range 300000ms step 60000ms\n"
          "  merge equal labels\n"
          "    map histogram_count\n"
          "      select x\n");
    plans("histogram_sum(x </ 1)", RANGE,
          "merge equal labels\n"
          "  map histogram_sum\n"
          "    arithmetic </\n"
          "      select x\n"
          "      number 1\n");
}
END_TEST

START_TEST(refuses_what_only_evaluation_finds)
{
    plans("1 </ 2", RANGE, "operator \"</\" not allowed for Scalar operations");
    plans("max_over_time(x[5m] anchored)", RANGE,
          "anchored modifier can only be used with: changes, delta, increase, rate, resets - not "
          "with max_over_time");
    plans("changes(x[5m] smoothed)", RANGE,
          "smoothed modifier can only be used with: delta, increase, rate - not with changes");
}
END_TEST

TEST_MAIN("plan", names_are_dropped_and_doubles_found,
          what_does_not_depend_on_the_step_is_done_once, subqueries_have_a_grid_of_their_own,
          equal_expressions_are_one_node, windows_lie_where_offset_and_at_put_them,
          an_extent_holds_all_selectors, what_it_cannot_do_is_left_to_the_reference_engine,
          buckets_are_left_out_where_nobody_looks_at_them, refuses_what_only_evaluation_finds)
