#include "storage/compact_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "storage/retention.h"

#define BLOCKS_MAX 16

/* A block for each letter of its name. */
struct given {
    int64_t begin_ms, end_ms;
    bool failed;
    uint64_t tombstone_count, series_count;
    unsigned hints;
};

/* A block of [begin, end), and what else is said of it. */
#define B(begin, ...) \
    { \
        .begin_ms = (begin), .end_ms = __VA_ARGS__ \
    }

static struct block_meta metas[BLOCKS_MAX];
static const struct block_meta *list[BLOCKS_MAX];

static void give(const struct given *given, size_t count)
{
    ck_assert_uint_le(count, BLOCKS_MAX);
    for (size_t i = 0; i < count; i++) {
        metas[i] = (struct block_meta){
            .ulid = ulid_make(i, 0, i),
            .begin_ms = given[i].begin_ms,
            .end_ms = given[i].end_ms,
            .failed = given[i].failed,
            .tombstone_count = given[i].tombstone_count,
            .series_count = given[i].series_count,
            .hints = given[i].hints,
        };
        list[i] = &metas[i];
    }
}

/* "abc" of ranges 20, 60, 180, ... and the blocks a, b, c, ... in any order of their times. */
static void check_plan(int64_t max_ms, const char *expected, const struct given *given,
                       size_t count)
{
    struct compact_ranges ranges = compact_ranges(20, max_ms);
    size_t chosen[BLOCKS_MAX];
    char got[BLOCKS_MAX + 1] = "";
    give(given, count);
    size_t chosen_count = compact_plan(list, count, &ranges, chosen);
    for (size_t i = 0; i < chosen_count; i++)
        got[i] = (char)('a' + chosen[i]);
    got[chosen_count] = '\0';
    ck_assert_str_eq(got, expected);
}

#define PLAN(max_ms, expected, ...) \
    check_plan((max_ms), (expected), (const struct given[]){__VA_ARGS__}, \
               sizeof((const struct given[]){__VA_ARGS__}) / sizeof(struct given))

START_TEST(ranges_grow_by_three_up_to_the_longest)
{
    struct compact_ranges ranges = compact_ranges(20, 540);
    ck_assert_uint_eq(ranges.count, 4);
    ck_assert_int_eq(ranges.ms[3], 540);
    ck_assert_uint_eq(compact_ranges(20, 539).count, 3);
    ck_assert_uint_eq(compact_ranges(20, 10).count, 1);
    ck_assert_uint_eq(compact_ranges(20, INT64_MAX).count, COMPACT_LEVELS_MAX);
    ck_assert_uint_eq(compact_ranges(INT64_MAX / 2, INT64_MAX).count, 1);
}
END_TEST

START_TEST(waits_for_a_full_range_and_a_newer_block)
{
    PLAN(180, "", B(0, 20));
    PLAN(180, "", B(0, 20), B(20, 40), B(40, 60));
    PLAN(180, "abc", B(0, 20), B(20, 40), B(40, 60), B(60, 80));
    PLAN(180, "cab", B(20, 40), B(40, 60), B(0, 20), B(60, 80));
    PLAN(20, "", B(0, 20), B(20, 40), B(40, 60), B(60, 80)); /* one length only */
}
END_TEST

START_TEST(takes_a_range_with_gaps_once_it_is_past)
{
    PLAN(180, "", B(0, 20), B(40, 60));
    PLAN(180, "ab", B(0, 20), B(40, 60), B(60, 80));
    PLAN(180, "", B(0, 20), B(20, 40), B(60, 80));
    PLAN(180, "ab", B(0, 20), B(20, 40), B(60, 80), B(80, 100));
    PLAN(180, "", B(0, 20), B(60, 80), B(120, 140)); /* one each */
}
END_TEST

START_TEST(goes_up_the_levels)
{
    PLAN(180, "abc", B(0, 60), B(60, 120), B(120, 180), B(180, 200));
    PLAN(179, "", B(0, 60), B(60, 120), B(120, 180), B(180, 200));
    PLAN(540, "bcd", B(0, 60), B(60, 80), B(80, 100), B(100, 120), B(120, 140));
    /* A block that fits in no range of the level is passed over. */
    PLAN(180, "bcd", B(-10, 15), B(60, 80), B(80, 100), B(100, 120), B(120, 140));
}
END_TEST

START_TEST(aligns_times_before_1970_too)
{
    PLAN(180, "abc", B(-60, -40), B(-40, -20), B(-20, 0), B(0, 20));
    PLAN(180, "ab", B(-40, -20), B(-20, 0), B(0, 20), B(20, 40), B(60, 80),
         B(80, 100, .failed = true), B(100, 120));
}
END_TEST

/* Nonsense from a meta.json does no harm. */
START_TEST(takes_any_times)
{
    PLAN(180, "ab", B(INT64_MIN, INT64_MIN), B(INT64_MIN + 1, INT64_MIN + 20), B(0, INT64_MAX),
         B(INT64_MAX, INT64_MAX));
    PLAN(180, "ab", B(INT64_MIN, INT64_MAX), B(INT64_MAX - 20, INT64_MAX - 10),
         B(INT64_MAX, INT64_MAX));
}
END_TEST

