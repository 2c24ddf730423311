#include "query-tee/tally.h"

#include "base/test.h"

static const char *printed(struct tally *tally)
{
    static struct buf out;
    buf_clear(&out);
    struct exposition exposition = {.out = &out};
    tally_print(tally, &exposition);
    exposition_end(&exposition);
    return buf_terminated(&out);
}

START_TEST(counts_by_labels)
{
    AUTO(tally_destroy) struct tally *tally = tally_create();
    tally_add(tally, TALLY_RESPONSES, 1, "backend=\"%s\"", "a");
    tally_add(tally, TALLY_RESPONSES, 2, "backend=\"%s\"", "b");
    tally_add(tally, TALLY_RESPONSES, 3, "backend=\"%s\"", "a");
    tally_add(tally, TALLY_COMPARED, 5, "backend=\"%s\"", "a");
    ck_assert_ptr_nonnull(strstr(printed(tally),
                                 "# TYPE cortex_querytee_responses_total counter\n"
                                 "cortex_querytee_responses_total{backend=\"a\"} 4\n"
                                 "cortex_querytee_responses_total{backend=\"b\"} 2\n#"));
}
END_TEST

START_TEST(puts_values_into_buckets)
{
    AUTO(tally_destroy) struct tally *tally = tally_create();
    static const double values[] = {0.01, 1, 1.1, 1000, 1.0 / 0.0};
    for (size_t i = 0; i < ARRAY_COUNT(values); i++)
        tally_observe(tally, TALLY_PROPORTIONAL, values[i], "route=\"r\"");
    const char *text = printed(tally);
#define NAME "cortex_querytee_backend_response_relative_duration_proportional"
    ck_assert_ptr_nonnull(strstr(text, NAME "_bucket{route=\"r\",le=\"0.01\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(text, NAME "_bucket{route=\"r\",le=\"1\"} 2\n"));
    ck_assert_ptr_nonnull(strstr(text, NAME "_bucket{route=\"r\",le=\"100\"} 3\n"));
    ck_assert_ptr_nonnull(strstr(text, NAME "_bucket{route=\"r\",le=\"+Inf\"} 5\n"));
    ck_assert_ptr_nonnull(strstr(text, NAME "_sum{route=\"r\"} +Inf\n"));
    ck_assert_ptr_nonnull(strstr(text, NAME "_count{route=\"r\"} 5\n"));
}
END_TEST

START_TEST(has_a_limit)
{
    AUTO(tally_destroy) struct tally *tally = tally_create();
    for (int i = 0; i < TALLY_CELLS_MAX + 7; i++)
        tally_add(tally, TALLY_RESPONSES, 1, "backend=\"%d\"", i);
    const char *text = printed(tally);
    ck_assert_ptr_nonnull(strstr(text, "{backend=\"19999\"} 1\n"));
    ck_assert_ptr_null(strstr(text, "{backend=\"20000\"}"));
    ck_assert_ptr_nonnull(strstr(text, "\nmillrace_querytee_metrics_dropped_total 7\n"));
}
END_TEST

START_TEST(escapes_values)
{
    AUTO(buf_done) struct buf out = {0};
    tally_escape(&out, "a\"b\\c\nd");
    ck_assert_str_eq(buf_terminated(&out), "a\\\"b\\\\c\\nd");
}
END_TEST

TEST_MAIN("tally", counts_by_labels, puts_values_into_buckets, has_a_limit, escapes_values)
