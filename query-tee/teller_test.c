#include "query-tee/teller.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/test.h"
#include "query-tee/compare.h"
#include "query-tee/test_tee.h"

/* A tee whose backends are not asked, and answers that two of them might have given. */
static struct test_tee self;
static struct teller *teller;
static struct round asked;
static struct ask preferred, other;
static struct comparison comparison;
static struct err err;
static char report_file[] = "/tmp/teller_test_XXXXXX";

static void begin_with_report(const char *path)
{
    TEST_TEE_OPEN(&self, 2, "--proxy.compare-responses=false");
    self.tee->options.report_file = path;
    ck_assert_msg(teller_open(self.tee, &teller, &err), "%s", err.msg);
    asked.request = (struct round_request){
        .route = route_find(STR("/api/v1/query")),
        .path = "/api/v1/query",
        .params = STR("query=up&time=100"),
        .promql = STR("up"),
        .start_ms = 100000,
        .end_ms = 100000,
        .now_ms = 1760000000000,
    };
    preferred = (struct ask){
        .round = &asked, .backend = &self.tee->backends.items[0], .status = 200, .duration_ns = 1};
    other = (struct ask){
        .round = &asked, .backend = &self.tee->backends.items[1], .status = 200, .duration_ns = 2};
    comparison = (struct comparison){.result = COMPARE_DIFFERENT};
    comparison.counts[DIFF_VALUE] = 3;
    comparison.counts[DIFF_MISSING_SERIES] = 1;
}

static void begin(void)
{
    begin_with_report("");
}

static void end(void)
{
    teller_close(teller);
    test_tee_close(&self);
}

/* Has /metrics such a line about the other backend? */
static bool tells(const char *metric, const char *labels, const char *more, int value)
{
    AUTO(buf_done) struct buf line = {0};
    buf_printf(&line, "%s{%ssecondary_backend=\"%s\"%s} %d", metric, labels, self.backends[1].name,
               more, value);
    return test_tee_tells(&self, buf_terminated(&line));
}

START_TEST(counts_differences_by_class_and_shape)
{
    begin();
    teller_different(teller, &preferred, &other, &comparison);
    ck_assert(tells("cortex_querytee_responses_compared_total",
                    "result=\"fail\",route=\"api_v1_query\",", "", 1));
    ck_assert(tells("millrace_querytee_differences_total",
                    "class=\"value\",route=\"api_v1_query\",", "", 3));
    ck_assert(tells("millrace_querytee_answers_differing_total",
                    "class=\"value\",route=\"api_v1_query\",", "", 1));
    ck_assert(tells("millrace_querytee_answers_differing_total",
                    "class=\"missing_series\",route=\"api_v1_query\",", "", 1));
    ck_assert(tells("millrace_querytee_shape_answers_differing_total", "class=\"value\",",
                    ",shape=\"m\"", 1));
    end();
}
END_TEST

START_TEST(counts_what_is_alike_or_skipped)
{
    begin();
    teller_same(teller, &asked.request, other.backend, false);
    teller_same(teller, &asked.request, other.backend, true);
    teller_skip(teller, &asked.request, other.backend, "too_large");
    ck_assert(tells("cortex_querytee_responses_compared_total",
                    "result=\"success\",route=\"api_v1_query\",", "", 2));
    ck_assert(tells("cortex_querytee_responses_compared_total",
                    "result=\"skip\",route=\"api_v1_query\",", "", 1));
    ck_assert(tells("millrace_querytee_mismatches_not_confirmed_total", "route=\"api_v1_query\",",
                    "", 1));
    ck_assert(tells("millrace_querytee_comparisons_skipped_total",
                    "reason=\"too_large\",route=\"api_v1_query\",", "", 1));
    end();
}
END_TEST

/* A client that thinks of many queries makes no more metrics than these. */
START_TEST(counts_a_bounded_number_of_shapes)
{
    begin();
    comparison.counts[DIFF_MISSING_SERIES] = 0;
    for (int i = 0; i < 210; i++) {
        char query[512] = "";
        for (int k = 0; k <= i; k++)
            snprintf(query + strlen(query), sizeof query - strlen(query), "-");
        snprintf(query + strlen(query), sizeof query - strlen(query), "up");
        asked.request.promql = str_of(query);
        teller_different(teller, &preferred, &other, &comparison);
    }
    ck_assert(tells("millrace_querytee_shape_answers_differing_total", "class=\"value\",",
                    ",shape=\"-m\"", 1));
    ck_assert(tells("millrace_querytee_shape_answers_differing_total", "class=\"value\",",
                    ",shape=\"other\"", 10));
    end();
}
END_TEST

START_TEST(writes_a_line_for_each_difference)
{
    AUTO(buf_done) struct buf text = {0};
    int fd = mkstemp(report_file);
    ck_assert_int_ge(fd, 0);
    close(fd);
    begin_with_report(report_file);
    teller_different(teller, &preferred, &other, &comparison);
    teller_different(teller, &preferred, &other, &comparison);
    teller_same(teller, &asked.request, other.backend, false);
    ck_assert(file_read(report_file, 1 << 20, &text, &err));
    unlink(report_file);
    const char *line_end = memchr(text.ptr, '\n', text.len);
    ck_assert_ptr_nonnull(line_end);
    ck_assert_uint_eq(text.len, 2 * (size_t)(line_end + 1 - text.ptr));
    json_t *line = json_loadb(text.ptr, (size_t)(line_end - text.ptr), 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(line, "query")), "up");
    json_decref(line);
    end();
}
END_TEST

START_TEST(counts_lines_that_cannot_be_written)
{
    begin_with_report("/dev/full");
    teller_different(teller, &preferred, &other, &comparison);
    ck_assert(
        test_tee_tells(&self, "millrace_querytee_report_write_failures_total{reason=\"write\"} 1"));
    ck_assert(tells("cortex_querytee_responses_compared_total",
                    "result=\"fail\",route=\"api_v1_query\",", "", 1));
    end();
}
END_TEST

START_TEST(says_which_report_cannot_be_opened)
{
    begin();
    struct teller *second = NULL;
    self.tee->options.report_file = "/missing/report";
    ck_assert(!teller_open(self.tee, &second, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.msg, "flag --report.file: /missing/report: "));
    ck_assert_ptr_null(second);
    end();
}
END_TEST

TEST_MAIN("teller", counts_differences_by_class_and_shape, counts_what_is_alike_or_skipped,
          counts_a_bounded_number_of_shapes, writes_a_line_for_each_difference,
          counts_lines_that_cannot_be_written, says_which_report_cannot_be_opened)
