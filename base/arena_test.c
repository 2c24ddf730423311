#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "base/test.h"

START_TEST(gives_zeroed_aligned_memory_that_stays)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    unsigned char *pieces[2000];
    for (size_t i = 0; i < 2000; i++) {
        pieces[i] = arena_alloc(arena, 1, i % 700 + 1);
        ck_assert_uint_eq((uintptr_t)pieces[i] % 16, 0);
        for (size_t j = 0; j <= i % 700; j++) {
            ck_assert_uint_eq(pieces[i][j], 0);
            pieces[i][j] = (unsigned char)i;
        }
    }
    for (size_t i = 0; i < 2000; i++)
        ck_assert_uint_eq(pieces[i][i % 700], (unsigned char)i);
}
END_TEST

START_TEST(charges_its_budget_and_gives_it_back)
{
    struct err err = {0};
    struct budget budget;
    budget_init(&budget, NULL, "--query.memory-limit", 100000);
    struct arena *arena = arena_create(&budget);

    arena_alloc(arena, 1, 50000);
    ck_assert(arena_check(arena, &err));
    ck_assert_uint_ge(budget.used_bytes, 50000);
    arena_alloc(arena, 1, 60000);
    ck_assert(!arena_check(arena, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    arena_destroy(arena);
    ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

START_TEST(charges_what_is_held_beside_it)
{
    struct err err = {0};
    struct budget budget;
    budget_init(&budget, NULL, "--query.memory-limit", 100000);
    struct arena *arena = arena_create(&budget);

    arena_charge(arena, 60000);
    ck_assert(arena_check(arena, &err));
    ck_assert_uint_eq(budget.used_bytes, 60000);
    arena_reset(arena);
    ck_assert_uint_eq(budget.used_bytes, 60000);
    arena_charge(arena, 60000);
    ck_assert(!arena_check(arena, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    arena_destroy(arena);
    ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

START_TEST(gives_zeroed_memory_again_after_a_reset)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 1; i < 300; i++) {
            memset(arena_room(arena, char, i), 'x', i);
            unsigned char *piece = arena_alloc(arena, 1, i);
            for (size_t j = 0; j < i; j++)
                ck_assert_uint_eq(piece[j], 0);
            memset(piece, 'y', i);
        }
        arena_reset(arena);
    }
}
END_TEST

START_TEST(tries_what_fits_and_refuses_the_rest)
{
    struct err err = {0};
    struct budget budget;
    budget_init(&budget, NULL, "--query.memory-limit", 100000);
    AUTO(arena_destroy) struct arena *arena = arena_create(&budget);

    ck_assert_ptr_nonnull(arena_try(arena, 50, 1000, &err));
    size_t used = budget.used_bytes;
    ck_assert_ptr_null(arena_try(arena, 60, 1000, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert_ptr_null(arena_try(arena, SIZE_MAX / 2, 4, &err));
    ck_assert_uint_eq(budget.used_bytes, used);
    ck_assert(arena_check(arena, &err));
    ck_assert_ptr_nonnull(arena_try(arena, 40, 1000, &err));
}
END_TEST

TEST_MAIN("arena", gives_zeroed_aligned_memory_that_stays, gives_zeroed_memory_again_after_a_reset,
          charges_its_budget_and_gives_it_back, charges_what_is_held_beside_it,
          tries_what_fits_and_refuses_the_rest)
