#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/labels.h"
#include "storage/select.h"

/*
 * What answers of remote read are made of: the parts of ReadResponse and ChunkedReadResponse.
 *
 * Thread: one at a time.
 */

/* Fields 1 of a series, its labels. Returns the size of their messages, without tags. */
size_t read_put_labels(struct buf *out, const struct symbols *symbols, const struct labels *labels);

/* Field 2 of a chunked series. Returns the size of its message. */
size_t read_put_chunk(struct buf *out, const struct stored_chunk *chunk);

/*
 * Field 2 (samples) or 4 (histograms) of a series for each sample of the chunk; adds their number
 * to *count, and fails with ERR_BAD_DATA once it is over `limit` (0: none). The arena is used, and
 * may be reset afterwards.
 */
struct read_samples {
    struct samples floats;
    struct arena *arena;
    size_t count;
    size_t limit;
};

bool read_put_samples(struct buf *out, const struct stored_chunk *chunk,
                      struct read_samples *samples, struct err *err) MUST_CHECK;

/*
 * A frame: its length as uvarint, CRC-32C big endian, and a ChunkedReadResponse of one series,
 * whose fields are `series`.
 */
void read_put_frame(struct buf *out, struct str series, size_t query_index);

/*
 * The first pieces of snappy's plain format: blocks of READ_SNAPPY_PIECE bytes are packed each by
 * itself, so that a message can be packed while it is made. The total size comes first.
 */
#define READ_SNAPPY_PIECE ((size_t)65536)
void read_put_snappy_size(struct buf *out, uint64_t size);
void read_put_snappy(struct buf *out, struct str piece);
