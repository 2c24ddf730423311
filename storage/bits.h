#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/varint.h"

/*
 * Bits of a chunk, front to back, most significant first, for decoders that look at 64 at a time.
 *
 * A decoder asks bits_ready once before each sample, and may then look at and skip up to BITS_AHEAD
 * bits without asking again. To make that safe at the end of the chunk, its last bytes are read
 * from a copy with zeros behind; a sample that runs into the zeros is noticed by the next
 * bits_ready, or by bits_overrun after the last sample.
 */
#define BITS_AHEAD 256
#define BITS_TAIL_BYTES 48

/* The fields stand in registers as long as everything that takes a reader's address is inlined. */
struct bits {
    const uint8_t *data;
    uint64_t at;    /* the next bit, counted from `data` */
    uint64_t limit; /* up to here a sample may start without a further look */
    uint64_t end;
    uint8_t *tail; /* NULL once it is in use */
};

HOT_INLINE void bits_enter_tail(struct bits *bits)
{
    uint64_t from = bits->at >> 3;
    uint64_t left = (bits->end >> 3) - from;
    memset(bits->tail, 0, 2 * BITS_TAIL_BYTES);
    memcpy(bits->tail, bits->data + from, left);
    bits->data = bits->tail;
    bits->at &= 7;
    bits->end = left << 3;
    bits->limit = bits->end;
    bits->tail = NULL;
}

/* `tail` has room for 2 * BITS_TAIL_BYTES. */
HOT_INLINE void bits_init(struct bits *bits, const uint8_t *data, size_t size, uint8_t *tail)
{
    *bits = (struct bits){.data = data, .end = (uint64_t)size << 3, .tail = tail};
    if (size > BITS_TAIL_BYTES)
        bits->limit = (uint64_t)(size - BITS_TAIL_BYTES) << 3;
    else
        bits_enter_tail(bits);
}

/* May a sample start here? False: the chunk is cut short. */
HOT_INLINE bool bits_ready(struct bits *bits)
{
    if (LIKELY(bits->at < bits->limit))
        return true;
    if (!bits->tail)
        return false;
    bits_enter_tail(bits);
    return bits->at < bits->limit;
}

HOT_INLINE bool bits_overrun(const struct bits *bits)
{
    return bits->at > bits->end;
}

/* 64 bits from bit `at` of `data` on, the first one on top. Reads 9 bytes. */
HOT_INLINE uint64_t bits_at(const uint8_t *data, uint64_t at)
{
    const uint8_t *from = data + (at >> 3);
    unsigned shift = at & 7;
    return load_be64(from) << shift | (uint64_t)from[8] >> (8 - shift);
}

/* At least 57 of them, at less cost. */
HOT_INLINE uint64_t bits_at_57(const uint8_t *data, uint64_t at)
{
    return load_be64(data + (at >> 3)) << (at & 7);
}

/* The next 64 bits, the first one on top. */
HOT_INLINE uint64_t bits_peek(const struct bits *bits)
{
    return bits_at(bits->data, bits->at);
}

/* At least the next 57, at less cost. */
HOT_INLINE uint64_t bits_peek_57(const struct bits *bits)
{
    return bits_at_57(bits->data, bits->at);
}

/* The next `count` bits, 1 to 64, as a number. */
HOT_INLINE uint64_t bits_take(struct bits *bits, unsigned count)
{
    uint64_t word = bits_peek(bits) >> (64 - count);
    bits->at += count;
    return word;
}
