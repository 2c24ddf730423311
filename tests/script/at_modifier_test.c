#include "tests/script/at_modifier.h"

#include "base/test.h"

/* The query fixed at 90 s; "": it cannot be. */
static void fixes(const char *query, const char *want)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    const struct parse_options options = {.experimental_functions = true};
    struct err err = {0};
    struct str fixed;
    ck_assert_msg(at_modifier_fix(str_of(query), &options, 90000, arena, &fixed, &err), "%s",
                  err.msg);
    ck_assert_str_eq(arena_text(arena, fixed), want);
}

START_TEST(every_selector_is_fixed)
{
    fixes("a + sum by (x) (rate(b[5m] offset 1m))",
          "a @ 90.000 + sum by (x) (rate(b[5m] @ 90.000 offset 1m))");
    fixes("-a", "-a @ 90.000");
    fixes("quantile(scalar(p), a)", "quantile(scalar(p @ 90.000), a @ 90.000)");
    fixes("1 + 2", "1 + 2");
}
END_TEST

START_TEST(what_is_fixed_stays_but_for_start_and_end)
{
    fixes("a @ 10 + b @ end()", "a @ 10.000 + b @ 90.000");
}
END_TEST

START_TEST(a_subquery_is_fixed_and_not_what_is_in_it)
{
    fixes("max_over_time(rate(a[1m])[5m:1m])", "max_over_time(rate(a[1m])[5m:1m] @ 90.000)");
    fixes("max_over_time((time() - a)[5m:1m])", "max_over_time((time() - a)[5m:1m] @ 90.000)");
}
END_TEST

START_TEST(what_looks_at_the_clock_cannot_be_fixed)
{
    fixes("a + time()", "");
    fixes("sum(timestamp(a))", "");
    fixes("hour() + a", "");
}
END_TEST

TEST_MAIN("at_modifier", every_selector_is_fixed, what_is_fixed_stays_but_for_start_and_end,
          a_subquery_is_fixed_and_not_what_is_in_it, what_looks_at_the_clock_cannot_be_fixed)
