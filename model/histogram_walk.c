/*
 * A walk has two sides and the zero bucket between them: it goes towards zero on the first side,
 * from the bucket farthest out, and away from it on the second.
 */
#include <math.h>

#include "model/histogram_side.h"

static const struct histogram_side *walk_side(const struct histogram_walk *walk, bool *ret_positive)
{
    *ret_positive = walk->outward != walk->reverse;
    return *ret_positive ? &walk->h->positive : &walk->h->negative;
}

/* Before the first bucket of the side. */
static void walk_enter(struct histogram_walk *walk)
{
    bool positive;
    const struct histogram_side *side = walk_side(walk, &positive);
    walk->span = 0;
    walk->in_span = 0;
    walk->bucket = 0;
    walk->index = 0;
    walk->edge_known = false;
    if (walk->outward) {
        if (side->span_count > 0)
            walk->index = side->spans[0].offset;
        return;
    }
    for (uint32_t i = 0; i < side->span_count; i++)
        walk->index += side->spans[i].offset + (int32_t)side->spans[i].length;
    walk->bucket = side->bucket_count;
    walk->span = side->span_count;
    if (walk->span > 0)
        walk->in_span = side->spans[--walk->span].length;
}

/* To the bucket before, in the order of the side. */
static bool walk_inward(struct histogram_walk *walk, const struct histogram_side *side)
{
    if (walk->bucket == 0)
        return false;
    while (walk->in_span == 0) {
        if (walk->span == 0)
            return false;
        walk->index -= side->spans[walk->span].offset;
        walk->in_span = side->spans[--walk->span].length;
    }
    walk->bucket--;
    walk->in_span--;
    walk->index--;
    return true;
}

/* Is there a bucket at the place, past the ends of spans? */
static bool walk_outward(struct histogram_walk *walk, const struct histogram_side *side)
{
    if (walk->bucket >= side->bucket_count)
        return false;
    while (walk->in_span >= side->spans[walk->span].length) {
        if (++walk->span >= side->span_count)
            return false;
        walk->in_span = 0;
        walk->index += side->spans[walk->span].offset;
    }
    return true;
}

static double walk_bound(const struct histogram *h, int32_t index)
{
    if (!histogram_is_custom(h))
        return histogram_bound(index, h->schema);
    if (index < 0)
        return -INFINITY;
    return (uint32_t)index < h->custom_bound_count ? h->custom_bounds[index] : INFINITY;
}

/* The bound between two neighbours is worked out once. */
static void walk_bounds(struct histogram_walk *walk, double *ret_lower, double *ret_upper)
{
    int32_t near = walk->outward ? walk->index - 1 : walk->index;
    int32_t far = walk->outward ? walk->index : walk->index - 1;
    bool known = walk->edge_known && walk->edge_index == near;
    double bound = known ? walk->edge : walk_bound(walk->h, near);
    walk->edge = walk_bound(walk->h, far);
    walk->edge_index = far;
    walk->edge_known = true;
    *ret_lower = walk->outward ? bound : walk->edge;
    *ret_upper = walk->outward ? walk->edge : bound;
}

static void walk_fill(struct histogram_walk *walk, bool positive, double count,
                      struct histogram_bucket *ret_bucket)
{
    const struct histogram *h = walk->h;
    struct histogram_bucket *bucket = ret_bucket;
    bucket->count = count;
    bucket->index = walk->index;
    walk_bounds(walk, &bucket->lower, &bucket->upper);
    if (!positive) {
        double upper = bucket->upper;
        bucket->upper = -bucket->lower;
        bucket->lower = -upper;
    }
    if (histogram_is_custom(h)) {
        bucket->lower_inclusive = walk->index == 0;
        bucket->upper_inclusive = true;
    } else {
        bucket->lower_inclusive = bucket->lower < 0;
        bucket->upper_inclusive = bucket->upper > 0;
    }
}

static bool walk_step(struct histogram_walk *walk, struct histogram_bucket *ret_bucket)
{
    bool positive;
    const struct histogram_side *side = walk_side(walk, &positive);
    if (!(walk->outward ? walk_outward(walk, side) : walk_inward(walk, side)))
        return false;
    walk_fill(walk, positive, side->buckets[walk->bucket], ret_bucket);
    if (walk->outward) {
        walk->bucket++;
        walk->in_span++;
        walk->index++;
    }
    return true;
}

static bool walk_zero(const struct histogram_walk *walk, struct histogram_bucket *ret_bucket)
{
    const struct histogram *h = walk->h;
    if (histogram_is_custom(h) || !(walk->whole ? h->zero_count != 0 : h->zero_count > 0))
        return false;
    *ret_bucket = (struct histogram_bucket){
        .lower = -h->zero_threshold,
        .upper = h->zero_threshold,
        .count = h->zero_count,
        .lower_inclusive = true,
        .upper_inclusive = true,
    };
    return true;
}

/* Where a bucket reaches into the zero bucket, it is what lies outside. */
static void walk_cut(const struct histogram *h, struct histogram_bucket *bucket)
{
    if (bucket->upper < 0 && bucket->upper > -h->zero_threshold)
        bucket->upper = -h->zero_threshold;
    else if (bucket->lower > 0 && bucket->lower < h->zero_threshold)
        bucket->lower = h->zero_threshold;
}

static bool walk_next_whole(struct histogram_walk *walk, struct histogram_bucket *ret_bucket)
{
    if (!walk->begun) {
        walk->begun = true;
        walk_enter(walk);
    }
    if (!walk->outward) {
        if (walk_step(walk, ret_bucket))
            return true;
        walk->outward = true;
        walk_enter(walk);
        if (walk_zero(walk, ret_bucket))
            return true;
    }
    return walk_step(walk, ret_bucket);
}

bool histogram_walk_next(struct histogram_walk *walk, struct histogram_bucket *ret_bucket)
{
    if (!walk_next_whole(walk, ret_bucket))
        return false;
    if (!walk->whole)
        walk_cut(walk->h, ret_bucket);
    return true;
}

struct histogram_walk histogram_walk(const struct histogram *h)
{
    return (struct histogram_walk){.h = h};
}

struct histogram_walk histogram_walk_reverse(const struct histogram *h)
{
    return (struct histogram_walk){.h = h, .reverse = true};
}

struct histogram_walk histogram_walk_side(const struct histogram *h, bool positive)
{
    struct histogram_walk walk = {
        .h = h,
        .reverse = !positive,
        .whole = true,
        .begun = true,
        .outward = true,
    };
    walk_enter(&walk);
    return walk;
}
