#include "engine/engine.h"

#include "base/float_text.h"
#include "base/test.h"
#include "model/sample.h"
#include "storage/test_storage.h"

/*
 * Two counters and a gauge, a sample a minute from 0 to 59:
 *     requests_total{job="a"}  10 a minute, a reset at minute 30
 *     requests_total{job="b"}  1 a minute
 *     heat{job="a"}            its minute, missing from 20 to 39, stale marker at 20
 */
#define MINUTES 60

struct fixture {
    struct test_storage storage;
    struct engine *engine;
};

static void fixture_init(struct fixture *f, const struct engine_options *options)
{
    int64_t times_ms[MINUTES];
    double fast[MINUTES], slow[MINUTES], heat[MINUTES];
    int64_t heat_times_ms[MINUTES];
    size_t heat_count = 0;
    for (size_t i = 0; i < MINUTES; i++) {
        times_ms[i] = (int64_t)i * 60000;
        fast[i] = (double)(i < 30 ? i : i - 30) * 10;
        slow[i] = (double)i;
        if (i > 20 && i < 40)
            continue;
        heat_times_ms[heat_count] = times_ms[i];
        heat[heat_count++] = i == 20 ? value_stale() : (double)i;
    }
    test_storage_init(&f->storage);
    test_storage_add(&f->storage,
                     (const char *const[]){"__name__", "requests_total", "job", "a", NULL},
                     times_ms, fast, MINUTES);
    test_storage_add(&f->storage,
                     (const char *const[]){"__name__", "requests_total", "job", "b", NULL},
                     times_ms, slow, MINUTES);
    test_storage_add(&f->storage, (const char *const[]){"__name__", "heat", "job", "a", NULL},
                     heat_times_ms, heat, heat_count);
    f->engine = engine_create(&f->storage.storage, options);
}

static void fixture_done(struct fixture *f)
{
    engine_destroy(f->engine);
    test_storage_done(&f->storage);
}

static void append_value(struct buf *out, double v)
{
    char text[FLOAT_TEXT_SIZE];
    buf_byte(out, ' ');
    if (value_is_stale(v))
        buf_byte(out, '_');
    else
        buf_append(out, text, float_text_json(text, v));
}

static bool answer(struct engine *engine, const struct query_spec *spec, struct buf *out,
                   struct err *err)
{
    AUTO(running_destroy) struct running *running = NULL;
    if (!running_create(engine, spec, &running, err) || !running_open(running, err))
        return false;
    struct result_info info = running_info(running);
    struct result_row row;
    enum pull got;
    while ((got = running_next(running, &row, err)) == PULL_BATCH) {
        labels_print_metric(info.symbols, row.labels, out);
        for (size_t i = 0; i < row.count; i++)
            append_value(out, row.values[i]);
        buf_byte(out, '\n');
    }
    const struct annotations *annotations = running_annotations(running);
    for (size_t i = 0; got == PULL_END && i < annotations->count; i++) {
        annotation_print(&annotations->items[i], spec->text, out);
        buf_byte(out, '\n');
    }
    return got == PULL_END;
}

/* How a query is answered: by one thread or more, by the other engine, or by both together. */
struct way {
    size_t thread_count;
    enum engine_kind engine;
    bool disable_functions; /* of the streaming engine, so that the reference engine has them */
};

static void answers_in(const struct way *way, const char *expr, const struct query_spec *minutes,
                       const char *want)
{
    struct engine_options options = {.thread_count = way->thread_count};
    for (size_t i = 0; i < FN_COUNT; i++)
        options.disabled[i] = way->disable_functions;
    struct fixture f;
    fixture_init(&f, &options);
    const struct query_spec spec = {
        .text = str_of(expr),
        .start_ms = minutes->start_ms * INT64_C(60000),
        .end_ms = minutes->end_ms * INT64_C(60000),
        .step_ms = minutes->step_ms * INT64_C(60000),
        .engine = way->engine,
    };
    struct err err = {0};
    AUTO(buf_done) struct buf out = {0};
    if (!answer(f.engine, &spec, &out, &err)) {
        buf_clear(&out);
        buf_printf(&out, "error: %s\n", err.msg);
    }
    ck_assert_msg(strcmp(buf_terminated(&out), want) == 0, "%s\n--- got\n%s--- want\n%s", expr,
                  out.ptr, want);
    fixture_done(&f);
}

