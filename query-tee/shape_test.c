#include "query-tee/shape.h"

#include "base/test.h"

static void check(const char *query, const char *wanted)
{
    AUTO(buf_done) struct buf out = {0};
    shape_append(str_of(query), &out);
    ck_assert_str_eq(buf_terminated(&out), wanted);
}

START_TEST(takes_out_what_differs_between_panels)
{
    check("sum(rate(http_requests_total{code=~\"5..\"}[5m]))", "sum(rate(m{l=~s}[d]))");
    check("sum by (job, code) (rate(x{a=\"b\",c!~'d'}[1h30m]))  > 0.5 # errors",
          "sum by (l) (rate(m{l=s,l!~s}[d])) > n");
    check("sum(x)by(a)", "sum(m) by (l)");
    check("a:b:c offset 5m", "m offset d");
    check("x offset -300", "m offset -d");
    check("x[300]", "m[d]");
    check("max_over_time(x[1h:5m] @ 1609746000.5)", "max_over_time(m[d:d] @ n)");
    check("x[1h:] @ end()", "m[d:] @ end()");
    check("{\"a.b\", c=\"d\"}", "{m,l=s}");
    check("{\"a.b\"=\"d\"}", "{l=s}");
    check("label_replace(x, \"a\", `b`, 'c', \"\\\"\")", "label_replace(m,s,s,s,s)");
}
END_TEST

START_TEST(keeps_operators_and_modifiers)
{
    check("a+on(x)group_left(y)b", "m + on (l) group_left (l) m");
    check("a AND ignoring(x) -b", "m and ignoring (l) - m");
    check("a > bool 1e-5", "m > bool n");
    check("-1 ^ 0x1F", "-n ^ n");
    check("Inf - NaN", "n - n");
    check("1h + 2", "d + n");
    check("a </ 1", "m </ n");
    check("histogram_quantile(.9,sum by(le)(x))", "histogram_quantile(n,sum by (l) (m))");
    check("sum without () (x)", "sum without () (m)");
}
END_TEST

START_TEST(is_the_same_for_other_white_space_and_names)
{
    check("sum by (a) (rate(x{y=\"z\"}[1m]))", "sum by (l) (rate(m{l=s}[d]))");
    check(" SUM\nBY\t(b,c,)(rate( up { q = \"\\\"}\" } [ 7d ] ) ) # sum",
          "sum by (l) (rate(m{l=s}[d]))");
}
END_TEST

START_TEST(calls_bad_texts_invalid)
{
    check("", "invalid");
    check("# nothing", "invalid");
    check("sum(", "invalid");
    check("sum)", "invalid");
    check("(a]", "invalid");
    check("\"a", "invalid");
    check("a $ b", "invalid");
    check("a = b", "invalid");
    check("{a==\"b\"}", "invalid");
    check("5x", "invalid");
    check("a \xff", "invalid");
    check("* a", "invalid");
}
END_TEST

START_TEST(is_bounded)
{
    AUTO(buf_done) struct buf query = {0};
    AUTO(buf_done) struct buf out = {0};
    buf_text(&query, "a");
    for (size_t i = 0; i < 1000; i++)
        buf_text(&query, " + b");
    buf_text(&out, "before ");
    shape_append(buf_view(&query), &out);
    ck_assert_uint_eq(out.len, strlen("before ") + SHAPE_SIZE_MAX);
    ck_assert(str_ends(buf_view(&out), STR("...")));

    char deep[1000];
    memset(deep, '(', sizeof(deep));
    buf_clear(&out);
    shape_append((struct str){deep, sizeof(deep)}, &out);
    ck_assert_str_eq(buf_terminated(&out), "invalid");
}
END_TEST

START_TEST(names_ranges_and_steps)
{
    ck_assert_str_eq(shape_range(0, 0, 0), "instant");
    ck_assert_str_eq(shape_range(0, 3600000, 15000), "1h");
    ck_assert_str_eq(shape_range(0, 3600001, 15000), "6h");
    ck_assert_str_eq(shape_range(-1000, 604799000, 1), "7d");
    ck_assert_str_eq(shape_range(0, INT64_MAX, 1), "longer");
    ck_assert_str_eq(shape_steps(0, 0, 0), "1");
    ck_assert_str_eq(shape_steps(0, 10, 1), "100");
    ck_assert_str_eq(shape_steps(0, 10999, 1), "11000");
    ck_assert_str_eq(shape_steps(0, 11000, 1), "more");
}
END_TEST

START_TEST(tells_the_order_that_a_query_asks_for)
{
    ck_assert_int_eq(shape_order(STR("sort(x)")), SHAPE_ORDER_VALUE);
    ck_assert_int_eq(shape_order(STR(" sort_desc ( x{a=\")\"} ) # ")), SHAPE_ORDER_VALUE);
    ck_assert_int_eq(shape_order(STR("sort_by_label(x, \"a\")")), SHAPE_ORDER_LABEL);
    ck_assert_int_eq(shape_order(STR("sort(x) + 1")), SHAPE_ORDER_NONE);
    ck_assert_int_eq(shape_order(STR("sort")), SHAPE_ORDER_NONE);
    ck_assert_int_eq(shape_order(STR("sort(x")), SHAPE_ORDER_NONE);
    ck_assert_int_eq(shape_order(STR("sum(sort(x))")), SHAPE_ORDER_NONE);
    ck_assert_int_eq(shape_order(STR("")), SHAPE_ORDER_NONE);
}
END_TEST

TEST_MAIN("shape", takes_out_what_differs_between_panels, keeps_operators_and_modifiers,
          is_the_same_for_other_white_space_and_names, calls_bad_texts_invalid, is_bounded,
          names_ranges_and_steps, tells_the_order_that_a_query_asks_for)
