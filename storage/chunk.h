#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/sample.h"

/* How a chunk's samples are packed: the byte before them, in block and head chunk files alike. */
enum chunk_encoding {
    CHUNK_NONE = 0,
    CHUNK_XOR = 1,
    CHUNK_HISTOGRAM = 2,
    CHUNK_FLOAT_HISTOGRAM = 3,
    CHUNK_XOR2 = 4,
    CHUNK_HISTOGRAM_ST = 5,
    CHUNK_FLOAT_HISTOGRAM_ST = 6,
};

static inline bool chunk_encoding_is_float(uint8_t encoding)
{
    return encoding == CHUNK_XOR || encoding == CHUNK_XOR2;
}

/*
 * The number of samples a chunk says it has; `data` is what stands between encoding byte and CRC.
 * False: too short to say.
 */
bool chunk_count(uint8_t encoding, const uint8_t *data, size_t size, size_t *ret_count);

/*
 * Appends the chunk's samples to `into`, none of them on failure: ERR_CORRUPT where the bytes are
 * no such chunk or the times do not rise, ERR_UNSUPPORTED for histograms where `into` has no room
 * for them. Reads nothing outside of `data`.
 */
bool chunk_decode(uint8_t encoding, const uint8_t *data, size_t size, struct samples *into,
                  struct err *err) MUST_CHECK;

/* For decoders: does each time lie behind the one before? */
bool chunk_times_rise(const int64_t *times_ms, size_t count);

/* A chunk where it lies: what chunk_decode takes. */
struct chunk_bytes {
    const uint8_t *data;
    size_t size;
    uint8_t encoding;
};
