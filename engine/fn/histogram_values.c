#include "engine/fn/histogram_values.h"

#include <math.h>

#include "base/kahan.h"
#include "engine/fn/gomath.h"
#include "engine/fn/quantile.h"
#include "model/sample.h"

double bucket_share_below(const struct histogram_bucket *bucket, double v, bool linear)
{
    if (linear)
        return (v - bucket->lower) / (bucket->upper - bucket->lower);
    double log_lower = gomath_log2(fabs(bucket->lower));
    double log_upper = gomath_log2(fabs(bucket->upper));
    double log_v = gomath_log2(fabs(v));
    if (v > 0)
        return (log_v - log_lower) / (log_upper - log_lower);
    return 1 - (log_v - log_upper) / (log_lower - log_upper);
}

/* A bucket around 0 ends there on a side where there is nothing else. */
static void bucket_end_at_zero(const struct histogram *h, struct histogram_bucket *bucket)
{
    bool positive = h->positive.bucket_count > 0;
    bool negative = h->negative.bucket_count > 0;
    if (positive && !negative)
        bucket->lower = 0;
    else if (negative && !positive)
        bucket->upper = 0;
}

/* A walk to the bucket that holds a rank. */
struct quantile_walk {
    const struct histogram *h;
    struct histogram_walk walk;
    struct histogram_bucket bucket; /* where it is */
    double count;                   /* of all so far, this bucket's too */
    double rank;                    /* in the order of the walk */
    bool forward;
};

/*
 * From the nearer end. Observations of NaN are in the count of all but in no bucket; they stand for
 * the largest, so that the rank is right from below only.
 */
static struct quantile_walk quantile_walk(const struct histogram *h, double phi)
{
    struct quantile_walk at = {.h = h, .forward = isnan(h->sum) || phi < 0.5};
    at.walk = at.forward ? histogram_walk(h) : histogram_walk_reverse(h);
    at.rank = (at.forward ? phi : 1 - phi) * h->count;
    while (histogram_walk_next(&at.walk, &at.bucket)) {
        if (at.bucket.count == 0)
            continue;
        at.count += at.bucket.count;
        if (at.count >= at.rank)
            break;
    }
    return at;
}

/* True: the bucket is open, and has but one bound to answer. */
static bool quantile_close_bucket(struct quantile_walk *at, double *ret_quantile)
{
    struct histogram_bucket *bucket = &at->bucket;
    if (!histogram_is_custom(at->h)) {
        if (bucket->lower < 0 && bucket->upper > 0)
            bucket_end_at_zero(at->h, bucket);
        return false;
    }
    if (bucket->lower == -INFINITY) {
        *ret_quantile = bucket->upper;
        if (bucket->upper <= 0)
            return true;
        bucket->lower = 0;
    } else if (bucket->upper == INFINITY) {
        *ret_quantile = bucket->lower;
        return true;
    }
    return false;
}

static double bucket_value_at(const struct histogram *h, const struct histogram_bucket *bucket,
                              double share)
{
    double lower = bucket->lower;
    double upper = bucket->upper;
    if (histogram_is_custom(h) || (lower <= 0 && upper >= 0))
        return lower + (upper - lower) * share;
    double log_lower = gomath_log2(fabs(lower));
    double log_upper = gomath_log2(fabs(upper));
    if (lower > 0)
        return gomath_exp2(log_lower + (log_upper - log_lower) * share);
    return -gomath_exp2(log_upper + (log_lower - log_upper) * (1 - share));
}

double histogram_quantile(const struct histogram *h, double phi, enum histogram_nan *ret_nan)
{
    *ret_nan = HISTOGRAM_NAN_NONE;
    double result;
    if (!quantile_phi_valid(phi, &result))
        return result;
    if (h->count == 0)
        return value_nan();

    struct quantile_walk at = quantile_walk(h, phi);
    if (quantile_close_bucket(&at, &result))
        return result;
    if (at.count > h->count)
        at.count = h->count;
    if (at.count < at.rank) {
        if (!isnan(h->sum))
            return at.bucket.upper;
        *ret_nan = HISTOGRAM_NAN_RESULT;
        return value_nan();
    }

    double rank = at.forward ? at.rank - (at.count - at.bucket.count) : at.count - at.rank;
    if (isnan(h->sum)) {
        /* It interpolates in the last bucket of all then; Prometheus does. */
        while (histogram_walk_next(&at.walk, &at.bucket))
            at.count += at.bucket.count;
        if (at.count < h->count)
            *ret_nan = HISTOGRAM_NAN_SKEWED;
    }
    return bucket_value_at(h, &at.bucket, rank / at.bucket.count);
}

