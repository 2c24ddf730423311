#include "query-tee/compare.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/test.h"
#include "query-tee/spool.h"

/* Two answers, and how they are compared; defaults where a test says nothing. */
struct trial {
    enum answer_kind kind;
    const char *query;
    int64_t step_ms;
    int64_t now_ms;
    int status;
    int other_status;
    const char *type;
    const char *other_type;
    struct compare_options options;
};

static struct trial trial(void)
{
    struct trial trial = {.query = "", .status = 200, .other_status = 200};
    trial.step_ms = 1000;
    trial.type = "application/json";
    trial.other_type = "application/json";
    trial.options = COMPARE_DEFAULTS;
    trial.options.skip_recent_ms = 0;
    trial.options.lookback_ms = 3000;
    trial.options.tolerance_absolute = 0;
    return trial;
}

/* "same", "skipped: why", or the classes with their counts and first examples. */
static void put_comparison(struct buf *out, const struct comparison *comparison)
{
    for (size_t i = 0; i < DIFF_COUNT; i++) {
        if (comparison->counts[i] == 0)
            continue;
        buf_printf(out, "%s %" PRIu64 "\n", difference_name((enum difference_class)i),
                   comparison->counts[i]);
        for (size_t j = 0; j < comparison->example_counts[i]; j++) {
            const struct difference *d = &comparison->examples[i][j];
            buf_printf(out, "  %.*s", STR_ARGS(d->labels));
            if (d->timed)
                buf_printf(out, " @%" PRId64, d->time_ms);
            buf_printf(out, " %.*s | %.*s\n", STR_ARGS(d->preferred), STR_ARGS(d->other));
        }
    }
    if (comparison->skip)
        buf_printf(out, "skipped: %s: %s\n", compare_skip_name(comparison->skip),
                   comparison->skip_reason);
    if (out->len == 0)
        buf_text(out, "same\n");
    ck_assert_int_eq(comparison->result == COMPARE_SAME, str_eq(buf_view(out), STR("same\n")));
}

static void check_trial(struct trial trial, const char *preferred, const char *other,
                        const char *wanted)
{
    AUTO(spool_destroy) struct spool *a = spool_of(preferred, strlen(preferred));
    AUTO(spool_destroy) struct spool *b = spool_of(other, strlen(other));
    AUTO(buf_done) struct buf out = {0};
    struct compare_side left = {a, trial.status, trial.type};
    struct compare_side right = {b, trial.other_status, trial.other_type};
    struct compare_request request = {trial.kind, str_of(trial.query), trial.now_ms, trial.step_ms,
                                      NULL};
    AUTO(comparison_done) struct comparison comparison;
    compare_answers(&request, &trial.options, &left, &right, &comparison);
    put_comparison(&out, &comparison);
    ck_assert_str_eq(buf_terminated(&out), wanted);
}

#define DATA(type, result) \
    "{\"status\":\"success\",\"data\":{\"resultType\":\"" type "\",\"result\":[" result "]}}"
#define MATRIX(series) DATA("matrix", series)
#define VECTOR(series) DATA("vector", series)
#define SERIES(name, values) "{\"metric\":{\"n\":\"" name "\"},\"values\":[" values "]}"
#define SAMPLE(name, value) "{\"metric\":{\"n\":\"" name "\"},\"value\":[1,\"" value "\"]}"
#define A "{\"n\":\"a\"}"
#define B "{\"n\":\"b\"}"

static void check(const char *preferred, const char *other, const char *wanted)
{
    check_trial(trial(), preferred, other, wanted);
}

START_TEST(agrees_where_only_the_form_differs)
{
    check(MATRIX(SERIES("a", "[1,\"1\"],[2,\"NaN\"],[3,\"+Inf\"]")),
          " { \"warnings\":[], \"data\":{\"result\" :[{ \"values\":[[1.0,\"1.0\"],[2.000,\"NaN\"],"
          "[3e0,\"Inf\"]],\"metric\":{\"\\u006e\":\"a\"}}],\"resultType\":\"matrix\"},"
          "\"status\":\"success\"}\n",
          "same\n");
}
END_TEST

