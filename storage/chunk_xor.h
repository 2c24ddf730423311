#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/sample.h"

/*
 * Float samples packed as Prometheus's XOR chunks (encoding 1): written one at a time, read whole.
 *
 * The appender's bytes are a valid chunk after every append: what stands between encoding byte and
 * CRC in a file. They move when an append makes them grow.
 *
 * Thread: one at a time.
 */
struct xor_appender {
    uint8_t *bytes;
    size_t size;
    size_t cap;
    int64_t t_ms;     /* of the last sample */
    double v;         /* the last value */
    uint64_t t_delta; /* between the last two samples */
    uint16_t count;
    uint8_t bits_free; /* in the last byte */
    uint8_t leading;   /* zero bits of the window in use; 0xff: none yet */
    uint8_t trailing;
};

#define XOR_COUNT_MAX 65535

/* Init is also given to a fresh struct; reset keeps the memory for the next chunk. */
void xor_appender_init(struct xor_appender *appender);
void xor_appender_reset(struct xor_appender *appender);
void xor_appender_done(struct xor_appender *appender);

/* Times must rise. At most XOR_COUNT_MAX samples; the caller cuts chunks long before. */
void xor_appender_append(struct xor_appender *appender, int64_t t_ms, double v);

static inline size_t xor_appender_count(const struct xor_appender *appender)
{
    return appender->count;
}

/* Appends the samples to `into`; ERR_CORRUPT leaves it as it was. Called by chunk_decode. */
bool chunk_xor_decode(const uint8_t *data, size_t size, struct samples *into, struct err *err)
    MUST_CHECK;

/*
 * Four chunks at once, in less time than one after another: while a sample of one waits for the
 * size of the one before it, the others go on. Each chunk must begin after the one in front of it
 * ended.
 *
 * Appends the samples of all four. False, with nothing appended: there is something about one of
 * them that is better looked at alone, damage or a rare shape; chunk_xor_decode then tells what.
 */
#define XOR_QUAD 4

struct xor_bytes {
    const uint8_t *data;
    size_t size;
};

bool chunk_xor_decode_quad(const struct xor_bytes chunks[XOR_QUAD], struct samples *into)
    MUST_CHECK;

/* Is it worth while to look for three more chunks like this one? */
bool chunk_xor_suits_quad(const uint8_t *data, size_t size);
