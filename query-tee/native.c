#include "query-tee/native.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* 2^(i / 8) / 2, as frexp hands out what is in front of a power of two. */
static const double bounds[] = {0.5,
                                0.5452538663326288,
                                0.5946035575013605,
                                0.6484197773255048,
                                0.7071067811865475,
                                0.7711054127039704,
                                0.8408964152537144,
                                0.9170040432046711};

static int32_t bucket_index(double v)
{
    int exponent;
    double fraction = frexp(v, &exponent);
    int32_t index = 0;
    while (index < (int32_t)ARRAY_COUNT(bounds) && bounds[index] < fraction)
        index++;
    return index + (exponent - 1) * (int32_t)ARRAY_COUNT(bounds);
}

static void side_observe(struct native_side *side, double v)
{
    int32_t index = bucket_index(v < NATIVE_VALUE_MAX ? v : NATIVE_VALUE_MAX);
    size_t at = 0, end = side->count;
    while (at < end) {
        size_t middle = (at + end) / 2;
        if (side->buckets[middle].index < index)
            at = middle + 1;
        else
            end = middle;
    }
    if (at < side->count && side->buckets[at].index == index) {
        side->buckets[at].count++;
        return;
    }
    mem_grow(side->buckets, struct native_bucket, side->count, &side->cap);
    memmove(side->buckets + at + 1, side->buckets + at, (side->count - at) * sizeof *side->buckets);
    side->buckets[at] = (struct native_bucket){index, 1};
    side->count++;
}

/* What is no number is in no bucket. */
void native_observe(struct native *native, double v)
{
    if (isnan(v))
        return;
    if (fabs(v) <= NATIVE_ZERO_THRESHOLD)
        native->zero_count++;
    else if (v > 0)
        side_observe(&native->positive, v);
    else
        side_observe(&native->negative, -v);
}

void native_done(struct native *native)
{
    free(native->positive.buckets);
    free(native->negative.buckets);
    *native = (struct native){0};
}
