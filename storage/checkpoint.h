#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "storage/snapshot_folder.h"
#include "storage/wal_packing.h"

/*
 * A checkpoint: what is still needed of the oldest segments of a log, as Prometheus writes it.
 * Series that somebody keeps, samples, histograms and exemplars from a time on, tombstones of kept
 * series that reach so far, or to what memory has of them, and of each series the metadata that was
 * told last.
 *
 * Thread: one at a time for a folder; others may append to it meanwhile.
 */
struct checkpoint_plan {
    const char *folder;  /* of the log */
    uint32_t last;       /* segments up to this one, which nobody writes to any more */
    int64_t before_ms;   /* what is before is not needed */
    size_t segment_size; /* of its own segments */
    enum wal_packing packing;
    bool (*keeps)(void *context, uint64_t ref);
    int64_t (*begin_ms)(void *context, uint64_t ref); /* of what memory has; INT64_MAX: nothing */
    void *context;
    const _Atomic bool *cancel; /* looked at for each record; NULL: never */
};

/*
 * Reads the newest checkpoint and the segments behind it up to `last`, writes the new one, and puts
 * it in place once it is on the disk. Removes nothing but what an earlier attempt has left; on an
 * error (ERR_IO, ERR_CORRUPT, ERR_CANCELED) the folder holds what it held before.
 */
bool checkpoint_write(const struct checkpoint_plan *plan, struct err *err) MUST_CHECK;

/* Which exemplars and metadata: of the log up to a place in one of its segments. */
struct checkpoint_notes {
    struct snapshot_place end;
    /* NULL: of all of it. Else a folder that they were written into of the log before `begin`. */
    const char *before;
    struct snapshot_place begin;
    int64_t until_ns; /* by the monotonic clock; INT64_MAX: it may take as long as it takes */
};

/*
 * What it would keep of exemplars and metadata alone, as a log in a folder that is made; `last` of
 * the plan does not count, and the last segment may be written to meanwhile. On an error there may
 * be a part of it. ERR_LIMIT: it is not done by `until_ns`.
 */
bool checkpoint_write_notes(const struct checkpoint_plan *plan,
                            const struct checkpoint_notes *notes, const char *folder,
                            uint64_t *ret_record_count, struct err *err) MUST_CHECK;
