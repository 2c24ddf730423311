/*
 * XOR2 chunks: as XOR, with one prefix for time and value, fields that end on bytes, a code for the
 * stale marker, and start times where they are known.
 *
 *     count u16 | start header u8 | t0 varint | v0 64 bits | [t0 - start0 varint]
 *               | t1 - t0 uvarint | value | [start] | (prefix ... | [start]) ...
 *
 *     prefix  0                    dod 0, value as before
 *             10 | window          dod 0, value changed
 *             110 | 13 bits | value
 *             1110 | 20 bits | value
 *             11110 | 64 bits | value
 *             11111                dod 0, stale marker
 *     value   0                    as before
 *             10 | n bits          in the window of before
 *             110 | new window     5 bits leading zeros | 6 bits n | n bits
 *             111                  stale marker
 *     window  0 | n bits           in the window of before
 *             1 | new window
 *
 * "As before" and XOR mean the last value that was not the stale marker. A dod is two's complement.
 *
 * The header's top bit says that start0 is there; the other seven, which sample is the first to
 * carry [start] (0: none). [start] is one of ten classes: n ones and a zero, n < 8, with 0, 3, 6,
 * 9, 12, 18, 25 or 56 bits behind; or eight ones and 64 bits.
 */
#include "storage/chunk_xor2.h"

#include "base/varint.h"
#include "storage/bits.h"
#include "storage/chunk.h"

#define XOR2_HEADER_SIZE 3

struct xor2_state {
    uint64_t t;
    uint64_t t_delta;
    uint64_t v;        /* of the sample */
    uint64_t base;     /* the last value that was not stale */
    unsigned width;    /* of the window, 1..64 */
    unsigned trailing; /* zero bits behind it */
};

HOT_INLINE void xor2_same_window(struct bits *bits, struct xor2_state *s)
{
    s->base ^= bits_take(bits, s->width) << s->trailing;
    s->v = s->base;
}

/* `word` begins with the five bits of leading zeros, of which bits->at stands in front. */
HOT_INLINE bool xor2_new_window(struct bits *bits, struct xor2_state *s, uint64_t word)
{
    unsigned leading = (unsigned)(word >> 59);
    unsigned width = (word >> 53) & 63;
    width = width ? width : 64;
    if (UNLIKELY(leading + width > 64))
        return false;
    s->width = width;
    s->trailing = 64 - leading - width;
    bits->at += 11;
    xor2_same_window(bits, s);
    return true;
}

/* A value behind a dod that is not 0, or of the second sample. */
HOT_INLINE bool xor2_value(struct bits *bits, struct xor2_state *s)
{
    uint64_t word = bits_peek(bits);
    if (word >> 63 == 0) {
        bits->at += 1;
        s->v = s->base;
        return true;
    }
    if (word >> 62 == 2) {
        bits->at += 2;
        xor2_same_window(bits, s);
        return true;
    }
    bits->at += 3;
    if (word >> 61 == 6)
        return xor2_new_window(bits, s, word << 3);
    s->v = STALE_BITS;
    return true;
}

HOT_INLINE uint64_t xor2_signed(uint64_t field, unsigned width)
{
    return (uint64_t)((int64_t)(field << (64 - width)) >> (64 - width));
}

/* A sample whose prefix begins with 11. */
HOT_INLINE bool xor2_dod(struct bits *bits, struct xor2_state *s, uint64_t word)
{
    if (word >> 59 == 31) {
        bits->at += 5;
        s->v = STALE_BITS;
        return true;
    }
    if (word >> 61 == 6) {
        bits->at += 16;
        s->t_delta += xor2_signed(word >> 48, 13);
    } else if (word >> 60 == 14) {
        bits->at += 24;
        s->t_delta += xor2_signed(word >> 40, 20);
    } else {
        bits->at += 5;
        s->t_delta += bits_take(bits, 64);
    }
    return xor2_value(bits, s);
}

