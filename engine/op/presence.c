#include "engine/op/presence.h"

#include "model/sample.h"

uint64_t presence_of(const double *values, size_t count)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < count; i++)
        bits |= (uint64_t)!value_is_stale(values[i]) << i;
    return bits;
}

static size_t presence_count(size_t steps, size_t step)
{
    return steps - step < 64 ? steps - step : 64;
}

void presence_add(uint64_t *bits, const double *row, size_t steps)
{
    for (size_t step = 0; step < steps; step += 64)
        bits[step / 64] |= presence_of(row + step, presence_count(steps, step));
}

static void presence_clear(double *values, uint64_t bits, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bits >> i & 1)
            values[i] = value_stale();
}

void presence_drop(double *row, const uint64_t *bits, size_t steps)
{
    for (size_t step = 0; step < steps; step += 64)
        if (bits[step / 64])
            presence_clear(row + step, bits[step / 64], presence_count(steps, step));
}

void presence_keep(double *row, const uint64_t *bits, size_t steps)
{
    for (size_t step = 0; step < steps; step += 64)
        if (~bits[step / 64])
            presence_clear(row + step, ~bits[step / 64], presence_count(steps, step));
}
