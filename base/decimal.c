/*
 * Raffaello Giulietti's Schubfach ("The Schubfach way to render doubles", 2020): of the decimals
 * with the exponent that the interval around v allows, at most four can be the answer: the two
 * neighbours of v with one digit less, and the two with all digits. The interval's ends and v
 * itself are scaled by a power of ten with 128 bits, which is exact enough if what is cut off is
 * kept as the last bit ("round to odd").
 */
#include "base/decimal.h"

#include <stdbool.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

#define POWER_FIRST (-292)

struct power {
    uint64_t high;
    uint64_t low;
};

static const struct power powers[] = {
#include "powers_of_ten.inc"
};

/* floor(log10(2^e)); with 3/4 of it where the interval is narrower below. */
static int floor_log10_pow2(int e, bool narrow)
{
    return (e * 1262611 - (narrow ? 524031 : 0)) >> 22;
}

/* floor(log2(10^e)) */
static int floor_log2_pow10(int e)
{
    return (e * 1741647) >> 19;
}

static uint64_t round_to_odd(struct power g, uint64_t c)
{
    wide low = (wide)g.low * c;
    wide high = (wide)g.high * c + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

struct decimal decimal_shortest(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int biased = (int)(bits >> 52) & 0x7ff;
    uint64_t c = biased ? fraction | UINT64_C(1) << 52 : fraction;
    int q = (biased ? biased : 1) - 1075;
    bool narrow = fraction == 0 && biased > 1; /* the neighbour below is nearer */
    uint64_t odd = c & 1;                      /* then the ends read back as the neighbours */

    int k = floor_log10_pow2(q, narrow);
    int h = q + floor_log2_pow10(-k) + 1;
    struct power g = powers[-k - POWER_FIRST];
    uint64_t low = round_to_odd(g, (4 * c - 2 + narrow) << h) + odd;
    uint64_t at = round_to_odd(g, (4 * c) << h);
    uint64_t high = round_to_odd(g, (4 * c + 2) << h) - odd;

    /* Both lengths are worked out and one is chosen without a jump, which could not be foretold. */
    uint64_t s = at / 4, tens = s / 10;
    bool below = low <= 40 * tens;
    bool above = 40 * tens + 40 <= high;
    bool shorter = (below != above) & (s >= 10);
    uint64_t digits = tens + above;

    below = low <= 4 * s;
    above = 4 * s + 4 <= high;
    bool up = (at > 4 * s + 2) | ((at == 4 * s + 2) & (s & 1));
    uint64_t full = s + ((below != above) ? above : up);
    return (struct decimal){shorter ? digits : full, k + shorter};
}
