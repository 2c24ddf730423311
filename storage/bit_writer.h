#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/varint.h"

/* Bits of a chunk, written front to back, the most significant one first. Thread: one at a time. */
struct bit_writer {
    uint8_t *bytes;
    size_t size;
    size_t cap;
    uint8_t bits_free; /* in the last byte */
};

/* The low `count` bits of `word`, 1 to 64; all above must be zero. */
static inline void bit_writer_put(struct bit_writer *w, uint64_t word, unsigned count)
{
    if (w->cap - w->size < sizeof word) {
        w->cap = 2 * w->cap + 64;
        w->bytes = mem_resize(w->bytes, uint8_t, w->cap);
    }
    if (count <= w->bits_free) {
        w->bits_free = (uint8_t)(w->bits_free - count);
        w->bytes[w->size - 1] |= (uint8_t)(word << w->bits_free);
        return;
    }
    unsigned rest = count - w->bits_free;
    if (w->bits_free)
        w->bytes[w->size - 1] |= (uint8_t)(word >> rest);
    store_be64(w->bytes + w->size, word << (64 - rest));
    w->size += (rest + 7) / 8;
    w->bits_free = (uint8_t)(-rest & 7);
}

/* The integers of varbit.h. */
void bit_writer_put_uint(struct bit_writer *w, uint64_t v);
void bit_writer_put_int(struct bit_writer *w, int64_t v);

/* A base-128 varint, its bytes wherever the last bit ended. */
void bit_writer_put_varint(struct bit_writer *w, int64_t v);
