#include "base/map.h"

#include "base/attr.h"
#include "base/test.h"

static bool map_has(const struct map *map, uint64_t hash, uint32_t index)
{
    struct map_probe at = map_find(map, hash);
    for (; map_hit(map, &at); map_next(map, &at))
        if (at.index == index)
            return true;
    return false;
}

START_TEST(finds_all_of_equal_hash)
{
    AUTO(map_done) struct map map = {0};
    for (uint32_t i = 0; i < 5000; i++)
        map_insert(&map, i % 1000, i);
    for (uint32_t i = 0; i < 5000; i++) {
        ck_assert(map_has(&map, i % 1000, i));
        ck_assert(!map_has(&map, i % 1000, i + 1));
    }
    ck_assert(!map_has(&map, 1000, 0));
    ck_assert_uint_eq(map.count, 5000);
    ck_assert_uint_eq((map.mask + 1) * sizeof(struct map_slot), map_size_bytes(5000));
}
END_TEST

START_TEST(empty_map_has_nothing)
{
    struct map map = {0};
    ck_assert(!map_has(&map, 0, 0));
}
END_TEST

START_TEST(lives_in_an_arena_as_well)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct map map = {0};
    for (uint32_t i = 0; i < 1000; i++)
        map_insert_in(arena, &map, i * UINT64_C(0x9E3779B97F4A7C15), i);
    for (uint32_t i = 0; i < 1000; i++) {
        struct map_probe at = map_find(&map, i * UINT64_C(0x9E3779B97F4A7C15));
        ck_assert(map_hit(&map, &at));
        ck_assert_uint_eq(at.index, i);
    }
}
END_TEST

TEST_MAIN("map", finds_all_of_equal_hash, empty_map_has_nothing, lives_in_an_arena_as_well)
