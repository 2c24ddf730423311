#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/*
 * Folders with snapshots of a head, in a data directory:
 *
 *     chunk_snapshot.000012.0000123456/      of the log before this offset of segment 12
 *         00000000 00000001 ...                a log of its own: snapshot_record.h
 *         origin                               what it was taken of, where Millrace took it
 *         notes/00000000 ...                   exemplars and metadata, where there are any: a log
 *     chunk_snapshot.000012.0000123456.tmp/  one that is not whole
 *
 * Thread: any.
 */
struct snapshot_place {
    uint32_t segment;
    uint64_t offset;
};

/* Below 0: a is before b; 0: they are the same. */
int snapshot_place_order(struct snapshot_place a, struct snapshot_place b);

void snapshot_folder_path(const char *root, struct snapshot_place place, char *out, size_t size);

/* Of exemplars and metadata, in the folder of a snapshot. */
void snapshot_notes_path(const char *folder, char *out, size_t size);

/* The one of the furthest place. ERR_IO. */
bool snapshot_folder_newest(const char *root, bool *ret_is_there, struct snapshot_place *ret_place,
                            struct err *err) MUST_CHECK;

/* Removes what is not whole: each that a kill leaves has another name. ERR_IO. */
bool snapshot_folder_remove_unfinished(const char *root, struct err *err) MUST_CHECK;

/* Removes all but the one of this place (NULL: all), and what is not whole. */
bool snapshot_folder_remove(const char *root, const struct snapshot_place *kept, struct err *err)
    MUST_CHECK;
