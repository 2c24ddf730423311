#include "engine/reference/classic.h"

#include <math.h>

#include "engine/fn/go_sort.h"
#include "engine/fn/quantile.h"
#include "model/sample.h"

static void classic_sort(struct classic *classic, struct arena *scratch)
{
    struct go_item *items = arena_array(scratch, struct go_item, classic->count);
    struct bucket *sorted = arena_array(scratch, struct bucket, classic->count);
    for (size_t i = 0; i < classic->count; i++)
        items[i] = (struct go_item){classic->buckets[i].bound, (uint32_t)i};
    go_sort(items, classic->count, go_less_plain);
    for (size_t i = 0; i < classic->count; i++)
        sorted[i] = classic->buckets[items[i].index];
    for (size_t i = 0; i < classic->count; i++)
        classic->buckets[i] = sorted[i];
}

/* Adds up the counts of equal bounds; how many buckets there are then, in front of the old ones. */
static size_t classic_merge(struct classic *classic)
{
    struct bucket *buckets = classic->buckets;
    struct bucket last = buckets[0];
    size_t merged = 0;
    for (size_t i = 1; i < classic->count; i++) {
        if (buckets[i].bound == last.bound) {
            last.count += buckets[i].count;
        } else {
            buckets[merged++] = last;
            last = buckets[i];
        }
    }
    buckets[merged] = last;
    return merged + 1;
}

double classic_quantile(double phi, struct classic *classic, struct arena *scratch,
                        struct bucket_raises *raises, bool *ret_raised)
{
    double result;
    *ret_raised = false;
    if (!quantile_phi_valid(phi, &result))
        return result;
    classic_sort(classic, scratch);
    size_t count = classic_merge(classic);
    return bucket_quantile(phi, classic->buckets, count, raises, ret_raised);
}

/* One end of a fraction, and how many observations lie below it once it is found. */
struct classic_edge {
    double bound;
    double rank;
    bool found;
};

/* Looks for an edge in a bucket that begins at `lower` with `rank` observations below it. */
static void classic_edge_look(struct classic_edge *edge, const struct bucket *bucket, double lower,
                              double rank)
{
    if (edge->found)
        return;
    if (lower >= edge->bound) {
        edge->rank = rank;
        edge->found = true;
    } else if (lower < edge->bound && bucket->bound > edge->bound) {
        /* There is no middle of a bucket that begins at -Inf. */
        edge->rank = lower == -INFINITY ? bucket->count
                                        : rank + (bucket->count - rank) * (edge->bound - lower) /
                                                     (bucket->bound - lower);
        edge->found = true;
    }
}

static double classic_edge_rank(const struct classic_edge *edge, double count)
{
    return !edge->found || edge->rank > count ? count : edge->rank;
}

double classic_fraction(double lower, double upper, struct classic *classic, struct arena *scratch)
{
    classic_sort(classic, scratch);
    const struct bucket *buckets = classic->buckets;
    if (buckets[classic->count - 1].bound != INFINITY)
        return value_nan();
    size_t bucket_count = classic_merge(classic);
    double count = buckets[bucket_count - 1].count;
    if (count == 0 || isnan(lower) || isnan(upper))
        return value_nan();
    if (lower >= upper)
        return 0;

    struct classic_edge low = {.bound = lower};
    struct classic_edge high = {.bound = upper};
    double begin = buckets[0].bound <= 0 ? -INFINITY : 0;
    double rank = 0;
    for (size_t i = 0; i < bucket_count; i++) {
        classic_edge_look(&low, &buckets[i], begin, rank);
        classic_edge_look(&high, &buckets[i], begin, rank);
        begin = buckets[i].bound;
        rank = buckets[i].count;
    }
    return (classic_edge_rank(&high, count) - classic_edge_rank(&low, count)) / count;
}
