/*
 * Whole expressions over a few series in memory, whose answers are short enough to be seen through.
 * How all of the language answers is for Prometheus's own scripts (tests/promql_script).
 */
#include "engine/reference/reference.h"

#include <inttypes.h>
#include <string.h>

#include "base/float_text.h"
#include "base/test.h"
#include "model/sample.h"
#include "parser/parse.h"
#include "storage/test_storage.h"

static struct query query;
static struct test_storage storage;
static struct buf shown;

#define LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A sample a minute, from the minute given on. */
static void add_from(int64_t minute, const char *const *labels, const double *values, size_t count)
{
    int64_t times_ms[16];
    ck_assert_uint_le(count, 16);
    for (size_t i = 0; i < count; i++)
        times_ms[i] = (minute + (int64_t)i) * 60000;
    test_storage_add(&storage, labels, times_ms, values, count);
}

#define ADD_FROM(minute, labels, ...) \
    add_from((minute), (labels), (const double[]){__VA_ARGS__}, \
             sizeof((double[]){__VA_ARGS__}) / sizeof(double))
#define ADD(labels, ...) ADD_FROM(0, labels, __VA_ARGS__)

static const struct histogram_span span_of_two = {0, 2};

/* Schema 0: a bucket (0.5, 1] and a bucket (1, 2]; with bounds of their own: up to 5, and above. */
static struct histogram histogram_of(double first, double second, bool custom)
{
    static const double bounds[] = {5};
    static double buckets[32][2];
    static size_t used;
    double *pair = buckets[used++ % 32];
    pair[0] = first;
    pair[1] = second;
    struct histogram h = {
        .count = first + second,
        .sum = first + second,
        .positive = {&span_of_two, pair, 1, 2},
    };
    if (custom) {
        h.schema = HISTOGRAM_SCHEMA_CUSTOM;
        h.custom_bounds = bounds;
        h.custom_bound_count = 1;
    }
    return h;
}

static const struct labels *labels_of(const char *const *texts)
{
    AUTO(labels_builder_done) struct labels_builder builder = {0};
    labels_builder_reset(&builder, query.symbols, &labels_empty);
    for (; *texts; texts += 2)
        labels_builder_set(&builder, symbols_add(query.symbols, str_of(texts[0])),
                           symbols_add(query.symbols, str_of(texts[1])));
    return labels_builder_labels(&builder, query.arena);
}

static void add_histogram(const char *const *labels, int64_t minute, double first, double second,
                          bool custom)
{
    struct err err = {0};
    struct histogram h = histogram_of(first, second, custom);
    const struct test_sample sample = {.time_ms = minute * 60000, .histogram = &h};
    struct test_series *series = test_storage_series(&storage, query.symbols, labels_of(labels));
    ck_assert_msg(test_series_append(series, &sample, storage.arena, &err), "%s", err.msg);
}

static void setup(void)
{
    query = (struct query){.arena = arena_create(NULL), .lookback_ms = 300000};
    query.symbols = symbols_new(query.arena);
    budget_init(&query.budget, NULL, "--query.memory-limit", 0);
    test_storage_init(&storage);
    query.storage = &storage.storage;
}

static void teardown(void)
{
    test_storage_done(&storage);
    symbols_done(query.symbols);
    arena_destroy(query.arena);
    buf_done(&shown);
    shown = (struct buf){0};
}

static void show_point(const struct reference_point *point)
{
    buf_byte(&shown, ' ');
    if (point->histogram)
        histogram_print(point->histogram, &shown);
    else
        shown.len += float_text_g(buf_reserve(&shown, FLOAT_TEXT_SIZE), point->value);
    buf_printf(&shown, "@%" PRId64, point->time_ms / 1000);
}

static void show_result(const struct reference_result *result)
{
    for (size_t i = 0; i < result->series_count; i++) {
        const struct reference_series *series = &result->series[i];
        labels_print_metric(query.symbols, series->labels, &shown);
        for (size_t k = 0; k < series->count; k++)
            show_point(&series->points[k]);
        buf_byte(&shown, '\n');
    }
    for (size_t i = 0; i < query.annotations.count; i++)
        buf_printf(&shown, "note: %.*s (%zu)\n", STR_ARGS(query.annotations.items[i].text),
                   query.annotations.items[i].begin);
}

