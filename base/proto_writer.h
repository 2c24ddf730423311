#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/proto_reader.h"
#include "base/str.h"
#include "base/varint.h"

/*
 * Protobuf fields, behind what `out` holds. `put_` writes any value; `put_..._set` leaves out what
 * a message without the field means, 0 or nothing, as Prometheus does.
 */
static inline void put_uvarint(struct buf *out, uint64_t v)
{
    uint8_t *at = (uint8_t *)buf_reserve(out, VARINT_SIZE_MAX);
    out->len += write_uvarint(at, v);
}

static inline void put_tag(struct buf *out, uint32_t number, enum proto_wire wire)
{
    put_uvarint(out, (uint64_t)number << 3 | wire);
}

static inline void put_number(struct buf *out, uint32_t number, uint64_t v)
{
    put_tag(out, number, PROTO_VARINT);
    put_uvarint(out, v);
}

static inline void put_number_set(struct buf *out, uint32_t number, uint64_t v)
{
    if (v)
        put_number(out, number, v);
}

static inline uint64_t proto_zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

/* Eight bytes, little endian, as we are. */
static inline void put_double(struct buf *out, uint32_t number, double v)
{
    put_tag(out, number, PROTO_FIXED64);
    buf_append(out, &v, sizeof v);
}

/* Both zeros are left out. */
static inline void put_double_set(struct buf *out, uint32_t number, double v)
{
    if (v != 0)
        put_double(out, number, v);
}

static inline void put_bytes(struct buf *out, uint32_t number, struct str bytes)
{
    put_tag(out, number, PROTO_BYTES);
    put_uvarint(out, bytes.len);
    buf_str(out, bytes);
}

static inline void put_bytes_set(struct buf *out, uint32_t number, struct str bytes)
{
    if (bytes.len)
        put_bytes(out, number, bytes);
}

static inline size_t uvarint_size(uint64_t v)
{
    size_t size = 1;
    for (; v >= 0x80; v >>= 7)
        size++;
    return size;
}

/* Of a field of so many bytes, tag (of a number below 16) and length included. */
static inline size_t put_bytes_size(size_t len)
{
    return 1 + uvarint_size(len) + len;
}
