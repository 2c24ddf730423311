#include "query-tee/shapes.h"

#include "base/test.h"

struct seen {
    struct buf text;
};

static void take(void *context, const struct shape_total *total)
{
    struct seen *seen = context;
    buf_printf(&seen->text, "%.*s %d/%d %d %d; ", STR_ARGS(total->shape),
               (int)total->question_count, (int)total->different_count,
               (int)sketch_quantile(&total->latencies_us[1], 0.5),
               (int)sketch_quantile(&total->sizes[0], 0.5));
}

START_TEST(shapes_are_counted_apart)
{
    AUTO(shapes_destroy) struct shapes *shapes = shapes_create(2, 2);
    shapes_add_question(shapes, STR("sum(m)"), false);
    shapes_add_question(shapes, STR("rate(m)"), true);
    shapes_add_question(shapes, STR("sum(m)"), false);
    shapes_add_answer(shapes, STR("sum(m)"), 1, 5000, 7);
    shapes_add_answer(shapes, STR("sum(m)"), 0, 9000, 3);
    struct seen seen = {0};
    shapes_each(shapes, take, &seen);
    ck_assert_str_eq(buf_terminated(&seen.text), "sum(m) 2/0 5 3; rate(m) 1/1 0 0; ");
    buf_done(&seen.text);
}
END_TEST

START_TEST(those_that_come_too_late_are_counted_together)
{
    AUTO(shapes_destroy) struct shapes *shapes = shapes_create(2, 1);
    shapes_add_question(shapes, STR("a"), false);
    shapes_add_question(shapes, STR("b"), false);
    shapes_add_question(shapes, STR("c"), true);
    struct seen seen = {0};
    shapes_each(shapes, take, &seen);
    ck_assert_str_eq(buf_terminated(&seen.text), "other 2/1 0 0; a 1/0 0 0; ");
    buf_done(&seen.text);
}
END_TEST

START_TEST(the_table_is_aligned)
{
    AUTO(shapes_destroy) struct shapes *shapes = shapes_create(2, 10);
    shapes_add_question(shapes, STR("sum(m)"), true);
    shapes_add_answer(shapes, STR("sum(m)"), 0, 14000, 5);
    shapes_add_answer(shapes, STR("sum(m)"), 1, 7000, 5);
    AUTO(buf_done) struct buf out = {0};
    shapes_print(shapes, &out);
    ck_assert_str_eq(
        buf_terminated(&out),
        "   asked  differ  1st p50  1st p99  2nd p50  2nd p99    ratio  size p50  shape\n"
        "       1       1     14us     14us      7us      7us    2.00x        5B  sum(m)\n");
}
END_TEST

TEST_MAIN("shapes", shapes_are_counted_apart, those_that_come_too_late_are_counted_together,
          the_table_is_aligned)
