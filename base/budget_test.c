#include "base/budget.h"

#include <string.h>

#include "base/test.h"

START_TEST(refuses_and_names_the_limit)
{
    struct err err = {0};
    struct budget budget;
    budget_init(&budget, NULL, "--query.memory-limit", 100);

    ck_assert(budget_charge(&budget, 60, &err));
    ck_assert(!budget_charge(&budget, 41, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.msg, "--query.memory-limit"));
    ck_assert(budget_charge(&budget, 40, &err));
    budget_release(&budget, 100);
    ck_assert_uint_eq(budget.used_bytes, 0);
    ck_assert_uint_eq(budget.peak_bytes, 100);
}
END_TEST

START_TEST(parent_limits_and_is_left_as_it_was)
{
    struct err err = {0};
    struct budget total, query;
    budget_init(&total, NULL, "--query.memory-total", 50);
    budget_init(&query, &total, "--query.memory-limit", 100);

    ck_assert(!budget_charge(&query, 51, &err));
    ck_assert_ptr_nonnull(strstr(err.msg, "--query.memory-total"));
    ck_assert_uint_eq(query.used_bytes, 0);
    ck_assert_uint_eq(total.used_bytes, 0);
    ck_assert(budget_charge(&query, 50, &err));
    budget_release(&query, 50);
    ck_assert_uint_eq(total.used_bytes, 0);
}
END_TEST

START_TEST(does_not_wrap_around)
{
    struct err err = {0};
    struct budget budget;
    budget_init(&budget, NULL, "limit", 0);
    ck_assert(budget_charge(&budget, 10, &err));
    ck_assert(!budget_charge(&budget, (size_t)-5, &err));
    budget_release(&budget, 10);
}
END_TEST

START_TEST(grows_an_array_while_it_fits)
{
    struct err err = {0};
    struct budget budget;
    uint32_t *items = NULL;
    size_t count = 0, cap = 0;
    budget_init(&budget, NULL, "limit", 100);
    while (budget_grow(&budget, items, uint32_t, count, &cap, &err)) {
        items[count] = (uint32_t)count;
        count++;
    }
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert_uint_eq(count, 16); /* of 8, then 16; 32 would be too many */
    ck_assert_uint_eq(cap, 16);
    ck_assert_uint_eq(items[15], 15);
    ck_assert_uint_eq(budget.used_bytes, 16 * sizeof *items);
    free(items);
    budget_release(&budget, cap * sizeof *items);
    ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

TEST_MAIN("budget", refuses_and_names_the_limit, parent_limits_and_is_left_as_it_was,
          does_not_wrap_around, grows_an_array_while_it_fits)
