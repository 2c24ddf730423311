/* Range functions: time for each step of a row, over one series scraped every 15 s. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bench/bench.h"
#include "engine/fn/window.h"
#include "model/sample.h"

enum { SAMPLE_COUNT = 12000, STEP_COUNT_MAX = 20000 };
#define MEASURE_NS 20000000

struct series {
    int64_t times_ms[SAMPLE_COUNT];
    double integers[SAMPLE_COUNT];  /* a counter */
    double fractions[SAMPLE_COUNT]; /* a gauge */
};

struct bench {
    struct series regular;
    struct series jittered;
    double params[STEP_COUNT_MAX];
    double out[STEP_COUNT_MAX];
    struct scratch scratch;
};

struct shape {
    const char *name;
    int64_t step_ms;
    int64_t range_ms;
    bool jittered;
};

static const struct shape shapes[] = {
    {"15s_5m", 15000, 300000, false},   {"15s_1h", 15000, 3600000, false},
    {"15s_1d", 15000, 86400000, false}, {"60s_5m", 60000, 300000, false},
    {"60s_1h", 60000, 3600000, false},  {"60s_5m_jitter", 60000, 300000, true},
};

static uint64_t random_next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *state >> 33;
}

static void series_fill(struct series *series, bool jittered)
{
    uint64_t state = 1;
    double counter = 0;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        series->times_ms[i] = 1700000000000 + (int64_t)i * 15000;
        if (jittered)
            series->times_ms[i] += (int64_t)(random_next(&state) % 1000);
        counter = random_next(&state) % 1000 ? counter + (double)(random_next(&state) % 100) : 0;
        series->integers[i] = counter;
        series->fractions[i] = (double)random_next(&state) / 1e5;
    }
}

/* The best of several rounds: what else runs on the machine only adds. */
static double measure(window_fn *kernel, const struct window_call *call)
{
    double best = 1e18;
    int64_t end_ns = bench_cpu_ns() + MEASURE_NS;
    for (unsigned round = 0; round < 3 || bench_cpu_ns() < end_ns; round++) {
        int64_t begin_ns = bench_cpu_ns();
        kernel(call);
        double took = (double)(bench_cpu_ns() - begin_ns);
        best = took < best ? took : best;
    }
    return best / (double)call->refs.count;
}

static void bench_kernel(struct bench *bench, const char *name, window_fn *kernel, bool integers)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const struct shape *shape = &shapes[i];
        const struct series *series = shape->jittered ? &bench->jittered : &bench->regular;
        int64_t start_ms = series->times_ms[0] + shape->range_ms;
        int64_t length_ms = series->times_ms[SAMPLE_COUNT - 1] - start_ms;
        size_t count = (size_t)(length_ms / shape->step_ms);
        const struct window_call call = {
            .times_ms = series->times_ms,
            .values = integers ? series->integers : series->fractions,
            .sample_count = SAMPLE_COUNT,
            .refs = {start_ms, shape->step_ms, count < STEP_COUNT_MAX ? count : STEP_COUNT_MAX},
            .range_ms = shape->range_ms,
            .eval_start_ms = start_ms,
            .eval_step_ms = shape->step_ms,
            .params = {bench->params},
            .scratch = &bench->scratch,
            .out = bench->out,
        };
        printf("window/%s_%s %.2f ns/step\n", name, shape->name, measure(kernel, &call));
    }
}

/* A counter of BUCKETS buckets, of which every scrape sees a tenth grow. */
static void histograms_fill(struct histogram_samples *samples)
{
    enum { BUCKETS = 40 };
    static const struct histogram_span spans[] = {{-10, 30}, {2, 10}};
    uint64_t state = 1;
    struct arena *arena = histogram_samples_region(samples);
    double counts[BUCKETS] = {0};
    double total = 0;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        for (size_t grown = 0; grown < BUCKETS / 10; grown++) {
            counts[random_next(&state) % BUCKETS] += 3;
            total += 3;
        }
        double *buckets = arena_array(arena, double, BUCKETS);
        memcpy(buckets, counts, sizeof counts);
        struct histogram *h = arena_new(arena, struct histogram);
        *h = (struct histogram){
            .schema = 3,
            .hint = i > 0 ? HISTOGRAM_NOT_RESET : HISTOGRAM_UNKNOWN,
            .zero_threshold = 1e-128,
            .count = total,
            .sum = total * 1.7,
            .positive = {spans, buckets, 2, BUCKETS},
        };
        histogram_samples_add(samples, 1700000000000 + (int64_t)i * 15000, 0, h);
    }
}

static void bench_histograms(struct bench *bench, const char *name, enum function_id id)
{
    struct histogram_samples samples = {0};
    histograms_fill(&samples);
    struct arena *arena = arena_create(NULL), *spare = arena_create(NULL);
    const struct histogram **out = mem_new_array(const struct histogram *, STEP_COUNT_MAX);
    struct window_finds finds = {0};
    const struct window_call call = {
        .refs = {samples.times_ms[0] + 300000, 60000, 2900},
        .range_ms = 300000,
        .scratch = &bench->scratch,
        .out = bench->out,
        .histograms = &samples,
        .histograms_out = out,
        .arena = arena,
        .spare = spare,
        .finds = &finds,
    };
    double best = 1e18;
    for (unsigned round = 0; round < 20; round++) {
        arena_reset(arena);
        int64_t begin_ns = bench_cpu_ns();
        window_kernel(id, WINDOW_PLAIN)->any(&call);
        double took = (double)(bench_cpu_ns() - begin_ns);
        best = took < best ? took : best;
    }
    printf("window/%s_histogram_60s_5m %.2f ns/step\n", name, best / (double)call.refs.count);
    free(out);
    arena_destroy(arena);
    arena_destroy(spare);
    histogram_samples_done(&samples);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        enum function_id id;
        bool integers;
    } kernels[] = {
        {"rate", FN_rate, true},
        {"rate_gauge", FN_rate, false},
        {"irate", FN_irate, true},
        {"max", FN_max_over_time, false},
        {"ts_of_max", FN_ts_of_max_over_time, false},
        {"count", FN_count_over_time, false},
        {"last", FN_last_over_time, false},
        {"changes", FN_changes, false},
        {"sum_integers", FN_sum_over_time, true},
        {"sum_fractions", FN_sum_over_time, false},
        {"avg_integers", FN_avg_over_time, true},
        {"stddev", FN_stddev_over_time, false},
        {"deriv_integers", FN_deriv, true},
        {"deriv_fractions", FN_deriv, false},
        {"predict_linear", FN_predict_linear, false},
        {"quantile", FN_quantile_over_time, false},
        {"mad", FN_mad_over_time, false},
    };
    struct bench *bench = mem_new(struct bench);
    series_fill(&bench->regular, false);
    series_fill(&bench->jittered, true);
    for (size_t i = 0; i < STEP_COUNT_MAX; i++)
        bench->params[i] = 0.9;

    if (argc < 2 || strcmp(argv[1], "instant") == 0)
        bench_kernel(bench, "instant", window_select.floats, false);
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        if (argc < 2 || strcmp(argv[1], kernels[i].name) == 0)
            bench_kernel(bench, kernels[i].name, window_kernel(kernels[i].id, WINDOW_PLAIN)->floats,
                         kernels[i].integers);
    }
    if (argc < 2 || strcmp(argv[1], "rate_histogram") == 0)
        bench_histograms(bench, "rate", FN_rate);
    if (argc < 2 || strcmp(argv[1], "sum_histogram") == 0)
        bench_histograms(bench, "sum", FN_sum_over_time);
    scratch_done(&bench->scratch);
    free(bench);
    return 0;
}