/* Reads over one start time. */
HOT_INLINE void xor2_skip_start(struct bits *bits)
{
    static const uint8_t sizes[] = {1, 2 + 3, 3 + 6, 4 + 9, 5 + 12, 6 + 18, 7 + 25, 8 + 56, 8 + 64};
    uint64_t top = bits_peek(bits) >> 56;
    unsigned ones = (unsigned)__builtin_clzll(~(top << 56));
    bits->at += sizes[ones];
}

/* Samples from the third on; those from `start_index` on carry a start time. */
static bool xor2_rest(struct bits *bits, const struct xor2_state *state, size_t start_index,
                      struct samples *out, size_t count)
{
    struct bits b = *bits;
    struct xor2_state s = *state;
    int64_t *times = out->times_ms + out->count;
    double *values = out->values + out->count;
    for (size_t i = 2; i < count; i++) {
        if (UNLIKELY(!bits_ready(&b)))
            return false;
        uint64_t word = bits_peek(&b);
        if (word >> 63 == 0) {
            b.at += 1;
            s.v = s.base;
        } else if (LIKELY(word >> 62 == 2)) {
            b.at += 3;
            if ((word >> 61 & 1) == 0)
                xor2_same_window(&b, &s);
            else if (UNLIKELY(!xor2_new_window(&b, &s, word << 3)))
                return false;
        } else if (UNLIKELY(!xor2_dod(&b, &s, word))) {
            return false;
        }
        if (UNLIKELY(i >= start_index))
            xor2_skip_start(&b);
        s.t += s.t_delta;
        times[i] = (int64_t)s.t;
        values[i] = value_of_bits(s.v);
    }
    return !bits_overrun(&b);
}

/* All samples behind out->count, where room for `count` is; the caller counts them. */
static bool xor2_unpack(const uint8_t *data, size_t size, size_t count, struct samples *out)
{
    struct bytes_reader head = bytes_reader_of(data + XOR2_HEADER_SIZE, size - XOR2_HEADER_SIZE);
    bool start_known = data[2] & 0x80;
    size_t start_index = data[2] & 0x7f;
    start_index = start_index ? start_index : SIZE_MAX;

    struct xor2_state s = {.width = 64};
    s.t = (uint64_t)read_varint(&head);
    s.v = read_be64(&head);
    s.base = s.v == STALE_BITS ? 0 : s.v;
    if (start_known)
        (void)read_varint(&head);
    out->times_ms[out->count] = (int64_t)s.t;
    out->values[out->count] = value_of_bits(s.v);
    if (head.failed || count == 1)
        return !head.failed;

    s.t_delta = read_uvarint(&head);
    s.t += s.t_delta;
    uint8_t tail[2 * BITS_TAIL_BYTES];
    struct bits bits;
    bits_init(&bits, head.at, read_left(&head), tail);
    if (head.failed || !bits_ready(&bits) || !xor2_value(&bits, &s))
        return false;
    if (start_index == 1)
        xor2_skip_start(&bits);
    out->times_ms[out->count + 1] = (int64_t)s.t;
    out->values[out->count + 1] = value_of_bits(s.v);
    return xor2_rest(&bits, &s, start_index, out, count);
}

bool chunk_xor2_decode(const uint8_t *data, size_t size, struct samples *into, struct err *err)
{
    if (size < XOR2_HEADER_SIZE)
        return err_set(err, ERR_CORRUPT, "xor2 chunk of %zu bytes", size);
    size_t count = load_be16(data);
    if (count == 0)
        return true;
    if (count > size * 8) /* a bit a sample, at the least */
        return err_set(err, ERR_CORRUPT, "xor2 chunk of %zu bytes claims %zu samples", size, count);

    samples_reserve(into, count);
    if (!xor2_unpack(data, size, count, into))
        return err_set(err, ERR_CORRUPT, "xor2 chunk is cut short or garbled");
    if (!chunk_times_rise(into->times_ms + into->count, count))
        return err_set(err, ERR_CORRUPT, "xor2 chunk with times that do not rise");
    into->count += count;
    return true;
}
