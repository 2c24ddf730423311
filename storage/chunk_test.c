#include "storage/chunk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/test.h"
#include "base/varint.h"
#include "storage/chunk_xor.h"

/* Reads a bit at a time: too simple to be wrong. */
struct slow {
    const uint8_t *data;
    size_t bit;
    size_t end;
};

static uint64_t slow_bits(struct slow *s, unsigned count)
{
    uint64_t v = 0;
    ck_assert_uint_le(s->bit + count, s->end);
    for (unsigned i = 0; i < count; i++, s->bit++)
        v = v << 1 | (s->data[s->bit / 8] >> (7 - s->bit % 8) & 1);
    return v;
}

static uint64_t slow_uvarint(struct slow *s)
{
    uint64_t v = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint64_t byte = slow_bits(s, 8);
        v |= (byte & 127) << shift;
        if (byte < 128)
            return v;
    }
}

static int64_t slow_varint(struct slow *s)
{
    uint64_t u = slow_uvarint(s);
    return (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
}

static int64_t slow_field(struct slow *s, unsigned width)
{
    int64_t v = (int64_t)slow_bits(s, width);
    return width < 64 && v > INT64_C(1) << (width - 1) ? v - (INT64_C(1) << width) : v;
}

static void slow_xor_value(struct slow *s, uint64_t *v, unsigned *leading, unsigned *width)
{
    if (!slow_bits(s, 1))
        return;
    if (slow_bits(s, 1)) {
        *leading = (unsigned)slow_bits(s, 5);
        *width = (unsigned)slow_bits(s, 6);
        *width = *width ? *width : 64;
    }
    *v ^= slow_bits(s, *width) << (64 - *leading - *width);
}

static void slow_xor(const uint8_t *data, size_t size, struct samples *out)
{
    struct slow s = {data, 0, size * 8};
    size_t count = (size_t)slow_bits(&s, 16);
    samples_reserve(out, count);
    int64_t t = 0;
    int64_t delta = 0;
    uint64_t v = 0;
    unsigned leading = 0;
    unsigned width = 64;
    for (size_t i = 0; i < count; i++) {
        if (i == 0) {
            t = slow_varint(&s);
            v = slow_bits(&s, 64);
        } else if (i == 1) {
            delta = (int64_t)slow_uvarint(&s);
        } else if (slow_bits(&s, 1)) {
            if (!slow_bits(&s, 1))
                delta += slow_field(&s, 14);
            else if (!slow_bits(&s, 1))
                delta += slow_field(&s, 17);
            else if (!slow_bits(&s, 1))
                delta += slow_field(&s, 20);
            else
                delta += slow_field(&s, 64);
        }
        t += delta;
        if (i > 0)
            slow_xor_value(&s, &v, &leading, &width);
        out->times_ms[out->count] = t;
        out->values[out->count++] = value_of_bits(v);
    }
}

/* Series of several kinds, from a seed. Kind 5 has narrow windows and now and then a wide one. */
static void make_series(unsigned kind, size_t count, struct samples *out)
{
    samples_reserve(out, count);
    int64_t t = kind == 3 ? -5000000 : 1700000000000 + rand() % 100000;
    double v = 0;
    for (size_t i = 0; i < count; i++) {
        t += 15000;
        if (kind >= 2 && (kind != 5 || rand() % 8 == 0))
            t += rand() % 5;
        if (kind == 4)
            t += (int64_t)1 << (rand() % 36);
        if (kind == 1 || kind == 2)
            v += rand() % 100;
        else if (kind == 3)
            v = (double)rand() / 7;
        else if (kind == 4)
            v = value_of_bits((uint64_t)rand() << 33 ^ (uint64_t)rand());
        else if (kind == 5)
            v = rand() % 20 ? v + rand() % 3 : (double)rand() / 7;
        out->times_ms[out->count] = t;
        out->values[out->count++] = rand() % 50 == 0 && kind > 1 && kind != 5 ? value_stale() : v;
    }
}

static void assert_same(const struct samples *a, const struct samples *b)
{
    ck_assert_uint_eq(a->count, b->count);
    ck_assert_mem_eq(a->times_ms, b->times_ms, a->count * sizeof *a->times_ms);
    ck_assert_mem_eq(a->values, b->values, a->count * sizeof *a->values);
}

START_TEST(xor_gives_back_what_was_appended)
{
    struct xor_appender a;
    xor_appender_init(&a);
    for (unsigned round = 0; round < 500; round++) {
        struct samples made = {0};
        struct samples slow = {0};
        struct samples got = {0};
        struct err err = {0};
        make_series(round % 5, 1 + (size_t)(rand() % 300), &made);
        xor_appender_reset(&a);
        for (size_t i = 0; i < made.count; i++)
            xor_appender_append(&a, made.times_ms[i], made.values[i]);

        slow_xor(a.bytes, a.size, &slow);
        assert_same(&made, &slow);

        /* Exactly as many bytes as there are, so that a sanitizer sees a read behind them. */
        uint8_t *exact = malloc(a.size);
        memcpy(exact, a.bytes, a.size);
        ck_assert_msg(chunk_decode(CHUNK_XOR, exact, a.size, &got, &err), "%s", err.msg);
        assert_same(&made, &got);
        free(exact);
        samples_done(&made);
        samples_done(&slow);
        samples_done(&got);
    }
    xor_appender_done(&a);
}
END_TEST

START_TEST(xor_bytes_are_a_chunk_after_every_append)
{
    struct xor_appender a;
    struct samples made = {0};
    struct err err = {0};
    xor_appender_init(&a);
    make_series(2, 200, &made);
    for (size_t i = 0; i < made.count; i++) {
        struct samples got = {0};
        xor_appender_append(&a, made.times_ms[i], made.values[i]);
        ck_assert(chunk_decode(CHUNK_XOR, a.bytes, a.size, &got, &err));
        ck_assert_uint_eq(got.count, i + 1);
        ck_assert_int_eq(got.times_ms[i], made.times_ms[i]);
        samples_done(&got);
    }
    samples_done(&made);
    xor_appender_done(&a);
}
END_TEST

START_TEST(xor_refuses_every_cut)
{
    struct xor_appender a;
    struct samples made = {0};
    xor_appender_init(&a);
    make_series(3, 150, &made);
    for (size_t i = 0; i < made.count; i++)
        xor_appender_append(&a, made.times_ms[i], made.values[i]);
    for (size_t size = 0; size < a.size; size++) {
        struct samples got = {0};
        struct err err = {0};
        uint8_t *exact = malloc(size + 1);
        memcpy(exact, a.bytes, size);
        ck_assert(!chunk_decode(CHUNK_XOR, exact, size, &got, &err));
        ck_assert_int_eq(err.kind, ERR_CORRUPT);
        ck_assert_uint_eq(got.count, 0);
        free(exact);
        samples_done(&got);
    }
    samples_done(&made);
    xor_appender_done(&a);
}
END_TEST

START_TEST(xor_refuses_times_that_fall)
{
    /* Two samples, the second 2^64 - 1 ms later: one before. */
    uint8_t data[64] = {0, 2, 20};
    size_t size = 3 + 8;
    size += write_uvarint(data + size, UINT64_MAX);
    struct samples got = {0};
    struct err err = {0};
    ck_assert(!chunk_decode(CHUNK_XOR, data, size + 1, &got, &err));
    ck_assert_str_eq(err.msg, "xor chunk with times that do not rise");
    samples_done(&got);
}
END_TEST

/* Four chunks of a random series, each in memory of exactly its size. */
struct quad {
    struct samples made;
    struct xor_bytes chunks[XOR_QUAD];
    uint8_t *bytes[XOR_QUAD];
};

static void quad_make(struct quad *quad, unsigned kind, size_t count_max)
{
    struct xor_appender a;
    size_t counts[XOR_QUAD];
    size_t total = 0;
    bool even = rand() % 2;
    for (size_t k = 0; k < XOR_QUAD; k++)
        total += counts[k] = even ? count_max / 2 : 3 + (size_t)rand() % (count_max - 2);
    *quad = (struct quad){0};
    make_series(kind, total, &quad->made);
    xor_appender_init(&a);
    for (size_t k = 0, i = 0; k < XOR_QUAD; k++) {
        xor_appender_reset(&a);
        for (size_t end = i + counts[k]; i < end; i++)
            xor_appender_append(&a, quad->made.times_ms[i], quad->made.values[i]);
        quad->bytes[k] = malloc(a.size);
        memcpy(quad->bytes[k], a.bytes, a.size);
        quad->chunks[k] = (struct xor_bytes){quad->bytes[k], a.size};
    }
    xor_appender_done(&a);
}

static void quad_done(struct quad *quad)
{
    for (size_t k = 0; k < XOR_QUAD; k++)
        free(quad->bytes[k]);
    samples_done(&quad->made);
}

/* Decodes at once and one by one, and compares. True: at once it went. */
static bool quad_agrees(const struct quad *quad)
{
    struct samples at_once = {0};
    struct samples alone = {0};
    static struct err err;
    bool good = true;
    bool suits = true;
    for (size_t k = 0; k < XOR_QUAD && good; k++) {
        const struct xor_bytes *chunk = &quad->chunks[k];
        size_t from = alone.count;
        suits = suits && chunk_xor_suits_quad(chunk->data, chunk->size);
        good =
            chunk_xor_decode(chunk->data, chunk->size, &alone, &err) &&
            (from == 0 || from == alone.count || alone.times_ms[from] > alone.times_ms[from - 1]);
    }
    bool went = chunk_xor_decode_quad(quad->chunks, &at_once);
    ck_assert_int_eq(went, good && suits);
    if (went)
        assert_same(&alone, &at_once);
    else
        ck_assert_uint_eq(at_once.count, 0);
    samples_done(&at_once);
    samples_done(&alone);
    return went;
}

START_TEST(xor_quads_decode_as_chunks_alone_do)
{
    size_t went = 0;
    for (unsigned round = 0; round < 2000; round++) {
        struct quad quad;
        quad_make(&quad, round % 6, 250);
        went += quad_agrees(&quad);
        quad_done(&quad);
    }
    ck_assert_uint_gt(went, 200);
}
END_TEST

START_TEST(xor_quads_with_a_flipped_bit_decode_as_chunks_alone_do)
{
    for (unsigned round = 0; round < 12; round++) {
        struct quad quad;
        quad_make(&quad, round % 2 ? 5 : round % 6, 60);
        for (size_t k = 0; k < XOR_QUAD; k++)
            for (size_t bit = 0; bit < quad.chunks[k].size * 8; bit++) {
                quad.bytes[k][bit / 8] ^= (uint8_t)(1u << bit % 8);
                quad_agrees(&quad);
                quad.bytes[k][bit / 8] ^= (uint8_t)(1u << bit % 8);
            }
        quad_done(&quad);
    }
}
END_TEST

START_TEST(xor_quads_refuse_every_cut)
{
    struct quad quad;
    quad_make(&quad, 5, 200);
    for (size_t k = 0; k < XOR_QUAD; k++) {
        struct xor_bytes whole = quad.chunks[k];
        for (size_t size = 0; size < whole.size; size++) {
            struct samples got = {0};
            uint8_t *exact = malloc(size + 1);
            memcpy(exact, whole.data, size);
            quad.chunks[k] = (struct xor_bytes){exact, size};
            ck_assert(!chunk_xor_decode_quad(quad.chunks, &got));
            ck_assert_uint_eq(got.count, 0);
            free(exact);
            samples_done(&got);
        }
        quad.chunks[k] = whole;
    }
    quad_done(&quad);
}
END_TEST

START_TEST(xor_quads_refuse_chunks_out_of_order)
{
    struct quad quad = {0};
    do {
        quad_done(&quad);
        quad_make(&quad, 1, 100);
    } while (!quad_agrees(&quad));
    ck_assert(quad_agrees(&quad));
    struct xor_bytes first = quad.chunks[0];
    quad.chunks[0] = quad.chunks[1];
    quad.chunks[1] = first;
    ck_assert(!quad_agrees(&quad));
    quad.chunks[0] = first;
    ck_assert(!quad_agrees(&quad));
    quad_done(&quad);
}
END_TEST

START_TEST(histograms_are_recognised)
{
    uint8_t data[16] = {0};
    struct samples got = {0};
    struct err err = {0};
    ck_assert(!chunk_decode(CHUNK_HISTOGRAM, data, sizeof data, &got, &err));
    ck_assert_int_eq(err.kind, ERR_UNSUPPORTED);
    ck_assert(!chunk_decode(9, data, sizeof data, &got, &err));
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
}
END_TEST

TEST_MAIN("chunk", xor_gives_back_what_was_appended, xor_bytes_are_a_chunk_after_every_append,
          xor_refuses_every_cut, xor_refuses_times_that_fall, xor_quads_decode_as_chunks_alone_do,
          xor_quads_with_a_flipped_bit_decode_as_chunks_alone_do, xor_quads_refuse_every_cut,
          xor_quads_refuse_chunks_out_of_order, histograms_are_recognised)
