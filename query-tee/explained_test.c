#include "query-tee/explained.h"

#include <stdio.h>
#include <unistd.h>

#include "base/test.h"

static struct explained *opened;
static struct err err;

static bool open_text(const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/millrace-explained-%d", (int)getpid());
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    fclose(out);
    bool good = explained_open(path, &opened, &err);
    unlink(path);
    return good;
}

/* A comparison with one example of a class. */
static struct comparison found(enum difference_class class, struct difference *example)
{
    struct comparison comparison = {.result = COMPARE_DIFFERENT};
    comparison.counts[class] = 1;
    comparison.examples[class] = example;
    comparison.example_counts[class] = 1;
    return comparison;
}

START_TEST(class_query_and_values_must_fit)
{
    ck_assert_msg(open_text("# known\n\nvalue\trate.*\nannotation\t.*\t(a|b)\\n.*\n"), "%s",
                  err.msg);
    struct difference example = {.preferred = STR("a"), .other = STR("z")};
    struct comparison value = found(DIFF_VALUE, &example);
    ck_assert(explained_covers(opened, STR("rate(x[5m])"), &value));
    ck_assert(!explained_covers(opened, STR("sum(rate(x[5m]))"), &value));
    struct comparison annotation = found(DIFF_ANNOTATION, &example);
    ck_assert(explained_covers(opened, STR("up"), &annotation));
    example.preferred = STR("c");
    ck_assert(!explained_covers(opened, STR("up"), &annotation));

    /* Both must be explained where both are there. */
    example.preferred = STR("b");
    annotation.counts[DIFF_VALUE] = 3;
    ck_assert(explained_covers(opened, STR("rate(x[5m])"), &annotation));
    ck_assert(!explained_covers(opened, STR("up"), &annotation));
    explained_close(opened);
}
END_TEST

START_TEST(each_example_has_a_reason_of_its_own)
{
    ck_assert_msg(open_text("annotation\t.*\ta\\n\nannotation\tsum.*\t\\nb\n"), "%s", err.msg);
    struct difference examples[2] = {{.preferred = STR("a")}, {.other = STR("b")}};
    struct comparison annotation = found(DIFF_ANNOTATION, examples);
    annotation.counts[DIFF_ANNOTATION] = annotation.example_counts[DIFF_ANNOTATION] = 2;
    ck_assert(explained_covers(opened, STR("sum(x)"), &annotation));
    ck_assert(!explained_covers(opened, STR("avg(x)"), &annotation));
    explained_close(opened);
}
END_TEST

START_TEST(faults_name_the_line)
{
    ck_assert(!open_text("value\t.*\nvalues\t.*\n"));
    ck_assert_ptr_nonnull(strstr(err.msg, ":2: \"values\" is no class of differences"));
    ck_assert(!open_text("value\n"));
    ck_assert_ptr_nonnull(strstr(err.msg, ":1: a tab and a pattern are missing"));
    ck_assert(!open_text("value\t(\n"));
    ck_assert_ptr_nonnull(strstr(err.msg, ":1: error parsing regexp"));
    ck_assert(!open_text("value\t.*\t(\n"));
    ck_assert_ptr_nonnull(strstr(err.msg, ":1: error parsing regexp"));
}
END_TEST

TEST_MAIN("explained", class_query_and_values_must_fit, each_example_has_a_reason_of_its_own,
          faults_name_the_line)
