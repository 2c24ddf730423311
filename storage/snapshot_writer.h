#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/head_index.h"
#include "storage/snapshot_origin.h"
#include "storage/wal_record.h"
#include "storage/wal_write.h"

/*
 * Writes the records of a snapshot into its folder: of each series its labels and the chunk that is
 * being filled, then what is deleted. Counts for the origin.
 *
 * Thread: one at a time; nobody changes a series while it is added.
 */
struct snapshot_writer {
    struct snapshot_origin origin; /* the fields of series and chunks */
    struct wal_writer *out;
    int64_t until_ns;
    size_t waiting_size;
    bool too_large; /* a record is longer than a log takes */
    struct buf record;
    struct buf ranges; /* deleted ones, encoded */
    struct wal_label *labels;
    size_t label_cap;
};

/*
 * Makes the folder. ERR_LIMIT, of a later call: it is not done by `until_ns` (INT64_MAX: any time),
 * or a series with its open chunk is larger than a record may be.
 */
bool snapshot_writer_open(struct snapshot_writer *writer, const char *folder,
                          const struct wal_writer_options *options, int64_t until_ns,
                          struct err *err) MUST_CHECK;

/* Also after an open that failed. */
void snapshot_writer_done(struct snapshot_writer *writer);

/* The series, in memory; it is passed over where it was deleted. */
void snapshot_writer_add(struct snapshot_writer *writer, const struct head_index *index,
                         uint32_t slot);

/* Writes what waits, if that is much. ERR_IO, ERR_LIMIT. */
bool snapshot_writer_catch_up(struct snapshot_writer *writer, struct err *err) MUST_CHECK;

/* What is deleted, and all of it to the disk. ERR_IO, ERR_LIMIT. */
bool snapshot_writer_finish(struct snapshot_writer *writer, struct err *err) MUST_CHECK;

static inline void snapshot_writer_done_auto(struct snapshot_writer *writer)
{
    snapshot_writer_done(writer);
}
