#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/*
 * A protobuf message read front to back, field by field, without copying a byte:
 *
 *     while (proto_next(&r))
 *         switch (r.number) {
 *         case 1: value = proto_double(&r, "Value"); break;
 *         default: proto_skip(&r);
 *         }
 *     return proto_good(&r);
 *
 * The first thing that is wrong is told in `err`, ERR_BAD_DATA, in the words of the decoder that
 * Prometheus uses; `failed` then stays true, every later read gives 0, and proto_next is false.
 * `name` is the field's as such errors call it.
 */
struct proto_reader {
    const uint8_t *at;
    const uint8_t *end;
    const char *message; /* its name, for errors: "TimeSeries" */
    struct err *err;
    uint32_t number; /* of the field whose tag was read last */
    unsigned wire;   /* and how it is written: enum proto_wire */
    bool failed;
};

enum proto_wire {
    PROTO_VARINT = 0,
    PROTO_FIXED64 = 1,
    PROTO_BYTES = 2,
    PROTO_GROUP = 3,
    PROTO_GROUP_END = 4,
    PROTO_FIXED32 = 5,
};

static inline struct proto_reader proto_reader_of(struct str bytes, const char *message,
                                                  struct err *err)
{
    const uint8_t *at = (const uint8_t *)bytes.ptr;
    const uint8_t *end = bytes.len > 0 ? at + bytes.len : at; /* NULL, if that is what it is */
    return (struct proto_reader){.at = at, .end = end, .message = message, .err = err};
}

static inline bool proto_good(const struct proto_reader *r)
{
    return !r->failed;
}

/* What is rare, or at least not short. */
uint64_t proto_long_varint(struct proto_reader *r);
bool proto_bad_tag(struct proto_reader *r, uint64_t tag);
void proto_wrong_wire(struct proto_reader *r, const char *name);
struct str proto_long_bytes(struct proto_reader *r, const char *name);

HOT_INLINE uint64_t proto_uvarint(struct proto_reader *r)
{
    if (LIKELY(r->at < r->end && *r->at < 0x80))
        return *r->at++;
    return proto_long_varint(r);
}

/* The next field's tag. False: the message has ended, or is wrong. */
HOT_INLINE bool proto_next(struct proto_reader *r)
{
    if (r->at == r->end || r->failed)
        return false;
    uint64_t tag = proto_uvarint(r);
    r->number = (uint32_t)(tag >> 3);
    r->wire = tag & 7;
    if (UNLIKELY(r->wire == PROTO_GROUP_END || (int32_t)r->number <= 0 || r->failed))
        return proto_bad_tag(r, tag);
    return true;
}

/* A number of up to 64 bits; take fewer by a cast, which is what Go's decoder does. */
HOT_INLINE uint64_t proto_number(struct proto_reader *r, const char *name)
{
    if (LIKELY(r->wire == PROTO_VARINT))
        return proto_uvarint(r);
    proto_wrong_wire(r, name);
    return 0;
}

/* sint32 and sint64: 0, -1, 1, -2 ... */
static inline int64_t proto_unzigzag(uint64_t u)
{
    return (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
}

double proto_double(struct proto_reader *r, const char *name);

/* Bytes or text, which stay where they are. */
HOT_INLINE struct str proto_bytes(struct proto_reader *r, const char *name)
{
    if (LIKELY(r->wire == PROTO_BYTES && r->at < r->end && *r->at < 0x80)) {
        size_t len = *r->at;
        if (LIKELY(len < (size_t)(r->end - r->at))) {
            struct str bytes = {(const char *)r->at + 1, len};
            r->at += len + 1;
            return bytes;
        }
    }
    return proto_long_bytes(r, name);
}

/*
 * A message inside; errors in it are told where those of `r` are, but `r` does not fail by them:
 * who reads it asks proto_good of it too.
 */
static inline struct proto_reader proto_message(struct proto_reader *r, const char *name,
                                                const char *message)
{
    struct proto_reader inner = proto_reader_of(proto_bytes(r, name), message, r->err);
    inner.failed = r->failed;
    return inner;
}

/* A field that nobody knows, a group with all that is in it. */
void proto_skip(struct proto_reader *r);

/* What the bytes of a field hold: one thing, or numbers in a row. */
enum proto_run { PROTO_ONE, PROTO_VARINTS, PROTO_DOUBLES };

/*
 * How many each field below `count` holds, all its occurrences together, for those who make arrays
 * of them: writes all of counts[0..count). `runs`, as long, says which fields are rows of numbers;
 * NULL: none. What is wrong in the message ends the counting: whoever reads it then finds no more
 * than was counted.
 */
void proto_count(struct str bytes, const enum proto_run *runs, size_t *counts, size_t count);
