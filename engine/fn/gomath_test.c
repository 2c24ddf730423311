#include "engine/fn/gomath.h"

#include <math.h>

#include "base/test.h"
#include "engine/fn/test_random.h"
#include "engine/op/test_matrix.h"

/* How far apart in units of the last place; 0 for two NaNs. */
static uint64_t ulps_apart(double a, double b)
{
    if (isnan(a) && isnan(b))
        return 0;
    int64_t x = (int64_t)value_bits(a), y = (int64_t)value_bits(b);
    if (isnan(a) || isnan(b) || (x < 0) != (y < 0))
        return a == b ? 0 : UINT64_MAX;
    return (uint64_t)(x > y ? x - y : y - x);
}

START_TEST(max_and_min_treat_nan_infinity_and_zero_as_go)
{
    double nan = value_nan();
    ck_assert(gomath_max(INFINITY, nan) == INFINITY);
    ck_assert(gomath_max(nan, INFINITY) == INFINITY);
    ck_assert(isnan(gomath_max(-INFINITY, nan)));
    ck_assert(isnan(gomath_max(nan, 1)));
    ck_assert(!signbit(gomath_max(-0.0, 0.0)) && !signbit(gomath_max(0.0, -0.0)));
    ck_assert(signbit(gomath_max(-0.0, -0.0)));
    ck_assert(gomath_max(2, 3) == 3);

    ck_assert(gomath_min(-INFINITY, nan) == -INFINITY);
    ck_assert(gomath_min(nan, -INFINITY) == -INFINITY);
    ck_assert(isnan(gomath_min(INFINITY, nan)));
    ck_assert(signbit(gomath_min(-0.0, 0.0)) && signbit(gomath_min(0.0, -0.0)));
    ck_assert(gomath_min(2, 3) == 2);
}
END_TEST

/* In the order of the list in the documentation of Go's math.Pow. */
static const struct {
    double base, exponent, result;
} pow_cases[] = {
    {NAN, 0, 1},
    {INFINITY, -0.0, 1},
    {1, NAN, 1},
    {1, INFINITY, 1},
    {-7.25, 1, -7.25},
    {NAN, 2, NAN},
    {2, NAN, NAN},
    {0.0, -3, INFINITY},
    {-0.0, -3, -INFINITY},
    {-0.0, -INFINITY, INFINITY},
    {-0.0, INFINITY, 0.0},
    {-0.0, -2, INFINITY},
    {-0.0, -2.5, INFINITY},
    {-0.0, 3, -0.0},
    {-0.0, 2, 0.0},
    {-0.0, 0.5, 0.0},
    {-1, INFINITY, 1},
    {-1, -INFINITY, 1},
    {-2, INFINITY, INFINITY},
    {2, -INFINITY, 0.0},
    {0.5, INFINITY, 0.0},
    {-0.5, -INFINITY, INFINITY},
    {INFINITY, 0.1, INFINITY},
    {INFINITY, -0.1, 0.0},
    {-INFINITY, 3, -INFINITY},
    {-INFINITY, 2, INFINITY},
    {-INFINITY, -3, -0.0},
    {-2, 0.5, NAN},
    {-2, 1.5, NAN},
    {-2, 3, -8},
    {-2, -3, -0.125},
    {9, 0.5, 3},
    {4, -0.5, 0.5},
    {-1, 0x1p63, 1},
    {1.5, 0x1p70, INFINITY},
    {0.5, 0x1p70, 0.0},
    {2, 1023, 0x1p1023},
    {2, 1024, INFINITY},
    {2, -1074, 0x1p-1074},
    {2, -1080, 0.0},
    {2, 1e18, INFINITY},
    {-2, 1e18 + 128, INFINITY},
    {0x1p-1074, 2, 0.0},
};

START_TEST(pow_has_the_special_cases_of_go)
{
    for (size_t i = 0; i < ARRAY_COUNT(pow_cases); i++) {
        double result = gomath_pow(pow_cases[i].base, pow_cases[i].exponent);
        ck_assert_msg(test_same(result, pow_cases[i].result), "case %zu: %g ^ %g = %g", i,
                      pow_cases[i].base, pow_cases[i].exponent, result);
    }
}
END_TEST

