/* What a point of an answer costs as JSON: rows of a range query of 11,000 steps, of several kinds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "bench/bench.h"
#include "model/labels.h"
#include "server/result_json.h"

#define STEPS 11000
#define ROWS 60

static double value_constant(size_t i)
{
    return 42;
}

static double value_small(size_t i)
{
    return (double)(bench_random() % 100);
}

static double value_counter(size_t i)
{
    return 1e9 + (double)i * 100 + (double)(bench_random() % 100);
}

static double value_cents(size_t i)
{
    return (double)(bench_random() % 10000000) / 100;
}

static double value_seconds(size_t i)
{
    return (double)(bench_random() % 1000000) / 1000;
}

static double value_rate(size_t i)
{
    return (double)(bench_random() % 100000) / 300;
}

static double value_any(size_t i)
{
    return (double)(bench_random() >> 11) * 0x1p-53;
}

static void bench(const char *name, double (*value)(size_t i))
{
    static double values[STEPS];
    struct result_info info = {.kind = RESULT_MATRIX, .grid = {1760002000000, 15000, STEPS}};
    struct result_json json;
    struct buf out = {0};
    for (size_t i = 0; i < STEPS; i++)
        values[i] = value(i);
    result_json_begin(&json, &info, &out);
    struct result_row row = {.labels = &labels_empty, .values = values, .count = STEPS};
    result_json_row(&json, &row, &out); /* the pages are there from now on */
    size_t bytes = out.len;

    int64_t least_ns = INT64_MAX;
    for (size_t i = 0; i < ROWS; i++) {
        int64_t begin_ns = bench_cpu_ns();
        buf_clear(&out);
        result_json_row(&json, &row, &out);
        int64_t took_ns = bench_cpu_ns() - begin_ns;
        least_ns = took_ns < least_ns ? took_ns : least_ns;
    }
    printf("json/%s %.1f ns/point (%.1f bytes)\n", name, (double)least_ns / STEPS,
           (double)bytes / STEPS);
    result_json_done(&json);
    buf_done(&out);
}

int main(void)
{
    bench("constant", value_constant);
    bench("small_integers", value_small);
    bench("counters", value_counter);
    bench("two_decimals", value_cents);
    bench("three_decimals", value_seconds);
    bench("rates", value_rate);
    bench("any", value_any);
    return 0;
}
