#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/*
 * The names in the folder of a log:
 *
 *     00000012 00000013 ...      segments; the last one is being written
 *     checkpoint.00000011/       what is still needed of the segments up to 11, as segments
 *         00000000 ...
 *     checkpoint.00000011.tmp/   one that is not whole
 *
 * Thread: any.
 */
struct wal_listing {
    uint32_t *segments; /* sorted */
    size_t count, cap;
    uint32_t checkpoints[16]; /* the newest ones, newest first */
    size_t checkpoint_count;
};

/* A folder that is not there is empty. ERR_IO; the listing is the caller's to empty either way. */
bool wal_folder_list(const char *folder, struct wal_listing *listing, struct err *err) MUST_CHECK;
void wal_listing_done(struct wal_listing *listing);

struct wal_checkpoint {
    bool is_there;
    uint32_t number;       /* of the last segment it stands for */
    uint32_t segment_last; /* its own segments go from 0 to this one */
};

/* The newest one that is whole. */
bool wal_folder_checkpoint(const char *folder, const struct wal_listing *listing,
                           struct wal_checkpoint *ret_checkpoint, struct err *err) MUST_CHECK;

/* `size`: of `out`; what does not fit is cut off. */
void wal_folder_segment_path(const char *folder, uint32_t number, char *out, size_t size);
void wal_folder_checkpoint_path(const char *folder, uint32_t number, char *out, size_t size);

/*
 * The last segment is written once more, where it is, and synced: a process that has ended may have
 * failed to, and behind that a sync alone says nothing.
 */
bool wal_folder_write_last_again(const char *folder, struct err *err) MUST_CHECK;

/* Bytes of the segments, from an offset in one of them on. ERR_IO. */
bool wal_folder_size_behind(const char *folder, uint32_t segment, uint64_t offset,
                            uint64_t *ret_size, struct err *err) MUST_CHECK;

/* What is in the segments is on the disk, whoever wrote it. */
bool wal_folder_sync_segments(const char *folder, struct err *err) MUST_CHECK;

/* It is gone from the disk, too: of several that go in a row a loss of power leaves no gap. */
bool wal_folder_remove_segment(const char *folder, uint32_t number, struct err *err) MUST_CHECK;

/* Removes the segments up to a number, the oldest first, so that no gap is ever seen. */
bool wal_folder_remove_segments(const char *folder, uint32_t last, struct err *err) MUST_CHECK;

/* Removes checkpoints before a number, and those that are not whole. */
bool wal_folder_remove_checkpoints(const char *folder, uint32_t before, struct err *err) MUST_CHECK;

static inline void wal_listing_done_auto(struct wal_listing *listing)
{
    wal_listing_done(listing);
}
