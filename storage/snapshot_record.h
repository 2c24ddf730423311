#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/raw_histogram.h"
#include "storage/wal_record.h"

/*
 * The records of a snapshot of a head, in Prometheus's format: a series each, with the chunk that
 * is being filled; the deleted ranges of all, once; exemplars.
 *
 * Thread: one at a time.
 */
enum snapshot_record_type {
    SNAPSHOT_SERIES = 1,
    SNAPSHOT_TOMBSTONES = 2,
    SNAPSHOT_EXEMPLARS = 3,
};

struct snapshot_chunk {
    int64_t begin_ms;
    int64_t end_ms;
    const uint8_t *data; /* what chunk_decode takes; NULL: there is none */
    size_t size;
    uint8_t encoding;
};

struct snapshot_series {
    uint64_t ref;
    struct wal_label *labels; /* kept from record to record; texts are in the record */
    size_t label_count, label_cap;
    struct snapshot_chunk chunk;
};

void snapshot_series_done(struct snapshot_series *series);

/* A record of type SNAPSHOT_SERIES; its bytes stay as long as the series. ERR_CORRUPT. */
bool snapshot_series_decode(const uint8_t *bytes, size_t size, struct snapshot_series *series,
                            struct err *err) MUST_CHECK;

/*
 * Appends the record. Of the chunk's last sample the value is told once more: a float, or
 * `histogram`.
 */
void snapshot_series_encode(struct buf *out, uint64_t ref, const struct wal_label *labels,
                            size_t label_count, const struct snapshot_chunk *chunk, double last_v,
                            const struct raw_histogram *histogram);

/* The ranges of a record of type SNAPSHOT_TOMBSTONES, one after another; ERR_CORRUPT. */
bool snapshot_tombstones_decode(const uint8_t *bytes, size_t size,
                                void (*take)(void *context, uint64_t ref, struct time_range range),
                                void *context, struct err *err) MUST_CHECK;

/* Appends what is before the ranges, which take `size` bytes, and each of them. */
void snapshot_tombstones_encode(struct buf *out, size_t size);
void snapshot_tombstone_encode(struct buf *out, uint64_t ref, struct time_range range);
