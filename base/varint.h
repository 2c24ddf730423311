#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Bytes read front to back, checked: once a read goes over the end, `failed` stays true, every
 * later read gives 0, and the reader is asked once, after the last read.
 */
struct bytes_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline struct bytes_reader bytes_reader_of(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    return (struct bytes_reader){.at = at, .end = at + len};
}

static inline size_t read_left(const struct bytes_reader *r)
{
    return (size_t)(r->end - r->at);
}

/* NULL where there are not so many left; else where they lie. */
static inline const uint8_t *read_bytes(struct bytes_reader *r, size_t len)
{
    if (len > read_left(r)) {
        r->failed = true;
        r->at = r->end;
        return NULL;
    }
    const uint8_t *at = r->at;
    r->at += len;
    return at;
}

static inline uint8_t read_u8(struct bytes_reader *r)
{
    const uint8_t *b = read_bytes(r, 1);
    return b ? *b : 0;
}

static inline uint16_t load_be16(const uint8_t *b)
{
    return (uint16_t)((b[0] << 8) | b[1]);
}

static inline uint32_t load_be32(const uint8_t *b)
{
    uint32_t v;
    memcpy(&v, b, sizeof v);
    return __builtin_bswap32(v);
}

static inline uint64_t load_be64(const uint8_t *b)
{
    uint64_t v;
    memcpy(&v, b, sizeof v);
    return __builtin_bswap64(v);
}

static inline void store_be32(uint8_t *b, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(b, &v, sizeof v);
}

static inline void store_be64(uint8_t *b, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(b, &v, sizeof v);
}

static inline uint32_t read_be32(struct bytes_reader *r)
{
    const uint8_t *b = read_bytes(r, 4);
    return b ? load_be32(b) : 0;
}

static inline uint64_t read_be64(struct bytes_reader *r)
{
    const uint8_t *b = read_bytes(r, 8);
    return b ? load_be64(b) : 0;
}

/* Base-128, least significant group first, at most 10 bytes; protobuf's and Go's. */
static inline uint64_t read_uvarint(struct bytes_reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (r->at == r->end)
            break;
        uint8_t b = *r->at++;
        if (shift == 63 && b > 1)
            break;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80)
            return v;
    }
    r->failed = true;
    r->at = r->end;
    return 0;
}

/* Zigzag: 0, -1, 1, -2, ... */
static inline int64_t read_varint(struct bytes_reader *r)
{
    uint64_t u = read_uvarint(r);
    return (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
}

#define VARINT_SIZE_MAX 10

/* Both write at most VARINT_SIZE_MAX bytes and return how many. */
static inline size_t write_uvarint(uint8_t *out, uint64_t v)
{
    size_t len = 0;
    for (; v >= 0x80; v >>= 7)
        out[len++] = (uint8_t)(v | 0x80);
    out[len++] = (uint8_t)v;
    return len;
}

static inline size_t write_varint(uint8_t *out, int64_t v)
{
    return write_uvarint(out, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}
