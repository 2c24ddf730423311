#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "storage/db_counters.h"
#include "storage/wal_packing.h"

/*
 * Appends records to a log folder in Prometheus's format, a new segment first:
 *
 *     wal_writer_add      records wait in memory, packed where that makes them smaller
 *     wal_writer_flush    all that wait go into the file, or none
 *     wal_writer_sync     and to the disk
 *
 * A record that flush was given is whole in the file once it has returned true. When it fails (no
 * space, an I/O error), the file is cut back to what it was; while that cannot be done either,
 * later flushes try it first and fail. So a log has at most one torn record, at its very end, left
 * by a process that was killed: wal_log_repair cuts it off.
 *
 * Thread: sync and counters from any; the rest from one at a time.
 */
struct wal_writer;

#define WAL_SEGMENT_SIZE ((size_t)128 << 20)

struct wal_writer_options {
    uint32_t segment; /* the number of the first one, which must not be there */
    enum wal_packing packing;
    size_t segment_size; /* all that waits goes into one segment, whatever its size */
    bool synced;         /* nothing is written behind what is not synced */
    bool recovers; /* wal_writer_sync will be called for every flush, and may fail: see there */
};

/* The folder is there. */
bool wal_writer_open(const char *folder, const struct wal_writer_options *options,
                     struct wal_writer **ret_writer, struct err *err) MUST_CHECK;

/* All that was flushed, and zeros up to the end of the page, go to the disk. */
bool wal_writer_finish(struct wal_writer *writer, struct err *err) MUST_CHECK;

/* Zeros up to the end of the page, as Prometheus leaves a log; all of it synced, if that can be. */
void wal_writer_close(struct wal_writer *writer);

void wal_writer_add(struct wal_writer *writer, const void *record, size_t size);

/* ERR_IO; what waited is forgotten. */
bool wal_writer_flush(struct wal_writer *writer, struct err *err) MUST_CHECK;

/* Begins another segment, unless nothing was written to this one. Nothing waits. */
bool wal_writer_cut(struct wal_writer *writer, struct err *err) MUST_CHECK;

/* What was done so far. Thread: any. */
void wal_writer_counters(struct wal_writer *writer, struct wal_counters *ret_counters);

/* The number of the segment in work. */
uint32_t wal_writer_segment(const struct wal_writer *writer);

/* In it: behind the last record that was flushed. */
uint64_t wal_writer_offset(const struct wal_writer *writer);

/* How far the log has got: bytes flushed by this writer, over all segments. */
uint64_t wal_writer_position(const struct wal_writer *writer);

/*
 * Waits until the log is on the disk up to a position; who comes while another waits shares the
 * next sync with all that have come meanwhile. When a sync fails, it fails for all of them, for
 * nobody can say which pages the kernel has dropped. The next flush writes all that was not synced
 * once more and syncs that, before anything comes behind it; as long as that fails it fails, too.
 * Without `recovers` a failure is for good.
 */
bool wal_writer_sync(struct wal_writer *writer, uint64_t position, struct err *err) MUST_CHECK;

DEFINE_AUTO(struct wal_writer *, wal_writer_close)