/* Evaluates from one second to another; a step of 0: an instant query. */
static const char *answer(const char *text, int64_t start, int64_t end, int64_t step)
{
    const struct parse_options options = {true, true, true};
    struct err err = {0};
    struct node *root;
    ck_assert_msg(parse_query(str_of(text), &options, query.arena, &root, &err), "%s", err.msg);
    const struct reference_request request = {
        .query = &query,
        .root = root,
        .grid = {start * 1000, step * 1000, step ? (size_t)((end - start) / step) + 1 : 1},
        .instant = step == 0,
        .query_start_ms = start * 1000,
        .query_end_ms = end * 1000,
        .query_step_ms = step * 1000,
        .subquery_step_ms = 60000,
    };
    struct reference_result result;
    annotations_init(&query.annotations, query.arena);
    buf_clear(&shown);
    if (reference_evaluate(&request, true, &result, &err))
        show_result(&result);
    else
        buf_printf(&shown, "error: %s\n", err.msg);
    ast_done(root);
    return buf_terminated(&shown);
}

/* An instant query at a minute. */
static const char *now(const char *text, int64_t minute)
{
    return answer(text, minute * 60, minute * 60, 0);
}

START_TEST(looks_back_for_the_newest_sample)
{
    ADD(LABELS("__name__", "x"), 1, 2, value_stale(), 4);
    ck_assert_str_eq(answer("x", 0, 240, 60), "x 1@0 2@60 4@180 4@240\n");
    ck_assert_str_eq(now("x", 7), "x 4@420\n");
    ck_assert_str_eq(now("x", 8), "");
    ck_assert_str_eq(answer("x offset 1m", 60, 120, 30), "x 1@60 1@90 2@120\n");
    ck_assert_str_eq(answer("x @ 60", 0, 60, 60), "x 2@0 2@60\n");
    ck_assert_str_eq(answer("x @ end()", 0, 60, 60), "x 2@0 2@60\n");
}
END_TEST

START_TEST(ranges_leave_out_their_begin_and_stale_markers)
{
    ADD(LABELS("__name__", "x"), 1, 2, value_stale(), 4);
    ck_assert_str_eq(now("x[3m]", 3), "x 2@60 4@180\n");
    ck_assert_str_eq(now("count_over_time(x[3m])", 3), "{} 2@180\n");
    ck_assert_str_eq(now("x[2m:1m] offset 1m", 3), "x 2@60\n");
    ck_assert_str_eq(now("sum_over_time(x[2m:1m])", 1), "{} 3@60\n");
}
END_TEST

START_TEST(anchored_ranges_get_points_at_their_edges)
{
    ADD(LABELS("__name__", "x"), 1, 2, 3);
    ck_assert_str_eq(answer("x[30s] anchored", 130, 130, 0), "x 2@100 3@120 3@130\n");
    ck_assert_str_eq(answer("x[30s] smoothed", 90, 90, 0), "x 2@60 2.5@90\n");
    ck_assert_str_eq(answer("x smoothed", 0, 150, 50),
                     "x 1@0 1.8333333333333335@50 2.666666666"
                     "6666665@100 3@150\n");
    ck_assert_str_eq(now("max_over_time(x[1m] anchored)", 1),
                     "error: anchored modifier can only be used with: changes, delta, increase, "
                     "rate, resets - not with max_over_time\n");
}
END_TEST

START_TEST(functions_of_the_query_are_numbers)
{
    ck_assert_str_eq(answer("end() - start() + range() + step()", 60, 180, 60),
                     "{} 300@60 300@120 300@180\n");
    ck_assert_str_eq(now("step()", 1), "{} 0@60\n");
}
END_TEST

START_TEST(what_does_not_depend_on_the_step_is_evaluated_once)
{
    ADD(LABELS("__name__", "x", "a", "1"), 1, 2);
    ADD(LABELS("__name__", "x", "a", "2"), 3, 4);
    /* k is 2 at the first step, 1 at the second; Prometheus asks for it once. */
    ck_assert_str_eq(answer("topk(scalar(vector(time() < bool 60)) + 1, x @ 60)", 0, 60, 60),
                     "x{a=\"2\"} 4@0 4@60\nx{a=\"1\"} 2@0 2@60\n");
}
END_TEST

START_TEST(timestamps_are_those_of_samples)
{
    ADD_FROM(1, LABELS("__name__", "x"), 5);
    ck_assert_str_eq(now("timestamp(x)", 2), "{} 60@120\n");
    ck_assert_str_eq(now("timestamp(x + 0)", 2), "{} 120@120\n");
    ck_assert_str_eq(answer("timestamp(x @ 90)", 0, 60, 60), "{} 60@0 60@60\n");
    ck_assert_str_eq(now("start_timestamp(x)", 2), "");
}
END_TEST

