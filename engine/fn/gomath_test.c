#include "engine/fn/gomath.h"

#include <math.h>

#include "base/test.h"
#include "engine/fn/test_random.h"
#include "engine/fn/test_same.h"

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

/* Answers of a Prometheus 3.5 built with Go 1.27 for amd64. */
static const struct {
    const char *name;
    double (*ours)(double);
    double v, result;
} judged[] = {
    {"exp", gomath_exp, 1.0, 0x1.5bf0a8b145769p+1},
    {"exp", gomath_exp, -1.5, 0x1.c8f87724b5c1dp-3},
    {"exp", gomath_exp, 0.1, 0x1.1aec7b35a00d4p+0},
    {"exp", gomath_exp, 709.43, 0x1.67d2a40c95257p+1023},
    {"exp", gomath_exp, 709.44, INFINITY},
    {"exp", gomath_exp, -708.4, 0x0.ff15b469edf89p-1022},
    {"exp", gomath_exp, -745.13, 0x0.0000000000001p-1022},
    {"exp", gomath_exp, -745.14, 0.0},
    {"exp", gomath_exp, 1e-300, 0x1p+0},
    {"exp2", gomath_exp2, -1.5, 0x1.6a09e667f3bccp-02},
    {"exp2", gomath_exp2, 0.1, 0x1.125fbee250664p+00},
    {"exp2", gomath_exp2, 12.34567, 0x1.454f480ba74d6p+12},
    {"exp2", gomath_exp2, 1023.95, 0x1.ee8f34dd80541p+1023},
    {"exp2", gomath_exp2, 1024, INFINITY},
    {"exp2", gomath_exp2, -1022.3, 0x1.9fdf8bcce5424p-1023},
    {"exp2", gomath_exp2, -1073.9, 0x1p-1074},
    {"exp2", gomath_exp2, -1074.1, 0.0},
    {"log", gomath_log, 1.0179, 0x1.22ae016dd54d1p-6},
    {"log", gomath_log, 0.7071067811865476, -0x1.62e42fefa39eep-2},
    {"log", gomath_log, 0.5, -0x1.62e42fefa39efp-1},
    {"log", gomath_log, 1e300, 0x1.5963447f87fb5p+9},
    {"log", gomath_log, 5e-324, -0x1.628b76e3a7b61p+9},
    {"log", gomath_log, 2.225073858507201e-308, -0x1.6232bdd7abcd2p+9},
    {"log", gomath_log, 0.001, -0x1.ba18a998fffap+2},
    {"log2", gomath_log2, 1.0179, 0x1.a35cb781ea06p-6},
    {"log2", gomath_log2, 10.0, 0x1.a934f0979a371p+1},
    {"log2", gomath_log2, 1e-310, -0x1.01730dabca5f6p+10},
    {"log2", gomath_log2, 0.7071067811865476, -0x1.ffffffffffffep-2},
    {"log10", gomath_log10, 1.0179, 0x1.f8f65e356b712p-8},
    {"log10", gomath_log10, 1000.0, 0x1.8p+1},
    {"log10", gomath_log10, 1e-310, -0x1.33f3a51bf529cp+8},
    {"log10", gomath_log10, 5e-324, -0x1.33f424bcb5221p+8},
    {"log10", gomath_log10, 2.0, 0x1.34413509f79ffp-2},
    {"sin", gomath_sin, 1e-07, 0x1.ad7f29abcaf3bp-24},
    {"sin", gomath_sin, 0.5, 0x1.eaee8744b05fp-2},
    {"sin", gomath_sin, 1.0, 0x1.aed548f090ceep-1},
    {"sin", gomath_sin, 3.141592653589793, 0x1.1a62633145cp-53},
    {"sin", gomath_sin, -1000000.0, 0x1.6664b2568d867p-2},
    {"sin", gomath_sin, 536870912.0, 0x1.4e67c0e2622dfp-2},
    {"sin", gomath_sin, 714047633.6596241, -0x1.b9580227d3588p-27},
    {"sin", gomath_sin, 1e300, -0x1.a2c16b010e386p-1},
    {"cos", gomath_cos, 1e-07, 0x1.fffffffffffd3p-1},
    {"cos", gomath_cos, 0.5, 0x1.c1528065b7d5p-1},
    {"cos", gomath_cos, 1.5707963267948966, 0x1.1a62633145cp-54},
    {"cos", gomath_cos, -4.71238898038469, -0x1.a79394c9e8ap-53},
    {"cos", gomath_cos, 562435331.9539363, -0x1.a885d2b4f400ep-30},
    {"cos", gomath_cos, 1e300, -0x1.2699022adc4c1p-1},
    {"tan", gomath_tan, 1e-07, 0x1.ad7f29abcaf48p-24},
    {"tan", gomath_tan, 2e-07, 0x1.ad7f29abcafadp-23},
    {"tan", gomath_tan, 0.7853981633974483, 0x1p+0},
    {"tan", gomath_tan, 1.5707963267948966, 0x1.d02967c31cdcp+53},
    {"tan", gomath_tan, -100.0, 0x1.2ca74d62b5d37p-1},
    {"tan", gomath_tan, 558249464.4775153, -0x1.c0a3a1f304d3ap+27},
    {"tan", gomath_tan, 1e22, -0x1.a0f79c1b6b259p+0},
    {"asin", gomath_asin, 0.7, 0x1.8d00e692afd95p-1},
    {"asin", gomath_asin, 0.71, 0x1.94391bfac8e4bp-1},
    {"asin", gomath_asin, -0.3, -0x1.380159e14f6ffp-2},
    {"asin", gomath_asin, 1e-300, 0x1.56e1fc2f8f359p-997},
    {"asin", gomath_asin, 0.9999999, 0x1.920266447a7d1p+0},
    {"acos", gomath_acos, 0.7, 0x1.973e83f5d5c9bp-1},
    {"acos", gomath_acos, -0.71, 0x1.2e1e21a0d3a1fp+1},
    {"acos", gomath_acos, 0.9999999, 0x1.d4effc8547p-12},
    {"atan", gomath_atan, 0.66, 0x1.2aafdde4d0c9fp-1},
    {"atan", gomath_atan, 0.67, 0x1.2e3caf996421ep-1},
    {"atan", gomath_atan, 2.5, 0x1.30b6d796a4da8p+0},
    {"atan", gomath_atan, -1000000000.0, -0x1.921fb53ff74e8p+0},
    {"atan", gomath_atan, 1e-300, 0x1.56e1fc2f8f359p-997},
    {"sinh", gomath_sinh, 0.3, 0x1.37d42af54b926p-2},
    {"sinh", gomath_sinh, 0.6, 0x1.45f775546a77dp-1},
    {"sinh", gomath_sinh, -22.0, -0x1.ab5adb9c435ffp+30},
    {"sinh", gomath_sinh, 709.44, INFINITY},
    {"sinh", gomath_sinh, 1e-300, 0x1.56e1fc2f8f359p-997},
    {"cosh", gomath_cosh, 0.3, 0x1.0b9b4e0b6ec4cp+0},
    {"cosh", gomath_cosh, 21.5, 0x1.0334300327298p+30},
    {"cosh", gomath_cosh, -709.43, 0x1.67d2a40c95257p+1022},
    {"tanh", gomath_tanh, 0.3, 0x1.2a4dda7d914fap-2},
    {"tanh", gomath_tanh, 0.625, 0x1.1bf47eabb8f96p-1},
    {"tanh", gomath_tanh, -44.0, -0x1p+0},
    {"tanh", gomath_tanh, 1e-300, 0x1.56e1fc2f8f359p-997},
    {"asinh", gomath_asinh, 0.3, 0x1.2ec4ea565fcc1p-2},
    {"asinh", gomath_asinh, 1.5, 0x1.31dc0090b63d9p+0},
    {"asinh", gomath_asinh, -2.5, -0x1.a5b0f0be9dcf6p+0},
    {"asinh", gomath_asinh, 300000000.0, 0x1.436627b57f715p+4},
    {"asinh", gomath_asinh, 1e-08, 0x1.5798ee2308c39p-27},
    {"acosh", gomath_acosh, 1.0000001, 0x1.d4effc065cae4p-12},
    {"acosh", gomath_acosh, 1.7, 0x1.1f8c10d010fe6p+0},
    {"acosh", gomath_acosh, 2.5, 0x1.9119c13a31bbp+0},
    {"acosh", gomath_acosh, 300000000.0, 0x1.436627b57f715p+4},
    {"atanh", gomath_atanh, 1e-08, 0x1.5798ee2308c3bp-27},
    {"atanh", gomath_atanh, 0.3, 0x1.3cf2b50617c96p-2},
    {"atanh", gomath_atanh, -0.7, -0x1.bc0ed0947fbe8p-1},
    {"atanh", gomath_atanh, 0.9999999999999999, 0x1.2b708872320e2p+4},
};