START_TEST(pow_of_whole_exponents_multiplies_squares)
{
    uint64_t state = 3;
    for (int i = 0; i < 1000; i++) {
        double base = (double)test_random(&state) / 1e6 - 1000;
        double square = base * base;
        ck_assert(gomath_pow(base, 2) == square);
        ck_assert(gomath_pow(base, 3) == base * square);
        ck_assert(gomath_pow(base, 4) == square * square);
        ck_assert(gomath_pow(base, 5) == base * (square * square));
        ck_assert(gomath_pow(base, -2) == 1 / square);
    }
}
END_TEST

struct pair {
    const char *name;
    double (*ours)(double), (*theirs)(double);
    double begin, end;
    uint64_t ulps;
};

/* Next to glibc, where both are well conditioned. */
static const struct pair pairs[] = {
    {"log2", gomath_log2, log2, 1.5, 1e6, 4},     {"log10", gomath_log10, log10, 1.5, 1e6, 4},
    {"asin", gomath_asin, asin, 0.01, 1, 4},      {"acos", gomath_acos, acos, -1, 0.7, 4},
    {"sinh", gomath_sinh, sinh, -700, 700, 4},    {"cosh", gomath_cosh, cosh, -700, 700, 4},
    {"tanh", gomath_tanh, tanh, -50, 50, 4},      {"asinh", gomath_asinh, asinh, 0.01, 1e9, 4},
    {"acosh", gomath_acosh, acosh, 1.1, 1e9, 4},  {"atanh", gomath_atanh, atanh, 0.01, 0.99, 4},
    {"sinh", gomath_sinh, sinh, 0.1, 1, 4},       {"tanh", gomath_tanh, tanh, 0.1, 1, 4},
    {"asinh", gomath_asinh, asinh, -3, -0.01, 4}, {"acosh", gomath_acosh, acosh, 1.1, 3, 4},
};

START_TEST(compositions_are_near_the_c_library)
{
    for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
        const struct pair *pair = &pairs[i];
        for (int k = 0; k <= 1000; k++) {
            double v = pair->begin + (pair->end - pair->begin) * k / 1000;
            uint64_t apart = ulps_apart(pair->ours(v), pair->theirs(v));
            ck_assert_msg(apart <= pair->ulps, "%s(%.17g): %ju apart", pair->name, v,
                          (uintmax_t)apart);
        }
    }
}
END_TEST

START_TEST(compositions_have_the_special_cases_of_go)
{
    ck_assert(gomath_log2(0x1p-1074) == -1074 && gomath_log2(0.0) == -INFINITY);
    ck_assert(gomath_log2(INFINITY) == INFINITY && isnan(gomath_log2(-1)));
    ck_assert(gomath_log10(-0.0) == -INFINITY && isnan(gomath_log10(NAN)));
    ck_assert(signbit(gomath_asin(-0.0)) && isnan(gomath_asin(1.1)) && isnan(gomath_acos(-1.1)));
    ck_assert(gomath_sinh(710) == INFINITY && gomath_cosh(-710) == INFINITY);
    ck_assert(signbit(gomath_sinh(-0.0)) && gomath_tanh(-INFINITY) == -1);
    ck_assert(gomath_asinh(-INFINITY) == -INFINITY && signbit(gomath_asinh(-0.0)));
    ck_assert(gomath_acosh(1) == 0 && isnan(gomath_acosh(0.9)));
    ck_assert(gomath_acosh(INFINITY) == INFINITY && isnan(gomath_acosh(NAN)));
    ck_assert(gomath_atanh(-1) == -INFINITY && isnan(gomath_atanh(2)) && isnan(gomath_atanh(NAN)));
    ck_assert(gomath_atan2(-0.0, -1) == -M_PI && gomath_atan2(0.0, -INFINITY) == M_PI);
    ck_assert(gomath_atan2(INFINITY, -INFINITY) == 3 * M_PI / 4 && gomath_atan2(1, -1) > 2);
    ck_assert(gomath_atan2(-1, -1) < -2 && isnan(gomath_atan2(NAN, 1)));
}
END_TEST

TEST_MAIN("gomath", max_and_min_treat_nan_infinity_and_zero_as_go, pow_has_the_special_cases_of_go,
          pow_of_whole_exponents_multiplies_squares, compositions_are_near_the_c_library,
          compositions_have_the_special_cases_of_go)
