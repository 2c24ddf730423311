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

struct histogram_samples;

/*
 * Samples of one series in order of time, as columns that their owner lets grow; times in
 * milliseconds, strictly rising. `{0}` is an empty one.
 *
 * What a reader asks for beyond floats it says beforehand: `wants_starts` for start timestamps, and
 * `histograms` for native histograms, which lie apart, with times of their own (no time is in
 * both). A histogram that is a stale marker is a stale float.
 */
struct samples {
    int64_t *times_ms;
    double *values;
    int64_t *starts_ms; /* 0: none; only if wants_starts, else NULL */
    size_t count;
    size_t cap;
    bool wants_starts;
    struct histogram_samples *histograms; /* borrowed; NULL: native histograms are an error */
};

/* Room for `more` samples behind count, and a little more for decoders that write ahead. */
void samples_reserve(struct samples *samples, size_t more);

/* Those from `from` on have no start timestamps, if any are wanted. */
void samples_no_starts(struct samples *samples, size_t from);
void samples_done(struct samples *samples);
