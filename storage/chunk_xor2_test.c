#include "storage/chunk_xor2.h"

#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "base/varint.h"
#include "storage/chunk.h"
#include "storage/chunk_xor2_write.h"

/* An encoder a bit at a time, with start times, after the format's page. */
struct slow {
    uint8_t bytes[1 << 16];
    size_t bits;
};

static void put(struct slow *s, uint64_t v, unsigned count)
{
    for (unsigned i = count; i-- > 0; s->bits++)
        if (v >> i & 1)
            s->bytes[s->bits / 8] |= (uint8_t)(0x80u >> (s->bits % 8));
}

static void put_bytes(struct slow *s, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        put(s, bytes[i], 8);
}

static void put_varint(struct slow *s, int64_t v)
{
    uint8_t bytes[VARINT_SIZE_MAX];
    put_bytes(s, bytes, write_varint(bytes, v));
}

static void put_uvarint(struct slow *s, uint64_t v)
{
    uint8_t bytes[VARINT_SIZE_MAX];
    put_bytes(s, bytes, write_uvarint(bytes, v));
}

static void put_start(struct slow *s, int64_t v)
{
    static const unsigned widths[] = {3, 6, 9, 12, 18, 25, 56};
    if (v == 0) {
        put(s, 0, 1);
        return;
    }
    for (unsigned i = 0; i < 7; i++) {
        int64_t half = INT64_C(1) << (widths[i] - 1);
        if (v > -half && v <= half) {
            put(s, (UINT64_C(1) << (i + 2)) - 2, i + 2);
            put(s, (uint64_t)v & ((UINT64_C(1) << widths[i]) - 1), widths[i]);
            return;
        }
    }
    put(s, 0xff, 8);
    put(s, (uint64_t)v, 64);
}

struct window {
    uint64_t base;
    unsigned leading;
    unsigned trailing;
    bool set;
};

/* The bits behind "changed": same window or a new one. */
static void put_change(struct slow *s, struct window *w, uint64_t bits, unsigned mark, unsigned len)
{
    uint64_t change = bits ^ w->base;
    unsigned leading = (unsigned)__builtin_clzll(change);
    unsigned trailing = (unsigned)__builtin_ctzll(change);
    leading = leading > 31 ? 31 : leading;
    if (w->set && leading >= w->leading && trailing >= w->trailing) {
        put(s, mark, len);
        put(s, change >> w->trailing, 64 - w->leading - w->trailing);
    } else {
        *w = (struct window){w->base, leading, trailing, true};
        put(s, len == 2 ? 6 : 1, len == 2 ? 3 : 1);
        put(s, leading, 5);
        put(s, (64 - leading - trailing) & 63, 6);
        put(s, change >> trailing, 64 - leading - trailing);
    }
    w->base = bits;
}

static void put_value(struct slow *s, struct window *w, uint64_t bits)
{
    if (bits == STALE_BITS)
        put(s, 7, 3);
    else if (bits == w->base)
        put(s, 0, 1);
    else
        put_change(s, w, bits, 2, 2);
}

static void put_joint(struct slow *s, struct window *w, int64_t dod, uint64_t bits)
{
    if (dod == 0 && bits == STALE_BITS) {
        put(s, 31, 5);
    } else if (dod == 0 && bits == w->base) {
        put(s, 0, 1);
    } else if (dod == 0) {
        put(s, 2, 2);
        put_change(s, w, bits, 0, 1);
    } else {
        if (dod >= -4096 && dod <= 4095)
            put(s, UINT64_C(6) << 13 | ((uint64_t)dod & 0x1fff), 16);
        else if (dod >= -524288 && dod <= 524287)
            put(s, UINT64_C(14) << 20 | ((uint64_t)dod & 0xfffff), 24);
        else {
            put(s, 30, 5);
            put(s, (uint64_t)dod, 64);
        }
        put_value(s, w, bits);
    }
}

/* A start time of 0 is an unknown one. From sample 127 on all carry one. */
static size_t encode(const struct samples *in, const int64_t *starts, struct slow *s)
{
    memset(s, 0, sizeof *s);
    put(s, in->count, 16);
    put(s, 0, 8);
    struct window w = {0};
    size_t first_change = 0;
    int64_t delta = 0;
    int64_t start_diff = 0;
    for (size_t i = 0; i < in->count; i++) {
        uint64_t bits = value_bits(in->values[i]);
        int64_t t = in->times_ms[i];
        int64_t t_before = i ? in->times_ms[i - 1] : 0;
        if (i == 0) {
            put_varint(s, t);
            put(s, bits, 64);
            w.base = bits == STALE_BITS ? 0 : bits;
            if (starts[0]) {
                put_varint(s, t - starts[0]);
                s->bytes[2] |= 0x80;
            }
            continue;
        }
        if (i == 1) {
            put_uvarint(s, (uint64_t)(t - t_before));
            put_value(s, &w, bits);
        } else {
            put_joint(s, &w, t - t_before - delta, bits);
        }
        delta = t - t_before;
        if (first_change) {
            put_start(s, t_before - starts[i] - start_diff);
            start_diff = t_before - starts[i];
        } else if (starts[i] != starts[i - 1] || i == 127) {
            first_change = i;
            s->bytes[2] |= (uint8_t)i;
            start_diff = t_before - starts[i];
            put_start(s, start_diff);
        }
    }
    return (s->bits + 7) / 8;
}

