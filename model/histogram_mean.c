#include "model/histogram.h"

static void total_divide(struct histogram_total *total, struct arena *arena, double divisor)
{
    total->value = histogram_divide(arena, total->value, divisor);
    if (total->rest)
        total->rest = histogram_divide(arena, total->rest, divisor);
}

/* The mean of count - 1 becomes that of count. */
static bool mean_correct(struct histogram_mean *mean, const struct histogram *h, unsigned *clashes)
{
    struct histogram_total *total = &mean->total;
    struct arena *arena = total->arena;
    double share = (mean->count - 1) / mean->count;
    total->value = histogram_multiply(arena, total->value, share);
    if (total->rest)
        total->rest = histogram_multiply(arena, total->rest, share);
    return histogram_total_add(total, histogram_divide(arena, h, mean->count), clashes);
}

bool histogram_mean_add(struct histogram_mean *mean, const struct histogram *h, unsigned *clashes)
{
    mean->count++;
    if (mean->correcting)
        return mean_correct(mean, h, clashes);
    struct histogram_total *total = &mean->total;
    total->keeps_before = true;
    const struct histogram *value = total->value;
    const struct histogram *rest = total->rest;
    if (!histogram_total_add(total, h, clashes))
        return false;
    if (!value || !histogram_has_overflow(total->value))
        return true;

    mean->correcting = true;
    total->value = value;
    total->rest = rest;
    total_divide(total, total->arena, mean->count - 1);
    return mean_correct(mean, h, clashes);
}

struct histogram *histogram_mean_result(const struct histogram_mean *mean, struct arena *arena)
{
    if (!mean->total.value)
        return NULL;
    struct histogram_total total = mean->total;
    if (!mean->correcting)
        total_divide(&total, total.arena, mean->count);
    return histogram_total_sum(&total, arena);
}
