#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "model/sample.h"

/* For tests: numbers that are the same on every run. */
static inline uint32_t test_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Small numbers that often meet, with what is special among them; missing once in `missing_every`.
 */
static inline double test_random_value(uint64_t *state, unsigned missing_every)
{
    static const double special[] = {0.0, -0.0, 1e308, -1e308, 0x1p-1074, 0.5, -0.5};
    if (missing_every && test_random(state) % missing_every == 0)
        return value_stale();
    uint32_t kind = test_random(state) % 16;
    if (kind < ARRAY_COUNT(special))
        return special[kind];
    if (kind == 7)
        return value_nan();
    if (kind == 8)
        return test_random(state) % 2 ? __builtin_inf() : -__builtin_inf();
    return (double)(test_random(state) % 9) - 4;
}
