#pragma once

#include "engine/fn/bucket_quantile.h"
#include "engine/fn/test_random.h"

/* For tests: histogram_quantile at one step, straight from its description. */

/* Sorts by bound, equal bounds as they come, and adds those up. */
static inline size_t test_buckets_merge(struct bucket *buckets, size_t count)
{
    for (size_t end = count; end > 1; end--)
        for (size_t i = 1; i < end; i++)
            if (buckets[i - 1].bound > buckets[i].bound) {
                struct bucket swapped = buckets[i];
                buckets[i] = buckets[i - 1];
                buckets[i - 1] = swapped;
            }
    size_t merged = 0;
    for (size_t i = 0; i < count; i++) {
        if (merged > 0 && buckets[merged - 1].bound == buckets[i].bound)
            buckets[merged - 1].count += buckets[i].count;
        else
            buckets[merged++] = buckets[i];
    }
    return merged;
}

static inline bool test_counts_close(double a, double b)
{
    if (a == b || (isnan(a) && isnan(b)))
        return true;
    double sum = fmin(fabs(a) + fabs(b), 0x1.fffffffffffffp1023);
    if (a == 0 || b == 0 || sum < 0x1p-1022)
        return fabs(a - b) < 1e-12 * 0x1p-1022;
    return fabs(a - b) / sum < 1e-12;
}

/* How many of merged buckets had to be raised. */
static inline size_t test_buckets_raise(struct bucket *buckets, size_t count)
{
    size_t raised = 0;
    for (size_t i = 1; i < count; i++) {
        double before = buckets[i - 1].count;
        bool close = test_counts_close(before, buckets[i].count);
        if (!close && buckets[i].count < before)
            raised++;
        if (close || buckets[i].count < before)
            buckets[i].count = before;
    }
    return raised;
}

/* As a binary search finds it, which tells only where NaN is among the counts. */
static inline size_t test_buckets_search(const struct bucket *buckets, size_t begin, size_t end,
                                         double rank)
{
    if (begin == end)
        return begin;
    size_t middle = (begin + end) / 2;
    return buckets[middle].count >= rank ? test_buckets_search(buckets, begin, middle, rank)
                                         : test_buckets_search(buckets, middle + 1, end, rank);
}

/* Of `count` > 0 buckets in any order. */
static inline double test_bucket_quantile(double phi, struct bucket *buckets, size_t count,
                                          size_t *ret_raised)
{
    *ret_raised = 0;
    if (isnan(phi))
        return value_nan();
    if (phi < 0 || phi > 1)
        return phi < 0 ? -INFINITY : INFINITY;
    count = test_buckets_merge(buckets, count);
    if (buckets[count - 1].bound != INFINITY)
        return value_nan();
    *ret_raised = test_buckets_raise(buckets, count);
    double total = buckets[count - 1].count;
    if (count < 2 || total == 0)
        return value_nan();

    double rank = phi * total;
    size_t at = test_buckets_search(buckets, 0, count - 1, rank);
    if (at == count - 1)
        return buckets[at - 1].bound;
    struct bucket below = at > 0 ? buckets[at - 1] : (struct bucket){0, 0};
    if (at == 0 && buckets[0].bound <= 0)
        return buckets[0].bound;
    return below.bound + (buckets[at].bound - below.bound) *
                             ((rank - below.count) / (buckets[at].count - below.count));
}

/* Counts that mostly rise from bucket to bucket; missing once in six. */
static inline double test_bucket_count(uint64_t *state, double *level)
{
    switch (test_random(state) % 12) {
    case 0:
    case 1:
        return value_stale();
    case 2:
        return *level * (1 + 1e-13);
    case 3:
        return *level - test_random(state) % 5;
    case 4:
        return test_random_value(state, 0);
    case 5:
        return *level * (1 - 3e-12);
    case 6:
        return 0;
    case 7:
        return *level;
    default:
        *level += test_random(state) % 7 / 3.0;
        return *level;
    }
}

static inline double test_phi(uint64_t *state)
{
    static const double phis[] = {0, 1, 0.5, 0.9, 0.99, -0.5, 1.5, 0x1p-1074, INFINITY, -0.0};
    size_t pick = test_random(state) % 16;
    if (pick < ARRAY_COUNT(phis))
        return phis[pick];
    return pick == 15 ? value_nan() : test_random(state) % 1000 / 999.0;
}
