#include "model/annotations.h"

#include "base/test.h"

static void check_printed(const struct annotations *annotations, size_t index, const char *text)
{
    AUTO(buf_done) struct buf out = {0};
    annotation_print(&annotations->items[index], STR("ab\ncdef"), &out);
    ck_assert_str_eq(buf_terminated(&out), text);
}

START_TEST(keeps_each_text_once_at_its_newest_place)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct annotations annotations;
    annotations_init(&annotations, arena);

    annotations_add(&annotations, ANNOTATION_WARNING, 0, "odd %d", 1);
    annotations_add(&annotations, ANNOTATION_INFO, 1, "odd %d", 1);
    annotations_add(&annotations, ANNOTATION_WARNING, 4, "odd %d", 1);
    annotations_add(&annotations, ANNOTATION_WARNING, SIZE_MAX, "plain");
    ck_assert_uint_eq(annotations.count, 3);
    check_printed(&annotations, 0, "PromQL warning: odd 1 (2:2)");
    check_printed(&annotations, 1, "PromQL info: odd 1 (1:2)");
    check_printed(&annotations, 2, "plain");
}
END_TEST

START_TEST(takes_the_place_from_the_highest_rank)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct annotations annotations;
    annotations_init(&annotations, arena);

    annotations.rank = 2;
    annotations_add(&annotations, ANNOTATION_WARNING, 3, "odd");
    annotations.rank = 1;
    annotations_add(&annotations, ANNOTATION_WARNING, 4, "odd");
    check_printed(&annotations, 0, "PromQL warning: odd (2:1)");
    annotations.rank = 2;
    annotations_add(&annotations, ANNOTATION_WARNING, 5, "odd");
    check_printed(&annotations, 0, "PromQL warning: odd (2:3)");
    ck_assert_uint_eq(annotations.count, 1);
}
END_TEST

START_TEST(counts_at_the_foremost_place)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct annotations annotations;
    annotations_init(&annotations, arena);

    annotations_add_counted(&annotations, ANNOTATION_WARNING, 3, 2, STR("odd"));
    annotations.rank = 1;
    annotations_add_counted(&annotations, ANNOTATION_WARNING, 4, 1, STR("odd"));
    check_printed(&annotations, 0, "PromQL warning: odd (3 occurrences) (2:1)");
    annotations.rank = 0;
    annotations_add_counted(&annotations, ANNOTATION_WARNING, 0, 1, STR("odd"));
    check_printed(&annotations, 0, "PromQL warning: odd (4 occurrences) (1:1)");
    ck_assert_uint_eq(annotations.count, 1);
}
END_TEST

START_TEST(holds_no_more_than_the_limit)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct annotations annotations;
    annotations_init(&annotations, arena);

    for (int i = 0; i <= ANNOTATIONS_MAX; i++)
        annotations_add(&annotations, ANNOTATION_WARNING, 0, "odd %d", i);
    annotations_add_raises(&annotations, 0, &(struct annotation_raises){0});
    annotations_add_raises(&annotations, 0, &(struct annotation_raises){0});
    ck_assert_uint_eq(annotations.count, ANNOTATIONS_MAX);
    check_printed(&annotations, ANNOTATIONS_MAX - 1, "PromQL warning: odd 999 (1:1)");
}
END_TEST

#define RAISES_TEXT \
    "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see " \
    "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile), "

START_TEST(tells_of_all_raises_in_one_info)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct annotations annotations;
    annotations_init(&annotations, arena);

    struct annotation_raises raises = {{0}, 1e6, 1e6, 1234.5, 2, INT64_C(1703462400999), 0};
    raises.end_ms = raises.begin_ms;
    annotations_add_raises(&annotations, 4, &raises);
    check_printed(&annotations, 0,
                  RAISES_TEXT
                  "from buckets 1e+06 to 1e+06, with a max diff of 1.2e+03, over 2 "
                  "samples from 2023-12-25T00:00:00Z to 2023-12-25T00:00:00Z (2:2)");

    raises = (struct annotation_raises){{0}, 2.5, 100, 3, 5, -1500, INT64_C(253402300800001)};
    annotations_add_raises(&annotations, 1, &raises);
    raises.count = (uint64_t)-9;
    annotations_add_raises(&annotations, 5, &raises);
    ck_assert_uint_eq(annotations.count, 1);
    check_printed(&annotations, 0,
                  RAISES_TEXT
                  "from buckets 2.5 to 1e+06, with a max diff of 1.2e+03, over -2 "
                  "samples from 1969-12-31T23:59:59Z to 10000-01-01T00:00:00Z (1:2)");
}
END_TEST

START_TEST(tells_raises_of_each_metric_apart)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct annotations annotations;
    annotations_init(&annotations, arena);

    struct annotation_raises raises = {STR("a"), 1, 1, 1, 1, 0, 0};
    annotations_add_raises(&annotations, 0, &raises);
    raises.metric = STR("b");
    annotations_add_raises(&annotations, 0, &raises);
    annotations_add_raises(&annotations, 0, &raises);
    ck_assert_uint_eq(annotations.count, 2);
    check_printed(&annotations, 1,
                  "PromQL info: input to histogram_quantile needed to be fixed for monotonicity "
                  "(see https://prometheus.io/docs/prometheus/latest/querying/functions/"
                  "#histogram_quantile) for metric name \"b\", from buckets 1 to 1, with a max "
                  "diff of 1, over 2 samples from 1970-01-01T00:00:00Z to 1970-01-01T00:00:00Z "
                  "(1:1)");
}
END_TEST

TEST_MAIN("annotations", tells_raises_of_each_metric_apart,
          keeps_each_text_once_at_its_newest_place, takes_the_place_from_the_highest_rank,
          counts_at_the_foremost_place, holds_no_more_than_the_limit,
          tells_of_all_raises_in_one_info)
