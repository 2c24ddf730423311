#include "engine/fn/bucket_quantile.h"

#include <float.h>

#include "base/attr.h"
#include "engine/fn/quantile.h"
#include "model/sample.h"

/* Relative differences below this are rounding's. */
#define BUCKET_TOLERANCE 1e-12

/* Returns how many there are then. */
static size_t buckets_append(struct bucket *buckets, size_t there, double bound, double count)
{
    if (there > 0 && buckets[there - 1].bound == bound) {
        buckets[there - 1].count += count;
        return there;
    }
    buckets[there] = (struct bucket){bound, count};
    return there + 1;
}

size_t buckets_gather(const double *bounds, size_t bucket_count, const double *counts,
                      size_t stride, struct bucket *ret_buckets)
{
    size_t there = 0;
    for (size_t k = 0; k < bucket_count; k++) {
        double count = counts[k * stride];
        if (!value_is_stale(count))
            there = buckets_append(ret_buckets, there, bounds[k], count);
    }
    return there;
}

bool bounds_ambiguous(const double *bounds, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        if (isnan(bounds[k]))
            return true;
        if (k > 0 && bounds[k] == bounds[k - 1] && signbit(bounds[k]) != signbit(bounds[k - 1]))
            return true;
        if (k > 1 && bounds[k] == bounds[k - 2])
            return true;
    }
    return false;
}

size_t buckets_gather_sorting(const double *bounds, size_t bucket_count, const double *counts,
                              size_t stride, struct go_item *items, struct bucket *ret_buckets)
{
    size_t item_count = 0;
    for (size_t k = 0; k < bucket_count; k++)
        if (!value_is_stale(counts[k * stride]))
            items[item_count++] = (struct go_item){bounds[k], (uint32_t)k};
    go_sort(items, item_count, go_less_plain);

    size_t there = 0;
    for (size_t i = 0; i < item_count; i++)
        there = buckets_append(ret_buckets, there, items[i].value, counts[items[i].index * stride]);
    return there;
}

/* Of counts that are not equal. NaN is close to NaN alone. */
static bool counts_close(double a, double b)
{
    if (isnan(a) && isnan(b))
        return true;
    double sum = fabs(a) + fabs(b);
    double difference = fabs(a - b);
    if (a == 0 || b == 0 || sum < DBL_MIN)
        return difference < BUCKET_TOLERANCE * DBL_MIN;
    if (difference > 10 * BUCKET_TOLERANCE * sum)
        return false; /* clear without a division, as most are */
    return difference / (sum < DBL_MAX ? sum : DBL_MAX) < BUCKET_TOLERANCE;
}

/* Makes counts rise with the bounds. True if one had to be raised. */
static bool buckets_raise(struct bucket *buckets, size_t count, struct bucket_raises *raises)
{
    bool raised = false;
    double highest = buckets[0].count;
    for (size_t i = 1; i < count; i++) {
        struct bucket *bucket = &buckets[i];
        double here = bucket->count;
        if (here == highest)
            continue;
        if (counts_close(highest, here)) {
            bucket->count = highest;
            continue;
        }
        if (!(here < highest)) {
            highest = here;
            continue;
        }
        bucket->count = highest;
        raised = true;
        if (bucket->bound < raises->bound_min)
            raises->bound_min = bucket->bound;
        if (bucket->bound > raises->bound_max)
            raises->bound_max = bucket->bound;
        if (highest - here > raises->raise_max)
            raises->raise_max = highest - here;
    }
    return raised;
}

/* The first of `count` buckets to reach the rank, or count; NaN may be among the counts. */
static size_t buckets_find(const struct bucket *buckets, size_t count, double rank)
{
    size_t begin = 0;
    size_t end = count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (buckets[middle].count >= rank)
            end = middle;
        else
            begin = middle + 1;
    }
    return begin;
}

double bucket_quantile(double phi, struct bucket *buckets, size_t count,
                       struct bucket_raises *raises, bool *ret_raised)
{
    *ret_raised = false;
    double result;
    if (!quantile_phi_valid(phi, &result))
        return result;
    size_t last = count - 1;
    if (buckets[last].bound != INFINITY)
        return value_nan();

    *ret_raised = buckets_raise(buckets, count, raises);
    if (last == 0 || buckets[last].count == 0)
        return value_nan();

    double rank = phi * buckets[last].count;
    size_t at = buckets_find(buckets, last, rank);
    if (at == last)
        return buckets[last - 1].bound;
    if (at == 0 && buckets[0].bound <= 0)
        return buckets[0].bound;

    double begin = 0;
    double inside = buckets[at].count;
    if (at > 0) {
        begin = buckets[at - 1].bound;
        inside -= buckets[at - 1].count;
        rank -= buckets[at - 1].count;
    }
    return begin + (buckets[at].bound - begin) * (rank / inside);
}

/* How many observations lie below a bound, once the buckets have come to it. */
struct fraction_end {
    double bound;
    double rank;
    bool found;
};

/* `rank` observations lie below the bucket, which begins at `begin`. */
static void fraction_end_seek(struct fraction_end *end, double begin, const struct bucket *bucket,
                              double rank)
{
    if (end->found)
        return;
    if (begin >= end->bound) {
        end->rank = rank;
        end->found = true;
    } else if (bucket->bound > end->bound) {
        /* In a bucket without a lower bound there is nothing to interpolate. */
        end->rank = begin == -INFINITY ? bucket->count
                                       : rank + (bucket->count - rank) * (end->bound - begin) /
                                                    (bucket->bound - begin);
        end->found = true;
    }
}

double bucket_fraction(double lower, double upper, const struct bucket *buckets, size_t count)
{
    double total = buckets[count - 1].count;
    if (buckets[count - 1].bound != INFINITY || total == 0 || isnan(lower) || isnan(upper))
        return value_nan();
    if (lower >= upper)
        return 0;

    struct fraction_end ends[] = {{.bound = lower}, {.bound = upper}};
    double begin = buckets[0].bound <= 0 ? -INFINITY : 0;
    double rank = 0;
    for (size_t i = 0; i < count && !(ends[0].found && ends[1].found); i++) {
        fraction_end_seek(&ends[0], begin, &buckets[i], rank);
        fraction_end_seek(&ends[1], begin, &buckets[i], rank);
        begin = buckets[i].bound;
        rank = buckets[i].count;
    }
    for (size_t i = 0; i < ARRAY_COUNT(ends); i++)
        if (!ends[i].found || ends[i].rank > total)
            ends[i].rank = total;
    return (ends[1].rank - ends[0].rank) / total;
}
