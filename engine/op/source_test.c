#include "engine/op/source.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/test.h"
#include "base/workers.h"
#include "engine/op/test_rows.h"
#include "model/sample.h"
#include "storage/test_storage.h"

#define SERIES 57
#define SAMPLES 400

/* The sum of the times in the window: tells exactly which samples it saw. */
static void kernel_sum_of_times(const struct window_call *call)
{
    for (size_t step = 0; step < call->refs.count; step++) {
        int64_t ref_ms = grid_time(&call->refs, step);
        double sum = 0;
        size_t seen = 0;
        for (size_t i = 0; i < call->sample_count; i++) {
            if (call->times_ms[i] > ref_ms - call->range_ms && call->times_ms[i] <= ref_ms) {
                sum += (double)call->times_ms[i] * call->values[i];
                seen++;
            }
        }
        call->out[step] = seen ? sum : value_stale();
    }
}

static const struct window_kernel sum_of_times = {.floats = kernel_sum_of_times};

struct fixture {
    struct test_query test;
    struct test_storage storage;
    struct vector_selector selector;
    struct plan_select select;
    struct grid grid;
};

static void fixture_init(struct fixture *f, size_t samples, int64_t range_ms)
{
    test_query_init(&f->test);
    test_storage_init(&f->storage);
    int64_t *times_ms = mem_new_array(int64_t, samples);
    double *values = mem_new_array(double, samples);
    for (size_t s = 0; s < SERIES; s++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", s);
        for (size_t i = 0; i < samples; i++) {
            times_ms[i] = (int64_t)(i * 1000 + s);
            values[i] = (i + s) % 37 == 0 ? value_stale() : (double)(s + 1);
        }
        test_storage_add(&f->storage,
                         (const char *const[]){"__name__", "m", "series", number, NULL}, times_ms,
                         values, s % 10 == 9 ? 0 : samples);
    }
    free(times_ms);
    free(values);
    f->test.query.storage = &f->storage.storage;
    f->selector = (struct vector_selector){0};
    f->grid = (struct grid){5000, 7000, samples / 7};
    f->select = (struct plan_select){
        .selector = &f->selector,
        .refs = {5000 - 2000, 7000, samples / 7},
        .range_ms = range_ms,
    };
    f->select.begin_ms = f->select.refs.start_ms - range_ms + 1;
    f->select.end_ms = grid_end(&f->select.refs);
}

static void fixture_done(struct fixture *f)
{
    test_query_done(&f->test);
    test_storage_done(&f->storage);
}

static double expected(const struct fixture *f, size_t series, size_t samples, size_t step)
{
    if (series % 10 == 9)
        return value_stale();
    int64_t ref_ms = grid_time(&f->select.refs, step);
    double sum = 0;
    size_t seen = 0;
    for (size_t i = 0; i < samples; i++) {
        int64_t t = (int64_t)(i * 1000 + series);
        if ((i + series) % 37 == 0 || t > ref_ms || t <= ref_ms - f->select.range_ms)
            continue;
        sum += (double)t * (double)(series + 1);
        seen++;
    }
    return seen ? sum : value_stale();
}

static void reads_all(struct fixture *f, size_t samples, const uint32_t *order, size_t count)
{
    struct err err = {0};
    const struct source_spec spec = {.select = &f->select, .kernel = &sum_of_times};
    struct op *op = op_source_new(&f->test.query, &f->grid, &spec);
    ck_assert_msg(op_open(op, &err), "%s", err.msg);
    ck_assert_uint_eq(op->series_count, SERIES);
    ck_assert(op_arrange(op, order, count, &err));
    struct row_reader rows = {.op = op};
    double *row;
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_BATCH);
        for (size_t step = 0; step < f->grid.count; step++) {
            double want = expected(f, order[i], samples, step);
            ck_assert_msg(value_bits(row[step]) == value_bits(want), "series %u step %zu: %g %g",
                          order[i], step, row[step], want);
        }
    }
    ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_END);
    op_close(op);
    ck_assert_uint_eq(f->test.query.budget.used_bytes, 0);
}

START_TEST(any_number_of_threads_gives_the_same)
{
    struct fixture f;
    fixture_init(&f, SAMPLES, 10000);
    uint32_t order[SERIES];
    size_t count = 0;
    for (uint32_t i = SERIES; i-- > 0;)
        if (i % 3 != 1)
            order[count++] = i;
    reads_all(&f, SAMPLES, order, count);
    for (size_t threads = 2; threads <= 5; threads++) {
        AUTO(workers_destroy) struct workers *workers = workers_create(threads - 1);
        f.test.query.workers = workers;
        f.test.query.thread_count = threads;
        reads_all(&f, SAMPLES, order, count);
    }
    fixture_done(&f);
}
END_TEST

START_TEST(long_series_are_read_in_stretches)
{
    /* Longer than what a lane holds, with windows within it and beyond it. */
    const int64_t ranges_ms[] = {3000, 60000000};
    for (size_t i = 0; i < ARRAY_COUNT(ranges_ms); i++) {
        struct fixture f;
        fixture_init(&f, 80000, ranges_ms[i]);
        f.grid.step_ms = f.select.refs.step_ms = 7000000;
        f.grid.count = f.select.refs.count = 12;
        f.select.end_ms = grid_end(&f.select.refs);
        uint32_t order[] = {3, 12};
        reads_all(&f, 80000, order, ARRAY_COUNT(order));
        fixture_done(&f);
    }
}
END_TEST