START_TEST(every_bit_is_as_prometheus_has_it)
{
    for (size_t i = 0; i < ARRAY_COUNT(judged); i++) {
        double result = judged[i].ours(judged[i].v);
        ck_assert_msg(test_same(result, judged[i].result), "%s(%.17g) = %a, not %a", judged[i].name,
                      judged[i].v, result, judged[i].result);
    }
    ck_assert(gomath_pow(2, 0.3) == 0x1.3b2c47bff8329p+0);
    ck_assert(gomath_pow(10, -2.7) == 0x1.0585e4c78b079p-9);
    ck_assert(gomath_pow(1e-310, 0.3) == 0x1.12be4c976f33p-307);
    ck_assert(gomath_pow(1.5, 100.25) == 0x1.8f9f20247e3a4p+58);
    ck_assert(gomath_atan2(1, 3) == 0x1.4978fa3269ee1p-2);
    ck_assert(gomath_atan2(-1e-300, -1e300) == 0x1.921fb54442d18p+1);
    ck_assert(gomath_atan2(-2, -0.7) == -0x1.e850076ee9e8ep+0);
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
    {"exp", gomath_exp, exp, -700, 709, 4},       {"log", gomath_log, log, 1.5, 1e6, 4},
    {"sin", gomath_sin, sin, 0.01, 3, 4},         {"cos", gomath_cos, cos, -1.5, 1.5, 4},
    {"tan", gomath_tan, tan, 0.01, 1.5, 4},       {"atan", gomath_atan, atan, -10, -0.01, 4},
    {"log2", gomath_log2, log2, 1.5, 1e6, 4},     {"log10", gomath_log10, log10, 1.5, 1e6, 4},
    {"asin", gomath_asin, asin, 0.01, 1, 4},      {"acos", gomath_acos, acos, -1, 0.7, 4},
    {"sinh", gomath_sinh, sinh, -700, 700, 4},    {"cosh", gomath_cosh, cosh, -700, 700, 4},
    {"tanh", gomath_tanh, tanh, -50, 50, 4},      {"asinh", gomath_asinh, asinh, 0.01, 1e9, 4},
    {"acosh", gomath_acosh, acosh, 1.1, 1e9, 4},  {"atanh", gomath_atanh, atanh, 0.01, 0.99, 4},
    {"sinh", gomath_sinh, sinh, 0.1, 1, 4},       {"tanh", gomath_tanh, tanh, 0.1, 1, 4},
    {"asinh", gomath_asinh, asinh, -3, -0.01, 4}, {"acosh", gomath_acosh, acosh, 1.1, 3, 4},
};