START_TEST(finds_one_value_by_one_ulp)
{
    check(MATRIX(SERIES("a", "[1,\"0.1\"],[2,\"0.3\"]")),
          MATRIX(SERIES("a", "[1,\"0.1\"],[2,\"0.30000000000000004\"]")),
          "value 1\n  " A " @2000 0.3 | 0.30000000000000004\n");
}
END_TEST

static void check_value(struct compare_options options, const char *a, const char *b, bool agree)
{
    char left[200];
    char right[200];
    snprintf(left, sizeof(left), VECTOR(SAMPLE("a", "%s")), a);
    snprintf(right, sizeof(right), VECTOR(SAMPLE("a", "%s")), b);
    char differ[200];
    snprintf(differ, sizeof(differ), "value 1\n  " A " @1000 %s | %s\n", a, b);
    struct trial values = trial();
    values.options = options;
    check_trial(values, left, right, agree ? "same\n" : differ);
}

START_TEST(holds_each_tolerance)
{
    struct compare_options options = COMPARE_DEFAULTS;
    options.skip_recent_ms = 0;
    check_value(options, "1", "1.000001", true);
    check_value(options, "1", "1.00001", false);
    check_value(options, "1e12", "1000000000000.001", false);
    options.tolerance_relative = 1e-6;
    check_value(options, "1e12", "1000000000000.001", true);
    check_value(options, "0", "-1e-6", true);
    check_value(options, "0", "1e-5", false);
    check_value(options, "+Inf", "1e308", false);
    check_value(options, "NaN", "1", false);
    check_value(options, "0", "-0", true);

    options.tolerance_absolute = 0;
    options.tolerance_relative = 0;
    options.tolerance_ulps = 1;
    check_value(options, "0.3", "0.30000000000000004", true);
    check_value(options, "0.3", "0.3000000000000001", false);
    check_value(options, "5e-324", "-0", true);
    check_value(options, "5e-324", "-5e-324", false);

    options.bits = true;
    check_value(options, "0.3", "0.30000000000000004", false);
    check_value(options, "0", "-0", false);
    check_value(options, "1", "1.0", true);
    check_value(options, "NaN", "nan", true);
}
END_TEST

START_TEST(finds_points_dropped_and_added)
{
    check(MATRIX(SERIES("a", "[1,\"1\"],[2,\"2\"],[3,\"3\"]")),
          MATRIX(SERIES("a", "[1,\"1\"],[3,\"3\"]")), "missing_points 1\n  " A " @2000 2 | \n");
    check(MATRIX(SERIES("a", "[1,\"1\"],[3,\"3\"]")),
          MATRIX(SERIES("a", "[1,\"1\"],[2,\"2\"],[3,\"3\"]")),
          "extra_points 1\n  " A " @2000  | 2\n");
    /* Beyond a lookback. */
    check(MATRIX(SERIES("a", "[1,\"1\"],[2,\"2\"],[3,\"3\"],[4,\"4\"],[5,\"5\"]")),
          MATRIX(SERIES("a", "[1,\"1\"]")),
          "missing_points 4\n  " A " @2000 2 | \n  " A " @3000 3 | \n  " A " @4000 4 | \n");
    /* Another grid. */
    check(MATRIX(SERIES("a", "[1,\"1\"],[2,\"2\"]")),
          MATRIX(SERIES("a", "[1.5,\"1\"],[2.5,\"2\"]")),
          "missing_points 2\n  " A " @1000 1 | \n  " A
          " @2000 2 | \n"
          "extra_points 2\n  " A " @1500  | 1\n  " A " @2500  | 2\n");
}
END_TEST