/* Minutes; step 0: an instant query at `start`. */
static void answers(const char *expr, int start, int end, int step, const char *want)
{
    static const struct way ways[] = {
        {.thread_count = 1},
        {.thread_count = 3},
        {.thread_count = 1, .engine = ENGINE_REFERENCE},
        {.thread_count = 1, .disable_functions = true},
    };
    const struct query_spec minutes = {.start_ms = start, .end_ms = end, .step_ms = step};
    for (size_t i = 0; i < ARRAY_COUNT(ways); i++)
        answers_in(&ways[i], expr, &minutes, want);
}

START_TEST(selects)
{
    answers("heat", 17, 23, 1, "heat{job=\"a\"} 17 18 19 _ _ _ _\n");
    answers("heat", 42, 42, 0, "heat{job=\"a\"} 42\n");
    answers("heat", 30, 30, 0, "");
    answers("requests_total", 5, 5, 0,
            "requests_total{job=\"a\"} 50\nrequests_total{job=\"b\"} 5\n");
    answers("heat[3m] offset 1m", 21, 21, 0, "heat{job=\"a\"} 18 19\n");
    answers("heat @ 120", 10, 12, 1, "heat{job=\"a\"} 2 2 2\n");
    answers("timestamp(heat)", 42, 44, 1, "{job=\"a\"} 2520 2580 2640\n");
}
END_TEST

START_TEST(runs_range_functions)
{
    answers("increase(requests_total{job=\"a\"}[2m])", 10, 10, 0, "{job=\"a\"} 20\n");
    answers("sum(changes(requests_total[10m]))", 20, 20, 0, "{} 18\n");
    answers("sum_over_time(requests_total[3m])", 2, 4, 1,
            "{job=\"a\"} 30 60 90\n{job=\"b\"} 3 6 9\n");
    answers("rate(heat[5m])", 10, 10, 0,
            "{job=\"a\"} 0.016666666666666666\n"
            "PromQL info: metric might not be a counter, name does not end in "
            "_total/_sum/_count/_bucket: \"heat\" (1:6)\n");
    answers("max_over_time(heat[4m:2m])", 20, 22, 1, "{job=\"a\"} 18 18 _\n");
}
END_TEST

START_TEST(aggregates_and_joins)
{
    answers("sum(requests_total)", 1, 3, 1, "{} 11 22 33\n");
    answers("sum by (job) (requests_total) / on (job) heat", 10, 11, 1, "{job=\"a\"} 10 10\n");
    answers("topk(1, requests_total)", 4, 4, 0, "requests_total{job=\"a\"} 40\n");
    answers("requests_total > 5", 4, 6, 1,
            "requests_total{job=\"a\"} 40 50 60\nrequests_total{job=\"b\"} _ _ 6\n");
    answers("count(requests_total) - count(requests_total > 5)", 4, 6, 2, "{} 1 0\n");
    answers("sort_desc(requests_total)", 35, 35, 0,
            "requests_total{job=\"a\"} 50\nrequests_total{job=\"b\"} 35\n");
    answers("absent(nothing{x=\"y\"})", 4, 5, 1, "{x=\"y\"} 1 1\n");
}
END_TEST

START_TEST(scalars_and_strings)
{
    answers("1 + 2 * 3", 4, 4, 0, "{} 7\n");
    answers("time() / 60", 4, 6, 1, "{} 4 5 6\n");
    answers("vector(scalar(heat) * 2)", 4, 5, 1, "{} 8 10\n");
    answers("hour()", 0, 120, 60, "{} 0 1 2\n");
}
END_TEST

