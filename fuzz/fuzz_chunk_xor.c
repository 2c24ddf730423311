/*
 * Any bytes as an XOR chunk: what decodes is the same after it was encoded and decoded again, and
 * when it is decoded together with three others.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/chunk.h"
#include "storage/chunk_xor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SMALL 20

/* A chunk that suits, of SMALL ms from `t_ms` on. */
static void small_make(struct xor_appender *a, int64_t t_ms)
{
    xor_appender_init(a);
    for (int64_t i = 0; i < SMALL; i++) {
        int64_t half = i / 2;
        xor_appender_append(a, t_ms + i, (double)half);
    }
}

/* The chunk in each of the four places; `alone`: its samples, NULL where it is damaged. */
static void try_quads(const uint8_t *data, size_t size, const struct samples *alone)
{
    if (alone && (alone->count == 0 || alone->times_ms[0] < INT64_MIN + 100 ||
                  alone->times_ms[alone->count - 1] > INT64_MAX - 100))
        return;
    bool suits = chunk_xor_suits_quad(data, size);
    for (size_t place = 0; place < XOR_QUAD; place++) {
        struct xor_appender small[XOR_QUAD];
        struct xor_bytes chunks[XOR_QUAD];
        struct samples got = {0};
        int64_t before_ms = alone ? alone->times_ms[0] - 100 : 0;
        int64_t after_ms = alone ? alone->times_ms[alone->count - 1] + 1 : 0;
        for (size_t k = 0; k < XOR_QUAD; k++) {
            small_make(&small[k], (k < place ? before_ms : after_ms) + (int64_t)k * SMALL);
            chunks[k] = (struct xor_bytes){small[k].bytes, small[k].size};
        }
        chunks[place] = (struct xor_bytes){data, size};
        bool went = chunk_xor_decode_quad(chunks, &got);
        if (went != (alone && suits) || (!went && got.count != 0))
            abort();
        if (went && (got.count != alone->count + 3 * SMALL ||
                     memcmp(got.times_ms + place * SMALL, alone->times_ms, alone->count * 8) != 0 ||
                     memcmp(got.values + place * SMALL, alone->values, alone->count * 8) != 0))
            abort();
        samples_done(&got);
        for (size_t k = 0; k < XOR_QUAD; k++)
            xor_appender_done(&small[k]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct err err;
    struct samples first = {0};
    struct samples again = {0};
    if (!chunk_decode(CHUNK_XOR, data, size, &first, &err)) {
        if (err.kind != ERR_CORRUPT || first.count != 0)
            abort();
        try_quads(data, size, NULL);
        samples_done(&first);
        return 0;
    }
    try_quads(data, size, &first);
    struct xor_appender appender;
    xor_appender_init(&appender);
    for (size_t i = 0; i < first.count; i++)
        xor_appender_append(&appender, first.times_ms[i], first.values[i]);
    if (!chunk_decode(CHUNK_XOR, appender.bytes, appender.size, &again, &err) ||
        again.count != first.count ||
        (first.count && (memcmp(first.times_ms, again.times_ms, first.count * 8) != 0 ||
                         memcmp(first.values, again.values, first.count * 8) != 0)))
        abort();
    xor_appender_done(&appender);
    samples_done(&first);
    samples_done(&again);
    return 0;
}
