/* The format stands in chunk_xor2.c. */
#include "storage/chunk_xor2_write.h"

#include "base/attr.h"

#define START_CHANGE_MAX 127
#define NO_WINDOW 0xff

struct xor2_writer {
    struct bit_writer *out;
    size_t header; /* where the chunk begins */
    uint64_t base; /* the last value that was not stale */
    uint8_t leading;
    uint8_t trailing;
    uint64_t t_delta;
    int64_t start_ms;
    uint64_t start_diff;
    size_t starts_from; /* 0: none changed yet */
};

/* The bits behind "changed": `same` for the window in use, `fresh` for a new one. */
static void put_change(struct xor2_writer *w, uint64_t bits, unsigned same, unsigned same_width,
                       unsigned fresh, unsigned fresh_width)
{
    uint64_t change = bits ^ w->base;
    unsigned leading = (unsigned)__builtin_clzll(change);
    unsigned trailing = (unsigned)__builtin_ctzll(change);
    leading = leading > 31 ? 31 : leading;
    if (w->leading != NO_WINDOW && leading >= w->leading && trailing >= w->trailing) {
        bit_writer_put(w->out, same, same_width);
        bit_writer_put(w->out, change >> w->trailing, 64u - w->leading - w->trailing);
        return;
    }
    w->leading = (uint8_t)leading;
    w->trailing = (uint8_t)trailing;
    unsigned width = 64 - leading - trailing;
    bit_writer_put(w->out, fresh, fresh_width);
    bit_writer_put(w->out, leading << 6 | (width & 63), 11);
    bit_writer_put(w->out, change >> trailing, width);
}

static void put_value(struct xor2_writer *w, uint64_t bits)
{
    if (bits == STALE_BITS)
        bit_writer_put(w->out, 7, 3);
    else if (bits == w->base)
        bit_writer_put(w->out, 0, 1);
    else
        put_change(w, bits, 2, 2, 6, 3);
}

/* With the change of the time's difference, from the third sample on. */
static void put_joint(struct xor2_writer *w, int64_t dod, uint64_t bits)
{
    uint64_t field = (uint64_t)dod;
    if (dod == 0 && bits == STALE_BITS) {
        bit_writer_put(w->out, 31, 5);
        return;
    }
    if (dod == 0 && bits == w->base) {
        bit_writer_put(w->out, 0, 1);
        return;
    }
    if (dod == 0) {
        bit_writer_put(w->out, 2, 2);
        put_change(w, bits, 0, 1, 1, 1);
        return;
    }
    if (dod >= -4096 && dod <= 4095) {
        bit_writer_put(w->out, UINT64_C(6) << 13 | (field & 0x1fff), 16);
    } else if (dod >= -524288 && dod <= 524287) {
        bit_writer_put(w->out, UINT64_C(14) << 20 | (field & 0xfffff), 24);
    } else {
        bit_writer_put(w->out, 30, 5);
        bit_writer_put(w->out, field, 64);
    }
    put_value(w, bits);
}

static void put_start(struct xor2_writer *w, size_t index, int64_t t_before_ms, int64_t start_ms)
{
    uint64_t diff = (uint64_t)t_before_ms - (uint64_t)start_ms;
    if (w->starts_from) {
        bit_writer_put_int(w->out, (int64_t)(diff - w->start_diff));
    } else if (start_ms != w->start_ms || index == START_CHANGE_MAX) {
        w->starts_from = index;
        w->out->bytes[w->header + 2] |= (uint8_t)index;
        bit_writer_put_int(w->out, (int64_t)diff);
    }
    w->start_ms = start_ms;
    w->start_diff = diff;
}

static void put_first(struct xor2_writer *w, int64_t t_ms, uint64_t bits, int64_t start_ms)
{
    bit_writer_put_varint(w->out, t_ms);
    bit_writer_put(w->out, bits, 64);
    if (start_ms != 0) {
        bit_writer_put_varint(w->out, (int64_t)((uint64_t)t_ms - (uint64_t)start_ms));
        w->out->bytes[w->header + 2] = 0x80;
    }
    w->start_ms = start_ms;
}

static void put_uvarint(struct bit_writer *out, uint64_t v)
{
    uint8_t bytes[VARINT_SIZE_MAX];
    size_t size = write_uvarint(bytes, v);
    for (size_t i = 0; i < size; i++)
        bit_writer_put(out, bytes[i], 8);
}

void chunk_xor2_encode(const struct samples *samples, size_t from, size_t to,
                       struct bit_writer *out)
{
    struct xor2_writer w = {.out = out, .header = out->size, .leading = NO_WINDOW};
    bit_writer_put(out, (uint64_t)(to - from), 16);
    bit_writer_put(out, 0, 8);
    for (size_t i = from; i < to; i++) {
        size_t index = i - from;
        int64_t t_ms = samples->times_ms[i];
        int64_t start_ms = samples->wants_starts ? samples->starts_ms[i] : 0;
        uint64_t bits = value_bits(samples->values[i]);
        if (index == 0) {
            put_first(&w, t_ms, bits, start_ms);
        } else {
            int64_t t_before_ms = samples->times_ms[i - 1];
            uint64_t t_delta = (uint64_t)t_ms - (uint64_t)t_before_ms;
            if (index == 1) {
                put_uvarint(out, t_delta);
                put_value(&w, bits);
            } else {
                put_joint(&w, (int64_t)(t_delta - w.t_delta), bits);
            }
            put_start(&w, index, t_before_ms, start_ms);
            w.t_delta = t_delta;
        }
        if (bits != STALE_BITS)
            w.base = bits;
    }
}
