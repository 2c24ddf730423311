#include "tests/script/run.h"

#include "base/test.h"

#define LOAD "load 1m\n  a{x=\"1\"} 1 2\n  a{x=\"2\"} 3 4\n\n"

/* How many evaluations of a script pass, and how many do not. */
static void counts(const char *text, size_t passed, size_t failed)
{
    struct script script;
    struct err err = {0};
    const struct run_options options = {.fallback = FALLBACK_NONE, .quiet = true};
    struct run_counts got = {0};
    ck_assert_msg(script_parse(&script, str_of(text), &err), "%s", err.msg);
    run_script("script", &script, &options, &got);
    script_done(&script);
    ck_assert_msg(got.passed == passed && got.failed == failed, "%s: %zu passed, %zu failed", text,
                  got.passed, got.failed);
}

static void refuses(const char *text, const char *want)
{
    struct script script;
    struct err err = {0};
    ck_assert(!script_parse(&script, str_of(text), &err));
    ck_assert_str_eq(err.msg, want);
    script_done(&script);
}

START_TEST(results_must_be_those_expected)
{
    counts(LOAD "eval instant at 0 a\n  a{x=\"1\"} 1\n  a{x=\"2\"} 3\n", 1, 0);
    counts(LOAD "eval instant at 0 a\n  a{x=\"1\"} 1\n  a{x=\"2\"} 3.00001\n", 0, 1);
    counts(LOAD "eval instant at 0 a\n  a{x=\"1\"} 1.0000001\n  a{x=\"2\"} 3\n", 1, 0);
    counts(LOAD "eval instant at 0 a\n  a{x=\"1\"} 1\n", 0, 1);
    counts(LOAD "eval instant at 0 a{x=\"1\"}\n  a{x=\"1\"} 1\n  a{x=\"2\"} 3\n", 0, 1);
    counts(LOAD "eval range from 0 to 1m step 1m a{x=\"1\"}\n  a{x=\"1\"} 1 2\n", 1, 0);
    counts(LOAD "eval range from 0 to 1m step 1m a{x=\"1\"}\n  a{x=\"1\"} 1\n", 0, 1);
    counts(LOAD "eval range from 0 to 1m step 1m a{x=\"1\"}\n  a{x=\"1\"} 1 2 3\n", 0, 1);
    counts("eval instant at 0 1 + 1\n  2\n\neval instant at 0 1 + 1\n  3\n", 1, 1);
    counts("eval instant at 0 \"a\"\n  expect string \"b\"\n", 0, 1);
}
END_TEST

START_TEST(order_counts_only_if_it_is_expected)
{
    counts(LOAD "eval instant at 0 sort_desc(a)\n  a{x=\"1\"} 1\n  a{x=\"2\"} 3\n", 1, 0);
    counts(LOAD "eval_ordered instant at 0 sort_desc(a)\n  a{x=\"1\"} 1\n  a{x=\"2\"} 3\n", 0, 1);
    counts(LOAD
           "eval instant at 0 sort_desc(a)\n  expect ordered\n  a{x=\"2\"} 3\n  a{x=\"1\"} 1\n",
           1, 0);
}
END_TEST

START_TEST(errors_and_notes_must_be_those_expected)
{
    counts(LOAD "eval instant at 0 a + on() a\n", 0, 1);
    counts(LOAD "eval instant at 0 a + on() a\n  expect fail\n", 1, 0);
    counts(LOAD "eval instant at 0 a + on() a\n  expect fail msg:other\n", 0, 1);
    counts(LOAD "eval instant at 0 a + on() a\n  expect fail regex:found duplicate\n", 1, 0);
    counts(LOAD "eval_fail instant at 0 a + on() a\n  expected_fail_message other\n", 0, 1);
    counts(LOAD "eval instant at 0 sum(a)\n  expect fail\n", 0, 1);
    counts(LOAD "eval instant at 0 quantile(2, a)\n  expect warn\n  {} +Inf\n", 1, 0);
    counts(LOAD "eval instant at 0 quantile(2, a)\n  expect no_warn\n  {} +Inf\n", 0, 1);
    counts(LOAD "eval instant at 0 quantile(2, a)\n  expect warn regex:minus\n  {} +Inf\n", 0, 1);
    counts(LOAD "eval_warn instant at 0 sum(a)\n  {} 4\n", 0, 1);
}
END_TEST

START_TEST(says_where_a_script_is_wrong)
{
    refuses("clear\nclaer\n", "2: expected clear, load or eval at byte 1: \"claer\"");
    refuses("load 1x\n", "1: unknown unit \"x\" in duration \"1x\"");
    refuses("load 1m\n  a 1\n  b @\n", "3: expected a value at byte 3: \"@\"");
    refuses("load 1m\n  a@st -1s\n", "3: no samples follow the line of start times");
    refuses("load 1m\n  a@st -1s\n  a 1 2\n", "3: 1 start times for 2 samples");
    refuses("eval instant at 0 a\n  a 1 2\n", "2: an instant query has one value a series");
    refuses("eval instant at 0 a\n  expect warn\n  expect no_warn\n",
            "3: warn and no_warn are both expected");
}
END_TEST

TEST_MAIN("script_run", results_must_be_those_expected, order_counts_only_if_it_is_expected,
          errors_and_notes_must_be_those_expected, says_where_a_script_is_wrong)