START_TEST(finds_edges_of_staleness)
{
    /* At the end, before a gap, behind one, at the beginning; of either answer. */
    check(MATRIX(SERIES("a", "[1,\"1\"],[2,\"2\"],[3,\"3\"]")), MATRIX(SERIES("a", "[1,\"1\"]")),
          "staleness_edge 2\n  " A " @2000 2 | \n  " A " @3000 3 | \n");
    check(MATRIX(SERIES("a", "[1,\"1\"],[5,\"5\"]")),
          MATRIX(SERIES("a", "[1,\"1\"],[2,\"2\"],[5,\"5\"]")),
          "staleness_edge 1\n  " A " @2000  | 2\n");
    check(MATRIX(SERIES("a", "[1,\"1\"],[4,\"4\"],[5,\"5\"]")),
          MATRIX(SERIES("a", "[1,\"1\"],[5,\"5\"]")), "staleness_edge 1\n  " A " @4000 4 | \n");
    check(MATRIX(SERIES("a", "[2,\"2\"]")), MATRIX(SERIES("a", "[1,\"1\"],[2,\"2\"]")),
          "staleness_edge 1\n  " A " @1000  | 1\n");
    /* Points in the midst of nowhere are none, and neither is a list of raw samples. */
    check(MATRIX(SERIES("a", "[1,\"1\"],[3,\"3\"],[5,\"5\"]")),
          MATRIX(SERIES("a", "[1,\"1\"],[5,\"5\"]")), "missing_points 1\n  " A " @3000 3 | \n");
    struct trial raw = trial();
    raw.step_ms = 0;
    check_trial(raw, MATRIX(SERIES("a", "[1,\"1\"],[2,\"2\"]")), MATRIX(SERIES("a", "[1,\"1\"]")),
                "missing_points 1\n  " A " @2000 2 | \n");
}
END_TEST

START_TEST(finds_missing_and_extra_series)
{
    check(VECTOR(SAMPLE("a", "1") "," SAMPLE("b", "2") "," SAMPLE("c", "3")),
          VECTOR(SAMPLE("a", "1") "," SAMPLE("c", "3")), "missing_series 1\n  " B " @1000 2 | \n");
    check(VECTOR(SAMPLE("a", "1") "," SAMPLE("c", "3")),
          VECTOR(SAMPLE("a", "1") "," SAMPLE("b", "2") "," SAMPLE("c", "3")),
          "extra_series 1\n  " B " @1000  | 2\n");
    check(VECTOR(SAMPLE("b", "1")), VECTOR(""), "missing_series 1\n  " B " @1000 1 | \n");
    check(VECTOR(""), VECTOR(SAMPLE("b", "1")), "extra_series 1\n  " B " @1000  | 1\n");
}
END_TEST

START_TEST(finds_series_swapped)
{
    const char *a_b = MATRIX(SERIES("a", "[1,\"1\"]") "," SERIES("b", "[1,\"2\"]"));
    const char *b_a = MATRIX(SERIES("b", "[1,\"2\"]") "," SERIES("a", "[1,\"1\"]"));
    check(a_b, b_a, "series_order 1\n  " B " behind " A " | in front of " A "\n");
    /* Once for each place where the order breaks. */
#define FOUR(a, b, c, d) \
    VECTOR(SAMPLE(a, "1") "," SAMPLE(b, "2") "," SAMPLE(c, "3") "," SAMPLE(d, "4"))
    struct trial any = trial();
    any.options.order = COMPARE_ORDER_ALWAYS;
    any.options.examples_max = 0;
    any.options.tolerance_absolute = 10;
    check_trial(any, FOUR("a", "b", "c", "d"), FOUR("d", "a", "b", "c"), "series_order 1\n");
    check_trial(any, FOUR("a", "b", "c", "d"), FOUR("b", "c", "d", "a"), "series_order 1\n");
    check_trial(any, FOUR("a", "b", "c", "d"), FOUR("d", "c", "b", "a"), "series_order 3\n");
    any.options.order = COMPARE_ORDER_NEVER;
    check_trial(any, a_b, b_a, "same\n");
}
END_TEST

START_TEST(knows_when_vectors_have_an_order)
{
    const char *a_b = VECTOR(SAMPLE("a", "1") "," SAMPLE("b", "2"));
    const char *b_a = VECTOR(SAMPLE("b", "2") "," SAMPLE("a", "1"));
    const char *swapped = "series_order 1\n  " B " behind " A " | in front of " A "\n";
    struct trial vector = trial();
    check_trial(vector, a_b, b_a, "same\n");
    vector.options.order = COMPARE_ORDER_ALWAYS;
    check_trial(vector, a_b, b_a, swapped);
    vector.options.order = COMPARE_ORDER_PROMISED;
    vector.query = "sort(x)";
    check_trial(vector, a_b, b_a, swapped);

    /* Equal values have no order among them, but do have one by a label. */
    const char *tie = VECTOR(SAMPLE("a", "1") "," SAMPLE("b", "1"));
    const char *tie_swapped = VECTOR(SAMPLE("b", "1") "," SAMPLE("a", "1"));
    check_trial(vector, tie, tie_swapped, "same\n");
    const char *tie_parted = VECTOR(SAMPLE("b", "1") "," SAMPLE("c", "2") "," SAMPLE("a", "1"));
    check_trial(vector, VECTOR(SAMPLE("a", "1") "," SAMPLE("b", "1") "," SAMPLE("c", "2")),
                tie_parted, "series_order 1\n  {\"n\":\"c\"} behind " A " | in front of " A "\n");
    vector.query = "sort_by_label(x, \"n\")";
    check_trial(vector, tie, tie_swapped, swapped);
}
END_TEST

