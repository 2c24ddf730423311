#include "engine/op/presence.h"

#include "model/sample.h"

static size_t presence_count(size_t steps, size_t step)
{
    return steps - step < 64 ? steps - step : 64;
}

uint64_t presence_word(const double *row, const struct histogram *const *histograms, size_t steps,
                       size_t step)
{
    uint64_t bits = 0;
    size_t count = presence_count(steps, step);
    for (size_t i = 0; i < count; i++)
        bits |= (uint64_t)!value_is_stale(row[step + i]) << i;
    for (size_t i = 0; histograms && i < count; i++)
        bits |= (uint64_t)(histograms[step + i] != NULL) << i;
    return bits;
}

void presence_add(uint64_t *bits, const double *row, const struct histogram *const *histograms,
                  size_t steps)
{
    for (size_t step = 0; step < steps; step += 64)
        bits[step / 64] |= presence_word(row, histograms, steps, step);
}

static void presence_clear(double *values, const struct histogram **histograms, uint64_t bits,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!(bits >> i & 1))
            continue;
        values[i] = value_stale();
        if (histograms)
            histograms[i] = NULL;
    }
}

/* Takes points away where the bit is set, once all bits have been turned by `flip`. */
static void presence_mask(double *row, const struct histogram **histograms, const uint64_t *bits,
                          uint64_t flip, size_t steps)
{
    for (size_t step = 0; step < steps; step += 64)
        if (bits[step / 64] ^ flip)
            presence_clear(row + step, histograms ? histograms + step : NULL,
                           bits[step / 64] ^ flip, presence_count(steps, step));
}

void presence_drop(double *row, const struct histogram **histograms, const uint64_t *bits,
                   size_t steps)
{
    presence_mask(row, histograms, bits, 0, steps);
}

void presence_keep(double *row, const struct histogram **histograms, const uint64_t *bits,
                   size_t steps)
{
    presence_mask(row, histograms, bits, UINT64_MAX, steps);
}
