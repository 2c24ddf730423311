#include "engine/fn/arith.h"

#include <math.h>
#include <string.h>

#include "base/test.h"
#include "engine/fn/gomath.h"
#include "engine/fn/test_random.h"
#include "engine/fn/test_same.h"

#define COUNT 1027

/* What Prometheus does with one pair: the value, and whether it is kept. */
static double naive_pair(enum binary_op op, double l, double r, bool *ret_keep)
{
    *ret_keep = true;
    switch ((int)op) {
    case BINARY_ADD:
        return l + r;
    case BINARY_SUB:
        return l - r;
    case BINARY_MUL:
        return l * r;
    case BINARY_DIV:
        return l / r;
    case BINARY_MOD:
        return fmod(l, r);
    case BINARY_POW:
        return gomath_pow(l, r);
    case BINARY_ATAN2:
        return gomath_atan2(l, r);
    case BINARY_EQL:
        *ret_keep = l == r;
        break;
    case BINARY_NEQ:
        *ret_keep = l != r;
        break;
    case BINARY_LSS:
        *ret_keep = l < r;
        break;
    case BINARY_LTE:
        *ret_keep = l <= r;
        break;
    case BINARY_GTR:
        *ret_keep = l > r;
        break;
    default:
        *ret_keep = l >= r;
        break;
    }
    return l;
}

static double naive_arith(const struct arith *arith, double l, double r)
{
    if (value_is_stale(l) || value_is_stale(r))
        return value_stale();
    bool keep;
    double v = naive_pair(arith->op, l, r, &keep);
    if (!binary_op_is_comparison(arith->op))
        return v;
    if (arith->return_bool)
        return keep ? 1 : 0;
    if (!keep)
        return value_stale();
    return arith->keep_right ? r : l;
}

static void check_arith(const struct arith *arith)
{
    static double left[COUNT], right[COUNT], into_left[COUNT], into_right[COUNT];
    uint64_t state = 7;
    for (size_t i = 0; i < COUNT; i++) {
        left[i] = test_random_value(&state, 5);
        right[i] = test_random_value(&state, 5);
    }
    memcpy(into_left, left, sizeof left);
    memcpy(into_right, right, sizeof right);
    arith_rows(arith, into_left, right, COUNT);
    arith_rows_into_right(arith, left, into_right, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        double expected = naive_arith(arith, left[i], right[i]);
        ck_assert_msg(test_same(into_left[i], expected), "op %d: %g, %g", arith->op, left[i],
                      right[i]);
        ck_assert_msg(test_same(into_right[i], expected), "op %d: %g, %g into right", arith->op,
                      left[i], right[i]);
    }
}

START_TEST(computes_each_pair_and_leaves_missing_ones_out)
{
    for (int op = BINARY_ADD; op <= BINARY_GTE; op++) {
        check_arith(&(struct arith){.op = (enum binary_op)op});
        if (!binary_op_is_comparison((enum binary_op)op))
            continue;
        check_arith(&(struct arith){.op = (enum binary_op)op, .keep_right = true});
        check_arith(&(struct arith){.op = (enum binary_op)op, .return_bool = true});
    }
}
END_TEST

START_TEST(remainder_takes_the_sign_of_the_left)
{
    ck_assert(arith_scalar(BINARY_MOD, -5, 3) == -2);
    ck_assert(arith_scalar(BINARY_MOD, 5, -3) == 2);
    ck_assert(signbit(arith_scalar(BINARY_MOD, -4, 2)));
    ck_assert(isnan(arith_scalar(BINARY_MOD, 4, 0)));
    ck_assert(arith_scalar(BINARY_MOD, 4, INFINITY) == 4);
}
END_TEST

START_TEST(scalars_compare_to_one_or_zero)
{
    ck_assert(arith_scalar(BINARY_GTR, 2, 1) == 1);
    ck_assert(arith_scalar(BINARY_GTR, 1, 2) == 0);
    ck_assert(arith_scalar(BINARY_NEQ, value_nan(), value_nan()) == 1);
}
END_TEST

TEST_MAIN("arith", computes_each_pair_and_leaves_missing_ones_out,
          remainder_takes_the_sign_of_the_left, scalars_compare_to_one_or_zero)
