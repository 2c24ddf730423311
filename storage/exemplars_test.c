#include "storage/exemplars.h"

#include <stdio.h>

#include "base/test.h"

static const struct wal_label first[] = {{{"__name__", 8}, {"a", 1}}};
static const struct wal_label second[] = {{{"__name__", 8}, {"b", 1}}};

static enum exemplar_verdict append(struct exemplars *exemplars, const struct wal_label *labels,
                                    int64_t t_ms, double v)
{
    const struct wal_label id = {STR("id"), STR("x")};
    const struct append_exemplar exemplar = {&id, 1, t_ms, v};
    return exemplars_append(exemplars, labels, 1, &exemplar);
}

static void print(void *context, const struct exemplars_of_series *series)
{
    struct buf *out = context;
    buf_printf(out, "%.*s:", STR_ARGS(series->labels[0].value));
    for (size_t i = 0; i < series->count; i++)
        buf_printf(out, " %lld=%g", (long long)series->items[i].t_ms, series->items[i].v);
    buf_byte(out, '\n');
}

/* Series whose name matches, from begin to end. */
static void check(struct exemplars *exemplars, const char *pattern, int64_t begin_ms,
                  int64_t end_ms, const char *expected)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(buf_done) struct buf out = {0};
    struct matcher *matcher;
    struct err err = {0};
    ck_assert(matcher_new(arena, MATCH_REGEX, STR("__name__"), str_of(pattern), &matcher, &err));
    struct matcher *const *const sets[] = {&matcher};
    const struct exemplars_query query = {sets, (const size_t[]){1}, 1, begin_ms, end_ms};
    exemplars_select(exemplars, &query, print, &out);
    ck_assert_str_eq(buf_terminated(&out), expected);
    matcher_done(matcher);
}

START_TEST(gives_what_is_asked_in_the_order_of_labels)
{
    AUTO(exemplars_destroy) struct exemplars *exemplars = exemplars_create(10);
    append(exemplars, second, 1, 1);
    append(exemplars, first, 2, 2);
    append(exemplars, first, 3, 3);
    check(exemplars, ".+", INT64_MIN, INT64_MAX, "a: 2=2 3=3\nb: 1=1\n");
    check(exemplars, "b", INT64_MIN, INT64_MAX, "b: 1=1\n");
    check(exemplars, ".+", 3, 3, "a: 3=3\n");
    check(exemplars, "c", INT64_MIN, INT64_MAX, "");
}
END_TEST

START_TEST(takes_later_ones_only_and_each_once)
{
    AUTO(exemplars_destroy) struct exemplars *exemplars = exemplars_create(10);
    ck_assert_int_eq(append(exemplars, first, 5, 2), EXEMPLAR_TAKEN);
    ck_assert_int_eq(append(exemplars, first, 5, 2), EXEMPLAR_TAKEN);
    ck_assert_int_eq(append(exemplars, first, 4, 9), EXEMPLAR_OUT_OF_ORDER);
    ck_assert_int_eq(append(exemplars, first, 5, 1), EXEMPLAR_OUT_OF_ORDER);
    ck_assert_int_eq(append(exemplars, first, 5, 3), EXEMPLAR_TAKEN);
    check(exemplars, "a", INT64_MIN, INT64_MAX, "a: 5=2 5=3\n");
}
END_TEST

START_TEST(the_oldest_make_room_and_series_go_with_their_last)
{
    AUTO(exemplars_destroy) struct exemplars *exemplars = exemplars_create(3);
    struct exemplars_stats stats;
    append(exemplars, second, 1, 1);
    for (int i = 2; i <= 8; i++)
        append(exemplars, first, i, i);
    check(exemplars, ".+", INT64_MIN, INT64_MAX, "a: 6=6 7=7 8=8\n");
    exemplars_stats(exemplars, &stats);
    ck_assert_uint_eq(stats.count, 3);
    ck_assert_uint_eq(stats.series_count, 1);
    ck_assert_uint_eq(stats.appended_total, 8);
    ck_assert_int_eq(stats.oldest_ms, 6);
}
END_TEST

START_TEST(a_ring_of_one_keeps_the_last)
{
    AUTO(exemplars_destroy) struct exemplars *exemplars = exemplars_create(1);
    append(exemplars, first, 1, 1);
    append(exemplars, first, 2, 2);
    check(exemplars, ".+", INT64_MIN, INT64_MAX, "a: 2=2\n");
}
END_TEST

START_TEST(refuses_labels_of_too_many_characters)
{
    AUTO(exemplars_destroy) struct exemplars *exemplars = exemplars_create(3);
    char text[2 * 127 + 3];
    for (size_t i = 0; i < 127; i++)
        memcpy(text + 2 * i, "\xc3\xa9", 2);
    const struct wal_label fits = {STR("i"), {text, 2 * 127}};
    const struct append_exemplar good = {&fits, 1, 1, 1};
    ck_assert_int_eq(exemplars_append(exemplars, first, 1, &good), EXEMPLAR_TAKEN);
    const struct wal_label too_long = {STR("id"), {text, 2 * 127}};
    const struct append_exemplar bad = {&too_long, 1, 2, 1};
    ck_assert_int_eq(exemplars_append(exemplars, first, 1, &bad), EXEMPLAR_TOO_LARGE);
}
END_TEST

START_TEST(keeps_the_newest_when_there_may_be_fewer)
{
    AUTO(exemplars_destroy) struct exemplars *exemplars = exemplars_create(4);
    struct exemplars_stats stats;
    for (int i = 1; i <= 6; i++)
        append(exemplars, i % 2 ? first : second, i, i);
    exemplars_resize(exemplars, 3);
    check(exemplars, ".+", INT64_MIN, INT64_MAX, "a: 5=5\nb: 4=4 6=6\n");
    exemplars_resize(exemplars, 5);
    append(exemplars, first, 7, 7);
    append(exemplars, first, 8, 8);
    append(exemplars, first, 9, 9);
    check(exemplars, ".+", INT64_MIN, INT64_MAX, "a: 5=5 7=7 8=8 9=9\nb: 6=6\n");
    exemplars_stats(exemplars, &stats);
    ck_assert_uint_eq(stats.count, 5);
    ck_assert_uint_eq(stats.count_max, 5);
    ck_assert_uint_eq(stats.appended_total, 9);
}
END_TEST

START_TEST(takes_none_where_there_may_be_none)
{
    AUTO(exemplars_destroy) struct exemplars *exemplars = exemplars_create(2);
    struct exemplars_stats stats;
    append(exemplars, first, 1, 1);
    exemplars_resize(exemplars, 0);
    ck_assert_int_eq(append(exemplars, first, 2, 2), EXEMPLAR_NO_ROOM);
    check(exemplars, ".+", INT64_MIN, INT64_MAX, "");
    exemplars_stats(exemplars, &stats);
    ck_assert_uint_eq(stats.count, 0);
    ck_assert_uint_eq(stats.series_count, 0);
    exemplars_resize(exemplars, 1);
    ck_assert_int_eq(append(exemplars, first, 3, 3), EXEMPLAR_TAKEN);
    check(exemplars, ".+", INT64_MIN, INT64_MAX, "a: 3=3\n");
}
END_TEST

TEST_MAIN("exemplars", gives_what_is_asked_in_the_order_of_labels,
          takes_later_ones_only_and_each_once, the_oldest_make_room_and_series_go_with_their_last,
          a_ring_of_one_keeps_the_last, refuses_labels_of_too_many_characters,
          keeps_the_newest_when_there_may_be_fewer, takes_none_where_there_may_be_none)
