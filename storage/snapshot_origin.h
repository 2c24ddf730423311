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
    uint64_t chunks_end;  /* the place of the furthest of its series' chunks in files */
    uint64_t chunk_count; /* of these up to there, and what they are */
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

/* The chunk fields, series by series: those chunks of a series that are in files. */
void snapshot_origin_add_chunks(struct snapshot_origin *origin, const struct live_series *series);

/* chunk_count and chunk_digest, of all series that were not deleted; chunks_end is given. */
void snapshot_origin_note_chunks(struct snapshot_origin *origin, const struct head_index *index);
