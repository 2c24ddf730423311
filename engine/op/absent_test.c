#include "engine/op/absent.h"

#include "base/test.h"
#include "engine/absent_labels.h"
#include "engine/op/test_matrix.h"
#include "model/sample.h"

START_TEST(is_one_where_no_series_has_a_point)
{
    for (unsigned seed = 0; seed < 100; seed++) {
        struct test_query test;
        test_query_init(&test);
        struct query *query = &test.query;
        unsigned state = seed;
        struct test_matrix in =
            test_matrix_random(query, &state, seed % 4, seed % 3 ? 30 : 1, true);
        struct test_matrix expected = test_matrix_new(query, 1, in.step_count);
        test_matrix_series(&expected, TEST_LABELS(query, "job", "a"));
        for (size_t s = 0; s < in.step_count; s++) {
            expected.values[s] = 1;
            for (size_t i = 0; i < in.series_count; i++)
                if (!value_is_stale(test_matrix_row(&in, i)[s]))
                    expected.values[s] = MISSING;
        }
        in.mix = seed % 4;
        struct op *child = test_matrix_op(query, &in, 2);
        test_matrix_check(&expected, op_absent_new(query, child, expected.labels[0]), 0);
        test_query_done(&test);
    }
}
END_TEST

static struct matcher *matcher_of(struct query *query, enum match_kind kind, const char *name,
                                  const char *value)
{
    struct err err = {0};
    struct matcher *matcher = NULL;
    ck_assert(matcher_new(query->arena, kind, str_of(name), str_of(value), &matcher, &err));
    return matcher;
}

START_TEST(labels_are_what_matchers_say_for_certain)
{
    struct test_query test;
    test_query_init(&test);
    struct query *query = &test.query;
    struct matcher *const matchers[] = {
        matcher_of(query, MATCH_EQUAL, "__name__", "up"),
        matcher_of(query, MATCH_EQUAL, "kept", "1"),
        matcher_of(query, MATCH_EQUAL, "twice", "1"),
        matcher_of(query, MATCH_EQUAL, "twice", "1"),
        matcher_of(query, MATCH_NOT_EQUAL, "not_first", "1"),
        matcher_of(query, MATCH_EQUAL, "not_first", "2"),
        matcher_of(query, MATCH_EQUAL, "not_last", "1"),
        matcher_of(query, MATCH_NOT_EQUAL, "not_last", "2"),
        matcher_of(query, MATCH_NOT_EQUAL, "not", "1"),
        matcher_of(query, MATCH_REGEX, "regex_first", ".+"),
        matcher_of(query, MATCH_EQUAL, "regex_first", "2"),
        matcher_of(query, MATCH_EQUAL, "empty", ""),
    };

    ck_assert(labels_equal(absent_labels(query, matchers, ARRAY_COUNT(matchers)),
                           TEST_LABELS(query, "kept", "1", "regex_first", "2")));
    ck_assert(labels_equal(absent_labels(query, NULL, 0), &labels_empty));
    test_query_done(&test);
}
END_TEST

TEST_MAIN("absent", is_one_where_no_series_has_a_point, labels_are_what_matchers_say_for_certain)