START_TEST(errors_are_prometheus_words)
{
    answers("heat +", 0, 0, 0, "error: 1:7: parse error: unexpected end of input\n");
    answers("heat[5m]", 0, 5, 1,
            "error: invalid expression type \"range vector\" for range query, must be Scalar or "
            "instant Vector\n");
    answers("abs({job=\"a\"})", 10, 10, 0,
            "error: vector cannot contain metrics with the same labelset\n");
    answers("rate({job=\"a\"}[5m]) >/ 0", 10, 10, 0,
            "error: vector cannot contain metrics with the same labelset\n");
    answers("info(heat)", 0, 0, 0, "error: 1:1: parse error: function \"info\" is not enabled\n");
}
END_TEST

static void limit_is_held(enum engine_kind engine, bool disable_functions)
{
    struct fixture f;
    struct engine_options options = {.memory_limit_bytes = 20000, .thread_count = 1};
    for (size_t i = 0; i < FN_COUNT; i++)
        options.disabled[i] = disable_functions;
    fixture_init(&f, &options);
    const struct query_spec spec = {
        .text = STR("sum(rate(requests_total[5m]))"),
        .end_ms = 3600000,
        .step_ms = 1000,
        .engine = engine,
    };
    struct err err = {0};
    AUTO(buf_done) struct buf out = {0};
    ck_assert(!answer(f.engine, &spec, &out, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.msg, "--query.memory-limit"));
    struct engine_stats stats;
    engine_stats(f.engine, &stats);
    ck_assert_uint_eq(stats.memory_used_bytes, 0);
    ck_assert_uint_eq(stats.queries_running, 0);
    fixture_done(&f);
}

START_TEST(memory_limit_names_itself)
{
    limit_is_held(ENGINE_STREAMING, false);
    limit_is_held(ENGINE_STREAMING, true);
    limit_is_held(ENGINE_REFERENCE, false);
}
END_TEST

START_TEST(the_reference_engine_ends_with_the_deadline)
{
    struct fixture f;
    const struct engine_options options = {.thread_count = 1};
    fixture_init(&f, &options);
    const struct query_spec spec = {
        .text = STR("max_over_time(sum(requests_total)[50m:1s])"),
        .start_ms = 0,
        .end_ms = 360000000,
        .step_ms = 1000,
        .timeout_ms = 20,
        .engine = ENGINE_REFERENCE,
    };
    struct err err = {0};
    AUTO(buf_done) struct buf out = {0};
    ck_assert(!answer(f.engine, &spec, &out, &err));
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    fixture_done(&f);
}
END_TEST

START_TEST(tells_what_it_left_to_the_reference_engine)
{
    struct fixture f;
    struct engine_options options = {.thread_count = 1};
    options.disabled[FN_rate] = options.disabled[FN_abs] = true;
    fixture_init(&f, &options);
    struct query_spec spec = {
        .text = STR("sum(rate(requests_total[5m])) + sum(abs(heat)) + sum(heat)"),
        .start_ms = 600000,
        .end_ms = 600000,
    };
    struct err err = {0};
    struct running *running;
    ck_assert(running_create(f.engine, &spec, &running, &err));
    ck_assert_uint_eq(running_fallback_count(running), 2);
    ck_assert_str_eq(running_fallback_reason(running, 0), "rate");
    ck_assert_str_eq(running_fallback_reason(running, 1), "abs");
    ck_assert(running_open(running, &err));
    AUTO(buf_done) struct buf text = {0};
    running_explain(running, &text);
    ck_assert_ptr_nonnull(
        strstr(buf_terminated(&text), "fallback (rate) rate(requests_total[5m])"));
    ck_assert_uint_gt(running_stats(running).samples_read, 10);
    running_destroy(running);
    fixture_done(&f);

    options.fallback = FALLBACK_NONE;
    fixture_init(&f, &options);
    ck_assert(!running_create(f.engine, &spec, &running, &err));
    ck_assert_int_eq(err.kind, ERR_UNSUPPORTED);
    ck_assert_str_eq(err.msg, "function \"rate\" is not supported by the streaming engine");
    fixture_done(&f);
}
END_TEST

