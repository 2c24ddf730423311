/*
 * Buckets that lie on the wrong side of the bound go, those that it cuts keep a share. What is left
 * is counted and summed up anew, taking each bucket for its middle. A bucket that is open to
 * infinity has no share that could be told: it stays or goes as a whole, but for the first of a
 * histogram with bounds of its own, which begins at 0 then.
 */
#include "engine/fn/histogram_trim.h"

#include <math.h>
#include <string.h>

#include "engine/fn/histogram_values.h"

struct trim {
    double bound;
    bool upper;
    bool custom;
    bool changed;
    bool populated[2]; /* positive, negative */
    double count;      /* of what is left, */
    double sum;
};

/* How much of a bucket is left, and which value it stands for. */
struct trim_rest {
    double count;
    double middle;
};

static double finite_or_zero(double v)
{
    return isinf(v) ? 0 : v;
}

static double interval_middle(double lower, double upper, bool positive, bool linear)
{
    if (isinf(lower)) {
        if (isinf(upper))
            return 0;
        return upper > 0 ? upper / 2 : upper;
    }
    if (isinf(upper))
        return lower;
    if (linear)
        return (lower + upper) / 2;
    double middle = sqrt(fabs(lower * upper));
    return positive ? middle : -middle;
}

static struct trim_rest trim_open_below(const struct trim *trim,
                                        const struct histogram_bucket *bucket)
{
    double bound = trim->bound;
    double end = bucket->upper;
    if (trim->upper) {
        if (bound >= end)
            return (struct trim_rest){bucket->count, 0};
        if (bound > 0 && end > 0 && !isinf(end))
            return (struct trim_rest){bucket->count * bound / end, bound / 2};
        if (end <= 0)
            return (struct trim_rest){bucket->count, bound};
        return (struct trim_rest){0, finite_or_zero(end)};
    }
    if (bound <= bucket->lower)
        return (struct trim_rest){bucket->count, 0};
    if (bound >= 0 && end > bound && !isinf(end))
        return (struct trim_rest){bucket->count * (1 - bound / end), (bound + end) / 2};
    return (struct trim_rest){0, finite_or_zero(end)};
}

static struct trim_rest trim_open_above(const struct trim *trim,
                                        const struct histogram_bucket *bucket)
{
    if (!trim->upper && trim->bound >= bucket->lower)
        return (struct trim_rest){bucket->count, trim->bound};
    return (struct trim_rest){0, finite_or_zero(bucket->lower)};
}

/* Of a bucket that the bound cuts. */
static struct trim_rest trim_cut(const struct trim *trim, const struct histogram_bucket *bucket,
                                 bool positive)
{
    if (isinf(bucket->lower) && bucket->lower < 0)
        return trim_open_below(trim, bucket);
    if (isinf(bucket->upper) && bucket->upper > 0)
        return trim_open_above(trim, bucket);
    double below = bucket->count * bucket_share_below(bucket, trim->bound, trim->custom);
    if (trim->upper)
        return (struct trim_rest){
            below, interval_middle(bucket->lower, trim->bound, positive, trim->custom)};
    return (struct trim_rest){bucket->count - below,
                              interval_middle(trim->bound, bucket->upper, positive, trim->custom)};
}

static void trim_bucket(struct trim *trim, const struct histogram_bucket *bucket, bool positive,
                        double *count)
{
    double bound = trim->bound;
    struct trim_rest rest;
    if (trim->upper ? bucket->upper <= bound : bucket->lower >= bound) {
        rest.count = bucket->count;
        rest.middle = interval_middle(bucket->lower, bucket->upper, positive, trim->custom);
    } else if (trim->upper ? bucket->lower < bound : bucket->upper > bound) {
        rest = trim_cut(trim, bucket, positive);
        if (*count != rest.count)
            trim->changed = true;
        *count = rest.count;
    } else {
        trim->changed = true;
        *count = 0;
        return;
    }
    trim->count += rest.count;
    trim->sum += rest.middle * rest.count;
}

/* Returns the counts that are left of each. */
static const double *trim_side(struct arena *arena, struct trim *trim, const struct histogram *h,
                               bool positive)
{
    const struct histogram_side *side = positive ? &h->positive : &h->negative;
    if (side->bucket_count == 0)
        return NULL;
    double *counts = arena_array(arena, double, side->bucket_count);
    memcpy(counts, side->buckets, side->bucket_count * sizeof *counts);
    struct histogram_walk walk = histogram_walk_side(h, positive);
    struct histogram_bucket bucket;
    for (uint32_t i = 0; histogram_walk_next(&walk, &bucket); i++) {
        if (bucket.count == 0)
            continue;
        trim->populated[positive ? 0 : 1] = true;
        trim_bucket(trim, &bucket, positive, &counts[i]);
    }
    return counts;
}

/* The zero bucket ends at 0 on a side where there is nothing else. */
static struct trim_rest trim_zero(const struct trim *trim, const struct histogram *h)
{
    bool positive = trim->populated[0];
    bool negative = trim->populated[1];
    double lower = positive && !negative ? 0 : -h->zero_threshold;
    double upper = negative && !positive ? 0 : h->zero_threshold;
    double bound = trim->bound;
    struct trim_rest all = {h->zero_count, (lower + upper) / 2};
    struct trim_rest nothing = {0, 0};
    if (bound <= lower)
        return trim->upper ? nothing : all;
    if (bound >= upper)
        return trim->upper ? all : nothing;
    double share = (trim->upper ? bound - lower : upper - bound) / (upper - lower);
    double middle = (trim->upper ? lower + bound : bound + upper) / 2;
    return (struct trim_rest){h->zero_count * share, middle};
}

struct histogram *histogram_trim(struct arena *arena, const struct histogram *h, double bound,
                                 bool upper)
{
    struct trim trim = {.bound = bound, .upper = upper, .custom = histogram_is_custom(h)};
    struct histogram trimmed = *h;
    if (trim.custom)
        trimmed.zero_count = 0; /* as in any copy */
    trimmed.positive.buckets = trim_side(arena, &trim, h, true);
    if (!trim.custom)
        trimmed.negative.buckets = trim_side(arena, &trim, h, false);
    if (!trim.custom && h->zero_count > 0) {
        struct trim_rest rest = trim_zero(&trim, h);
        if (rest.count != h->zero_count)
            trim.changed = true;
        trimmed.zero_count = rest.count;
        trim.sum += rest.middle * rest.count;
        trim.count += rest.count;
    }
    if (!trim.changed)
        return histogram_copy(arena, h);
    trimmed.count = trim.count;
    trimmed.sum = trim.sum;
    return histogram_compact(arena, &trimmed);
}
