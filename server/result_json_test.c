#include "server/result_json.h"

#include <math.h>

#include "base/float_text.h"
#include "base/test.h"
#include "model/sample.h"
#include "model/symbols.h"

static struct arena *arena;
static struct symbols *symbols;

static const struct labels *labels_of(const char *value)
{
    struct label pairs[] = {{SYM_NAME, symbols_add(symbols, STR("up"))},
                            {SYM_LE, symbols_add(symbols, str_of(value))}};
    return labels_new(arena, pairs, 2);
}

static void setup(void)
{
    arena = arena_create(NULL);
    symbols = symbols_new(arena);
}

static void teardown(void)
{
    symbols_done(symbols);
    arena_destroy(arena);
}

static struct result_info range_info(int64_t start_ms, int64_t step_ms, size_t count)
{
    return (struct result_info){
        .kind = RESULT_MATRIX,
        .grid = {start_ms, step_ms, count},
        .symbols = symbols,
    };
}

static void check_text(struct buf *out, const char *expected)
{
    ck_assert_str_eq(buf_terminated(out), expected);
    buf_done(out);
}

START_TEST(writes_a_matrix_without_its_missing_points)
{
    setup();
    struct buf out = {0};
    struct result_json json;
    struct result_info info = range_info(-1500, 1500, 5);
    double first[] = {1, value_stale(), 1, 0.1, -0.0};
    double second[] = {NAN, INFINITY, -INFINITY, 1e21, 1e-7};
    result_json_begin(&json, &info, &out);
    result_json_row(
        &json, &(struct result_row){.labels = labels_of("a<b"), .values = first, .count = 5}, &out);
    result_json_row(
        &json, &(struct result_row){.labels = labels_of("\"x\""), .values = second, .count = 5},
        &out);
    result_json_end(&json, &out);
    result_json_done(&json);
    check_text(
        &out,
        "{\"resultType\":\"matrix\",\"result\":["
        "{\"metric\":{\"__name__\":\"up\",\"le\":\"a<b\"},\"values\":"
        "[[-1.500,\"1\"],[1.500,\"1\"],[3,\"0.1\"],[4.500,\"-0\"]]},"
        "{\"metric\":{\"__name__\":\"up\",\"le\":\"\\\"x\\\"\"},\"values\":"
        "[[-1.500,\"NaN\"],[0,\"+Inf\"],[1.500,\"-Inf\"],[3,\"1e+21\"],[4.500,\"1e-07\"]]}]");
    teardown();
}
END_TEST

START_TEST(writes_a_range_vector_with_its_own_times)
{
    setup();
    struct buf out = {0};
    struct result_json json;
    struct result_info info = range_info(5000, 0, 1);
    info.instant = true;
    double values[] = {3, 3};
    int64_t times[] = {1001, 1760002000010};
    result_json_begin(&json, &info, &out);
    result_json_row(&json,
                    &(struct result_row){
                        .labels = &labels_empty, .values = values, .times_ms = times, .count = 2},
                    &out);
    result_json_end(&json, &out);
    result_json_done(&json);
    check_text(&out,
               "{\"resultType\":\"matrix\",\"result\":[{\"metric\":{},\"values\":"
               "[[1.001,\"3\"],[1760002000.010,\"3\"]]}]");
    teardown();
}
END_TEST

START_TEST(writes_histograms_beside_values)
{
    static const struct histogram_span spans[] = {{0, 3}}, one[] = {{0, 1}};
    static const double counts[] = {1, 0, 2};
    static const struct histogram h = {
        .schema = 0,
        .zero_threshold = 0.5,
        .zero_count = 4,
        .count = 8,
        .sum = -1.5,
        .positive = {spans, counts, 1, 3},
        .negative = {one, counts, 1, 1},
    };
    setup();
    struct buf out = {0};
    struct result_json json;
    struct result_info info = range_info(0, 1000, 3);
    double values[] = {value_stale(), 7, value_stale()};
    const struct histogram *histograms[] = {&h, NULL, NULL};
    result_json_begin(&json, &info, &out);
    result_json_row(
        &json,
        &(struct result_row){
            .labels = &labels_empty, .values = values, .histograms = histograms, .count = 3},
        &out);
    values[1] = value_stale();
    result_json_row(
        &json,
        &(struct result_row){
            .labels = &labels_empty, .values = values, .histograms = histograms, .count = 3},
        &out);
    result_json_end(&json, &out);
    result_json_done(&json);
#define HISTOGRAM_TEXT \
    "{\"count\":\"8\",\"sum\":\"-1.5\",\"buckets\":[[1,\"-1\",\"-0.5\",\"1\"]," \
    "[3,\"-0.5\",\"0.5\",\"4\"],[0,\"0.5\",\"1\",\"1\"],[0,\"2\",\"4\",\"2\"]]}"
    check_text(&out,
               "{\"resultType\":\"matrix\",\"result\":["
               "{\"metric\":{},\"values\":[[1,\"7\"]],\"histograms\":[[0," HISTOGRAM_TEXT
               "]]},"
               "{\"metric\":{},\"histograms\":[[0," HISTOGRAM_TEXT "]]}]");

    info = (struct result_info){.kind = RESULT_VECTOR, .instant = true, .grid = {1500, 0, 1}};
    result_json_begin(&json, &info, &out);
    result_json_row(
        &json,
        &(struct result_row){
            .labels = &labels_empty, .values = values, .histograms = histograms, .count = 1},
        &out);
    result_json_end(&json, &out);
    result_json_done(&json);
    check_text(&out,
               "{\"resultType\":\"vector\",\"result\":["
               "{\"metric\":{},\"histogram\":[1.500," HISTOGRAM_TEXT "]}]");
    teardown();
}
END_TEST

