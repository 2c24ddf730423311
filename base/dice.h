#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Random numbers that are the same everywhere (SplitMix64). */
struct dice {
    uint64_t state;
};

static inline uint64_t dice_next(struct dice *dice)
{
    uint64_t v = dice->state += UINT64_C(0x9E3779B97F4A7C15);
    v = (v ^ (v >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    v = (v ^ (v >> 27)) * UINT64_C(0x94D049BB133111EB);
    return v ^ (v >> 31);
}

static inline struct dice dice_of(uint64_t seed, uint64_t number)
{
    struct dice dice = {seed * UINT64_C(0xD1342543DE82EF95) + number};
    dice.state = dice_next(&dice);
    return dice;
}

/* From 0 to count - 1; `count` is 1 to 2^32. */
static inline size_t dice_below(struct dice *dice, size_t count)
{
    return (size_t)((dice_next(dice) >> 32) * (uint64_t)count >> 32);
}

/* True once in `times`, on average. */
static inline bool dice_once_in(struct dice *dice, size_t times)
{
    return dice_below(dice, times) == 0;
}

/* In [0, 1). */
static inline double dice_unit(struct dice *dice)
{
    return (double)(dice_next(dice) >> 11) * 0x1p-53;
}

#define DICE_PICK(dice, list) ((list)[dice_below((dice), ARRAY_COUNT(list))])
