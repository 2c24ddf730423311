#include "engine/fn/window.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/test.h"
#include "engine/fn/test_naive.h"
#include "model/sample.h"

#define SAMPLE_COUNT_MAX 400
#define STEP_COUNT_MAX 60
#define ROUNDS 400

static const char *const function_names[FN_COUNT] = {
#define FUNCTION(name, result, params, flags) #name,
#include "parser/functions.def"
#undef FUNCTION
};

struct random {
    uint64_t state;
};

/* splitmix64 */
static uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static uint64_t random_below(struct random *random, uint64_t limit)
{
    return random_next(random) % limit;
}

static double random_unit(struct random *random)
{
    return (double)(random_next(random) >> 11) / 9007199254740992.0;
}

enum kind {
    KIND_COUNTER,
    KIND_COUNTER_FRACTIONS,
    KIND_GAUGE,
    KIND_INTEGERS,
    KIND_HUGE_INTEGERS,
    KIND_FEW_VALUES,
    KIND_CONSTANT,
    KIND_WIDE,     /* all exponents */
    KIND_OVERFLOW, /* near the largest number */
    KIND_SPECIAL,  /* NaN, infinities, zeros of both signs */
    KIND_NAN,      /* numbers and NaN */
    KIND_COUNT,
};

struct series {
    int64_t times_ms[SAMPLE_COUNT_MAX];
    double values[SAMPLE_COUNT_MAX];
    size_t count;
    enum kind kind;
};

static double special_value(struct random *random)
{
    const double specials[] = {value_nan(), INFINITY, -INFINITY, 0.0, -0.0, 1, -1, 5e-324};
    return specials[random_below(random, sizeof specials / sizeof *specials)];
}

static double random_value(struct random *random, enum kind kind, double before)
{
    switch (kind) {
    case KIND_COUNTER:
        return random_below(random, 40) ? before + (double)random_below(random, 50) : 0;
    case KIND_COUNTER_FRACTIONS:
        return random_below(random, 40) ? before + random_unit(random) : random_unit(random);
    case KIND_GAUGE:
        return (random_unit(random) - 0.5) * 100;
    case KIND_INTEGERS:
        return (double)random_below(random, 2001) - 1000;
    case KIND_HUGE_INTEGERS:
        return (double)(int64_t)(random_next(random) >> (10 + random_below(random, 30)));
    case KIND_FEW_VALUES:
        return (double)random_below(random, 3) * 0.1;
    case KIND_CONSTANT:
        return random_below(random, 200) ? before : random_unit(random);
    case KIND_WIDE: {
        double wide = value_of_bits(random_next(random));
        return isfinite(wide) ? wide : 0;
    }
    case KIND_OVERFLOW:
        return (random_unit(random) - 0.3) * 1.7e308;
    case KIND_SPECIAL:
        return random_below(random, 4) ? special_value(random) : random_unit(random);
    case KIND_NAN:
        return random_below(random, 3) ? random_unit(random) : value_nan();
    case KIND_COUNT:
        break;
    }
    return 0;
}

static void series_fill(struct random *random, struct series *series)
{
    static const int64_t intervals_ms[] = {15000, 15000, 1000, 10007, 60000};
    int64_t interval_ms = intervals_ms[random_below(random, 5)];
    bool jitter = random_below(random, 2);
    bool gaps = random_below(random, 2);
    int64_t time_ms = 1700000000000 + (int64_t)random_below(random, 60000);
    double value = 1 + (double)random_below(random, 100);

    series->kind = (enum kind)random_below(random, KIND_COUNT);
    series->count = random_below(random, 8) ? random_below(random, SAMPLE_COUNT_MAX + 1)
                                            : random_below(random, 5);
    for (size_t i = 0; i < series->count; i++) {
        value = random_value(random, series->kind, value);
        series->values[i] = value;
        series->times_ms[i] = time_ms;
        time_ms += interval_ms;
        if (jitter)
            time_ms += (int64_t)random_below(random, (uint64_t)interval_ms) - interval_ms / 2;
        if (gaps && random_below(random, 50) == 0)
            time_ms += interval_ms * (int64_t)random_below(random, 30);
    }
}

