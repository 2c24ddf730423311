/*
 * XOR chunks, after Facebook's Gorilla. Bits run from the most significant one on:
 *
 *     count u16 | t0 varint | v0 64 bits | t1 - t0 uvarint | value | (dod | value) ...
 *
 *     dod    change of the time difference   0              0
 *                                            10    14 bits  -8191 .. 8192
 *                                            110   17 bits  -65535 .. 65536
 *                                            1110  20 bits  -524287 .. 524288
 *                                            1111  64 bits
 *     value  XOR with the value before       0              equal
 *                                            10    n bits   in the window of before
 *                                            11    5 bits leading zeros | 6 bits n | n bits
 *
 *     The window is what stands between `leading` and `trailing` zeros; n = 64 is written as 0.
 *     A signed field of n bits covers -2^(n-1)+1 .. 2^(n-1).
 *
 * Decoding looks at 64 bits at once. Scraped samples mostly have dod 0 and either an equal value or
 * one in the same window, so branches are predicted and the loop runs ahead of the memory: 1 to 4
 * ns a sample. Pairs "dod 0, equal value" are two zero bits each, and are counted, not read.
 */
#include "storage/chunk_xor.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "storage/bits.h"
#include "storage/chunk.h"

#define XOR_HEADER_SIZE 2
#define XOR_NO_WINDOW 0xff

struct xor_state {
    uint64_t t;
    uint64_t t_delta;
    uint64_t v;
    unsigned width;    /* of the window, 1..64 */
    unsigned trailing; /* zero bits behind it */
};

/* The bits of a value from its control bits on; `word` has them on top, 56 valid at least. */
HOT_INLINE bool xor_value(struct bits *bits, struct xor_state *s, uint64_t word)
{
    if (word >> 63 == 0) {
        bits->at += 1;
        return true;
    }
    if (LIKELY((word >> 62 & 1) == 0)) {
        bits->at += 2;
        if (LIKELY(s->width <= 54)) {
            s->v ^= word << 2 >> (64 - s->width) << s->trailing;
            bits->at += s->width;
        } else {
            s->v ^= bits_take(bits, s->width) << s->trailing;
        }
        return true;
    }
    unsigned leading = (word >> 57) & 31;
    unsigned width = (word >> 51) & 63;
    width = width ? width : 64;
    if (UNLIKELY(leading + width > 64))
        return false;
    s->width = width;
    s->trailing = 64 - leading - width;
    bits->at += 13;
    s->v ^= bits_take(bits, width) << s->trailing;
    return true;
}

HOT_INLINE int64_t xor_signed(uint64_t field, unsigned width)
{
    return field > UINT64_C(1) << (width - 1) ? (int64_t)(field - (UINT64_C(1) << width))
                                              : (int64_t)field;
}

/* A dod that is not 0: `word` begins with a one. */
HOT_INLINE int64_t xor_dod(struct bits *bits, uint64_t word)
{
    if (word >> 62 == 2) {
        bits->at += 16;
        return xor_signed((word >> 48) & 0x3fff, 14);
    }
    if (word >> 61 == 6) {
        bits->at += 20;
        return xor_signed((word >> 44) & 0x1ffff, 17);
    }
    if (word >> 60 == 14) {
        bits->at += 24;
        return xor_signed((word >> 40) & 0xfffff, 20);
    }
    bits->at += 4;
    return (int64_t)bits_take(bits, 64);
}

/* Samples from the third on. */
static bool xor_rest(const struct bits *begin, struct xor_state s, int64_t *restrict times,
                     double *restrict values, size_t count)
{
    struct bits bits = *begin;
    size_t i = 2;
    while (i < count) {
        if (UNLIKELY(!bits_ready(&bits)))
            return false;
        uint64_t word = bits_peek_57(&bits);
        if (word >> 62 == 0) {
            size_t same = (size_t)__builtin_clzll(word | 0x80) / 2; /* in the 57 valid bits */
            same = same < count - i ? same : count - i;
            bits.at += 2 * same;
            for (; same > 0; same--, i++) {
                s.t += s.t_delta;
                times[i] = (int64_t)s.t;
                values[i] = value_of_bits(s.v);
            }
            continue;
        }
        if (LIKELY(word >> 63 == 0)) {
            bits.at += 1;
            word <<= 1;
        } else {
            s.t_delta += (uint64_t)xor_dod(&bits, word);
            word = bits_peek_57(&bits);
        }
        if (UNLIKELY(!xor_value(&bits, &s, word)))
            return false;
        s.t += s.t_delta;
        times[i] = (int64_t)s.t;
        values[i++] = value_of_bits(s.v);
    }
    return !bits_overrun(&bits);
}

/* All samples into arrays that have room for `count`. */
static bool xor_unpack(const uint8_t *data, size_t size, size_t count, int64_t *times,
                       double *values)
{
    struct bytes_reader head = bytes_reader_of(data + XOR_HEADER_SIZE, size - XOR_HEADER_SIZE);
    struct xor_state s = {.width = 64};
    s.t = (uint64_t)read_varint(&head);
    s.v = read_be64(&head);
    times[0] = (int64_t)s.t;
    values[0] = value_of_bits(s.v);
    if (head.failed || count == 1)
        return !head.failed;

    s.t_delta = read_uvarint(&head);
    s.t += s.t_delta;
    uint8_t tail[2 * BITS_TAIL_BYTES];
    struct bits bits;
    bits_init(&bits, head.at, read_left(&head), tail);
    if (head.failed || !bits_ready(&bits) || !xor_value(&bits, &s, bits_peek(&bits)))
        return false;
    times[1] = (int64_t)s.t;
    values[1] = value_of_bits(s.v);
    return xor_rest(&bits, s, times, values, count);
}

