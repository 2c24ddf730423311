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
 *
 * Where values change at random, no branch on their control bits is predicted. Without branches all
 * steps of a sample wait for the one before, from the place of its first bit to its width, so four
 * chunks are decoded side by side (chunk_xor_decode_quad).
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

/* What stands in front of the second value. The first sample goes into the columns. */
static bool xor_head(struct bytes_reader *head, struct xor_state *s, size_t count, int64_t *times,
                     double *values)
{
    *s = (struct xor_state){.width = 64};
    s->t = (uint64_t)read_varint(head);
    s->v = read_be64(head);
    times[0] = (int64_t)s->t;
    values[0] = value_of_bits(s->v);
    if (count > 1)
        s->t_delta = read_uvarint(head);
    return !head->failed;
}

/* All samples into arrays that have room for `count`. */
static bool xor_unpack(const uint8_t *data, size_t size, size_t count, int64_t *times,
                       double *values)
{
    struct bytes_reader head = bytes_reader_of(data + XOR_HEADER_SIZE, size - XOR_HEADER_SIZE);
    struct xor_state s;
    if (!xor_head(&head, &s, count, times, values))
        return false;
    if (count == 1)
        return true;

    s.t += s.t_delta;
    uint8_t tail[2 * BITS_TAIL_BYTES];
    struct bits bits;
    bits_init(&bits, head.at, read_left(&head), tail);
    if (!bits_ready(&bits) || !xor_value(&bits, &s, bits_peek(&bits)))
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

/*
 * A quad's chunks are copied, with zeros behind. Zero bits are samples of two bits, so the place
 * never comes further behind the end than one largest sample and two bits for each later one:
 * 145 + 2 * XOR_QUAD_COUNT_MAX bits, and nine bytes are read from there. It is looked at once, when
 * all is done.
 */
#define XOR_QUAD_SIZE_MAX 512
#define XOR_QUAD_COUNT_MAX 240
#define XOR_QUAD_ZEROS 96
static_assert((145 + 2 * XOR_QUAD_COUNT_MAX) / 8 + 14 / 8 + 1 + 9 <= XOR_QUAD_ZEROS,
              "what is read behind a chunk's end is there");

/* One of the four: what each sample needs. */
struct xor_place {
    uint64_t at;
    uint64_t v;
    uint64_t window; /* (leading << 6 | width % 64) - 1: bit 5 is set where it is wider than 32 */
};

/* And what a change of the time difference needs. */
struct xor_lane {
    uint8_t bytes[XOR_QUAD_SIZE_MAX + XOR_QUAD_ZEROS];
    uint64_t end; /* in bits */
    uint64_t t;   /* of the last of `filled` times */
    uint64_t t_delta;
    size_t filled;
    size_t count;
    int64_t *times;
    double *values;
};

/* Times up to the index `end`, the same difference apart. False: they do not rise. */
HOT_INLINE bool xor_fill_times(struct xor_lane *lane, size_t end)
{
    size_t count = end - lane->filled;
    if (count == 0)
        return true;
    int64_t way;
    int64_t last;
    int64_t delta = (int64_t)lane->t_delta;
    if (delta <= 0 || __builtin_mul_overflow(delta, (int64_t)count, &way) ||
        __builtin_add_overflow((int64_t)lane->t, way, &last))
        return false;
    int64_t *times = lane->times + lane->filled;
    for (size_t i = 0; i < count; i++)
        times[i] = (int64_t)lane->t + (int64_t)(i + 1) * delta;
    lane->t = (uint64_t)last;
    lane->filled = end;
    return true;
}

/* A dod that is not 0. *at: the last of its bits, which then stands for a dod of 0. */
NO_INLINE static bool xor_lane_dod(struct xor_lane *lane, uint64_t *at, size_t i)
{
    struct bits bits = {.data = lane->bytes, .at = *at};
    if (!xor_fill_times(lane, i))
        return false;
    lane->t_delta += (uint64_t)xor_dod(&bits, bits_peek(&bits));
    *at = bits.at - 1;
    return true;
}

/* Sample `i`, with branches only on what is rare, or the same for most samples of a chunk. */
HOT_INLINE bool xor_lane_step(struct xor_lane *lane, struct xor_place *place, size_t i)
{
    /* By the two bits of value control: bits in front of the value less one; n or nothing. */
    static const uint8_t skips[] = {1, 1, 3, 14};
    static const uint8_t keeps[] = {0, 0, 63, 63};
    uint64_t at = place->at;
    uint64_t word = bits_at_57(lane->bytes, at);
    if (UNLIKELY(word >> 63)) {
        if (!xor_lane_dod(lane, &at, i))
            return false;
        word = bits_at_57(lane->bytes, at) & INT64_MAX;
    }
    uint64_t control = word >> 61;
    uint64_t fresh = (word >> 50) - (UINT64_C(3) << 11) - 1;
    uint64_t window = control == 3 ? fresh : place->window;
    uint64_t more = window & keeps[control]; /* width - 1, but 0 for an equal value */
    uint64_t skip = skips[control];
    uint64_t leading = window >> 6 & 63;
    uint64_t field = word << skip;
    if (UNLIKELY(window & 32) && control >= 2) {
        leading = (window + 1) >> 6;
        if (leading + more + 1 > 64)
            return false;
        field = bits_at(lane->bytes, at + skip);
    }
    /* An equal value's field begins with its control bit, 0, and one bit of it is taken. */
    place->v ^= (field & ~((uint64_t)INT64_MAX >> more)) >> leading;
    place->window = window;
    place->at = at + skip + 1 + more;
    lane->values[i] = value_of_bits(place->v);
    return true;
}

/* The first two samples. The columns have room for all. */
static bool xor_lane_begin(struct xor_lane *lane, struct xor_place *place,
                           const struct xor_bytes *chunk)
{
    struct bytes_reader head =
        bytes_reader_of(chunk->data + XOR_HEADER_SIZE, chunk->size - XOR_HEADER_SIZE);
    struct xor_state s;
    if (!xor_head(&head, &s, lane->count, lane->times, lane->values))
        return false;
    size_t left = read_left(&head);
    memcpy(lane->bytes, head.at, left);
    memset(lane->bytes + left, 0, XOR_QUAD_ZEROS);
    lane->end = (uint64_t)left << 3;
    lane->t = s.t;
    lane->t_delta = s.t_delta;
    lane->filled = 1;

    struct bits bits = {.data = lane->bytes};
    if (!xor_value(&bits, &s, bits_peek(&bits)))
        return false;
    lane->values[1] = value_of_bits(s.v);
    uint64_t leading = 64 - s.width - s.trailing;
    *place = (struct xor_place){bits.at, s.v, (leading << 6 | (s.width & 63)) - 1};
    return true;
}

/* Samples from the third on, up to the index `end`. */
SHIFT_CLONES static bool xor_quad_rest(struct xor_lane *lanes, struct xor_place *places, size_t end)
{
    struct xor_place p[XOR_QUAD] = {places[0], places[1], places[2], places[3]};
    for (size_t i = 2; i < end; i++)
        if (!xor_lane_step(&lanes[0], &p[0], i) || !xor_lane_step(&lanes[1], &p[1], i) ||
            !xor_lane_step(&lanes[2], &p[2], i) || !xor_lane_step(&lanes[3], &p[3], i))
            return false;
    for (size_t k = 0; k < XOR_QUAD; k++) {
        for (size_t i = end; i < lanes[k].count; i++)
            if (!xor_lane_step(&lanes[k], &p[k], i))
                return false;
        if (p[k].at > lanes[k].end || !xor_fill_times(&lanes[k], lanes[k].count))
            return false;
    }
    return true;
}

/*
 * Chunks of mostly equal values are counted rather than read, faster than four at once. Where times
 * jitter or values are wide there are the branches of what is rare here.
 */
static bool xor_quad_count(const uint8_t *data, size_t size, size_t *ret_count)
{
    if (size < XOR_HEADER_SIZE || size > XOR_QUAD_SIZE_MAX)
        return false;
    size_t count = load_be16(data); /* once: a mapped page may get lost, and be zeros */
    *ret_count = count;
    return count > 2 && count <= XOR_QUAD_COUNT_MAX && size > count / 2 && size < count * 3;
}

bool chunk_xor_suits_quad(const uint8_t *data, size_t size)
{
    size_t count;
    return xor_quad_count(data, size, &count);
}

bool chunk_xor_decode_quad(const struct xor_bytes chunks[XOR_QUAD], struct samples *into)
{
    struct xor_lane lanes[XOR_QUAD];
    struct xor_place places[XOR_QUAD];
    size_t total = 0;
    size_t least = XOR_QUAD_COUNT_MAX;
    for (size_t k = 0; k < XOR_QUAD; k++) {
        if (!xor_quad_count(chunks[k].data, chunks[k].size, &lanes[k].count))
            return false;
        least = lanes[k].count < least ? lanes[k].count : least;
        total += lanes[k].count;
    }
    samples_reserve(into, total);
    size_t at = into->count;
    for (size_t k = 0; k < XOR_QUAD; k++) {
        lanes[k].times = into->times_ms + at;
        lanes[k].values = into->values + at;
        if (!xor_lane_begin(&lanes[k], &places[k], &chunks[k]))
            return false;
        at += lanes[k].count;
    }
    if (!xor_quad_rest(lanes, places, least))
        return false;
    for (size_t k = 1; k < XOR_QUAD; k++)
        if (lanes[k].times[0] <= (int64_t)lanes[k - 1].t)
            return false;
    into->count = at;
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
