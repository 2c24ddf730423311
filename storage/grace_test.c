#include "storage/grace.h"

#include "base/test.h"

static void count(void *object)
{
    ++*(int *)object;
}

START_TEST(frees_at_once_when_nobody_reads)
{
    struct grace grace;
    grace_init(&grace);
    int freed = 0;
    grace_free(&grace, &freed, count);
    grace_advance(&grace);
    ck_assert_int_eq(freed, 1);
    grace_done(&grace);
}
END_TEST

START_TEST(waits_for_those_who_entered_before_and_for_no_others)
{
    struct grace grace;
    grace_init(&grace);
    int freed = 0;
    struct grace_epoch *early = grace_enter(&grace);
    grace_free(&grace, &freed, count);
    grace_advance(&grace);
    struct grace_epoch *late = grace_enter(&grace);
    ck_assert_int_eq(freed, 0);
    grace_leave(&grace, early);
    ck_assert_int_eq(freed, 1);
    grace_free(&grace, &freed, count);
    grace_advance(&grace);
    ck_assert_int_eq(freed, 1);
    grace_leave(&grace, late);
    ck_assert_int_eq(freed, 2);
    grace_done(&grace);
}
END_TEST

START_TEST(an_old_reader_holds_up_what_was_given_after_it)
{
    struct grace grace;
    grace_init(&grace);
    int freed = 0;
    struct grace_epoch *old = grace_enter(&grace);
    for (int i = 0; i < 3; i++) {
        grace_free(&grace, &freed, count);
        grace_advance(&grace);
        grace_leave(&grace, grace_enter(&grace));
    }
    ck_assert_int_eq(freed, 0);
    grace_leave(&grace, old);
    ck_assert_int_eq(freed, 3);
    grace_done(&grace);
}
END_TEST

TEST_MAIN("grace", frees_at_once_when_nobody_reads,
          waits_for_those_who_entered_before_and_for_no_others,
          an_old_reader_holds_up_what_was_given_after_it)