START_TEST(matches_one_to_one)
{
    ADD(LABELS("__name__", "x", "a", "1", "b", "1"), 6);
    ADD(LABELS("__name__", "x", "a", "2", "b", "1"), 7);
    ADD(LABELS("__name__", "y", "a", "1", "c", "1"), 2);
    ck_assert_str_eq(now("x / on(a) y", 0), "{a=\"1\"} 3@0\n");
    ck_assert_str_eq(now("x > ignoring(b, c) y", 0), "x{a=\"1\"} 6@0\n");
    ck_assert_str_eq(now("x > bool on(a) y", 0), "{a=\"1\"} 1@0\n");
    ck_assert_str_eq(now("y * on(a) group_right(c) x", 0), "{a=\"1\", b=\"1\", c=\"1\"} 12@0\n");
    ck_assert_str_eq(now("y / on() x", 0),
                     "error: found duplicate series for the match group {} on the right hand-side "
                     "of the operation: [{__name__=\"x\", a=\"1\", b=\"1\"}, {__name__=\"x\", "
                     "a=\"2\", b=\"1\"}];many-to-many matching not allowed: matching labels must "
                     "be unique on one side\n");
    ck_assert_str_eq(now("x / on() y", 0),
                     "error: multiple matches for labels: many-to-one matching must be explicit "
                     "(group_left/group_right)\n");
}
END_TEST

START_TEST(results_of_one_group_must_differ)
{
    ADD(LABELS("__name__", "x", "a", "1"), 6);
    ADD(LABELS("__name__", "z", "a", "1"), 7);
    ADD(LABELS("__name__", "y", "a", "1"), 2);
    ck_assert_str_eq(now("{__name__=~\"x|z\"} / on(a) group_left y", 0),
                     "error: multiple matches for labels: grouping labels must ensure unique "
                     "matches\n");
}
END_TEST

START_TEST(fills_the_one_side_from_the_right_whatever_the_sides)
{
    ADD(LABELS("__name__", "x", "a", "1"), 6);
    ADD(LABELS("__name__", "y", "a", "2"), 2);
    ck_assert_str_eq(now("x - on(a) fill(10) y", 0), "{a=\"1\"} -4@0\n{a=\"2\"} 8@0\n");
    ck_assert_str_eq(now("x - on(a) fill_right(10) y", 0), "{a=\"1\"} -4@0\n");
    ck_assert_str_eq(now("x - on(a) group_right fill_right(10) y", 0), "{a=\"2\"} 8@0\n");
    ck_assert_str_eq(now("x - on(a) group_right fill_left(10) y", 0), "{a=\"1\"} -4@0\n");
}
END_TEST

START_TEST(sets_are_matched_at_each_step)
{
    ADD(LABELS("__name__", "x", "a", "1"), 1, 2);
    ADD(LABELS("__name__", "y", "a", "1"), 3, value_stale());
    ck_assert_str_eq(answer("x and y", 0, 60, 60), "x{a=\"1\"} 1@0\n");
    ck_assert_str_eq(answer("x unless y", 0, 60, 60), "x{a=\"1\"} 2@60\n");
    ck_assert_str_eq(answer("y or x", 0, 60, 60), "y{a=\"1\"} 3@0\nx{a=\"1\"} 2@60\n");
}
END_TEST

START_TEST(operations_know_histograms)
{
    add_histogram(LABELS("__name__", "h", "a", "1"), 0, 1, 2, false);
    add_histogram(LABELS("__name__", "c", "a", "1"), 0, 1, 2, true);
    ADD(LABELS("__name__", "x", "a", "1"), 2);
    ck_assert_str_eq(now("h + h", 0), "{a=\"1\"} {count:6, sum:6, (0.5,1]:2, (1,2]:4}@0\n");
    ck_assert_str_eq(now("2 * h", 0), "{a=\"1\"} {count:6, sum:6, (0.5,1]:2, (1,2]:4}@0\n");
    ck_assert_str_eq(now("h == bool h", 0), "{a=\"1\"} 1@0\n");
    ck_assert_str_eq(now("h + x", 0),
                     "note: incompatible sample types encountered for binary operator \"+\": "
                     "histogram + float (0)\n");
    ck_assert_str_eq(now("1 / h", 0),
                     "note: incompatible sample types encountered for binary operator \"/\": "
                     "float / histogram (0)\n");
    ck_assert_str_eq(now("h - c", 0),
                     "note: incompatible bucket layout encountered for binary operator - (0)\n");
}
END_TEST