struct example {
    struct series series;
    struct window_call call;
    double params[STEP_COUNT_MAX];
    double others[STEP_COUNT_MAX];
    double out[STEP_COUNT_MAX];
};

static double random_param(struct random *random)
{
    static const double edges[] = {0, 1, 0.5, 0.9, 0.99, -0.1, 1.1, 3600, -60};
    if (random_below(random, 40) == 0)
        return value_nan();
    if (random_below(random, 2))
        return random_unit(random);
    return edges[random_below(random, sizeof edges / sizeof *edges)];
}

static void example_fill(struct random *random, struct example *example, struct scratch *scratch)
{
    static const int64_t steps_ms[] = {15000, 60000, 1000, 0, 300000, 7777};
    struct series *series = &example->series;
    series_fill(random, series);

    int64_t begin_ms = series->count ? series->times_ms[0] : 1700000000000;
    int64_t end_ms = series->count ? series->times_ms[series->count - 1] : begin_ms;
    int64_t range_ms = 1 + (int64_t)random_below(random, (uint64_t)(end_ms - begin_ms) + 1000);
    if (random_below(random, 2))
        range_ms = 300000;
    if (random_below(random, 4) == 0)
        range_ms = range_ms % 100000 + 1;

    bool aligned = random_below(random, 2);
    int64_t start_ms = begin_ms - 100000 + (int64_t)random_below(random, 400000);
    if (aligned && series->count)
        start_ms = series->times_ms[random_below(random, series->count)];
    example->call = (struct window_call){
        .times_ms = series->times_ms,
        .values = series->values,
        .sample_count = series->count,
        .refs.start_ms = start_ms,
        .refs.step_ms = steps_ms[random_below(random, 6)],
        .refs.count = 1 + random_below(random, STEP_COUNT_MAX),
        .range_ms = range_ms,
        .params = {example->params, example->others},
        .scratch = scratch,
        .out = example->out,
    };
    example->call.eval_start_ms = start_ms + (random_below(random, 2) ? 0 : 3600000);
    example->call.eval_step_ms = random_below(random, 2) ? example->call.refs.step_ms : 30000;
    bool steady = random_below(random, 2);
    for (size_t i = 0; i < example->call.refs.count; i++) {
        example->params[i] = steady && i ? example->params[0] : random_param(random);
        example->others[i] = random_unit(random);
    }
}

static struct naive_window window_at(const struct window_call *call, size_t step)
{
    int64_t end_ms = grid_time(&call->refs, step);
    int64_t start_ms = end_ms - call->range_ms;
    size_t lo = 0;
    size_t hi = 0;
    while (lo < call->sample_count && call->times_ms[lo] <= start_ms)
        lo++;
    while (hi < call->sample_count && call->times_ms[hi] <= end_ms)
        hi++;
    return (struct naive_window){
        .times_ms = call->times_ms + lo,
        .values = call->values + lo,
        .count = hi - lo,
        .start_ms = start_ms,
        .end_ms = end_ms,
        .eval_ms = call->eval_start_ms + (int64_t)step * call->eval_step_ms,
        .param = call->params[0][step],
        .param2 = call->params[1][step],
    };
}

/*
 * A NaN made by the processor (Inf - Inf) has other bits than one from the data; which of two goes
 * on depends on the order of operands the compiler happened to choose, in Go as here.
 */
static bool same(double a, double b, bool any_nan)
{
    if (value_bits(a) == value_bits(b))
        return true;
    return any_nan && isnan(a) && isnan(b) && !value_is_stale(a) && !value_is_stale(b);
}