START_TEST(finds_values_in_another_order)
{
    check(VECTOR(SAMPLE("a", "1") "," SAMPLE("b", "2") "," SAMPLE("c", "3")),
          VECTOR(SAMPLE("c", "3") "," SAMPLE("b", "2.5") "," SAMPLE("a", "1")),
          "value 1\n  " B " @1000 2 | 2.5\n");
}
END_TEST

START_TEST(finds_duplicates)
{
    check(VECTOR(SAMPLE("a", "1") "," SAMPLE("b", "2")),
          VECTOR(SAMPLE("a", "1") "," SAMPLE("a", "1") "," SAMPLE("b", "2")),
          "duplicate_series 1\n  " A " @1000  | 1\n");
    check(VECTOR(SAMPLE("a", "1") "," SAMPLE("b", "2") "," SAMPLE("a", "3")),
          VECTOR(SAMPLE("a", "1") "," SAMPLE("b", "2")),
          "duplicate_series 1\n  " A " @1000 3 | \n");
    check(VECTOR(SAMPLE("b", "1") "," SAMPLE("a", "1") "," SAMPLE("a", "2")),
          VECTOR(SAMPLE("a", "1") "," SAMPLE("a", "2") "," SAMPLE("b", "1")), "same\n");
}
END_TEST

#define HISTOGRAM(count, bucket) \
    VECTOR("{\"metric\":{\"n\":\"a\"},\"histogram\":[1,{\"count\":\"" count \
           "\",\"sum\":\"3\",\"buckets\":[[0,\"1\",\"2\",\"" bucket "\"]]}]}")

START_TEST(finds_histograms)
{
    check(HISTOGRAM("2", "2"), HISTOGRAM("2.0", "2e0"), "same\n");
    check(HISTOGRAM("2", "2"), HISTOGRAM("2", "3"),
          "histogram 1\n  " A
          " @1000 {\"count\":\"2\",\"sum\":\"3\",\"buckets\":[[0,\"1\",\"2\","
          "\"2\"]]} | {\"count\":\"2\",\"sum\":\"3\",\"buckets\":[[0,\"1\",\"2\",\"3\"]]}\n");
    check(
        "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{},"
        "\"values\":[[1,\"1\"]],\"histograms\":[[2,{\"count\":\"1\",\"sum\":\"1\"}]]}]}}",
        MATRIX("{\"metric\":{},\"values\":[[1,\"1\"],[2,\"1\"]]}"),
        "histogram 1\n  {} @2000 {\"count\":\"1\",\"sum\":\"1\"} | 1\n");
    check(HISTOGRAM("2", "2"),
          VECTOR("{\"metric\":{\"n\":\"a\"},\"histogram\":[1,{\"count\":\"2\",\"sum\":\"3\"}]}"),
          "histogram 1\n  " A
          " @1000 {\"count\":\"2\",\"sum\":\"3\",\"buckets\":[[0,\"1\",\"2\","
          "\"2\"]]} | {\"count\":\"2\",\"sum\":\"3\"}\n");
}
END_TEST

START_TEST(finds_scalars_and_strings)
{
    check(DATA("scalar", "1,\"2\""), DATA("scalar", "1,\"3\""), "value 1\n   @1000 2 | 3\n");
    check(DATA("string", "1,\"1\""), DATA("string", "1,\"1.0\""), "string 1\n   @1000 1 | 1.0\n");
    check(DATA("string", "1,\"<\""), DATA("string", "1,\"\\u003c\""), "same\n");
}
END_TEST