static void make_series(unsigned kind, size_t count, struct samples *out, int64_t *starts)
{
    samples_reserve(out, count);
    int64_t t = kind == 3 ? -5000000 : 1700000000000 + rand() % 100000;
    double v = rand() % 9 ? 1 : value_stale();
    for (size_t i = 0; i < count; i++) {
        t += 15000;
        if (kind >= 2)
            t += rand() % 5;
        if (kind == 4)
            t += (int64_t)1 << (rand() % 36);
        if (value_is_stale(v))
            v = 2;
        if (kind == 1 || kind == 2)
            v += rand() % 100;
        else if (kind >= 3)
            v = (double)rand() / 7;
        out->times_ms[out->count] = t;
        out->values[out->count++] = rand() % 20 == 0 && kind > 0 ? value_stale() : v;
        starts[i] = i > 0 && rand() % 5 ? starts[i - 1] : t - (1 << (rand() % 30));
    }
}

START_TEST(gives_back_what_was_encoded)
{
    static struct slow slow;
    for (unsigned round = 0; round < 600; round++) {
        int64_t starts[400];
        struct samples made = {0};
        struct samples got = {.wants_starts = round % 4 != 0};
        struct err err = {0};
        make_series(round % 5, 1 + (size_t)(rand() % 300), &made, starts);
        if (round % 3 == 0)
            memset(starts, 0, sizeof starts);
        size_t size = encode(&made, starts, &slow);
        uint8_t *exact = malloc(size);
        memcpy(exact, slow.bytes, size);
        ck_assert_msg(chunk_decode(CHUNK_XOR2, exact, size, &got, &err), "%s", err.msg);
        ck_assert_uint_eq(got.count, made.count);
        ck_assert_mem_eq(got.times_ms, made.times_ms, made.count * sizeof *made.times_ms);
        ck_assert_mem_eq(got.values, made.values, made.count * sizeof *made.values);
        if (got.wants_starts)
            ck_assert_mem_eq(got.starts_ms, starts, made.count * sizeof *starts);
        free(exact);
        samples_done(&made);
        samples_done(&got);
    }
}
END_TEST

START_TEST(packs_as_the_slow_one_does)
{
    static struct slow slow;
    for (unsigned round = 0; round < 300; round++) {
        int64_t starts[400];
        struct samples made = {0};
        make_series(round % 5, 1 + (size_t)(rand() % 300), &made, starts);
        if (round % 3 == 0)
            memset(starts, 0, sizeof starts);
        size_t size = encode(&made, starts, &slow);
        struct bit_writer out = {0};
        struct samples whole = made;
        whole.wants_starts = true;
        whole.starts_ms = starts;
        chunk_xor2_encode(&whole, 0, whole.count, &out);
        ck_assert_uint_eq(out.size, size);
        ck_assert_mem_eq(out.bytes, slow.bytes, size);
        free(out.bytes);
        samples_done(&made);
    }
}
END_TEST

START_TEST(refuses_every_cut)
{
    static struct slow slow;
    int64_t starts[400];
    struct samples made = {0};
    make_series(3, 150, &made, starts);
    size_t whole = encode(&made, starts, &slow);
    for (size_t size = 0; size < whole; size++) {
        struct samples got = {0};
        struct err err = {0};
        uint8_t *exact = malloc(size + 1);
        memcpy(exact, slow.bytes, size);
        ck_assert(!chunk_decode(CHUNK_XOR2, exact, size, &got, &err));
        ck_assert_int_eq(err.kind, ERR_CORRUPT);
        ck_assert_uint_eq(got.count, 0);
        free(exact);
        samples_done(&got);
    }
    samples_done(&made);
}
END_TEST

START_TEST(survives_any_bit_flip)
{
    static struct slow slow;
    int64_t starts[400];
    struct samples made = {0};
    make_series(2, 200, &made, starts);
    size_t size = encode(&made, starts, &slow);
    uint8_t *exact = malloc(size);
    for (size_t bit = 0; bit < size * 8; bit++) {
        struct samples got = {0};
        struct err err = {0};
        memcpy(exact, slow.bytes, size);
        exact[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        if (!chunk_decode(CHUNK_XOR2, exact, size, &got, &err))
            ck_assert_int_eq(err.kind, ERR_CORRUPT);
        samples_done(&got);
    }
    free(exact);
    samples_done(&made);
}
END_TEST

TEST_MAIN("chunk_xor2", gives_back_what_was_encoded, packs_as_the_slow_one_does, refuses_every_cut,
          survives_any_bit_flip)