/* How many observations lie below a bound, once the walk has come to it. */
struct fraction_end {
    double bound;
    double rank;
    bool found;
};

static void fraction_end_at(struct fraction_end *end, const struct histogram_bucket *bucket,
                            double rank)
{
    if (!end->found && bucket->lower >= end->bound) {
        end->rank = rank;
        end->found = true;
    }
}

static void fraction_end_inside(struct fraction_end *end, const struct histogram_bucket *bucket,
                                double rank, bool linear)
{
    if (end->found || !(bucket->lower < end->bound && bucket->upper > end->bound))
        return;
    end->found = true;
    if (linear && bucket->lower == -INFINITY)
        end->rank = bucket->count;
    else
        end->rank = rank + bucket->count * bucket_share_below(bucket, end->bound, linear);
}

/* Walks until both ends are found; returns the count of all buckets seen. */
static double fraction_walk(const struct histogram *h, struct histogram_walk *walk,
                            struct fraction_end *lower, struct fraction_end *upper)
{
    double count = 0;
    double rank = 0;
    struct histogram_bucket bucket;
    while (histogram_walk_next(walk, &bucket)) {
        count += bucket.count;
        bool around_zero = bucket.lower <= 0 && bucket.upper >= 0;
        if (around_zero)
            bucket_end_at_zero(h, &bucket);
        fraction_end_at(lower, &bucket, rank);
        fraction_end_at(upper, &bucket, rank);
        bool linear = around_zero || histogram_is_custom(h);
        fraction_end_inside(lower, &bucket, rank, linear);
        fraction_end_inside(upper, &bucket, rank, linear);
        if (lower->found && upper->found)
            break;
        rank += bucket.count;
    }
    return count;
}

double histogram_fraction(const struct histogram *h, double lower, double upper,
                          enum histogram_nan *ret_nan)
{
    *ret_nan = HISTOGRAM_NAN_NONE;
    if (h->count == 0 || isnan(lower) || isnan(upper))
        return value_nan();
    if (lower >= upper)
        return 0;

    struct fraction_end begin = {.bound = lower};
    struct fraction_end end = {.bound = upper};
    struct histogram_walk walk = histogram_walk(h);
    double count = fraction_walk(h, &walk, &begin, &end);
    if (isnan(h->sum)) {
        struct histogram_bucket bucket;
        while (histogram_walk_next(&walk, &bucket))
            count += bucket.count;
        if (count < h->count)
            *ret_nan = HISTOGRAM_NAN_EXCLUDED;
    } else {
        count = h->count;
    }
    if (!begin.found || begin.rank > count)
        begin.rank = count;
    if (!end.found || end.rank > count)
        end.rank = count;
    return (end.rank - begin.rank) / h->count;
}

double histogram_average(const struct histogram *h)
{
    return h->sum / h->count;
}

/* What the observations of a bucket are taken for. */
static double bucket_middle(const struct histogram *h, const struct histogram_bucket *bucket)
{
    if (histogram_is_custom(h))
        return (bucket->upper + bucket->lower) / 2;
    if (bucket->lower <= 0 && bucket->upper >= 0)
        return 0;
    double middle = sqrt(bucket->upper * bucket->lower);
    return bucket->upper < 0 ? -middle : middle;
}

double histogram_variance(const struct histogram *h)
{
    double mean = histogram_average(h);
    struct kahan squares = {0};
    struct histogram_walk walk = histogram_walk(h);
    struct histogram_bucket bucket;
    while (histogram_walk_next(&walk, &bucket)) {
        if (bucket.count == 0)
            continue;
        double delta = bucket_middle(h, &bucket) - mean;
        kahan_add(&squares, bucket.count * delta * delta);
    }
    return (squares.sum + squares.c) / h->count;
}

double histogram_deviation(const struct histogram *h)
{
    return sqrt(histogram_variance(h));
}