START_TEST(writes_vectors_scalars_and_strings)
{
    setup();
    struct buf out = {0};
    struct result_json json;
    double v = 1e21;
    struct result_info info = {.instant = true, .grid = {1500, 0, 1}, .symbols = symbols};
    info.kind = RESULT_VECTOR;
    result_json_begin(&json, &info, &out);
    result_json_row(&json, &(struct result_row){.labels = &labels_empty, .values = &v, .count = 1},
                    &out);
    result_json_row(&json, &(struct result_row){.labels = &labels_empty, .values = &v, .count = 1},
                    &out);
    result_json_end(&json, &out);
    check_text(&out,
               "{\"resultType\":\"vector\",\"result\":["
               "{\"metric\":{},\"value\":[1.500,\"1e+21\"]},"
               "{\"metric\":{},\"value\":[1.500,\"1e+21\"]}]");

    info.kind = RESULT_SCALAR;
    result_json_begin(&json, &info, &out);
    result_json_row(&json, &(struct result_row){.labels = NULL, .values = &v, .count = 1}, &out);
    result_json_end(&json, &out);
    check_text(&out, "{\"resultType\":\"scalar\",\"result\":[1.5,\"1000000000000000000000\"]");

    info.kind = RESULT_STRING;
    info.string = STR("<a>");
    result_json_begin(&json, &info, &out);
    result_json_end(&json, &out);
    check_text(&out, "{\"resultType\":\"string\",\"result\":[1.5,\"\\u003ca\\u003e\"]");

    info.kind = RESULT_VECTOR;
    result_json_begin(&json, &info, &out);
    result_json_end(&json, &out);
    check_text(&out, "{\"resultType\":\"vector\",\"result\":[]");
    teardown();
}
END_TEST

START_TEST(agrees_with_a_plain_writer_over_many_points)
{
    setup();
    enum { COUNT = 3000 };
    static double values[COUNT];
    struct buf out = {0}, plain = {0};
    struct result_json json;
    struct result_info info = range_info(1760002000123, 15000, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        size_t third = i / 3;
        values[i] = i % 7 == 0 ? value_stale() : (double)third / (i % 5 ? 8 : 3);
    }
    buf_text(&plain, "{\"resultType\":\"matrix\",\"result\":[{\"metric\":{},\"values\":[");
    bool any = false;
    for (size_t i = 0; i < COUNT; i++) {
        if (value_is_stale(values[i]))
            continue;
        char value[FLOAT_TEXT_SIZE];
        int64_t ms = grid_time(&info.grid, i);
        buf_printf(&plain, "%s[%lld.%03d,\"%.*s\"]", any ? "," : "", (long long)(ms / 1000),
                   (int)(ms % 1000), (int)float_text_json(value, values[i]), value);
        any = true;
    }
    buf_text(&plain, "]}]");
    result_json_begin(&json, &info, &out);
    result_json_row(&json,
                    &(struct result_row){.labels = &labels_empty, .values = values, .count = COUNT},
                    &out);
    result_json_end(&json, &out);
    result_json_done(&json);
    ck_assert(str_eq(buf_view(&out), buf_view(&plain)));
    buf_done(&out);
    buf_done(&plain);
    teardown();
}
END_TEST

START_TEST(writes_any_time)
{
    static const struct {
        int64_t ms;
        const char *expected;
    } cases[] = {
        {0, "0"},
        {-1, "-0.001"},
        {1760002000000, "1760002000"},
        {1760002000050, "1760002000.050"},
        {INT64_MAX, "9223372036854775.807"},
        {INT64_MIN, "-9223372036854775.808"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char text[TIME_JSON_SIZE];
        struct str got = {text, time_json(text, cases[i].ms)};
        ck_assert(str_eq(got, str_of(cases[i].expected)));
    }
}
END_TEST

TEST_MAIN("result_json", writes_a_matrix_without_its_missing_points,
          writes_a_range_vector_with_its_own_times, writes_histograms_beside_values,
          writes_vectors_scalars_and_strings, agrees_with_a_plain_writer_over_many_points,
          writes_any_time)