START_TEST(finds_another_type_of_result)
{
    check(VECTOR(SAMPLE("a", "1")), DATA("scalar", "1,\"1\""),
          "result_type 1\n   vector | scalar\n");
    check(VECTOR(""), DATA("scalar", "1,\"1\""), "result_type 1\n   vector | scalar\n");
    check(VECTOR(SAMPLE("a", "1")), MATRIX(SERIES("a", "[1,\"1\"]")),
          "result_type 1\n   vector | matrix\n");
}
END_TEST

#define NOTED(notes) \
    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}" notes "}"

START_TEST(finds_annotations)
{
    check(NOTED(",\"warnings\":[\"a\",\"b\"]"), NOTED(",\"warnings\":[\"b\",\"a\"]"), "same\n");
    check(NOTED(",\"warnings\":[\"a\",\"b\"]"), NOTED(",\"warnings\":[\"a\"]"),
          "annotation 1\n   b | \n");
    check(NOTED(",\"infos\":[\"a\"]"), NOTED(",\"infos\":[\"b\"],\"warnings\":[\"c\"]"),
          "annotation 3\n    | c\n   a | \n    | b\n");
}
END_TEST

#define FAILED(kind, text) \
    "{\"status\":\"error\",\"errorType\":\"" kind "\",\"error\":\"" text "\"}"

START_TEST(finds_errors)
{
    struct trial failed = trial();
    failed.status = failed.other_status = 422;
    check_trial(failed, FAILED("execution", "a"), FAILED("execution", "a"), "same\n");
    check_trial(failed, FAILED("execution", "a"), FAILED("execution", "b"),
                "error_text 1\n   a | b\n");
    check_trial(failed, FAILED("execution", "a"), FAILED("bad_data", "a"),
                "error_kind 1\n   execution | bad_data\n");
    check(VECTOR(SAMPLE("a", "1")), FAILED("execution", "a"),
          "status 1\n   success | error execution: a\n");
    check(VECTOR(SAMPLE("a", "1")), "{\"status\":\"success\"}",
          "result_type 1\n   data | no data\nmissing_series 1\n  " A " @1000 1 | \n");
}
END_TEST

START_TEST(knows_errors_of_one_meaning)
{
    const char *a = FAILED("execution",
                           "found duplicate series for the match group {} on the left"
                           " hand-side of the operation: [{}, {}];many-to-many matching"
                           " not allowed: matching labels must be unique on one side");
    const char *b = FAILED("execution",
                           "found duplicate series for the match group {} on the left"
                           " side of the operation at timestamp 1: {} and {}");
    struct trial failed = trial();
    failed.status = failed.other_status = 422;
    check_trial(failed, a, b, "same\n");
    const char *c = FAILED("execution", "multiple matches for labels: x");
    check_trial(failed, c, FAILED("execution", "multiple matches for labels: y"), "same\n");
    check_trial(failed, FAILED("execution", "range vector: no range query"),
                FAILED("execution", "no range vector in range queries"), "same\n");
    failed.options.exact_errors = true;
    check_trial(
        failed, c, FAILED("execution", "multiple matches for labels: y"),
        "error_text 1\n   multiple matches for labels: x | multiple matches for labels: y\n");
}
END_TEST

START_TEST(finds_another_status)
{
    struct trial failed = trial();
    failed.other_status = 422;
    check_trial(failed, VECTOR(""), FAILED("execution", "a"),
                "status 1\n   200 | 422 execution: a\n");
    failed.status = 503;
    check_trial(failed, "x", FAILED("execution", "a"), "status 1\n   503 | 422 execution: a\n");
    failed.options.skip_preferred_failures = true;
    check_trial(failed, "x", "y", "skipped: preferred_failed: the preferred backend failed\n");
}
END_TEST

START_TEST(finds_broken_bodies)
{
    check(VECTOR(SAMPLE("a", "1")), "{\"status\":\"success\",\"data\":{\"resultType\":\"vec",
          "broken_body 1\n    | byte 45: the body ends too early\n");
    check(VECTOR(SAMPLE("a", "1") "," SAMPLE("b", "1")) "x", VECTOR(SAMPLE("b", "1")),
          "missing_series 1\n  " A
          " @1000 1 | \n"
          "broken_body 1\n   byte 136: bytes behind the answer | \n");
    struct trial html = trial();
    html.other_type = "text/html";
    check_trial(html, VECTOR(""), "<html>", "broken_body 1\n    | content type text/html\n");
    html.status = html.other_status = 502;
    check_trial(html, FAILED("internal", ""), "<html>", "skipped: no_json: no JSON\n");
    html.type = NULL;
    check_trial(html, "<html>", "<html>", "same\n");
    check_trial(html, "<html>", "<htm>", "skipped: no_json: no JSON\n");
    struct trial empty = trial();
    empty.status = empty.other_status = 204;
    check_trial(empty, "", "", "same\n");
}
END_TEST

