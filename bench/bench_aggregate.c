/* What an aggregation costs a value: its kernel alone, and the operator over rows in memory. */
#include <stdio.h>

#include "base/clock.h"
#include "engine/fn/aggregate.h"
#include "engine/op/aggregate.h"
#include "engine/op/test_rows.h"
#include "model/sample.h"

static void fill(double *values, size_t count)
{
    unsigned state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        values[i] = state >> 28 == 0 ? value_stale() : (double)(state >> 8) * 0.001;
    }
}

static void bench_kernel(enum aggregate_op op, size_t steps)
{
    enum { ROWS = 8, VALUES = 100000000 };
    const struct aggregate_kernel *kernel = aggregate_kernel(op);
    struct arena *arena = arena_create(NULL);
    double *state = arena_array(arena, double, kernel->arrays *steps);
    double *rows = arena_array(arena, double, ROWS *steps);
    double *out = arena_array(arena, double, steps);
    fill(rows, ROWS * steps);

    size_t rounds = VALUES / (ROWS * steps);
    int64_t begin_ns = clock_monotonic_ns();
    kernel->begin(state, steps);
    for (size_t i = 0; i < rounds; i++)
        kernel->add(state, rows, ROWS, steps);
    kernel->end(state, out, steps);
    double ns = (double)(clock_monotonic_ns() - begin_ns) / (double)(rounds * ROWS * steps);
    printf("aggregate/%s/%zu_steps %.2f ns/value\n", kernel->name, steps, ns);
    arena_destroy(arena);
}

/* Opens and reads to the end: nanoseconds it took, or < 0. */
static double bench_run(struct op *op)
{
    struct err err = {0};
    int64_t begin_ns = clock_monotonic_ns();
    struct row_reader rows = {.op = op};
    double *row;
    enum pull got = op_open(op, &err) ? PULL_BATCH : PULL_ERR;
    while (got == PULL_BATCH)
        got = row_reader_next(&rows, &row, &err);
    double ns = (double)(clock_monotonic_ns() - begin_ns);
    op_close(op);
    return got == PULL_END ? ns : -1;
}

/* `series` rows in groups of `group_size`: what the operator takes beside its child. */
static bool bench_operator(const char *name, size_t series, size_t steps, size_t group_size)
{
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    double *values = arena_array(query->arena, double, series *steps);
    const struct labels **labels = arena_array(query->arena, const struct labels *, series);
    fill(values, series * steps);
    for (size_t i = 0; i < series; i++) {
        char group[24], pod[24];
        snprintf(group, sizeof group, "group-%zu", i / group_size);
        snprintf(pod, sizeof pod, "pod-%zu", i);
        labels[i] = TEST_LABELS(query, "__name__", "requests_total", "code", "200", "group", group,
                                "instance", "localhost:9090", "job", "api", "pod", pod);
    }
    struct grid grid = {0, 1000, steps};
    size_t rows = batch_rows_max(steps);
    double child_ns = bench_run(op_test_rows_new(query, &grid, labels, values, series, rows));
    struct op *child = op_test_rows_new(query, &grid, labels, values, series, rows);
    struct str by[] = {STR("group")};
    struct grouping grouping = grouping_by(query, by, 1);
    double ns = bench_run(op_aggregate_new(query, child, AGGREGATE_sum, &grouping, 0));

    printf("aggregate/%s %.2f ns/value\n", name, (ns - child_ns) / (double)(series * steps));
    test_query_done(&test);
    return ns >= 0 && child_ns >= 0;
}

int main(void)
{
    static const enum aggregate_op ops[] = {AGGREGATE_sum, AGGREGATE_avg, AGGREGATE_max,
                                            AGGREGATE_count, AGGREGATE_stddev};
    for (size_t i = 0; i < ARRAY_COUNT(ops); i++) {
        bench_kernel(ops[i], 1000);
        bench_kernel(ops[i], 1);
    }
    bool done = bench_operator("sum_by/range_10k_x_1000_in_10", 10000, 1000, 1000);
    done = done && bench_operator("sum_by/instant_100k_in_100", 100000, 1, 1000);
    done = done && bench_operator("sum_by/instant_100k_in_100k", 100000, 1, 1);
    return !done;
}