/* Samples that are counted at minutes 18, 20 and 22, or at 18 alone. */
static void counts(struct engine *engine, const char *expr, bool instant, const char *want)
{
    const struct query_spec spec = {
        .text = str_of(expr),
        .start_ms = 18 * 60000,
        .end_ms = (instant ? 18 : 22) * 60000,
        .step_ms = instant ? 0 : 2 * 60000,
        .count_samples = true,
    };
    struct err err = {0};
    struct running *running;
    struct result_row row;
    AUTO(buf_done) struct buf text = {0};
    ck_assert_msg(running_create(engine, &spec, &running, &err), "%s", err.msg);
    ck_assert_msg(running_open(running, &err), "%s", err.msg);
    while (running_next(running, &row, &err) == PULL_BATCH)
        ck_assert_uint_gt(row.count, 0);
    struct running_stats stats = running_stats(running);
    for (size_t i = 0; i < stats.step_count; i++)
        buf_printf(&text, "%s%llu", i ? " " : "", (unsigned long long)stats.step_samples[i]);
    ck_assert_msg(strcmp(buf_terminated(&text), want) == 0, "%s: %s", expr, text.ptr);
    running_destroy(running);
}

START_TEST(counts_samples_step_by_step)
{
    struct fixture f;
    struct engine_options options = {.thread_count = 2};
    options.disabled[FN_abs] = true;
    fixture_init(&f, &options);
    counts(f.engine, "heat", false, "1 0 0"); /* a stale marker is the newest */
    counts(f.engine, "count_over_time(heat[5m])", false, "5 4 2");
    counts(f.engine, "rate(requests_total[5m])", false, "10 10 10");
    counts(f.engine, "heat @ 600", false, "1 1 1");
    counts(f.engine, "sum(requests_total) + heat + heat", false, "4 2 2");
    counts(f.engine, "heat and requests_total", false, "3 2 2"); /* one takes no part */
    counts(f.engine, "sum_over_time(requests_total[4m:2m])", false, "4 4 4");
    counts(f.engine, "timestamp(heat) + 1", false, "1 0 0");
    counts(f.engine, "1", false, "0 0 0");
    counts(f.engine, "topk(1, requests_total)", true, "2");
    counts(f.engine, "requests_total[3m]", true, "6");
    counts(f.engine, "requests_total[4m:2m]", true, "4");
    counts(f.engine, "abs(heat) + heat", false, ""); /* the reference engine has a part in it */
    fixture_done(&f);
}
END_TEST

START_TEST(waiting_ends_with_the_deadline)
{
    struct fixture f;
    const struct engine_options options = {.concurrency_max = 1, .thread_count = 1};
    fixture_init(&f, &options);
    const struct query_spec spec = {.text = STR("heat"), .start_ms = 60000, .end_ms = 60000};
    struct query_spec late = spec;
    late.timeout_ms = 30;
    struct err err = {0};
    struct running *first = NULL, *second = NULL;
    ck_assert(running_create(f.engine, &spec, &first, &err) && running_open(first, &err));
    ck_assert(running_create(f.engine, &late, &second, &err));
    ck_assert(!running_open(second, &err));
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    running_destroy(second);
    running_destroy(first);
    fixture_done(&f);
}
END_TEST

