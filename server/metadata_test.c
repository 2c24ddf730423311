#include "server/metadata.h"

#include <stdio.h>

#include "base/test.h"

static const struct metadata_query everything = {.limit = -1};

static void set(struct metadata *metadata, const char *family, enum append_metric type,
                const char *help)
{
    const struct append_metadata about = {type, str_of("s"), str_of(help)};
    metadata_set(metadata, str_of(family), &about);
}

static void check(struct metadata *metadata, const struct metadata_query *query,
                  const char *expected)
{
    AUTO(buf_done) struct buf out = {0};
    struct json json = {.out = &out};
    metadata_print(metadata, query, &json);
    ck_assert_str_eq(buf_terminated(&out), expected);
}

START_TEST(tells_each_entry_once_in_the_order_of_names)
{
    AUTO(metadata_destroy) struct metadata *metadata = metadata_create();
    check(metadata, &everything, "{}");
    set(metadata, "up", APPEND_METRIC_GAUGE, "Is it?");
    set(metadata, "a", APPEND_METRIC_UNKNOWN, "");
    set(metadata, "up", APPEND_METRIC_GAUGE, "Is it?");
    set(metadata, "up", APPEND_METRIC_COUNTER, "Is it?");
    set(metadata, "", APPEND_METRIC_COUNTER, "of nothing");
    check(metadata, &everything,
          "{\"a\":[{\"type\":\"unknown\",\"help\":\"\",\"unit\":\"s\"}],"
          "\"up\":[{\"type\":\"gauge\",\"help\":\"Is it?\",\"unit\":\"s\"},"
          "{\"type\":\"counter\",\"help\":\"Is it?\",\"unit\":\"s\"}]}");
}
END_TEST

START_TEST(keeps_to_limits_and_to_one_family)
{
    AUTO(metadata_destroy) struct metadata *metadata = metadata_create();
    set(metadata, "a", APPEND_METRIC_INFO, "x");
    set(metadata, "a", APPEND_METRIC_INFO, "y");
    set(metadata, "b", APPEND_METRIC_INFO, "x");
    static const char first[] = "{\"a\":[{\"type\":\"info\",\"help\":\"x\",\"unit\":\"s\"}]}";
    check(metadata, &(struct metadata_query){.limit = 1, .limit_per_family = 1}, first);
    check(metadata,
          &(struct metadata_query){.family = STR("a"), .limit = -1, .limit_per_family = 1}, first);
    check(metadata, &(struct metadata_query){.limit = 0}, "{}");
    check(metadata, &(struct metadata_query){.family = STR("c"), .limit = -1}, "{}");
}
END_TEST

START_TEST(the_oldest_entry_makes_room)
{
    AUTO(metadata_destroy) struct metadata *metadata = metadata_create();
    AUTO(buf_done) struct buf out = {0};
    struct json json = {.out = &out};
    for (int i = 0; i <= METADATA_ENTRIES_MAX; i++) {
        char help[10];
        snprintf(help, sizeof help, "help %d", i);
        set(metadata, "a", APPEND_METRIC_INFO, help);
    }
    metadata_print(metadata, &everything, &json);
    ck_assert_ptr_null(strstr(buf_terminated(&out), "help 0"));
    ck_assert_ptr_nonnull(strstr(buf_terminated(&out), "help 1"));
    ck_assert_ptr_nonnull(strstr(buf_terminated(&out), "help 8"));
}
END_TEST

START_TEST(cuts_long_texts)
{
    AUTO(metadata_destroy) struct metadata *metadata = metadata_create();
    AUTO(buf_done) struct buf out = {0};
    static char help[2 * METADATA_TEXT_SIZE_MAX];
    struct json json = {.out = &out};
    memset(help, 'x', sizeof help - 1);
    set(metadata, "a", APPEND_METRIC_INFO, help);
    set(metadata, "a", APPEND_METRIC_INFO, help);
    metadata_print(metadata, &everything, &json);
    ck_assert_uint_gt(out.len, METADATA_TEXT_SIZE_MAX);
    ck_assert_uint_lt(out.len, METADATA_TEXT_SIZE_MAX + 100);
}
END_TEST

START_TEST(knows_which_names_are_of_one_family)
{
    static const struct {
        enum append_metric type;
        const char *metric, *family;
    } cases[] = {
        {APPEND_METRIC_HISTOGRAM, "h_bucket", "h"},
        {APPEND_METRIC_HISTOGRAM, "h", "h"},
        {APPEND_METRIC_SUMMARY, "s_sum", "s"},
        {APPEND_METRIC_SUMMARY, "s_bucket", "s_bucket"},
        {APPEND_METRIC_GAUGE, "g_count", "g_count"},
        {APPEND_METRIC_SUMMARY, "_sum", "_sum"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        ck_assert(str_eq(metadata_family(str_of(cases[i].metric), cases[i].type),
                         str_of(cases[i].family)));
}
END_TEST

TEST_MAIN("metadata", tells_each_entry_once_in_the_order_of_names,
          keeps_to_limits_and_to_one_family, the_oldest_entry_makes_room, cuts_long_texts,
          knows_which_names_are_of_one_family)
