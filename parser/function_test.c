#include "parser/function.h"

#include <string.h>

#include "base/test.h"

START_TEST(finds_each_function_by_its_name)
{
    for (int id = 0; id < FN_COUNT; id++) {
        const struct function *function = function_get((enum function_id)id);
        ck_assert_int_eq(function->id, id);
        ck_assert_ptr_eq(function_find(str_of(function->name)), function);
    }
}
END_TEST

START_TEST(names_are_sorted_and_in_lower_case)
{
    for (int id = 1; id < FN_COUNT; id++) {
        const char *before = function_get((enum function_id)(id - 1))->name;
        const char *name = function_get((enum function_id)id)->name;
        ck_assert_msg(strcmp(before, name) < 0, "%s, %s", before, name);
        ck_assert_msg(strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789") == strlen(name), "%s",
                      name);
    }
}
END_TEST

START_TEST(knows_no_other_names)
{
    ck_assert_ptr_null(function_find(STR("")));
    ck_assert_ptr_null(function_find(STR("ab")));
    ck_assert_ptr_null(function_find(STR("abss")));
    ck_assert_ptr_null(function_find(STR("ABS")));
    ck_assert_ptr_null(function_find(STR("sum")));
}
END_TEST

START_TEST(reads_the_parameters)
{
    ck_assert_uint_eq(function_params(function_get(FN_time)).count, 0);
    ck_assert_uint_eq(function_params(function_get(FN_clamp)).count, 3);
    ck_assert_int_eq(function_params(function_get(FN_clamp)).variadic, 0);
    ck_assert_int_eq(function_params(function_get(FN_round)).variadic, 1);
    ck_assert_uint_eq(function_params(function_get(FN_label_join)).count, 4);
    ck_assert_int_eq(function_params(function_get(FN_label_join)).variadic, -1);
    ck_assert_int_eq(function_params(function_get(FN_histogram_quantiles)).variadic, 9);
}
END_TEST

START_TEST(has_all_of_prometheus)
{
    int experimental = 0;
    for (int id = 0; id < FN_COUNT; id++)
        experimental += (function_get((enum function_id)id)->flags & FUNCTION_EXPERIMENTAL) != 0;
    ck_assert_int_eq(FN_COUNT, 90);
    ck_assert_int_eq(experimental, 17);
    ck_assert_int_eq(AGGREGATE_OP_COUNT, 14);
}
END_TEST

TEST_MAIN("function", finds_each_function_by_its_name, names_are_sorted_and_in_lower_case,
          knows_no_other_names, reads_the_parameters, has_all_of_prometheus)
