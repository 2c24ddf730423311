#include "storage/compact_plan.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LEVEL_FACTOR 3

/* A block with more tombstones than this part of its series is written anew. */
#define TOMBSTONES_PART 0.05

struct planned {
    const struct block_meta *meta;
    size_t place;
};

/* Blocks of one kind, by their begins. */
struct plan {
    struct planned *items;
    size_t count;
};

struct compact_ranges compact_ranges(int64_t min_ms, int64_t max_ms)
{
    struct compact_ranges ranges = {.ms = {min_ms}, .count = 1};
    for (int64_t next; ranges.count < COMPACT_LEVELS_MAX; ranges.ms[ranges.count++] = next)
        if (__builtin_mul_overflow(ranges.ms[ranges.count - 1], LEVEL_FACTOR, &next) ||
            next > max_ms)
            break;
    return ranges;
}

static int planned_order(const void *left, const void *right)
{
    const struct block_meta *a = ((const struct planned *)left)->meta;
    const struct block_meta *b = ((const struct planned *)right)->meta;
    if (a->begin_ms != b->begin_ms)
        return a->begin_ms < b->begin_ms ? -1 : 1;
    return strcmp(a->ulid.text, b->ulid.text);
}

static bool any_failed(const struct planned *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (items[i].meta->failed)
            return true;
    return false;
}

static size_t plan_choose(const struct planned *items, size_t count, size_t *ret_chosen)
{
    for (size_t i = 0; i < count; i++)
        ret_chosen[i] = items[i].place;
    return count;
}

/* The first blocks in a row of which each overlaps one before it. */
static size_t plan_overlapping(const struct plan *plan, size_t *ret_chosen)
{
    for (size_t first = 0; first < plan->count;) {
        int64_t end_ms = plan->items[first].meta->end_ms;
        size_t next = first + 1;
        for (; next < plan->count && plan->items[next].meta->begin_ms < end_ms; next++)
            if (plan->items[next].meta->end_ms > end_ms)
                end_ms = plan->items[next].meta->end_ms;
        if (next - first > 1 && !any_failed(&plan->items[first], next - first))
            return plan_choose(&plan->items[first], next - first, ret_chosen);
        first = next;
    }
    return 0;
}

/* The numbers are others' words: where one would run over, it stays at the end of all time. */
static int64_t time_add(int64_t t_ms, int64_t more_ms)
{
    int64_t sum_ms;
    if (__builtin_add_overflow(t_ms, more_ms, &sum_ms))
        return more_ms < 0 ? INT64_MIN : INT64_MAX;
    return sum_ms;
}

static int64_t span(int64_t begin_ms, int64_t end_ms)
{
    int64_t span_ms;
    return __builtin_sub_overflow(end_ms, begin_ms, &span_ms) ? INT64_MAX : span_ms;
}

/* The end of the aligned range that has the time: of numbers below 0 as Go divides them. */
static int64_t range_end(int64_t t_ms, int64_t range_ms)
{
    int64_t number = (t_ms >= 0 ? t_ms : time_add(t_ms, 1 - range_ms)) / range_ms;
    return time_add(range_ms * number, range_ms);
}

/* Those from `first` on that lie in one aligned range; 0: that one lies in none. */
static size_t plan_part(const struct plan *plan, size_t first, int64_t range_ms)
{
    int64_t end_ms = range_end(plan->items[first].meta->begin_ms, range_ms);
    size_t count = 0;
    while (first + count < plan->count && plan->items[first + count].meta->end_ms <= end_ms)
        count++;
    return count;
}

/* Is the range full, or behind the newest block, so that no other one of its size comes? */
static bool part_is_ripe(const struct planned *part, size_t count, int64_t range_ms,
                         int64_t newest_begin_ms)
{
    int64_t begin_ms = part[0].meta->begin_ms;
    int64_t end_ms = part[count - 1].meta->end_ms;
    return count > 1 && (span(begin_ms, end_ms) == range_ms || end_ms <= newest_begin_ms) &&
           !any_failed(part, count);
}

static size_t plan_level(const struct plan *plan, const struct compact_ranges *ranges,
                         size_t *ret_chosen)
{
    if (plan->count == 0)
        return 0;
    int64_t newest_begin_ms = plan->items[plan->count - 1].meta->begin_ms;
    for (size_t level = 1; level < ranges->count; level++) {
        int64_t range_ms = ranges->ms[level];
        for (size_t first = 0; first < plan->count;) {
            size_t count = plan_part(plan, first, range_ms);
            if (count && part_is_ripe(&plan->items[first], count, range_ms, newest_begin_ms))
                return plan_choose(&plan->items[first], count, ret_chosen);
            first += count ? count : 1;
        }
    }
    return 0;
}

/* Short blocks are merged soon anyway, and are written anew only when all in them may be deleted.
 */
static size_t plan_tombstones(const struct plan *plan, const struct compact_ranges *ranges,
                              size_t *ret_chosen)
{
    for (size_t i = plan->count; i-- > 0;) {
        const struct block_meta *meta = plan->items[i].meta;
        bool is_short = span(meta->begin_ms, meta->end_ms) < ranges->ms[ranges->count / 2];
        bool many =
            (double)meta->tombstone_count / (double)(meta->series_count + 1) > TOMBSTONES_PART;
        if (is_short)
            many = meta->tombstone_count > 0 && meta->tombstone_count >= meta->series_count;
        if (many)
            return plan_choose(&plan->items[i], 1, ret_chosen);
        if (is_short)
            return 0;
    }
    return 0;
}

static size_t plan_class(struct plan plan, const struct compact_ranges *ranges, size_t *ret_chosen)
{
    if (plan.count == 0)
        return 0;
    qsort(plan.items, plan.count, sizeof *plan.items, planned_order);
    size_t chosen = plan_overlapping(&plan, ret_chosen);
    plan.count--;
    if (chosen == 0)
        chosen = plan_level(&plan, ranges, ret_chosen);
    if (chosen == 0)
        chosen = plan_tombstones(&plan, ranges, ret_chosen);
    return chosen;
}

size_t compact_plan(const struct block_meta *const *metas, size_t count,
                    const struct compact_ranges *ranges, size_t *ret_chosen)
{
    static const unsigned classes[] = {0, BLOCK_FROM_STALE_SERIES, BLOCK_FROM_SELECTED_SERIES};
    struct plan plan = {.items = mem_new_array(struct planned, count)};
    size_t chosen = 0;
    for (size_t i = 0; i < ARRAY_COUNT(classes) && chosen == 0; i++) {
        plan.count = 0;
        for (size_t k = 0; k < count; k++) {
            unsigned hints = metas[k]->hints;
            unsigned class = hints & BLOCK_FROM_STALE_SERIES ? BLOCK_FROM_STALE_SERIES
                                                             : hints & BLOCK_FROM_SELECTED_SERIES;
            if (class == classes[i])
                plan.items[plan.count++] = (struct planned){metas[k], k};
        }
        chosen = plan_class(plan, ranges, ret_chosen);
    }
    free(plan.items);
    return chosen;
}