START_TEST(a_paused_query_lets_others_run)
{
    struct fixture f;
    const struct engine_options options = {.concurrency_max = 1, .thread_count = 1};
    fixture_init(&f, &options);
    struct query_spec spec = {.text = STR("heat"), .start_ms = 60000, .end_ms = 60000};
    spec.timeout_ms = 5000;
    struct err err = {0};
    struct running *first = NULL, *second = NULL;
    struct result_row row;
    struct engine_stats stats;
    ck_assert(running_create(f.engine, &spec, &first, &err) && running_open(first, &err));
    running_pause(first);
    running_pause(first);
    ck_assert(running_create(f.engine, &spec, &second, &err) && running_open(second, &err));
    running_destroy(second);
    ck_assert_int_eq(running_next(first, &row, &err), PULL_BATCH);
    engine_stats(f.engine, &stats);
    ck_assert_uint_eq(stats.queries_running, 1);
    ck_assert_uint_eq(stats.queries_total, 2);
    running_pause(first);
    running_destroy(first);
    engine_stats(f.engine, &stats);
    ck_assert_uint_eq(stats.queries_running, 0);
    fixture_done(&f);
}
END_TEST

START_TEST(canceled_from_another_thread)
{
    struct fixture f;
    const struct engine_options options = {.thread_count = 2};
    fixture_init(&f, &options);
    _Atomic bool cancel = true;
    const struct query_spec spec = {
        .text = STR("heat"), .end_ms = 3600000, .step_ms = 60000, .cancel = &cancel};
    struct err err = {0};
    AUTO(buf_done) struct buf out = {0};
    ck_assert(!answer(f.engine, &spec, &out, &err));
    ck_assert_int_eq(err.kind, ERR_CANCELED);
    fixture_done(&f);
}
END_TEST

/* A storage with one more series of "heat", and a step for subqueries that name none. */
static void a_query_has_its_own(enum engine_kind kind)
{
    struct fixture f, other;
    const struct engine_options options = {.thread_count = 1};
    fixture_init(&f, &options);
    fixture_init(&other, &options);
    struct query_spec spec = {
        .text = STR("count(heat)"), .start_ms = 600000, .end_ms = 600000, .engine = kind};
    struct err err = {0};
    AUTO(buf_done) struct buf out = {0};
    test_storage_add(&other.storage, (const char *const[]){"__name__", "heat", "job", "x", NULL},
                     (const int64_t[]){600000}, (const double[]){1}, 1);
    ck_assert_msg(answer(f.engine, &spec, &out, &err), "%s", err.msg);
    ck_assert_str_eq(buf_terminated(&out), "{} 1\n");
    spec.storage = &other.storage.storage;
    buf_clear(&out);
    ck_assert_msg(answer(f.engine, &spec, &out, &err), "%s", err.msg);
    ck_assert_str_eq(buf_terminated(&out), "{} 2\n");

    spec.text = STR("count_over_time(vector(1)[10m:])");
    buf_clear(&out);
    ck_assert_msg(answer(f.engine, &spec, &out, &err), "%s", err.msg);
    ck_assert_str_eq(buf_terminated(&out), "{} 10\n");
    spec.subquery_step_ms = 15000;
    buf_clear(&out);
    ck_assert_msg(answer(f.engine, &spec, &out, &err), "%s", err.msg);
    ck_assert_str_eq(buf_terminated(&out), "{} 40\n");
    fixture_done(&f);
    fixture_done(&other);
}

START_TEST(a_query_may_have_its_own_storage_and_step)
{
    a_query_has_its_own(ENGINE_STREAMING);
    a_query_has_its_own(ENGINE_REFERENCE);
}
END_TEST

TEST_MAIN("engine", selects, runs_range_functions, aggregates_and_joins, scalars_and_strings,
          errors_are_prometheus_words, memory_limit_names_itself,
          the_reference_engine_ends_with_the_deadline, tells_what_it_left_to_the_reference_engine,
          counts_samples_step_by_step, waiting_ends_with_the_deadline,
          a_paused_query_lets_others_run, canceled_from_another_thread,
          a_query_may_have_its_own_storage_and_step)
