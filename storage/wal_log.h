#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/tail.h"
#include "storage/wal_unpack.h"

/*
 * The records of a whole log folder, in the order they were written: those of the newest
 * checkpoint, then those of the segments behind it, then what a running Prometheus adds. Goes on
 * where it stopped, also while old segments are removed and new ones begun.
 *
 *     wal_log_look       what is in the folder now
 *     wal_log_next       until TAIL_END; then look again, later
 *
 * Thread: one at a time.
 */
struct wal_log;

/* Where a log has lost its place. */
enum wal_gap {
    WAL_GAP_LOST,  /* TAIL_LOST: the records between are needed */
    WAL_GAP_PASSED /* goes on with the first segment there is: what is gone is in blocks */
};

/* The folder need not be there. */
struct wal_log *wal_log_create(const char *folder, enum wal_gap gap);
void wal_log_destroy(struct wal_log *log);

/* Lists the folder. *ret_lost: the segment in work was replaced or cut: begin anew. */
bool wal_log_look(struct wal_log *log, bool *ret_lost, struct err *err) MUST_CHECK;

/*
 * After the first look, before anything is read: begins at the end of a record, in a segment that
 * is there, as are all behind it. False: it is not, or checkpoints stand for it.
 */
bool wal_log_begin_at(struct wal_log *log, uint32_t segment, uint64_t offset) MUST_CHECK;

/*
 * The next record; its bytes stay until the next call. TAIL_ERR with ERR_CORRUPT names file and
 * offset, and drops what follows: the rest of the checkpoint, or all segments from there on. Other
 * errors may be gone at the next look.
 */
enum tail_read wal_log_next(struct wal_log *log, const uint8_t **ret_bytes, size_t *ret_size,
                            struct err *err) MUST_CHECK;

/* The same, left packed: whether it can be unpacked is for the caller to find out. */
enum tail_read wal_log_next_packed(struct wal_log *log, struct wal_packed *ret_packed,
                                   struct err *err) MUST_CHECK;

/* The record given last made no sense: puts its place before the message, drops what follows. */
void wal_log_drop(struct wal_log *log, struct err *err);

/* How often the rest was dropped since this was asked last. */
uint64_t wal_log_take_damages(struct wal_log *log);

/*
 * For who writes on, once all was read: cuts off what lies behind the last good record, as
 * Prometheus's repair does: a torn record at the end, and behind damage the rest of the segment and
 * all later ones. *ret_next: the number of the segment to begin. Nothing is read behind that.
 * ERR_CORRUPT where a segment is missing between others: nothing is removed then.
 */
bool wal_log_repair(struct wal_log *log, uint32_t *ret_next, struct err *err) MUST_CHECK;

/* At the last look: is there any segment, and where is reading to begin: the checkpoint's number.
 */
bool wal_log_has_segments(const struct wal_log *log);
uint32_t wal_log_begin_segment(const struct wal_log *log);

/* The number of the segment in work, and of the first there is; 0 before there is one. */
uint32_t wal_log_segment(const struct wal_log *log);
uint32_t wal_log_first_segment(const struct wal_log *log);
uint32_t wal_log_last_segment(const struct wal_log *log);

DEFINE_AUTO(struct wal_log *, wal_log_destroy)
