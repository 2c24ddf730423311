#include "engine/reference/native.h"

#include <math.h>

#include "engine/fn/gomath.h"
#include "model/sample.h"

/* A zero bucket ends at 0 on the side on which the histogram has no buckets. */
static void bucket_clip_at_zero(const struct histogram *h, struct histogram_bucket *bucket)
{
    bool negative = h->negative.bucket_count > 0;
    bool positive = h->positive.bucket_count > 0;
    if (positive && !negative)
        bucket->lower = 0;
    if (negative && !positive)
        bucket->upper = 0;
}

/* True: the bucket reaches to infinity, and the quantile is its other bound. */
static bool bucket_clip(const struct histogram *h, struct histogram_bucket *bucket,
                        double *ret_result)
{
    if (!histogram_is_custom(h)) {
        if (bucket->lower < 0 && bucket->upper > 0)
            bucket_clip_at_zero(h, bucket);
        return false;
    }
    if (bucket->lower == -INFINITY) {
        *ret_result = bucket->upper;
        if (bucket->upper <= 0)
            return true;
        bucket->lower = 0;
        return false;
    }
    *ret_result = bucket->lower;
    return bucket->upper == INFINITY;
}

static double bucket_interpolate(const struct histogram *h, const struct histogram_bucket *bucket,
                                 double fraction)
{
    if (histogram_is_custom(h) || (bucket->lower <= 0 && bucket->upper >= 0))
        return bucket->lower + (bucket->upper - bucket->lower) * fraction;

    double lower = gomath_log2(fabs(bucket->lower));
    double upper = gomath_log2(fabs(bucket->upper));
    if (bucket->lower > 0)
        return gomath_exp2(lower + (upper - lower) * fraction);
    return -gomath_exp2(upper + (lower - upper) * (1 - fraction));
}

/* Walks on to the bucket that holds the rank; how many observations there are up to its end. */
static double walk_to_rank(struct histogram_walk *walk, double rank,
                           struct histogram_bucket *ret_bucket)
{
    double count = 0;
    while (histogram_walk_next(walk, ret_bucket)) {
        count += ret_bucket->count;
        if (ret_bucket->count != 0 && count >= rank)
            break;
    }
    return count;
}

double native_quantile(double phi, const struct histogram *h, enum native_nans *ret_nans)
{
    *ret_nans = NATIVE_NANS_NONE;
    if (phi < 0)
        return -INFINITY;
    if (phi > 1)
        return INFINITY;
    if (h->count == 0 || isnan(phi))
        return value_nan();

    bool forward = isnan(h->sum) || phi < 0.5;
    double rank = (forward ? phi : 1 - phi) * h->count;
    struct histogram_walk walk = forward ? histogram_walk(h) : histogram_walk_reverse(h);
    struct histogram_bucket bucket = {0};
    double count = walk_to_rank(&walk, rank, &bucket);

    double result;
    if (bucket_clip(h, &bucket, &result))
        return result;
    if (count > h->count)
        count = h->count;
    if (count < rank && !isnan(h->sum))
        return bucket.upper;
    if (count < rank) {
        *ret_nans = NATIVE_NANS_ARE_RESULT;
        return value_nan();
    }

    rank = forward ? rank - (count - bucket.count) : count - rank;
    if (isnan(h->sum)) {
        /* As Prometheus has it, the last bucket is what is interpolated in from here on. */
        while (histogram_walk_next(&walk, &bucket))
            count += bucket.count;
        if (count < h->count)
            *ret_nans = NATIVE_NANS_SKEW_RESULT;
    }
    return bucket_interpolate(h, &bucket, rank / bucket.count);
}

/* One end of a fraction, and how many observations lie below it once it is found. */
struct fraction_edge {
    double bound;
    double rank;
    bool found;
};

/* Which part of the bucket lies below a value inside of it. */
static double bucket_part_below(const struct histogram_bucket *bucket, double value, bool linear)
{
    if (linear)
        return (value - bucket->lower) / (bucket->upper - bucket->lower);
    double lower = gomath_log2(fabs(bucket->lower));
    double upper = gomath_log2(fabs(bucket->upper));
    double at = gomath_log2(fabs(value));
    if (value > 0)
        return (at - lower) / (upper - lower);
    return 1 - ((at - upper) / (lower - upper));
}

/* Looks for an edge in a bucket that has `rank` observations below it. */
static void edge_look(struct fraction_edge *edge, const struct histogram_bucket *bucket,
                      double rank, bool linear)
{
    if (edge->found)
        return;
    if (bucket->lower >= edge->bound) {
        edge->rank = rank;
        edge->found = true;
    } else if (bucket->upper > edge->bound) {
        /* There is no middle of a bucket that begins at -Inf. */
        if (linear && bucket->lower == -INFINITY)
            edge->rank = bucket->count;
        else
            edge->rank = rank + bucket->count * bucket_part_below(bucket, edge->bound, linear);
        edge->found = true;
    }
}

static double edge_rank(const struct fraction_edge *edge, double count)
{
    return !edge->found || edge->rank > count ? count : edge->rank;
}

double native_fraction(double lower, double upper, const struct histogram *h, bool *ret_nans)
{
    *ret_nans = false;
    if (h->count == 0 || isnan(lower) || isnan(upper))
        return value_nan();
    if (lower >= upper)
        return 0;

    struct fraction_edge low = {.bound = lower};
    struct fraction_edge high = {.bound = upper};
    struct histogram_walk walk = histogram_walk(h);
    struct histogram_bucket bucket;
    double count = 0;
    double rank = 0;
    while (!(low.found && high.found) && histogram_walk_next(&walk, &bucket)) {
        bool zero = bucket.lower <= 0 && bucket.upper >= 0;
        count += bucket.count;
        if (zero)
            bucket_clip_at_zero(h, &bucket);
        edge_look(&low, &bucket, rank, zero || histogram_is_custom(h));
        edge_look(&high, &bucket, rank, zero || histogram_is_custom(h));
        rank += bucket.count;
    }
    if (isnan(h->sum)) {
        while (histogram_walk_next(&walk, &bucket))
            count += bucket.count;
        *ret_nans = count < h->count;
    } else {
        count = h->count;
    }
    return (edge_rank(&high, count) - edge_rank(&low, count)) / h->count;
}