START_TEST(they_are_near_the_c_library)
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

START_TEST(they_have_the_special_cases_of_go)
{
    ck_assert(gomath_exp(-INFINITY) == 0 && gomath_exp(INFINITY) == INFINITY);
    ck_assert(gomath_exp(1e300) == INFINITY && gomath_exp(-1e300) == 0 && isnan(gomath_exp(NAN)));
    ck_assert(gomath_log(-0.0) == -INFINITY && gomath_log(INFINITY) == INFINITY);
    ck_assert(isnan(gomath_log(-5)) && isnan(gomath_log(-INFINITY)) && isnan(gomath_log(NAN)));
    ck_assert(signbit(gomath_sin(-0.0)) && signbit(gomath_tan(-0.0)) && gomath_cos(-0.0) == 1);
    ck_assert(!signbit(gomath_sin(0.0)) && !signbit(gomath_tan(0.0)));
    ck_assert(isnan(gomath_sin(INFINITY)) && isnan(gomath_cos(-INFINITY)));
    ck_assert(isnan(gomath_tan(INFINITY)) && isnan(gomath_sin(NAN)));
    ck_assert(signbit(gomath_atan(-0.0)) && gomath_atan(-INFINITY) == -M_PI / 2);
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
          pow_of_whole_exponents_multiplies_squares, every_bit_is_as_prometheus_has_it,
          they_are_near_the_c_library, they_have_the_special_cases_of_go)
