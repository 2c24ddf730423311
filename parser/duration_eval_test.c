#include "parser/duration_eval.h"

#include "base/test.h"
#include "parser/parse.h"

static const struct duration_values values = {.step = 30, .range = 3600};

/* The value of a range, or of an offset, in a query on `up`; an error as its message. */
static const char *evaluated(const char *query, int64_t *ret_ms)
{
    static struct err err;
    static const struct parse_options options = {true, true, true};
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct node *root = NULL;
    err_clear(&err);
    ck_assert_msg(parse_query(str_of(query), &options, arena, &root, &err), "%s", err.msg);
    bool range = root->kind == NODE_MATRIX_SELECTOR;
    const struct node *node =
        range ? root->matrix_selector.range_expr : root->vector_selector.modifiers.offset_expr;
    bool ok = duration_eval(node, &values, !range, ret_ms, &err);
    ast_done(root);
    ck_assert(ok || err.kind == ERR_BAD_DATA);
    return ok ? NULL : err.msg;
}

static void is(const char *query, int64_t wanted_ms)
{
    int64_t ms = 0;
    const char *error = evaluated(query, &ms);
    ck_assert_msg(!error, "%s: %s", query, error);
    ck_assert_msg(ms == wanted_ms, "%s: %lld", query, (long long)ms);
}

static void fails(const char *query, const char *message)
{
    int64_t ms = 0;
    const char *error = evaluated(query, &ms);
    ck_assert_msg(error != NULL, "%s", query);
    ck_assert_str_eq(error, message);
}

START_TEST(does_arithmetic_in_seconds)
{
    is("up[(5m)]", 300000);
    is("up[1m + 30]", 90000);
    is("up[1h - 2 * 10m]", 2400000);
    is("up[1h / 7]", 514285);
    is("up[1h % 7m]", 240000);
    is("up[2 ^ 3 ^ 2]", 512000);
    is("up offset -(2m)", -120000);
    is("up offset -(1 / 3)", -333);
}
END_TEST

START_TEST(knows_the_query)
{
    is("up[4 * step()]", 120000);
    is("up[range()]", 3600000);
    is("up offset -step()", -30000);
    is("up offset +range()", 3600000);
    is("up[min_of(step(), 1m)]", 30000);
    is("up[max_of(step(), 1m)]", 60000);
}
END_TEST

START_TEST(only_offsets_may_be_negative)
{
    is("up offset (1m - 2m)", -60000);
    is("up offset (1m - 60)", 0);
    fails("up[1m - 2m]", "3:10: duration must be greater than 0");
    fails("up[1m - 60]", "3:10: duration must be greater than 0");
}
END_TEST

START_TEST(says_what_is_no_duration)
{
    fails("up[5m / (1 - 1)]", "3:14: division by zero");
    fails("up[5m % (1 - 1)]", "3:14: modulo by zero");
    fails("up[(-1) ^ 0.5]", "3:13: duration is NaN or infinite");
    fails("up[10 ^ 400]", "3:11: duration is NaN or infinite");
    fails("up[10 ^ 10]", "3:10: duration is out of range");
}
END_TEST

TEST_MAIN("duration_eval", does_arithmetic_in_seconds, knows_the_query,
          only_offsets_may_be_negative, says_what_is_no_duration)
