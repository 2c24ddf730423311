#include "query-tee/sketch.h"

#include "base/dice.h"
#include "base/test.h"

START_TEST(an_empty_one_has_no_percentiles)
{
    struct sketch sketch = {0};
    ck_assert_uint_eq(sketch_quantile(&sketch, 0.5), 0);
}
END_TEST

START_TEST(small_numbers_are_exact)
{
    struct sketch sketch = {0};
    for (uint64_t v = 0; v < 16; v++)
        sketch_add(&sketch, v);
    for (uint64_t v = 0; v < 16; v++)
        ck_assert_uint_eq(sketch_quantile(&sketch, (double)v / 15), v);
}
END_TEST

START_TEST(large_numbers_are_near)
{
    static const uint64_t vs[] = {17, 1000, 123456789, UINT64_C(1) << 40, UINT64_MAX};
    for (size_t i = 0; i < sizeof vs / sizeof *vs; i++) {
        struct sketch sketch = {0};
        sketch_add(&sketch, vs[i]);
        double ratio = (double)sketch_quantile(&sketch, 1) / (double)vs[i];
        ck_assert_msg(ratio > 0.93 && ratio < 1.07, "%g", ratio);
    }
}
END_TEST

START_TEST(percentiles_lie_where_they_should)
{
    struct sketch sketch = {0};
    struct dice dice = dice_of(1, 1);
    for (size_t i = 0; i < 100000; i++)
        sketch_add(&sketch, dice_below(&dice, 1000000));
    static const double qs[] = {0.01, 0.5, 0.9, 0.99};
    for (size_t i = 0; i < sizeof qs / sizeof *qs; i++) {
        double ratio = (double)sketch_quantile(&sketch, qs[i]) / (qs[i] * 1000000);
        ck_assert_msg(ratio > 0.9 && ratio < 1.1, "%g: %g", qs[i], ratio);
    }
}
END_TEST

TEST_MAIN("sketch", an_empty_one_has_no_percentiles, small_numbers_are_exact,
          large_numbers_are_near, percentiles_lie_where_they_should)
