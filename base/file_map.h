#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/*
 * Files that are mapped for reading.
 *
 * A page that the disk does not give, or that is behind the end of a file that was cut below us, is
 * lost: whoever touches it reads zeros, and so does everybody behind him. That is known of the
 * bytes from then on, so that who has read some asks before he trusts what he made of them:
 *
 *     read, decode, copy ...
 *     if (!file_map_check(bytes, size, err))
 *         return false;
 *
 * Between two reads of the same byte it may become zero: what is counted first and filled behind it
 * must hold for that.
 *
 * The first map takes the signal SIGBUS, for the process. A fault anywhere else goes to who had the
 * signal before, or ends the process as ever. So no thread that reads maps may block it.
 *
 * Thread: any, for all functions; a map is closed when nobody reads it any more.
 */
struct file_map {
    const uint8_t *bytes; /* NULL for an empty file */
    size_t size;
    struct file_mapping *mapping;
};

/* Maps what the file holds now. ERR_IO, or ERR_NOT_FOUND where nothing is there, and the path. */
bool file_map_open(const char *path, struct file_map *ret_map, struct err *err) MUST_CHECK;

/*
 * Maps `size` bytes, not 0, of an open file, also where it does not reach so far yet. `path` is for
 * errors. False: errno says why.
 */
bool file_map_open_fd(int fd, const char *path, size_t size, struct file_map *ret_map) MUST_CHECK;

void file_map_close(struct file_map *map);

/* Lets go of the pages that reading has brought in; they come back when they are touched. */
void file_map_forget(const struct file_map *map);

/*
 * Is none of these bytes, which were read, lost? ERR_IO names the file and the place. Bytes that
 * are in no map never are, so it may be asked of any. Costs two loads where nothing was ever lost.
 */
bool file_map_check(const void *bytes, size_t size, struct err *err) MUST_CHECK;

/* ERR_CORRUPT: the name of the file that these bytes are of, where, and what is wrong. */
bool file_map_corrupt(const void *bytes, const char *what, struct err *err);

/*
 * A map that has lost pages: has the file its size again, and can it be read where it could not?
 * Then a new map may have it all. Asks the disk, which may take its time to fail.
 */
bool file_map_is_lost(const struct file_map *map);
bool file_map_is_back(const struct file_map *map);

/* One of the process's maps has lost pages, and was not told yet: which, and where. */
bool file_map_tell_lost(struct err *err);
