#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Writes protobuf messages, for tests of those who read them: fields behind one another. */
void message_varint(struct buf *out, unsigned number, uint64_t v);
void message_zigzag(struct buf *out, unsigned number, int64_t v);
void message_double(struct buf *out, unsigned number, double v);
void message_bytes(struct buf *out, unsigned number, struct str bytes);
void message_text(struct buf *out, unsigned number, const char *text);

/* Numbers in a row, as one field. */
void message_varints(struct buf *out, unsigned number, const uint64_t *numbers, size_t count);
void message_doubles(struct buf *out, unsigned number, const double *numbers, size_t count);

/* What `inside` holds becomes a field; it is emptied. */
void message_end(struct buf *out, unsigned number, struct buf *inside);

/* A snappy block of literals alone. */
void message_snappy(struct buf *out, struct str bytes);
