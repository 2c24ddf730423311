#pragma once

#include <stdint.h>

/*
 * Random numbers that are the same everywhere: a 64-bit counter through a mixing function
 * (SplitMix64), and no function of the C library.
 */
struct random {
    uint64_t state;
};

static inline uint64_t random_mix(uint64_t v)
{
    v = (v ^ (v >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    v = (v ^ (v >> 27)) * UINT64_C(0x94D049BB133111EB);
    return v ^ (v >> 31);
}

static inline struct random random_of(uint64_t seed, uint64_t stream)
{
    return (struct random){random_mix(seed + 1) ^ random_mix(stream * 2 + 0x51)};
}

static inline uint64_t random_next(struct random *random)
{
    random->state += UINT64_C(0x9E3779B97F4A7C15);
    return random_mix(random->state);
}

/* In [0, 1). */
static inline double random_unit(struct random *random)
{
    return (double)(random_next(random) >> 11) * 0x1p-53;
}

/* In [low, high). */
static inline double random_in(struct random *random, double low, double high)
{
    return low + (high - low) * random_unit(random);
}

/* About normal: mean 0, deviation 1, never beyond 3.5. */
static inline double random_bell(struct random *random)
{
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += random_unit(random);
    return (sum - 2) * 1.7320508075688772;
}

/* A whole number of events where `mean` are expected. */
static inline double random_count(struct random *random, double mean)
{
    double v = mean + random_bell(random) * __builtin_sqrt(mean) + random_unit(random);
    return v > 0 ? (double)(int64_t)v : 0;
}

/* Rises from 0 to 1 and falls back while `phase` goes from 0 to 1, smoothly, over and over. */
static inline double random_wave(double phase)
{
    phase -= (double)(int64_t)phase;
    double x = phase < 0.5 ? phase * 2 : 2 - phase * 2;
    return x * x * (3 - 2 * x);
}