START_TEST(leaves_out_samples_that_are_too_new_or_too_old)
{
    const char *series = MATRIX(SERIES("a", "[1,\"1\"],[2,\"2\"],[3,\"3\"]"));
    const char *other = MATRIX(SERIES("a", "[1,\"9\"],[2,\"2\"]") "," SERIES("b", "[3,\"1\"]"));
    struct trial recent = trial();
    recent.now_ms = 4000;
    recent.options.skip_recent_ms = 2000;
    check_trial(recent, series, other, "value 1\n  " A " @1000 1 | 9\n");
    recent.options.skip_before_ms = 2000;
    check_trial(recent, series, other, "same\n");
    recent.options.skip_recent_ms = 1000;
    check_trial(recent, series, other,
                "extra_series 1\n  " B " @3000  | 1\nstaleness_edge 1\n  " A " @3000 3 | \n");
}
END_TEST

START_TEST(compares_lists)
{
    struct trial list = trial();
    list.kind = ANSWER_STRINGS;
    check_trial(list, "{\"status\":\"success\",\"data\":[\"a\",\"b\"]}",
                "{\"status\":\"success\",\"data\":[\"b\",\"c\"]}", "string 2\n  a  | \n  c  | \n");
    check_trial(list, "{\"status\":\"success\",\"data\":[\"a\",\"b\"]}",
                "{\"status\":\"success\",\"data\":[\"b\",\"a\"]}",
                "series_order 1\n  b behind a | in front of a\n");
    list.kind = ANSWER_SERIES;
    check_trial(list, "{\"status\":\"success\",\"data\":[{\"n\":\"a\"},{\"n\":\"b\"}]}",
                "{\"status\":\"success\",\"data\":[{\"n\":\"b\"}]}",
                "missing_series 1\n  " A "  | \n");
}
END_TEST

START_TEST(compares_metadata_and_exemplars)
{
    struct trial trial_of = trial();
    trial_of.kind = ANSWER_METADATA;
    check_trial(
        trial_of,
        "{\"status\":\"success\",\"data\":{\"a\":[{\"help\":\"x\"},{\"help\":\"y\"}],\"b\":[]}}",
        "{\"status\":\"success\",\"data\":{\"b\":[],\"a\":[{\"help\":\"y\"},{\"help\":\"x\"}]}}",
        "same\n");
    check_trial(trial_of, "{\"status\":\"success\",\"data\":{\"a\":[{\"help\":\"x\"}]}}",
                "{\"status\":\"success\",\"data\":{\"a\":[{\"help\":\"y\"}],\"b\":[]}}",
                "metadata 3\n  a {\"help\":\"x\"} | \n  a  | {\"help\":\"y\"}\n  b  | \n");
    trial_of.kind = ANSWER_EXEMPLARS;
#define EXEMPLAR(id, value) \
    "{\"status\":\"success\",\"data\":[{\"seriesLabels\":{\"n\":\"a\"},\"exemplars\":[{" \
    "\"labels\":{" \
    "\"id\":\"" id "\"},\"value\":\"" value "\",\"timestamp\":1}]}]}"
    check_trial(trial_of, EXEMPLAR("x", "1"), EXEMPLAR("x", "1.0"), "same\n");
    check_trial(trial_of, EXEMPLAR("x", "1"), EXEMPLAR("x", "2"),
                "exemplar 1\n  " A " @1000 1 {\"id\":\"x\"} | 2 {\"id\":\"x\"}\n");
    check_trial(trial_of, EXEMPLAR("x", "1"), EXEMPLAR("y", "1"),
                "exemplar 2\n  " A " @1000 1 {\"id\":\"x\"} | \n  " A
                " @1000  | 1 {\"id\":\"y\"}\n");
}
END_TEST

