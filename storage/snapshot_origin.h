#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "storage/head_index.h"
#include "storage/snapshot_folder.h"

/*
 * What a snapshot was taken of, in a file of its folder that Prometheus passes over: with it, a
 * snapshot of another log, or without all of its records or chunks of files, is known for what it
 * is. One that Prometheus took has none, and is believed as Prometheus believes it.
 *
 * Thread: any.
 */
struct snapshot_origin {
    uint32_t log_size; /* bytes of the log in front of its place, and their checksum */
    uint32_t log_crc;
    uint64_t series_count;
    uint64_t chunks_end; /* chunks of files up to here, as snapshot_note_chunks counts them */
    uint64_t chunk_count;
    uint64_t chunk_digest;
    uint64_t last_ref;
    uint64_t note_count;  /* records of exemplars and metadata, in a log of their own */
    int64_t min_valid_ms; /* samples before are in none: they were in blocks */
};

bool snapshot_origin_write(const char *folder, const struct snapshot_origin *origin,
                           struct err *err) MUST_CHECK;

/* ERR_CORRUPT, ERR_IO. */
bool snapshot_origin_read(const char *folder, bool *ret_is_there,
                          struct snapshot_origin *ret_origin, struct err *err) MUST_CHECK;

/* The log_ fields, of the log as it is now. ERR_IO. */
bool snapshot_origin_note_log(struct snapshot_origin *origin, const char *folder,
                              struct snapshot_place place, struct err *err) MUST_CHECK;

/* The chunk_ fields, of series that were not deleted; chunks beyond chunks_end do not count. */
void snapshot_origin_note_chunks(struct snapshot_origin *origin, const struct head_index *index);

/* The place of the furthest chunk in files. */
uint64_t snapshot_chunks_end(const struct head_index *index);