START_TEST(merges_what_overlaps_first)
{
    PLAN(180, "ab", B(0, 20), B(19, 40));
    PLAN(180, "", B(0, 20), B(20, 40));
    PLAN(180, "bcd", B(0, 20), B(20, 60), B(40, 60), B(59, 80), B(80, 100));
    PLAN(180, "abc", B(0, 200), B(20, 40), B(100, 120), B(200, 220));
    PLAN(180, "de", B(0, 20), B(20, 40), B(40, 60), B(60, 80), B(70, 90));
}
END_TEST

START_TEST(leaves_failed_blocks_alone)
{
    PLAN(180, "", B(0, 20), B(20, 40, .failed = true), B(40, 60), B(60, 80));
    PLAN(180, "def", B(0, 20), B(20, 40, .failed = true), B(40, 60), B(60, 80), B(80, 100),
         B(100, 120), B(120, 140));
    PLAN(180, "cd", B(0, 20, .failed = true), B(10, 30), B(40, 60), B(50, 70));
}
END_TEST

START_TEST(writes_blocks_with_many_tombstones_anew)
{
    PLAN(180, "a", B(0, 60, .tombstone_count = 2, .series_count = 20), B(60, 80));
    PLAN(180, "", B(0, 60, .tombstone_count = 1, .series_count = 20), B(60, 80));
    PLAN(180, "", B(0, 60), B(60, 120, .tombstone_count = 20, .series_count = 20)); /* newest */
    PLAN(180, "", B(0, 20, .tombstone_count = 19, .series_count = 20), B(60, 80));
    PLAN(180, "a", B(0, 20, .tombstone_count = 20, .series_count = 20), B(60, 80));
    /* One that is short ends the search for long ones before it. */
    PLAN(180, "", B(0, 60, .tombstone_count = 9, .series_count = 9), B(60, 80), B(120, 140));
}
END_TEST

START_TEST(does_not_mix_chosen_series_with_others)
{
    PLAN(180, "", B(0, 20), B(0, 20, .hints = BLOCK_FROM_STALE_SERIES), B(20, 40));
    PLAN(180, "bc", B(0, 20), B(0, 20, .hints = BLOCK_FROM_SELECTED_SERIES),
         B(0, 20, .hints = BLOCK_FROM_SELECTED_SERIES));
    PLAN(180, "ab", B(0, 20), B(0, 20, .hints = BLOCK_FROM_OUT_OF_ORDER), B(20, 40));
}
END_TEST

/* The names of those that are kept, in the order of the ends, the last one first. */
static void check_kept(struct retention retention, const char *expected, const struct given *given,
                       size_t count)
{
    struct retention_block blocks[BLOCKS_MAX];
    char got[BLOCKS_MAX + 1] = "";
    give(given, count);
    for (size_t i = 0; i < count; i++)
        blocks[i] = (struct retention_block){.meta = &metas[i], .size_bytes = 100};
    struct retention_result result = retention_mark(&retention, blocks, count, 50);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!blocks[i].gone)
            got[kept++] = (char)('a' + (blocks[i].meta - metas));
    got[kept] = '\0';
    ck_assert_str_eq(got, expected);
    ck_assert(kept == count ? !result.by_time && !result.by_size
                            : result.by_time || result.by_size);
}

#define KEPT(retention, expected, ...) \
    check_kept((retention), (expected), (const struct given[]){__VA_ARGS__}, \
               sizeof((const struct given[]){__VA_ARGS__}) / sizeof(struct given))

START_TEST(retention_counts_from_the_newest_block)
{
    KEPT(((struct retention){.time_ms = 40}), "cb", B(0, 20), B(20, 40), B(40, 60));
    KEPT(((struct retention){.time_ms = 41}), "cba", B(0, 20), B(20, 40), B(40, 60));
    KEPT(((struct retention){0}), "ba", B(0, 20), B(INT64_MAX - 9, INT64_MAX));
    KEPT(((struct retention){.time_ms = 1}), "a", B(INT64_MIN, 0));
    KEPT(((struct retention){.time_ms = INT64_MAX}), "b", B(INT64_MIN, -9), B(0, INT64_MAX));
}
END_TEST

START_TEST(retention_counts_the_room_from_the_newest_block_on)
{
    KEPT(((struct retention){.size_bytes = 250}), "ca", B(20, 40), B(0, 20), B(40, 60));
    KEPT(((struct retention){.size_bytes = 249}), "c", B(20, 40), B(0, 20), B(40, 60));
    KEPT(((struct retention){.size_bytes = 1}), "", B(20, 40), B(0, 20));
    KEPT(((struct retention){.size_bytes = 1, .time_ms = 1}), "", B(20, 40), B(0, 20));
}
END_TEST

TEST_MAIN("compact_plan", ranges_grow_by_three_up_to_the_longest,
          waits_for_a_full_range_and_a_newer_block, takes_a_range_with_gaps_once_it_is_past,
          goes_up_the_levels, aligns_times_before_1970_too, takes_any_times,
          merges_what_overlaps_first, leaves_failed_blocks_alone,
          writes_blocks_with_many_tombstones_anew, does_not_mix_chosen_series_with_others,
          retention_counts_from_the_newest_block,
          retention_counts_the_room_from_the_newest_block_on)