START_TEST(error_of_a_task_is_the_querys)
{
    struct fixture f;
    fixture_init(&f, SAMPLES, 10000);
    f.storage.fail_series = 20;
    for (size_t threads = 1; threads <= 3; threads++) {
        AUTO(workers_destroy) struct workers *workers = workers_create(threads);
        f.test.query.workers = threads > 1 ? workers : NULL;
        f.test.query.thread_count = threads;
        struct err err = {0};
        const struct source_spec spec = {.select = &f.select, .kernel = &sum_of_times};
        struct op *op = op_source_new(&f.test.query, &f.grid, &spec);
        ck_assert(op_open(op, &err));
        struct row_reader rows = {.op = op};
        double *row;
        enum pull got;
        while ((got = row_reader_next(&rows, &row, &err)) == PULL_BATCH)
            ;
        ck_assert_int_eq(got, PULL_ERR);
        ck_assert_str_eq(err.msg, "series 20 is damaged");
        op_close(op);
        ck_assert_uint_eq(f.test.query.budget.used_bytes, 0);
    }
    fixture_done(&f);
}
END_TEST

START_TEST(memory_limit_ends_it)
{
    struct fixture f;
    fixture_init(&f, SAMPLES, 10000);
    struct err err = {0};
    f.test.query.budget.limit_bytes = 4096;
    const struct source_spec spec = {.select = &f.select, .kernel = &sum_of_times};
    struct op *op = op_source_new(&f.test.query, &f.grid, &spec);
    struct batch batch;
    ck_assert(op_open(op, &err));
    ck_assert_int_eq(op_pull(op, &batch, &err), PULL_ERR);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    op_close(op);
    ck_assert_uint_eq(f.test.query.budget.used_bytes, 0);
    fixture_done(&f);
}
END_TEST

#define HISTOGRAMS 3000

/* A counter of one bucket, and in every seventh series a float now and then. */
static void add_histograms(struct test_storage *storage, size_t series_count)
{
    static const struct histogram_span span = {.length = 1};
    for (size_t s = 0; s < series_count; s++) {
        char number[24];
        snprintf(number, sizeof number, "%03zu", s);
        test_storage_add(storage, (const char *const[]){"__name__", "h", "series", number, NULL},
                         NULL, NULL, 0);
        struct test_series *series = &storage->series[storage->count - 1];
        for (size_t i = 0; i < HISTOGRAMS; i++) {
            double count = (double)((s + 1) * i);
            const struct histogram h = {
                .count = count,
                .positive = {&span, &count, 1, 1},
            };
            struct test_sample sample = {.time_ms = (int64_t)i * 1000, .histogram = &h};
            if (s % 7 == 6 && i % 100 == 50)
                sample.histogram = NULL;
            struct err err = {0};
            ck_assert(test_series_append(series, &sample, storage->arena, &err));
        }
    }
}

/* Rates are s + 1 a second, but where a window holds both kinds. */
static void reads_rates(struct fixture *f, size_t series_count)
{
    struct err err = {0};
    const struct source_spec spec = {
        .select = &f->select,
        .kernel = window_kernel(FN_rate, WINDOW_PLAIN),
        .notes = NOTES_COUNTER,
    };
    struct op *op = op_source_new(&f->test.query, &f->grid, &spec);
    ck_assert_msg(op_open(op, &err), "%s", err.msg);
    ck_assert_uint_eq(op->series_count, series_count);
    struct row_reader rows = {.op = op};
    double *row;
    for (size_t s = 0; s < series_count; s++) {
        ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_BATCH);
        ck_assert_ptr_nonnull(rows.histograms);
        for (size_t step = 0; step < f->grid.count; step++) {
            const struct histogram *h = rows.histograms[step];
            ck_assert(value_is_stale(row[step]));
            size_t last = (size_t)(grid_time(&f->grid, step) / 1000);
            bool mixed = s % 7 == 6 && (last + 50) % 100 < 10;
            ck_assert_msg(!h == mixed, "series %zu step %zu", s, step);
            if (h)
                ck_assert_double_eq_tol(h->positive.buckets[0], (double)(s + 1), 1e-9);
        }
    }
    ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_END);
    ck_assert_uint_gt(f->test.query.budget.peak_bytes, 100000);
    op_close(op);
    ck_assert_uint_eq(f->test.query.budget.used_bytes, 0);
    const struct annotations *told = &f->test.query.annotations;
    ck_assert_uint_eq(told->count, 1);
    ck_assert_int_eq(told->items[0].level, ANNOTATION_WARNING);
}

START_TEST(histograms_are_read_in_stretches_by_any_number_of_threads)
{
    enum { COUNT = 20 };
    struct fixture f;
    fixture_init(&f, 0, 10000);
    test_storage_clear(&f.storage);
    add_histograms(&f.storage, COUNT);
    f.grid = f.select.refs = (struct grid){20000, 3000, 900};
    f.select.begin_ms = 10001;
    f.select.end_ms = grid_end(&f.grid);
    for (size_t threads = 1; threads <= 3; threads++) {
        AUTO(workers_destroy) struct workers *workers = workers_create(threads);
        f.test.query.workers = threads > 1 ? workers : NULL;
        f.test.query.thread_count = threads;
        reads_rates(&f, COUNT);
    }
    fixture_done(&f);
}
END_TEST

TEST_MAIN("op/source", any_number_of_threads_gives_the_same, long_series_are_read_in_stretches,
          error_of_a_task_is_the_querys, memory_limit_ends_it,
          histograms_are_read_in_stretches_by_any_number_of_threads)
