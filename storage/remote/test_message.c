#include "storage/remote/test_message.h"

#include <string.h>

#include "base/proto_reader.h"
#include "base/varint.h"

static void put_uvarint(struct buf *out, uint64_t v)
{
    out->len += write_uvarint((uint8_t *)buf_reserve(out, VARINT_SIZE_MAX), v);
}

static void put_tag(struct buf *out, unsigned number, enum proto_wire wire)
{
    put_uvarint(out, (uint64_t)number << 3 | wire);
}

void message_varint(struct buf *out, unsigned number, uint64_t v)
{
    put_tag(out, number, PROTO_VARINT);
    put_uvarint(out, v);
}

void message_zigzag(struct buf *out, unsigned number, int64_t v)
{
    message_varint(out, number, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

void message_double(struct buf *out, unsigned number, double v)
{
    put_tag(out, number, PROTO_FIXED64);
    buf_append(out, &v, sizeof v);
}

void message_bytes(struct buf *out, unsigned number, struct str bytes)
{
    put_tag(out, number, PROTO_BYTES);
    put_uvarint(out, bytes.len);
    buf_str(out, bytes);
}

void message_text(struct buf *out, unsigned number, const char *text)
{
    message_bytes(out, number, str_of(text));
}

void message_varints(struct buf *out, unsigned number, const uint64_t *numbers, size_t count)
{
    struct buf row = {0};
    for (size_t i = 0; i < count; i++)
        put_uvarint(&row, numbers[i]);
    message_end(out, number, &row);
}

void message_doubles(struct buf *out, unsigned number, const double *numbers, size_t count)
{
    struct str row = {(const char *)numbers, count * sizeof *numbers};
    message_bytes(out, number, row);
}

void message_end(struct buf *out, unsigned number, struct buf *inside)
{
    message_bytes(out, number, buf_view(inside));
    buf_done(inside);
}

void message_snappy(struct buf *out, struct str bytes)
{
    put_uvarint(out, bytes.len);
    while (bytes.len > 0) {
        size_t len = bytes.len < 60 ? bytes.len : 60;
        buf_byte(out, (char)((len - 1) << 2));
        buf_append(out, bytes.ptr, len);
        bytes.ptr += len;
        bytes.len -= len;
    }
}
