#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

/*
 * What was written to a segment and is not known to be on the disk. When a sync fails, the kernel
 * tells so once, holds the pages for written from then on, and a later sync that succeeds says
 * nothing of them: only what is written again can be synced. It cannot be read back from the file
 * either, for the kernel may have dropped the pages meanwhile; so it is kept here.
 *
 * The bytes begin with the page of the log that the first of them lies in: what was synced of that
 * page has been written once more together with what was not.
 *
 * Thread: one at a time.
 */
struct wal_unsynced {
    struct buf bytes;
    uint64_t offset; /* of the first in the segment */
};

void wal_unsynced_done(struct wal_unsynced *unsynced);

/* Bytes that were written behind the others, or behind zeros up to the next page. */
void wal_unsynced_add(struct wal_unsynced *unsynced, uint64_t offset, const char *bytes,
                      size_t size);

/* All but the last `left` bytes are on the disk. */
void wal_unsynced_settle(struct wal_unsynced *unsynced, size_t left);

/* The next bytes go to another segment. */
void wal_unsynced_forget(struct wal_unsynced *unsynced);

/* Writes them to the segment again, where they were. False: errno says why. */
bool wal_unsynced_write(const struct wal_unsynced *unsynced, int fd) MUST_CHECK;
