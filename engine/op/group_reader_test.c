#include "engine/op/group_reader.h"

#include "base/test.h"
#include "engine/op/test_rows.h"

enum { SERIES = 6, STEPS = 3 };

static struct test_query test;
static struct op *child;
static struct group_reader reader;
static struct err err;
static double values[SERIES * STEPS]; /* ten times the series, and the step */

static void begin(void)
{
    test_query_init(&test);
    const struct labels **labels = arena_array(test.query.arena, const struct labels *, SERIES);
    for (size_t i = 0; i < SERIES; i++) {
        labels[i] = TEST_LABELS(&test.query, "n", arena_printf(test.query.arena, "%zu", i));
        for (size_t s = 0; s < STEPS; s++)
            values[i * STEPS + s] = (double)(10 * i + s);
    }
    child =
        op_test_rows_new(&test.query, &(struct grid){0, 1000, STEPS}, labels, values, SERIES, 2);
    ck_assert(op_open(child, &err));
}

static void arrange(const uint32_t *order, size_t count)
{
    ck_assert(op_arrange(child, order, count, &err));
    group_reader_init(&reader, child);
}

static void end(void)
{
    group_reader_done(&reader);
    op_close(child);
    ck_assert_uint_eq(test.query.budget.used_bytes, 0);
    test_query_done(&test);
}

/*
 * Reads one group: "2 0 1": the series, in the order in which their rows come, which must have the
 * series' values; "h" behind those that have histograms, which must have its number as count.
 */
static const char *read_group(const uint32_t *members, size_t count)
{
    const char *text = "";
    struct group_row row;
    enum pull got;
    group_reader_begin(&reader, members, count);
    while ((got = group_reader_next(&reader, &row, &err)) == PULL_BATCH) {
        ck_assert_uint_lt(row.member, count);
        uint32_t series = members[row.member];
        for (size_t s = 0; s < STEPS; s++) {
            double expected = 10 * series + (double)s;
            if (row.histograms && row.histograms[s])
                ck_assert(row.histograms[s]->count == expected && value_is_stale(row.values[s]));
            else
                ck_assert(row.values[s] == expected);
            row.values[s] = -1; /* may be written to */
        }
        text = arena_printf(test.query.arena, "%s%s%u%s", text, text[0] ? " " : "", series,
                            row_has_histogram(row.histograms, STEPS) ? "h" : "");
    }
    ck_assert_msg(got == PULL_END, "%s", err.msg);
    return text;
}

#define ORDER(...) (const uint32_t[]){__VA_ARGS__}, ARRAY_COUNT(((const uint32_t[]){__VA_ARGS__}))
#define READ_GROUP(...) read_group(ORDER(__VA_ARGS__))

START_TEST(rows_without_places_come_as_they_are_arranged)
{
    begin();
    arrange(ORDER(0, 2, 5, 1, 3));
    ck_assert_str_eq(READ_GROUP(0, 2, 5), "0 2 5");
    ck_assert_str_eq(READ_GROUP(1, 3), "1 3");
    ck_assert_str_eq(read_group(NULL, 0), "");
    end();
}
END_TEST

/* Series 0 stands in front of 3, and 1 in front of 2, where it stands anyway. */
START_TEST(a_row_is_held_until_its_place_is_reached)
{
    static const struct row_place places[] = {{3, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}, {6, 0}};
    begin();
    op_test_rows_place(child, places);
    arrange(ORDER(0, 1, 2, 3, 4, 5));
    ck_assert_str_eq(READ_GROUP(0, 1, 2, 3, 4, 5), "1 2 0 3 4 5");
    end();
}
END_TEST

START_TEST(of_several_at_one_place_the_lesser_key_comes_first)
{
    static const struct row_place places[] = {{5, 7}, {5, 1}, {5, 4}, {5, 9}, {5, 0}, {6, 0}};
    begin();
    op_test_rows_place(child, places);
    arrange(ORDER(0, 1, 2, 3, 4, 5));
    ck_assert_str_eq(READ_GROUP(0, 1, 2, 3, 4, 5), "4 1 2 0 3 5");
    end();
}
END_TEST

/* Nothing of a group is left for the next one, wherever its place is. */
START_TEST(what_is_held_comes_before_the_group_ends)
{
    static const struct row_place places[] = {{6, 5}, {6, 3}, {3, 0}, {4, 0}, {5, 0}, {6, 0}};
    begin();
    op_test_rows_place(child, places);
    arrange(ORDER(0, 2, 4, 1, 3, 5));
    ck_assert_str_eq(READ_GROUP(0, 2, 4), "2 4 0");
    ck_assert_str_eq(READ_GROUP(1, 3, 5), "3 5 1");
    end();
}
END_TEST

/* The places of series that the group has not are passed over. */
START_TEST(places_between_members_are_reached_too)
{
    static const struct row_place places[] = {{2, 0}, {3, 0}, {3, 0}, {4, 0}, {5, 0}, {6, 0}};
    begin();
    op_test_rows_place(child, places);
    arrange(ORDER(0, 1, 4, 5));
    ck_assert_str_eq(READ_GROUP(0, 1, 4, 5), "0 1 4 5");
    end();
}
END_TEST

START_TEST(histograms_are_held_too)
{
    static const struct row_place places[] = {{4, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}, {6, 0}};
    begin();
    op_test_rows_place(child, places);
    const struct histogram **given =
        arena_array(test.query.arena, const struct histogram *, SERIES *STEPS);
    for (size_t i = 0; i < SERIES * STEPS; i++) {
        given[i] = NULL;
        if (i != 1 && i != 3 * STEPS)
            continue;
        struct histogram *made = arena_new(test.query.arena, struct histogram);
        made->count = values[i];
        given[i] = made;
        values[i] = value_stale();
    }
    op_test_rows_add(child, given);
    arrange(ORDER(0, 1, 2, 3, 4));
    ck_assert_str_eq(READ_GROUP(0, 1, 2, 3, 4), "1 2 3h 0h 4");
    end();
}
END_TEST

/* Whoever ends in the middle gives up what is held. */
START_TEST(a_limit_ends_it)
{
    static const struct row_place places[] = {{6, 0}, {6, 1}, {3, 0}, {4, 0}, {5, 0}, {6, 0}};
    begin();
    op_test_rows_place(child, places);
    arrange(ORDER(0, 1, 2, 3, 4, 5));
    struct group_row row;
    group_reader_begin(&reader, ORDER(0, 1, 2, 3, 4, 5));
    ck_assert_int_eq(group_reader_next(&reader, &row, &err), PULL_BATCH);
    ck_assert_uint_eq(row.member, 2);
    ck_assert_uint_gt(test.query.budget.used_bytes, 0);
    end();

    begin();
    op_test_rows_place(child, places);
    arrange(ORDER(0, 1, 2, 3, 4, 5));
    test.query.budget.limit_bytes = 1;
    group_reader_begin(&reader, ORDER(0, 1, 2, 3, 4, 5));
    ck_assert_int_eq(group_reader_next(&reader, &row, &err), PULL_ERR);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    end();
}
END_TEST

TEST_MAIN("group_reader", rows_without_places_come_as_they_are_arranged,
          a_row_is_held_until_its_place_is_reached,
          of_several_at_one_place_the_lesser_key_comes_first,
          what_is_held_comes_before_the_group_ends, places_between_members_are_reached_too,
          histograms_are_held_too, a_limit_ends_it)