START_TEST(aggregates_in_the_order_groups_come)
{
    ADD(LABELS("__name__", "x", "a", "2", "b", "1"), 1);
    ADD(LABELS("__name__", "x", "a", "1", "b", "1"), 2);
    ADD(LABELS("__name__", "x", "a", "2", "b", "2"), 5);
    ck_assert_str_eq(now("sum by (a) (x)", 0), "{a=\"2\"} 6@0\n{a=\"1\"} 2@0\n");
    ck_assert_str_eq(now("avg without (a, b) (x)", 0), "{} 2.6666666666666665@0\n");
    ck_assert_str_eq(now("stdvar(x)", 0), "{} 2.888888888888889@0\n");
    ck_assert_str_eq(now("quantile by (a) (0.25, x)", 0), "{a=\"2\"} 2@0\n{a=\"1\"} 2@0\n");
    ck_assert_str_eq(now("max(x) - min(x) + count(x) + group(x)", 0), "{} 8@0\n");
    ck_assert_str_eq(now("quantile(2, x)", 0),
                     "{} +Inf@0\nnote: quantile value should be between 0 and 1, got 2 (9)\n");
}
END_TEST

START_TEST(a_mean_does_not_overflow)
{
    ADD(LABELS("__name__", "x", "a", "1"), 1e308);
    ADD(LABELS("__name__", "x", "a", "2"), 1e308);
    ck_assert_str_eq(now("sum(x)", 0), "{} +Inf@0\n");
    ck_assert_str_eq(now("avg(x)", 0), "{} 1e+308@0\n");
}
END_TEST

START_TEST(histograms_are_summed_but_not_with_floats)
{
    add_histogram(LABELS("__name__", "h", "a", "1"), 0, 1, 2, false);
    add_histogram(LABELS("__name__", "h", "a", "2"), 0, 3, 4, false);
    ck_assert_str_eq(now("sum(h)", 0), "{} {count:10, sum:10, (0.5,1]:4, (1,2]:6}@0\n");
    ck_assert_str_eq(now("avg(h)", 0), "{} {count:5, sum:5, (0.5,1]:2, (1,2]:3}@0\n");
    ck_assert_str_eq(now("max(h)", 0), "note: ignored histogram in max aggregation (4)\n");
    ADD(LABELS("__name__", "h", "a", "3"), 1);
    ck_assert_str_eq(now("sum(h)", 0),
                     "note: encountered a mix of histograms and floats for aggregation (4)\n");
    ck_assert_str_eq(now("count(h)", 0), "{} 3@0\n");
    add_histogram(LABELS("__name__", "c", "a", "1"), 0, 1, 2, false);
    add_histogram(LABELS("__name__", "c", "a", "2"), 0, 3, 4, true);
    ck_assert_str_eq(now("sum(c)", 0),
                     "note: vector contains a mix of histograms with exponential and custom "
                     "buckets schemas for metric name \"c\" (4)\n");
}
END_TEST

START_TEST(chooses_series)
{
    ADD(LABELS("__name__", "x", "a", "1"), 1, 9);
    ADD(LABELS("__name__", "x", "a", "2"), 3, 8);
    ADD(LABELS("__name__", "x", "a", "3"), 2, 7);
    ck_assert_str_eq(now("topk(2, x)", 0), "x{a=\"2\"} 3@0\nx{a=\"3\"} 2@0\n");
    ck_assert_str_eq(now("bottomk(2, x)", 0), "x{a=\"1\"} 1@0\nx{a=\"3\"} 2@0\n");
    ck_assert_str_eq(answer("topk(1, x)", 0, 60, 60), "x{a=\"1\"} 9@60\nx{a=\"2\"} 3@0\n");
    ck_assert_str_eq(now("limitk(2, x)", 0), "x{a=\"1\"} 1@0\nx{a=\"2\"} 3@0\n");
    ck_assert_str_eq(now("topk(0.5, x)", 0), "");
    ck_assert_str_eq(now("topk(NaN, x)", 0), "error: Parameter value is NaN\n");
    ck_assert_str_eq(now("topk(1e20, x)", 0), "error: Scalar value 1e+20 overflows int64\n");
    ck_assert_str_eq(now("limit_ratio(0, x)", 0), "");
    ck_assert_str_eq(now("count(limit_ratio(0.4, x) or limit_ratio(-0.6, x))", 0), "{} 3@0\n");
    ck_assert_str_eq(now("count(limit_ratio(2, x))", 0),
                     "{} 3@0\nnote: ratio value should be between -1 and 1, got 2, capping to 1 "
                     "(18)\n");
}
END_TEST

