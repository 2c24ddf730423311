#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

#include "base/test.h"

static char seen[4096];

/* What is written into the pipe while `json` lines are logged. */
static const char *logged(bool json, enum log_level level)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    struct log log = {.level = LOG_LEVEL_INFO, .json = json, .fd = ends[1]};

    struct log_line line = log_begin(&log, level, "it's done");
    log_text(&line, "plain", "a/b");
    log_text(&line, "quoted", "say \"hi\" <you>");
    log_text(&line, "empty", "");
    log_number(&line, "count", -42);
    log_duration(&line, "took", 1500000);
    log_end(&line);
    close(ends[1]);

    ssize_t len = read(ends[0], seen, sizeof seen - 1);
    ck_assert_int_ge(len, 0);
    seen[len] = '\0';
    close(ends[0]);
    return seen;
}

START_TEST(writes_logfmt)
{
    const char *text = logged(false, LOG_LEVEL_INFO);
    ck_assert_int_eq(strncmp(text, "time=2", 6), 0);
    const char *level = strstr(text, " level=");
    ck_assert_ptr_nonnull(level);
    ck_assert_int_eq(strncmp(level, " level=INFO source=log_test.c:", 30), 0);
    ck_assert_ptr_nonnull(strstr(text,
                                 " msg=\"it's done\" plain=a/b "
                                 "quoted=\"say \\\"hi\\\" <you>\" empty=\"\" count=-42 "
                                 "took=1.500ms\n"));
}
END_TEST

START_TEST(writes_json)
{
    const char *text = logged(true, LOG_LEVEL_ERROR);
    ck_assert_int_eq(strncmp(text, "{\"time\":\"2", 10), 0);
    ck_assert_ptr_nonnull(strstr(text, ",\"level\":\"ERROR\",\"source\":\"log_test.c:"));
    ck_assert_ptr_nonnull(strstr(text,
                                 ",\"quoted\":\"say \\\"hi\\\" \\u003cyou\\u003e\","
                                 "\"empty\":\"\",\"count\":-42,\"took\":\"1.500ms\"}\n"));
}
END_TEST

START_TEST(drops_what_is_below_the_level)
{
    ck_assert_str_eq(logged(false, LOG_LEVEL_DEBUG), "");
}
END_TEST

START_TEST(knows_the_levels)
{
    enum log_level level;
    ck_assert(log_level_parse(STR("warn"), &level));
    ck_assert_int_eq(level, LOG_LEVEL_WARN);
    ck_assert(!log_level_parse(STR("WARN"), &level));
    ck_assert(!log_level_parse(STR(""), &level));
}
END_TEST

START_TEST(prints_times_before_1970)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    struct log log = {.level = LOG_LEVEL_DEBUG, .fd = ends[1]};
    struct log_line line = log_begin(&log, LOG_LEVEL_DEBUG, "x");
    log_time(&line, "at", -1);
    log_end(&line);
    ssize_t len = read(ends[0], seen, sizeof seen - 1);
    ck_assert_int_gt(len, 0);
    seen[len] = '\0';
    ck_assert_ptr_nonnull(strstr(seen, "at=1969-12-31T23:59:59.999Z\n"));
}
END_TEST

TEST_MAIN("log", writes_logfmt, writes_json, drops_what_is_below_the_level, knows_the_levels,
          prints_times_before_1970)
