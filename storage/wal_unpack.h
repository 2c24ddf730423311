#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "storage/wal_packing.h"

/*
 * The bytes of a record, out of what stands in the log for them.
 *
 * Thread: one at a time; each may have an unpacker of its own.
 */
struct wal_packed {
    const uint8_t *bytes;
    size_t size;
    enum wal_packing packing;
};

/* A record may take so many bytes packed, and so many unpacked. */
#define WAL_RECORD_SIZE_MAX ((size_t)256 << 20)

struct wal_unpacker {
    struct buf plain;
    struct ZSTD_DCtx_s *zstd; /* NULL: not needed yet */
};

void wal_unpacker_done(struct wal_unpacker *unpacker);

/* The bytes stay until the next call. False: they cannot be unpacked. */
bool wal_unpack(struct wal_unpacker *unpacker, struct wal_packed packed, const uint8_t **ret_bytes,
                size_t *ret_size) MUST_CHECK;

/* As many bytes as the record says that it unpacks to; a record that does not say has the most. */
size_t wal_unpacked_size(struct wal_packed packed);
