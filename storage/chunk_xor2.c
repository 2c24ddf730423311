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
 * carry [start] (0: none). [start] is an integer of varbit.h: for the first sample that carries it,
 * t of the sample before - start; for the others, the change of that. Those before have start0, or
 * 0.
 */
#include "storage/chunk_xor2.h"

#include "base/varint.h"
#include "storage/bits.h"
#include "storage/chunk.h"
#include "storage/varbit.h"

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

/* Of the start times: those of the samples from `from` on are in the bits. */
struct xor2_starts {
    size_t from;
    int64_t start_ms; /* of the sample */
    uint64_t diff;    /* the time of the sample before it less that */
};

HOT_INLINE void xor2_start(struct bits *bits, struct xor2_starts *starts, size_t index,
                           uint64_t t_before)
{
    uint64_t field = varbit_int(bits);
    starts->diff = index == starts->from ? field : starts->diff + field;
    starts->start_ms = (int64_t)(t_before - starts->diff);
}

/* Samples from the third on. */
HOT_INLINE bool xor2_run(struct bits b, struct xor2_state s, struct xor2_starts starts,
                         struct samples *out, size_t count, bool wants_starts)
{
    int64_t *times = out->times_ms + out->count;
    double *values = out->values + out->count;
    int64_t *start_times = wants_starts ? out->starts_ms + out->count : NULL;
    for (size_t i = 2; i < count; i++) {
        if (UNLIKELY(!bits_ready(&b)))
            return false;
        uint64_t word = bits_peek(&b);
        uint64_t t_before = s.t;
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
        if (UNLIKELY(i >= starts.from))
            xor2_start(&b, &starts, i, t_before);
        s.t += s.t_delta;
        times[i] = (int64_t)s.t;
        values[i] = value_of_bits(s.v);
        if (wants_starts)
            start_times[i] = starts.start_ms;
    }
    return !bits_overrun(&b);
}

static bool xor2_rest(const struct bits *bits, const struct xor2_state *state,
                      const struct xor2_starts *starts, struct samples *out, size_t count)
{
    if (out->wants_starts)
        return xor2_run(*bits, *state, *starts, out, count, true);
    return xor2_run(*bits, *state, *starts, out, count, false);
}

static void xor2_set(struct samples *out, size_t index, const struct xor2_state *s,
                     int64_t start_ms)
{
    out->times_ms[out->count + index] = (int64_t)s->t;
    out->values[out->count + index] = value_of_bits(s->v);
    if (out->wants_starts)
        out->starts_ms[out->count + index] = start_ms;
}

/* All samples behind out->count, where room for `count` is; the caller counts them. */
static bool xor2_unpack(const uint8_t *data, size_t size, size_t count, struct samples *out)
{
    struct bytes_reader head = bytes_reader_of(data + XOR2_HEADER_SIZE, size - XOR2_HEADER_SIZE);
    bool start_known = data[2] & 0x80;
    struct xor2_starts starts = {.from = data[2] & 0x7f};
    starts.from = starts.from ? starts.from : SIZE_MAX;

    struct xor2_state s = {.width = 64};
    s.t = (uint64_t)read_varint(&head);
    s.v = read_be64(&head);
    s.base = s.v == STALE_BITS ? 0 : s.v;
    if (start_known)
        starts.start_ms = (int64_t)(s.t - (uint64_t)read_varint(&head));
    xor2_set(out, 0, &s, starts.start_ms);
    if (head.failed || count == 1)
        return !head.failed;

    uint64_t first_t = s.t;
    s.t_delta = read_uvarint(&head);
    s.t += s.t_delta;
    uint8_t tail[2 * BITS_TAIL_BYTES];
    struct bits bits;
    bits_init(&bits, head.at, read_left(&head), tail);
    if (head.failed || !bits_ready(&bits) || !xor2_value(&bits, &s))
        return false;
    if (starts.from == 1)
        xor2_start(&bits, &starts, 1, first_t);
    xor2_set(out, 1, &s, starts.start_ms);
    return xor2_rest(&bits, &s, &starts, out, count);
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