static void check_example(enum function_id id, const struct example *example, unsigned round)
{
    const struct window_call *call = &example->call;
    enum kind kind = example->series.kind;
    bool any_nan = kind == KIND_SPECIAL || kind == KIND_OVERFLOW || kind == KIND_WIDE;

    window_kernel(id, WINDOW_PLAIN)->floats(call);
    for (size_t i = 0; i < call->refs.count; i++) {
        struct naive_window window = window_at(call, i);
        double expected = naive_answer(id, &window);
        ck_assert_msg(same(call->out[i], expected, any_nan),
                      "%s, round %u, kind %d, step %zu, %zu samples: %.17g (%" PRIx64
                      "), expected %.17g (%" PRIx64 ")",
                      function_names[id], round, kind, i, window.count, call->out[i],
                      value_bits(call->out[i]), expected, value_bits(expected));
    }
}

START_TEST(equals_the_definition_over_a_long_series)
{
    enum { COUNT = 20000 };
    AUTO(free) void *memory = mem_new(struct example);
    AUTO(free) void *times_memory = mem_new_array(int64_t, COUNT);
    AUTO(free) void *values_memory = mem_new_array(double, COUNT);
    struct example *example = memory;
    int64_t *times_ms = times_memory;
    double *values = values_memory;
    struct scratch scratch = {0};
    struct random random = {.state = 3};

    example_fill(&random, example, &scratch);
    for (size_t i = 0; i < COUNT; i++) {
        times_ms[i] = (int64_t)i * 15000;
        values[i] = random_value(&random, KIND_GAUGE, 0);
    }
    example->series.kind = KIND_GAUGE;
    example->call.times_ms = times_ms;
    example->call.values = values;
    example->call.sample_count = COUNT;
    example->call.refs = (struct grid){.start_ms = 0, .step_ms = 5000000, .count = STEP_COUNT_MAX};
    example->call.range_ms = 3600000;
    for (size_t i = 0; i < STEP_COUNT_MAX; i++)
        example->params[i] = example->others[i] = random_unit(&random);

    for (enum function_id id = 0; id < FN_COUNT; id++) {
        if (window_kernel(id, WINDOW_PLAIN))
            check_example(id, example, 0);
    }
    scratch_done(&scratch);
}
END_TEST

/* Scrapes mostly 15 s apart and few resets, so that windows look alike for many steps. */
START_TEST(equals_the_definition_over_even_stretches)
{
    static const int64_t steps_ms[] = {15000, 30000, 60000, 45000, 20000};
    static const enum function_id ids[] = {FN_rate, FN_increase, FN_delta};
    AUTO(free) void *memory = mem_new(struct example);
    struct example *example = memory;
    struct series *series = &example->series;
    struct scratch scratch = {0};
    struct random random = {.state = 11};

    for (unsigned round = 0; round < 10 * ROUNDS; round++) {
        int64_t time_ms = 1700000000000;
        uint64_t rare = 20 + random_below(&random, 200);
        double value = random_below(&random, 4) ? 1000 : 0;
        example_fill(&random, example, &scratch);
        series->kind = KIND_COUNTER;
        series->count = SAMPLE_COUNT_MAX;
        for (size_t i = 0; i < series->count; i++) {
            value = random_below(&random, rare) ? value + (double)random_below(&random, 9) : 0;
            time_ms +=
                random_below(&random, rare) ? 15000 : 1 + (int64_t)random_below(&random, 90000);
            series->times_ms[i] = time_ms;
            series->values[i] = value;
        }
        example->call.sample_count = series->count;
        example->call.range_ms = 15000 * (1 + (int64_t)random_below(&random, 30));
        example->call.refs = (struct grid){
            .start_ms = series->times_ms[0] + (int64_t)random_below(&random, 400000),
            .step_ms = steps_ms[random_below(&random, 5)],
            .count = STEP_COUNT_MAX,
        };
        if (random_below(&random, 2))
            example->call.refs.start_ms = series->times_ms[random_below(&random, 100)];
        for (size_t i = 0; i < STEP_COUNT_MAX; i++)
            example->params[i] = example->others[i] = 0;
        for (size_t i = 0; i < ARRAY_COUNT(ids); i++)
            check_example(ids[i], example, round);
    }
    scratch_done(&scratch);
}
END_TEST

