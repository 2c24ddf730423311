#include "query-tee/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/test.h"

struct seen {
    size_t count;
    char first[20];
    char last[20];
};

static void see(void *context, const struct summary_difference *difference)
{
    struct seen *seen = context;
    if (seen->count++ == 0)
        snprintf(seen->first, sizeof seen->first, "%s", difference->query);
    snprintf(seen->last, sizeof seen->last, "%s", difference->query);
}

START_TEST(keeps_the_newest_differences)
{
    AUTO(summary_destroy) struct summary *summary = summary_create(1);
    for (int i = 0; i < SUMMARY_DIFFERENCES_MAX + 3; i++) {
        char query[20];
        snprintf(query, sizeof query, "q%d", i);
        summary_add_difference(
            summary, &(struct summary_difference){
                         .route = "r", .backend = "b", .query = query, .classes = "", .line = ""});
    }
    struct seen seen = {0};
    summary_each_difference(summary, see, &seen);
    ck_assert_uint_eq(seen.count, SUMMARY_DIFFERENCES_MAX);
    ck_assert_str_eq(seen.first, "q52");
    ck_assert_str_eq(seen.last, "q3");
}
END_TEST

static void check_cut(void *context, const struct summary_difference *difference)
{
    ck_assert_uint_eq(strlen(difference->query), 16383); /* between two runes */
    ck_assert_str_eq(difference->line, "");
}

START_TEST(cuts_long_texts)
{
    AUTO(summary_destroy) struct summary *summary = summary_create(1);
    AUTO(free) void *memory = mem_new_array(char, 40001);
    char *text = memory;
    text[0] = 'x';
    for (size_t i = 1; i + 1 < 40000; i += 2) {
        text[i] = '\xc3';
        text[i + 1] = '\xa4';
    }
    summary_add_difference(
        summary, &(struct summary_difference){
                     .route = "r", .backend = "b", .query = text, .classes = "", .line = text});
    summary_each_difference(summary, check_cut, NULL);
}
END_TEST

START_TEST(counts_what_backends_do)
{
    AUTO(summary_destroy) struct summary *summary = summary_create(2);
    summary_add_answer(summary, 1, false, 5000, 10);
    summary_add_answer(summary, 1, true, 7000, 10);
    summary_add_verdict(summary, 1, SUMMARY_DIFFERENT);
    struct summary_backend got;
    summary_backend(summary, 1, &got);
    ck_assert_uint_eq(got.answers, 2);
    ck_assert_uint_eq(got.failures, 1);
    ck_assert_uint_eq(got.verdicts[SUMMARY_DIFFERENT], 1);
    ck_assert_uint_eq(sketch_quantile(&got.latencies_us, 1), 7);
    summary_backend(summary, 0, &got);
    ck_assert_uint_eq(got.answers, 0);
}
END_TEST

TEST_MAIN("summary", keeps_the_newest_differences, cuts_long_texts, counts_what_backends_do)