START_TEST(counts_values)
{
    ADD(LABELS("__name__", "x", "a", "1", "v", "old"), 1);
    ADD(LABELS("__name__", "x", "a", "2", "v", "old"), 2.5);
    ADD(LABELS("__name__", "x", "a", "3", "v", "old"), 1);
    ck_assert_str_eq(now("count_values(\"v\", x)", 0), "{v=\"1\"} 2@0\n{v=\"2.5\"} 1@0\n");
    ck_assert_str_eq(now("count_values without (a, v) (\"v\", x)", 0), "{} 3@0\n");
    ck_assert_str_eq(now("count_values(\"\", x)", 0), "error: invalid label name \"\"\n");
}
END_TEST

START_TEST(series_that_become_one_must_not_overlap)
{
    ADD(LABELS("__name__", "x", "a", "1"), 1, value_stale());
    ADD_FROM(1, LABELS("__name__", "x", "a", "2"), 2);
    ck_assert_str_eq(answer("label_replace(x, \"a\", \"$1\", \"__name__\", \"(.)\")", 0, 60, 60),
                     "x{a=\"x\"} 1@0 2@60\n");
    ck_assert_str_eq(answer("-{__name__=~\"x\"}", 0, 60, 60), "{a=\"1\"} -1@0\n{a=\"2\"} -2@60\n");
    ck_assert_str_eq(now("label_join(x, \"b\", \"-\", \"a\", \"__name__\")", 0),
                     "x{a=\"1\", b=\"1-x\"} 1@0\n");
    ADD(LABELS("__name__", "x", "a", "3"), 1);
    ck_assert_str_eq(now("label_replace(x, \"a\", \"$1\", \"__name__\", \"(.)\")", 0),
                     "error: vector cannot contain metrics with the same labelset\n");
}
END_TEST

START_TEST(names_may_go_at_the_end)
{
    ADD(LABELS("__name__", "x"), 1);
    ADD(LABELS("__name__", "y"), 2);
    ck_assert_str_eq(now("abs({__name__=~\"x|y\"})", 0),
                     "error: vector cannot contain metrics with the same labelset\n");
    query.modes.delayed_names = true;
    ck_assert_str_eq(now("abs({__name__=~\"x|y\"})", 0),
                     "error: vector cannot contain metrics with the same labelset\n");
    ck_assert_str_eq(now("sum by (__name__) (abs(x))", 0), "{} 1@0\n");
    ck_assert_str_eq(
        now("label_replace(abs(y), \"__name__\", \"new_$1\", \"__name__\", \"(.*)\")", 0),
        "new_y 2@0\n");
}
END_TEST

START_TEST(says_what_is_absent)
{
    ADD(LABELS("__name__", "x", "a", "1"), 1);
    ck_assert_str_eq(now("absent(x)", 0), "");
    ck_assert_str_eq(now("absent(x{a=\"2\", b=\"3\", b=\"4\", c!=\"5\"})", 0), "{a=\"2\"} 1@0\n");
    ck_assert_str_eq(now("absent(x > 1)", 0), "{} 1@0\n");
    ck_assert_str_eq(answer("absent_over_time(x{a=\"1\"}[1m])", 0, 120, 60),
                     "{a=\"1\"} 1@60 1@120\n");
}
END_TEST

START_TEST(info_adds_labels)
{
    ADD(LABELS("__name__", "x", "instance", "i", "job", "j"), 1, 2);
    ADD(LABELS("__name__", "target_info", "instance", "i", "job", "j", "v", "1"), 1, value_stale());
    ADD_FROM(1, LABELS("__name__", "target_info", "instance", "i", "job", "j", "v", "2"), 1);
    ADD(LABELS("__name__", "z_info", "instance", "i", "job", "j", "v", "3"), 1);
    ck_assert_str_eq(answer("info(x)", 0, 60, 60),
                     "x{instance=\"i\", job=\"j\", v=\"1\"} 1@0\n"
                     "x{instance=\"i\", job=\"j\", v=\"2\"} 2@60\n");
    ck_assert_str_eq(now("info(x, {w=\"1\"})", 0), "");
    ck_assert_str_eq(now("info(x, {w=~\".*\"})", 0), "x{instance=\"i\", job=\"j\"} 1@0\n");
    ck_assert_str_eq(now("info(x, {__name__=\"z_info\", v=~\".+\"})", 0),
                     "x{instance=\"i\", job=\"j\", v=\"3\"} 1@0\n");
    ck_assert_str_eq(now("info(x, {__name__=~\".*_info\"})", 0), "error: conflicting label: v\n");
}
END_TEST