/* All functions from `first` to before `end`, over the same random examples. */
static void check_functions(enum function_id first, enum function_id end)
{
    AUTO(free) void *memory = mem_new(struct example);
    struct example *example = memory;
    struct scratch scratch = {0};
    struct random random = {.state = 42};

    for (unsigned round = 0; round < ROUNDS; round++) {
        example_fill(&random, example, &scratch);
        for (enum function_id id = first; id < end; id++) {
            if (window_kernel(id, WINDOW_PLAIN))
                check_example(id, example, round);
        }
    }
    scratch_done(&scratch);
}

START_TEST(equals_the_definition_bit_by_bit_from_a_to_l)
{
    check_functions(0, FN_mad_over_time);
}
END_TEST

START_TEST(equals_the_definition_bit_by_bit_from_m_to_q)
{
    check_functions(FN_mad_over_time, FN_rad);
}
END_TEST

START_TEST(equals_the_definition_bit_by_bit_from_r_on)
{
    check_functions(FN_rad, FN_COUNT);
}
END_TEST

START_TEST(instant_finds_the_newest_sample_within_lookback)
{
    AUTO(free) void *memory = mem_new(struct example);
    struct example *example = memory;
    struct scratch scratch = {0};
    struct random random = {.state = 7};
    double times[STEP_COUNT_MAX];

    for (unsigned round = 0; round < ROUNDS; round++) {
        example_fill(&random, example, &scratch);
        for (size_t i = 0; i < example->series.count; i++) {
            if (random_below(&random, 10) == 0)
                example->series.values[i] = value_stale();
        }
        struct window_call *call = &example->call;
        ck_assert(window_run(&window_select, call, &(struct err){0}));
        call->out = times;
        ck_assert(window_run(&window_select_time, call, &(struct err){0}));

        for (size_t i = 0; i < call->refs.count; i++) {
            struct naive_window w = window_at(call, i);
            double value = w.count ? w.values[w.count - 1] : value_stale();
            ck_assert_uint_eq(value_bits(example->out[i]), value_bits(value));
            if (!value_is_stale(value))
                value = (double)w.times_ms[w.count - 1] / 1000;
            ck_assert_uint_eq(value_bits(times[i]), value_bits(value));
        }
    }
    scratch_done(&scratch);
}
END_TEST

/* One window of the function, ending at 60 s and 60 s long, over samples at 15, 30, 45 and 60 s. */
static double answer(enum function_id id, const double values[4], double param)
{
    static const int64_t times_ms[] = {15000, 30000, 45000, 60000};
    struct scratch scratch = {0};
    double out;
    const struct window_call call = {
        .times_ms = times_ms,
        .values = values,
        .sample_count = 4,
        .refs = {.start_ms = 60000, .count = 1},
        .range_ms = 60000,
        .eval_start_ms = 60000,
        .params = {&param},
        .scratch = &scratch,
        .out = &out,
    };
    window_kernel(id, WINDOW_PLAIN)->floats(&call);
    scratch_done(&scratch);
    return out;
}

START_TEST(rate_goes_on_to_both_edges_but_not_below_zero)
{
    ck_assert_double_eq(answer(FN_increase, (double[]){100, 101, 102, 103}, 0), 4);
    ck_assert_double_eq(answer(FN_increase, (double[]){0, 1, 2, 3}, 0), 3);
    ck_assert_double_eq(answer(FN_increase, (double[]){100, 103, 1, 2}, 0), 5 * (60.0 / 45));
    ck_assert_double_eq(answer(FN_rate, (double[]){100, 101, 102, 103}, 0), 60.0 / 45 / 60 * 3);
    ck_assert_double_eq(answer(FN_delta, (double[]){9, 6, 3, 0}, 0), -12);
}
END_TEST