bool chunk_xor_decode(const uint8_t *data, size_t size, struct samples *into, struct err *err)
{
    if (size < XOR_HEADER_SIZE)
        return err_set(err, ERR_CORRUPT, "xor chunk of %zu bytes", size);
    size_t count = load_be16(data);
    if (count == 0)
        return true;
    if (count > size * 4) /* two bits a sample, at the least */
        return err_set(err, ERR_CORRUPT, "xor chunk of %zu bytes claims %zu samples", size, count);

    samples_reserve(into, count);
    int64_t *times = into->times_ms + into->count;
    if (!xor_unpack(data, size, count, times, into->values + into->count))
        return err_set(err, ERR_CORRUPT, "xor chunk is cut short or garbled");
    if (!chunk_times_rise(times, count))
        return err_set(err, ERR_CORRUPT, "xor chunk with times that do not rise");
    into->count += count;
    return true;
}

void xor_appender_init(struct xor_appender *a)
{
    *a = (struct xor_appender){.leading = XOR_NO_WINDOW, .cap = 128};
    a->bytes = mem_new_array(uint8_t, a->cap);
    a->size = XOR_HEADER_SIZE;
}

void xor_appender_reset(struct xor_appender *a)
{
    struct xor_appender fresh = {.leading = XOR_NO_WINDOW, .bytes = a->bytes, .cap = a->cap};
    fresh.size = XOR_HEADER_SIZE;
    memset(fresh.bytes, 0, XOR_HEADER_SIZE);
    *a = fresh;
}

void xor_appender_done(struct xor_appender *a)
{
    free(a->bytes);
    *a = (struct xor_appender){0};
}

/* The low `count` bits of `word`; all above must be zero. Writes up to 8 bytes past the end. */
static void xor_put(struct xor_appender *a, uint64_t word, unsigned count)
{
    if (count <= a->bits_free) {
        a->bits_free = (uint8_t)(a->bits_free - count);
        a->bytes[a->size - 1] |= (uint8_t)(word << a->bits_free);
        return;
    }
    unsigned rest = count - a->bits_free;
    if (a->bits_free)
        a->bytes[a->size - 1] |= (uint8_t)(word >> rest);
    store_be64(a->bytes + a->size, word << (64 - rest));
    a->size += (rest + 7) / 8;
    a->bits_free = (uint8_t)(-rest & 7);
}

static void xor_put_dod(struct xor_appender *a, int64_t dod)
{
    uint64_t field = (uint64_t)dod;
    if (dod == 0) {
        xor_put(a, 0, 1);
    } else if (dod >= -8191 && dod <= 8192) {
        xor_put(a, UINT64_C(2) << 14 | (field & 0x3fff), 16);
    } else if (dod >= -65535 && dod <= 65536) {
        xor_put(a, UINT64_C(6) << 17 | (field & 0x1ffff), 20);
    } else if (dod >= -524287 && dod <= 524288) {
        xor_put(a, UINT64_C(14) << 20 | (field & 0xfffff), 24);
    } else {
        xor_put(a, 15, 4);
        xor_put(a, field, 64);
    }
}

static void xor_put_value(struct xor_appender *a, double v)
{
    uint64_t change = value_bits(v) ^ value_bits(a->v);
    if (change == 0) {
        xor_put(a, 0, 1);
        return;
    }
    unsigned leading = (unsigned)__builtin_clzll(change);
    unsigned trailing = (unsigned)__builtin_ctzll(change);
    if (leading > 31)
        leading = 31;
    if (a->leading != XOR_NO_WINDOW && leading >= a->leading && trailing >= a->trailing) {
        xor_put(a, 2, 2);
        xor_put(a, change >> a->trailing, 64u - a->leading - a->trailing);
        return;
    }
    a->leading = (uint8_t)leading;
    a->trailing = (uint8_t)trailing;
    unsigned width = 64 - leading - trailing;
    xor_put(a, UINT64_C(3) << 11 | (uint64_t)leading << 6 | (width & 63), 13);
    xor_put(a, change >> trailing, width);
}

static void xor_put_varint(struct xor_appender *a, uint64_t zigzag)
{
    a->size += write_uvarint(a->bytes + a->size, zigzag);
    a->bits_free = 0;
}

void xor_appender_append(struct xor_appender *a, int64_t t_ms, double v)
{
    assert(a->count < XOR_COUNT_MAX);
    assert(a->count == 0 || t_ms > a->t_ms);
    if (a->cap - a->size < 48) { /* the largest sample, and what xor_put writes ahead */
        a->cap *= 2;
        a->bytes = mem_resize(a->bytes, uint8_t, a->cap);
    }

    uint64_t t_delta = (uint64_t)t_ms - (uint64_t)a->t_ms;
    if (a->count == 0) {
        xor_put_varint(a, (uint64_t)t_ms << 1 ^ (uint64_t)(t_ms >> 63));
        xor_put(a, value_bits(v), 64);
        t_delta = 0;
    } else if (a->count == 1) {
        xor_put_varint(a, t_delta);
        xor_put_value(a, v);
    } else {
        xor_put_dod(a, (int64_t)(t_delta - a->t_delta));
        xor_put_value(a, v);
    }
    a->t_ms = t_ms;
    a->v = v;
    a->t_delta = t_delta;
    a->count++;
    a->bytes[0] = (uint8_t)(a->count >> 8);
    a->bytes[1] = (uint8_t)a->count;
}
