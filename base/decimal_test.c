#include "base/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"

static uint64_t seed = 88172645463325252u;

static uint64_t random_next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static double double_of(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* The C library tries precision after precision, until the number reads back. */
static void check_against_printf(double v)
{
    char want[64], got[64];
    int precision = 0;
    do
        snprintf(want, sizeof want, "%.*e", precision++, v);
    while (strtod(want, NULL) != v);

    struct decimal shortest = decimal_shortest(v);
    snprintf(got, sizeof got, "%llue%d", (unsigned long long)shortest.digits, shortest.exponent);
    ck_assert_msg(strtod(got, NULL) == v, "%s does not read back as %s", got, want);
    while (shortest.digits % 10 == 0) {
        shortest.digits /= 10;
        shortest.exponent++;
    }
    snprintf(got, sizeof got, "%llu", (unsigned long long)shortest.digits);
    char digits[64];
    size_t count = 0;
    for (const char *at = want; *at != 'e'; at++)
        if (*at != '.')
            digits[count++] = *at;
    digits[count] = '\0';
    /* Below a power of two the interval is narrower: there printf's nearest may lie outside of it.
     */
    if (strlen(got) >= count)
        ck_assert_msg(strcmp(got, digits) == 0, "%s against %s", got, want);
}

START_TEST(agrees_on_random_bits)
{
    for (int i = 0; i < 60000; i++) {
        double v = double_of(random_next() & ~(UINT64_C(1) << 63));
        if (isfinite(v) && v > 0)
            check_against_printf(v);
    }
}
END_TEST

START_TEST(agrees_on_what_metrics_hold)
{
    for (int i = 0; i < 60000; i++) {
        check_against_printf((double)(1 + random_next() % 1000000) / 300);
        check_against_printf((double)(1 + random_next() % 100000000) * 0.01);
    }
}
END_TEST

START_TEST(agrees_at_the_edges)
{
    check_against_printf(5e-324);
    check_against_printf(2.2250738585072014e-308);
    check_against_printf(2.225073858507201e-308);
    check_against_printf(1.7976931348623157e308);
    check_against_printf(9007199254740992);
    check_against_printf(1e23);
    check_against_printf(9.5e-7);
    for (int e = 1; e < 2047; e++) {
        uint64_t bits = (uint64_t)e << 52;
        check_against_printf(double_of(bits)); /* powers of two: the interval is uneven */
        check_against_printf(double_of(bits - 1));
        check_against_printf(double_of(bits + 1));
    }
    for (int e = -300; e < 300; e++)
        check_against_printf(pow(10, e));
}
END_TEST

TEST_MAIN("decimal", agrees_on_random_bits, agrees_on_what_metrics_hold, agrees_at_the_edges)
