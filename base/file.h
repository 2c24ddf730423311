#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * Files, as storage needs them: read whole, written so that they are there whole or not at all. All
 * fail with ERR_IO (ERR_NOT_FOUND where nothing is there) and the path.
 */

/* At most `size_max` bytes; a larger file is ERR_LIMIT. Appends to `out`, a part also on failure.
 */
bool file_read(const char *path, size_t size_max, struct buf *out, struct err *err) MUST_CHECK;

/* Writes all of it at a place of an open file. False: errno says why, and a part may be written. */
bool file_write_at(int fd, const void *bytes, size_t size, uint64_t at) MUST_CHECK;

/*
 * Writes what the file holds once more, where it is, and syncs it. A sync that succeeds says
 * nothing of what an earlier one has failed with, but for what was written since.
 */
bool file_write_again(const char *path, struct err *err) MUST_CHECK;

/*
 * Writes "path.tmp", syncs it, renames it to `path`, and syncs the folder. False: `path` is as it
 * was; or it is the new one, and a crash may bring the old one back.
 */
bool file_write_whole(const char *path, struct str bytes, struct err *err) MUST_CHECK;

/* The names in a folder are on the disk. */
bool file_sync_folder(const char *path, struct err *err) MUST_CHECK;

/* One folder, and its name is on the disk; not those above it. There already: fine. */
bool file_make_folder(const char *path, struct err *err) MUST_CHECK;

/* Leaves no more than `size` bytes of a file, and they are on the disk. */
bool file_cut(const char *path, uint64_t size, struct err *err) MUST_CHECK;

/* True also where it cannot be looked for: what is there must not be taken for gone. */
bool file_exists(const char *path);

/*
 * The names in a folder, but for "." and "..", in no order. All of them or none: what cannot be
 * read to its end must not look like a folder with less in it. ERR_NOT_FOUND: there is no folder.
 */
struct file_names {
    char **items;
    size_t count, cap;
};

bool file_names_read(const char *folder, struct file_names *ret_names, struct err *err) MUST_CHECK;
void file_names_done(struct file_names *names);

static inline void file_names_done_auto(struct file_names *names)
{
    file_names_done(names);
}

/*
 * Makes a file in the folder that has no name and goes when it is closed, whatever happens to the
 * process; for reading and writing. The caller closes it. ERR_IO, also where there is no folder.
 */
bool file_open_unnamed(const char *folder, int *ret_fd, struct err *err) MUST_CHECK;

/* Bytes of all files below a folder; 0 where it is not there. Files that go meanwhile are none. */
bool file_tree_size(const char *path, uint64_t *ret_size, struct err *err) MUST_CHECK;

/* Folder and all below it. */
bool file_remove_all(const char *path, struct err *err) MUST_CHECK;
