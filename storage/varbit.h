#pragma once

#include <stdint.h>

#include "base/attr.h"
#include "storage/bits.h"

/*
 * Integers of 1 to 72 bits, as histogram chunks and start timestamps have them: n ones and a zero,
 * n < 8, with 0, 3, 6, 9, 12, 18, 25 or 56 bits behind; or eight ones and 64 bits. A signed field
 * of n bits covers -2^(n-1)+1 .. 2^(n-1).
 *
 * What is asked of bits_ready holds here too: 72 of the bits it promised are used up at most.
 */
#define VARBIT_SIZE_MAX 72

HOT_INLINE unsigned varbit_width(unsigned ones)
{
    static const uint8_t widths[] = {0, 3, 6, 9, 12, 18, 25, 56};
    return widths[ones];
}

HOT_INLINE uint64_t varbit_uint(struct bits *bits)
{
    uint64_t word = bits_peek(bits);
    if (word >> 63 == 0) {
        bits->at += 1;
        return 0;
    }
    unsigned ones = (unsigned)__builtin_clzll(~word | 1);
    if (UNLIKELY(ones >= 8)) {
        bits->at += 8;
        return bits_take(bits, 64);
    }
    unsigned width = varbit_width(ones);
    bits->at += ones + 1 + width;
    return word << (ones + 1) >> (64 - width);
}

/* As two's complement: sums of them may wrap. */
HOT_INLINE uint64_t varbit_int(struct bits *bits)
{
    uint64_t word = bits_peek(bits);
    if (word >> 63 == 0) {
        bits->at += 1;
        return 0;
    }
    unsigned ones = (unsigned)__builtin_clzll(~word | 1);
    if (UNLIKELY(ones >= 8)) {
        bits->at += 8;
        return bits_take(bits, 64);
    }
    unsigned width = varbit_width(ones);
    bits->at += ones + 1 + width;
    uint64_t field = word << (ones + 1) >> (64 - width);
    return field > UINT64_C(1) << (width - 1) ? field - (UINT64_C(1) << width) : field;
}