START_TEST(rates_of_what_is_no_counter_are_noted)
{
    ADD(LABELS("__name__", "x"), 1, 2, 3);
    ADD(LABELS("__name__", "x_total"), 1, 2, 3);
    ck_assert_str_eq(now("rate(x_total[2m])", 2), "{} 0.016666666666666666@120\n");
    ck_assert_str_eq(now("rate(x[2m])", 2),
                     "{} 0.016666666666666666@120\nnote: metric might not be a counter, name does "
                     "not end in _total/_sum/_count/_bucket: \"x\" (5)\n");
    ck_assert_str_eq(answer("sort(x)", 0, 60, 60),
                     "x 1@0 2@60\nnote: sort is ineffective for range queries since results are "
                     "always ordered by labels (0)\n");
}
END_TEST

START_TEST(a_note_points_to_the_outermost_of_equal_ones)
{
    ADD(LABELS("__name__", "x"), 1, 2);
    ck_assert_str_eq(answer("sort_desc(sort(x))", 0, 60, 60),
                     "x 1@0 2@60\nnote: sort is ineffective for range queries since results are "
                     "always ordered by labels (0)\n");
}
END_TEST

START_TEST(totals_tell_where_a_counter_starts_anew)
{
    static const char *const labels[] = {"__name__", "h", NULL};
    add_histogram(labels, 0, 5, 5, false);
    add_histogram(labels, 1, 1, 10, false);
    add_histogram(labels, 2, 2, 12, false);
    /* The count has grown, but a bucket has not: 10 - 10 + 10 (what was lost) + 4. */
    ck_assert_str_eq(now("histogram_count(increase(h[3m]))", 2), "{} 21@120\n");
    ck_assert_str_eq(now("histogram_count(h)", 1), "{} 11@60\n");
}
END_TEST

START_TEST(takes_no_more_than_the_budget)
{
    struct arena *whole = query.arena;
    struct budget *budget = &query.budget;
    budget_init(budget, NULL, "--query.memory-limit", 1 << 20);
    query.arena = arena_create(budget);
    ck_assert_str_eq(answer("vector(1) + vector(1)", 0, 60, 60), "{} 2@0 2@60\n");
    const char *text = answer("vector(1) + vector(1)", 0, 100000, 1);
    ck_assert_ptr_nonnull(strstr(text, "--query.memory-limit"));
    arena_destroy(query.arena);
    ck_assert_uint_eq(budget->used_bytes, 0);
    query.arena = whole;
}
END_TEST

START_TEST(ends_when_it_should)
{
    ADD(LABELS("__name__", "x"), 1, 2);
    storage.fail_series = 0;
    ck_assert_str_eq(now("sum(x)", 0), "error: series 0 is damaged\n");
    static const _Atomic bool cancel = true;
    query.cancel = &cancel;
    ck_assert_str_eq(now("1", 0), "error: query was canceled in expression evaluation\n");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        looks_back_for_the_newest_sample,
        ranges_leave_out_their_begin_and_stale_markers,
        anchored_ranges_get_points_at_their_edges,
        functions_of_the_query_are_numbers,
        what_does_not_depend_on_the_step_is_evaluated_once,
        timestamps_are_those_of_samples,
        matches_one_to_one,
        results_of_one_group_must_differ,
        fills_the_one_side_from_the_right_whatever_the_sides,
        sets_are_matched_at_each_step,
        operations_know_histograms,
        aggregates_in_the_order_groups_come,
        a_mean_does_not_overflow,
        histograms_are_summed_but_not_with_floats,
        chooses_series,
        counts_values,
        series_that_become_one_must_not_overlap,
        names_may_go_at_the_end,
        says_what_is_absent,
        info_adds_labels,
        rates_of_what_is_no_counter_are_noted,
        a_note_points_to_the_outermost_of_equal_ones,
        totals_tell_where_a_counter_starts_anew,
        takes_no_more_than_the_budget,
        ends_when_it_should,
        NULL,
    };
    Suite *suite = suite_create("reference");
    TCase *tcase = tcase_create("reference");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 0);
    for (size_t i = 0; tests[i]; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
