#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Two NaNs have meaning by their bits: a target's end (stale marker, and in a batch: no point
 * here), and the ordinary NaN as Prometheus writes it.
 */
#define STALE_BITS UINT64_C(0x7FF0000000000002)
#define NAN_BITS UINT64_C(0x7FF8000000000001)

static inline uint64_t value_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static inline double value_of_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline bool value_is_stale(double v)
{
    return value_bits(v) == STALE_BITS;
}

static inline double value_stale(void)
{
    return value_of_bits(STALE_BITS);
}

static inline double value_nan(void)
{
    return value_of_bits(NAN_BITS);
}

/*
 * Samples of one series in order of time, as two columns that their owner lets grow; times in
 * milliseconds, strictly rising. `{0}` is an empty one.
 */
struct samples {
    int64_t *times_ms;
    double *values;
    size_t count;
    size_t cap;
};

/* Room for `more` samples behind count, and a little more for decoders that write ahead. */
void samples_reserve(struct samples *samples, size_t more);
void samples_done(struct samples *samples);
