#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/tail.h"
#include "storage/wal_unpack.h"

/*
 * One segment of a WAL, read record by record, and read on while somebody writes it.
 *
 * Thread: one at a time.
 */
struct wal_segment;

#define WAL_PAGE_SIZE 32768

/* ERR_NOT_FOUND where there is no such file. */
bool wal_segment_open(const char *path, struct wal_segment **ret_segment, struct err *err)
    MUST_CHECK;
void wal_segment_close(struct wal_segment *segment);

/* Before anything is read: begins at the end of a record, which must be in the file. */
void wal_segment_seek(struct wal_segment *segment, uint64_t offset);

/*
 * The next record; its bytes stay until the next call. `complete`: nobody writes to the segment any
 * more, and a record that breaks off at its end is ERR_CORRUPT. Without it, that is TAIL_END, and a
 * later call looks again. After TAIL_ERR only close may follow.
 */
enum tail_read wal_segment_next(struct wal_segment *segment, bool complete,
                                const uint8_t **ret_bytes, size_t *ret_size, struct err *err)
    MUST_CHECK;

/* The same, left packed: whether it can be unpacked is for the caller to find out. */
enum tail_read wal_segment_next_packed(struct wal_segment *segment, bool complete,
                                       struct wal_packed *ret_packed, struct err *err) MUST_CHECK;

/* Behind the last record given: what is before has been read. */
uint64_t wal_segment_offset(const struct wal_segment *segment);

/* Is the file at `path` still the one that was opened? */
bool wal_segment_is_at(const struct wal_segment *segment, const char *path);

DEFINE_AUTO(struct wal_segment *, wal_segment_close)