START_TEST(sums_keep_what_large_numbers_would_swallow)
{
    ck_assert_double_eq(answer(FN_sum_over_time, (double[]){1, 1e100, 1, -1e100}, 0), 2);
    ck_assert_double_eq(answer(FN_avg_over_time, (double[]){1e308, 1e308, 1e308, 1e308}, 0), 1e308);
    ck_assert_double_infinite(answer(FN_sum_over_time, (double[]){1e308, 1e308, 1, -1e308}, 0));
    ck_assert_uint_eq(value_bits(answer(FN_sum_over_time, (double[]){-0.0, -0.0, -0.0, -0.0}, 0)),
                      0);
}
END_TEST

START_TEST(extremes_pass_nan_over_while_there_are_numbers)
{
    double nan = value_nan();
    ck_assert_double_eq(answer(FN_max_over_time, (double[]){nan, 1, nan, -2}, 0), 1);
    ck_assert_double_eq(answer(FN_min_over_time, (double[]){nan, 1, nan, -2}, 0), -2);
    ck_assert_double_nan(answer(FN_max_over_time, (double[]){nan, nan, nan, nan}, 0));
    ck_assert_double_eq(answer(FN_ts_of_max_over_time, (double[]){1, 3, 3, 2}, 0), 45);
    ck_assert(signbit(answer(FN_max_over_time, (double[]){-0.0, 0.0, 0.0, 0.0}, 0)));
}
END_TEST

START_TEST(quantiles_lie_between_samples)
{
    const double values[] = {4, 1, 3, 2};
    ck_assert_double_eq(answer(FN_quantile_over_time, values, 0.5), 2.5);
    ck_assert_double_eq(answer(FN_quantile_over_time, values, 1), 4);
    ck_assert_double_eq(answer(FN_quantile_over_time, values, -0.5), -INFINITY);
    ck_assert_double_eq(answer(FN_quantile_over_time, values, 1.5), INFINITY);
    ck_assert_uint_eq(value_bits(answer(FN_quantile_over_time, values, value_nan())), NAN_BITS);
    ck_assert_double_eq(answer(FN_mad_over_time, (double[]){4, 6, 2, 1}, 0), 1.5);
}
END_TEST

START_TEST(a_line_through_equal_samples_is_flat)
{
    ck_assert_double_eq(answer(FN_deriv, (double[]){7, 7, 7, 7}, 0), 0);
    ck_assert_double_eq(answer(FN_predict_linear, (double[]){7, 7, 7, 7}, 3600), 7);
    double infinite = answer(FN_deriv, (double[]){INFINITY, INFINITY, INFINITY, INFINITY}, 0);
    ck_assert_uint_eq(value_bits(infinite), NAN_BITS);
    ck_assert_double_eq(answer(FN_predict_linear, (double[]){1, 2, 3, 4}, 30), 6);
}
END_TEST

START_TEST(a_window_is_open_on_its_left)
{
    static const int64_t times_ms[] = {0, 1000};
    const double values[] = {1, 2};
    double out[3];
    const struct window_call call = {
        .times_ms = times_ms,
        .values = values,
        .sample_count = 2,
        .refs = {.start_ms = 1000, .step_ms = 500, .count = 3},
        .range_ms = 1000,
        .out = out,
    };
    window_kernel(FN_count_over_time, WINDOW_PLAIN)->floats(&call);
    ck_assert_double_eq(out[0], 1);
    ck_assert_double_eq(out[1], 1);
    ck_assert(value_is_stale(out[2]));

    ck_assert(window_run(&window_select, &call, &(struct err){0}));
    ck_assert_double_eq(out[1], 2);
    ck_assert(value_is_stale(out[2]));
}
END_TEST

TEST_MAIN("window", equals_the_definition_bit_by_bit_from_a_to_l,
          equals_the_definition_bit_by_bit_from_m_to_q, equals_the_definition_bit_by_bit_from_r_on,
          equals_the_definition_over_a_long_series, equals_the_definition_over_even_stretches,
          instant_finds_the_newest_sample_within_lookback,
          rate_goes_on_to_both_edges_but_not_below_zero, sums_keep_what_large_numbers_would_swallow,
          extremes_pass_nan_over_while_there_are_numbers, quantiles_lie_between_samples,
          a_line_through_equal_samples_is_flat, a_window_is_open_on_its_left)
