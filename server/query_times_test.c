#include "server/query_times.h"

#include <math.h>

#include "base/test.h"

static struct query_times times;

static void note(int64_t at_ns, int64_t eval_ns)
{
    const int64_t parts_ns[QUERY_PART_COUNT] = {[QUERY_EVAL] = eval_ns, [QUERY_QUEUE] = 7};
    query_times_note(&times, at_ns, parts_ns);
}

static void check(int64_t now_ns, enum query_part part, double half, double most)
{
    static const double quantiles[] = {.5, .99};
    double seconds[2];
    query_times_quantiles(&times, now_ns, part, quantiles, 2, seconds);
    ck_assert_double_eq(seconds[0] * 1e9, half);
    ck_assert_double_eq(seconds[1] * 1e9, most);
}

START_TEST(quantiles_of_each_part)
{
    query_times_init(&times);
    for (int64_t i = 1; i <= 200; i++)
        note(i, (i * 77 % 200 + 1) * 1000000000);
    check(200, QUERY_EVAL, 100e9, 198e9);
    check(200, QUERY_QUEUE, 7, 7);
    check(200, QUERY_PREPARE, 0, 0);
    query_times_done(&times);
}
END_TEST

START_TEST(what_is_old_is_left_out)
{
    query_times_init(&times);
    double seconds;
    query_times_quantiles(&times, 0, QUERY_EVAL, (const double[]){.5}, 1, &seconds);
    ck_assert(isnan(seconds));
    note(0, 1000000000);
    note(10, 3000000000);
    check(QUERY_TIMES_AGE_NS, QUERY_EVAL, 1e9, 3e9);
    check(QUERY_TIMES_AGE_NS + 1, QUERY_EVAL, 3e9, 3e9);
    query_times_quantiles(&times, QUERY_TIMES_AGE_NS + 11, QUERY_EVAL, (const double[]){.5}, 1,
                          &seconds);
    ck_assert(isnan(seconds));
    query_times_done(&times);
}
END_TEST

START_TEST(of_very_many_the_last_count)
{
    query_times_init(&times);
    for (size_t i = 0; i < 3 * QUERY_TIMES_MAX; i++)
        note(1, i < 2 * QUERY_TIMES_MAX ? 1000000000 : 2000000000);
    check(1, QUERY_EVAL, 2e9, 2e9);
    query_times_done(&times);
}
END_TEST

TEST_MAIN("query_times", quantiles_of_each_part, what_is_old_is_left_out,
          of_very_many_the_last_count)