struct writing {
    struct spool *spool;
    const char *body;
};

static void *write_slowly(void *context)
{
    const struct writing *writing = context;
    struct err err;
    size_t len = strlen(writing->body);
    for (size_t at = 0; at < len; at += 7)
        ck_assert(
            spool_append(writing->spool, writing->body + at, len - at < 7 ? len - at : 7, &err));
    spool_end(writing->spool);
    return NULL;
}

START_TEST(compares_bodies_that_are_still_being_written)
{
    struct spool_options small = {.memory_max = 64, .size_max = 1 << 20, .folder = "/tmp"};
    const char *bodies[2] = {MATRIX(SERIES("a", "[1,\"1\"]") "," SERIES("b", "[1,\"2\"]")),
                             MATRIX(SERIES("b", "[1,\"3\"]") "," SERIES("a", "[1,\"1\"]"))};
    struct writing writings[2];
    pthread_t writers[2];
    for (size_t i = 0; i < 2; i++) {
        writings[i] = (struct writing){spool_create(&small), bodies[i]};
        ck_assert_int_eq(pthread_create(&writers[i], NULL, write_slowly, &writings[i]), 0);
    }
    struct trial written = trial();
    struct compare_side a = {writings[0].spool, 200, "application/json"};
    struct compare_side b = {writings[1].spool, 200, "application/json"};
    struct compare_request request = {.kind = ANSWER_QUERY, .query = STR("")};
    AUTO(comparison_done) struct comparison comparison;
    compare_answers(&request, &written.options, &a, &b, &comparison);
    ck_assert_uint_eq(comparison.counts[DIFF_VALUE], 1);
    ck_assert_uint_eq(comparison.counts[DIFF_SERIES_ORDER], 1);
    ck_assert_uint_eq(comparison.series_count, 2);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(writers[i], NULL);
        spool_destroy(writings[i].spool);
    }
}
END_TEST

START_TEST(ends_when_it_is_canceled)
{
    const char *body = VECTOR(SAMPLE("a", "1"));
    AUTO(spool_destroy) struct spool *a = spool_of(body, strlen(body));
    _Atomic bool cancel = true;
    struct trial canceled = trial();
    struct compare_side side = {a, 200, "application/json"};
    struct compare_request request = {.kind = ANSWER_QUERY, .query = STR(""), .cancel = &cancel};
    AUTO(comparison_done) struct comparison comparison;
    compare_answers(&request, &canceled.options, &side, &side, &comparison);
    ck_assert_int_eq(comparison.result, COMPARE_SKIPPED);
    ck_assert_str_eq(comparison.skip_reason, "it was canceled");
}
END_TEST

START_TEST(gives_up_at_its_limits)
{
    struct trial small = trial();
    small.options.series_max = 1;
    check_trial(small, VECTOR(SAMPLE("a", "1") "," SAMPLE("b", "2")),
                VECTOR(SAMPLE("b", "2") "," SAMPLE("a", "1")),
                "skipped: too_many_series: too many series in another order\n");
    small.options.series_size_max = 100;
    const char *long_series = MATRIX(SERIES("a",
                                            "[1,\"1\"],[2,\"1\"],[3,\"1\"],[4,\"1\"],[5,\"1\"],[6,"
                                            "\"1\"],[7,\"1\"],[8,\"1\"],[9,\"1\"]"));
    check_trial(small, long_series, MATRIX(""),
                "skipped: too_large: byte 60: a series, or a text, of more than 100 bytes\n");
}
END_TEST

TEST_MAIN("compare", agrees_where_only_the_form_differs, finds_one_value_by_one_ulp,
          holds_each_tolerance, finds_points_dropped_and_added, finds_edges_of_staleness,
          finds_missing_and_extra_series, finds_series_swapped, knows_when_vectors_have_an_order,
          finds_values_in_another_order, finds_duplicates, finds_histograms,
          finds_scalars_and_strings, finds_another_type_of_result, finds_annotations, finds_errors,
          knows_errors_of_one_meaning, finds_another_status, finds_broken_bodies,
          leaves_out_samples_that_are_too_new_or_too_old, compares_lists,
          compares_metadata_and_exemplars, compares_bodies_that_are_still_being_written,
          ends_when_it_is_canceled, gives_up_at_its_limits)
